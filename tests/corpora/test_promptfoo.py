"""A promptfoo configuration as a task: its prompt, its tests, and what it may not name."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from corpora.errors import InvalidInput
from corpora.incoming.assertions import assertion_of, reference_of
from corpora.incoming.columns import Wishes
from corpora.incoming.formats import read_incoming
from corpora.incoming.telling import sentences
from corpora.incoming.templates import instruction_of, is_plain, variables_of
from corpora.incoming.understanding import Questions, Understanding, understand
from corpora.incoming.writing import write_task


def config(folder: Path, **values: Any) -> Path:
    path = folder / "promptfooconfig.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def understood(path: Path, **wishes: Any) -> Understanding:
    found = understand(read_incoming(path), Wishes(name="x", **wishes))
    assert isinstance(found, Understanding), found
    return found


def inline_tests(number: int) -> list[dict[str, Any]]:
    return [
        {
            "vars": {"sms": f"Text number {n}, which somebody has sent to me."},
            "assert": [{"type": "equals", "value": ("spam", "ham")[n % 2]}],
        }
        for n in range(number)
    ]


def test_inline_tests_and_two_prompts(tmp_path: Path) -> None:
    tests = inline_tests(20)
    tests[4]["assert"] = [{"type": "llm-rubric", "value": "is polite"}]
    path = config(
        tmp_path,
        prompts=["Decide whether the SMS is spam.\nSay spam or ham.\n\nSMS: {{sms}}\nAnswer:", "?"],
        defaultTest={"assert": [{"type": "latency", "threshold": 100}]},
        tests=tests,
    )
    found = understood(path)
    assert sentences(found) == [
        "promptfoo configuration: 19 rows; input = sms, output = assert (equals); "
        "classification, 2 labels",
        "of 2 prompts the first is taken",
        "1 test without a right answer (only llm-rubric, latency) left out: tests[4]",
        'instruction, from the prompt: "Decide whether the SMS is spam. Say spam or ham."',
    ]
    assert found.instruction == "Decide whether the SMS is spam.\nSay spam or ham."
    assert found.rows[1].values == {"input": tests[1]["vars"]["sms"], "output": "ham"}


def test_a_chat_prompt_and_tests_in_a_csv_beside_it(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "Answer customers of {{company}} in {{language}}."},
        {"role": "user", "content": 'Question:\n"""\n{{question}}\n"""'},
    ]
    (tmp_path / "chat.json").write_text(json.dumps(messages))
    (tmp_path / "tests.csv").write_text(
        "question,language,__expected1,__expected2,__description\n"
        "When are you open?,English,latency: 100,icontains: nine to five,a\n"
        'Wo seid ihr?,German,"contains-any: Berlin,Bonn",,b\n'
        "Who is it?,English,Note: Ann,,c\n"
        "Say hello,English,llm-rubric: is nice,,d\n"
    )
    path = config(
        tmp_path,
        prompts="file://chat.json",
        defaultTest={"vars": {"company": "Acme"}},
        tests="file://tests.csv",
    )
    found = understood(path)
    assert found.kind == "question-answering"
    assert found.instruction == "Answer customers of Acme in [language]."
    assert [row.values for row in found.rows] == [
        {"input": "language: English\nquestion: When are you open?", "output": "nine to five"},
        {
            "input": "language: German\nquestion: Wo seid ihr?",
            "output": "Berlin",
            "alternatives": ["Bonn"],
        },
        {"input": "language: English\nquestion: Who is it?", "output": "Note: Ann"},
    ]
    assert sentences(found)[1:-1] == [
        "1 test without a right answer (only llm-rubric) left out: tests.csv line 5"
    ]


def test_a_reference_among_the_variables(tmp_path: Path) -> None:
    tests = [
        {"vars": {"question": f"What is {n} and {n}?", "answer_text": f"It is {2 * n}, of course"}}
        for n in range(12)
    ]
    judged = {"assert": [{"type": "factuality", "value": "{{answer_text}}"}]}
    path = config(
        tmp_path,
        prompts=["Give the sum of both numbers: {{question}}"],
        defaultTest=judged,
        tests=tests,
    )
    found = understood(path)
    assert found.rows[3].values == {"input": "What is 3 and 3?", "output": "It is 6, of course"}
    bare = config(tmp_path, prompts=["Give the sum of both numbers: {{question}}"], tests=tests)
    assert understood(bare).columns.output == "answer_text"


def test_further_accepted_labels_are_labels(tmp_path: Path) -> None:
    tests = inline_tests(20)
    tests[0]["assert"] = [{"type": "contains-any", "value": ["spam", "junk"]}]
    path = config(tmp_path, prompts=["Say whether this is spam: {{sms}}"], tests=tests)
    found = understood(path)
    assert found.labels == ("ham", "junk", "spam")
    dataset = write_task(tmp_path / "made", path, found.spec(), found.rows)
    assert dataset.task.labels == ("ham", "junk", "spam")


def test_a_list_of_values_is_a_test_with_each(tmp_path: Path) -> None:
    test = {
        "vars": {"place": ["Rome", "Oslo"], "day": ["May", "June"]},
        "assert": [{"type": "equals", "value": "{{place}}"}],
    }
    path = config(tmp_path, prompts=["Name the town of this: {{place}}, {{day}}"], tests=[test])
    found = understood(path, kind="generation")
    assert [row.values["output"] for row in found.rows] == ["Rome", "Oslo", "Rome", "Oslo"]
    assert found.rows[1].values["input"] == "place: Oslo\nday: May"


@pytest.mark.parametrize(
    ("values", "field", "fix"),
    [
        ({"tests": "file://../other.csv"}, "tests", "without '..'"),
        ({"tests": "file:///etc/passwd.csv"}, "tests", "relative"),
        ({"tests": "file://make_tests.py:create"}, "tests", "save them as CSV"),
        ({"tests": "huggingface://datasets/a/b"}, "tests", "save them as CSV"),
        ({"tests": "file://gone.csv"}, "tests", "No such file"),
        ({"tests": []}, "tests", "no tests"),
        ({"tests": ["a"]}, "tests[0]", "save them as CSV"),
        ({"tests": [{"description": "a"}]}, "tests[0]", "`vars`"),
        ({"tests": [{"vars": {"y": "1"}}]}, "tests", "The prompt uses it"),
        ({"tests": [{"vars": {"x": "file://a.png"}}]}, "tests[0].vars.x", "No such file"),
        ({"tests": [{"vars": "file://vars.yaml"}]}, "tests[0].vars", "mapping"),
        ({"tests": [{"vars": {"x": "1"}, "assert": "equals"}]}, "tests[0].assert", "list"),
        ({"tests": [{"vars": {n: list(range(99)) for n in "xyz"}}]}, "tests[0].vars", "10,000"),
        ({"prompts": "file://../p.txt"}, "prompts", "without '..'"),
        ({"prompts": "p.txt"}, "prompts", "No such file"),
        ({"defaultTest": ["a"]}, "defaultTest", "mapping"),
        ({"tests": [{"vars": {"x": "a\0"}}]}, "vars.x", "NUL"),
    ],
)
def test_what_a_configuration_may_not_say(
    tmp_path: Path, values: dict[str, Any], field: str, fix: str
) -> None:
    path = config(tmp_path, **{"prompts": ["Sort it: {{x}}"], "tests": inline_tests(3), **values})
    with pytest.raises(InvalidInput) as caught:
        read_incoming(path)
    assert caught.value.field.endswith(field)
    assert fix in caught.value.fix


def test_tests_whose_lists_together_make_too_many(tmp_path: Path) -> None:
    many = {"vars": {"x": list(range(100)), "y": list(range(100))}}
    path = tmp_path / "config.json"  # in YAML the repeated lists would be aliases
    path.write_text(json.dumps({"prompts": ["Sort it: {{x}}"], "tests": [many] * 21}))
    with pytest.raises(InvalidInput, match="200,000"):
        read_incoming(path)


def test_a_file_of_tests_that_names_itself(tmp_path: Path) -> None:
    (tmp_path / "tests.yaml").write_text("- file://tests.yaml\n")
    with pytest.raises(InvalidInput, match="further files"):
        read_incoming(config(tmp_path, prompts=["{{x}}"], tests="file://tests.yaml"))


@pytest.mark.parametrize("prompt", ["file://prompt.py", "{% if x %}{{x}}{% endif %}", None])
def test_a_prompt_that_only_code_makes_leaves_the_instruction_open(
    tmp_path: Path, prompt: str | None
) -> None:
    tests = [{**test, "vars": {"prompt": test["vars"]["sms"]}} for test in inline_tests(12)]
    prompts = {} if prompt is None else {"prompts": [prompt]}
    found = understand(read_incoming(config(tmp_path, **prompts, tests=tests)), Wishes())
    assert isinstance(found, Questions)
    assert [question.flag for question in found.unclear] == ["--instruction"]


@pytest.mark.parametrize(
    ("template", "instruction"),
    [
        ("Sort the mail.\n\nMail: {{ mail }}\nLabel:", "Sort the mail."),
        ('Translate the text to French: "{{text}}"', "Translate the text to French"),
        ("Summarize this article: {{article}}", "Summarize this article"),
        ("Answer the question:\n{{q}}\n\nBe brief.", "Answer the question:\n\nBe brief."),
        ("Please answer this question:\n{{q}}", "Please answer this question."),
        ("Sort it.\n<mail>\n{{mail}}\n</mail>\nOne word.", "Sort it.\n\nOne word."),
        ("Sort it.\n```\n{{mail | trim}}\n```", "Sort it."),
        ("Write a {{tone}} reply.\n\n{{mail}}", "Write a [tone] reply."),
        ("{{prompt}}", ""),
        ("Sort" + " " * 100_000 + "it: {{a}}", "Sort" + " " * 100_000 + "it"),
        (
            "Sort it, please.\n" + "* " * 50_000 + "! {{a}}",
            "Sort it, please.\n" + "* " * 50_000 + "! [a]",
        ),
        ("{{mail}}\n\nIs this spam? Say yes or no.", "Is this spam? Say yes or no."),
    ],
)
def test_the_instruction_without_its_variables(template: str, instruction: str) -> None:
    assert instruction_of(template) == instruction


def test_variables_in_order_and_what_is_more_than_variables() -> None:
    assert variables_of("{{ b }} {{a|upper}} {{b}}") == ("b", "a")
    assert is_plain("{{ a }} {b}")
    assert not any(map(is_plain, ("{% if a %}", "{# a #}", "{{ (a | load).b }}")))


@pytest.mark.parametrize(
    ("cell", "kind", "value"),
    [
        ("Paris", "equals", "Paris"),
        ("contains: Paris", "contains", "Paris"),
        ("similar(0.8):Hello there", "similar", "Hello there"),
        ("not-contains: x", "not-contains", "x"),
        ("contains-any: a, b", "contains-any", ["a", "b"]),
        ("Note: keep it", "equals", "Note: keep it"),
        ("12:30", "equals", "12:30"),
    ],
)
def test_cells_of_expected_columns(cell: str, kind: str, value: object) -> None:
    assert assertion_of(cell) == {"type": kind, "value": value}


def test_the_assertion_that_says_most_is_the_answer() -> None:
    contains = {"type": "contains", "value": 4}
    equals = {"type": "equals", "value": "it is 4"}
    grouped = {"type": "assert-set", "assert": [contains, equals]}
    for listed in ([contains, equals], [grouped], [{"type": "cost"}, grouped]):
        answer = reference_of(listed)
        assert answer is not None
        assert (answer.text, answer.is_snippet) == ("it is 4", False)
    short = reference_of([contains])
    assert short is not None
    assert (short.text, short.is_snippet) == ("4", True)
    assert reference_of([{"type": "not-equals", "value": "x"}, {"type": "equals"}]) is None
    assert reference_of([{"type": "equals", "value": "{{unset}}"}]) is None
