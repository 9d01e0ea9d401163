"""The answers of what runs today: how they are read, and what is said of those that do not fit."""

import json

import pytest

from corpora.checks import check_dataset
from corpora.errors import InvalidInput
from corpora.reading import read_dataset
from corpora.task import IncumbentAnswer

LABELS = ("red", "green", "blue")


def example(number, split):
    label = LABELS[number % 3]
    return {"id": f"r{number}", "input": f"{split} order {number}: {label}", "output": label}


def spec(incumbent, **changes):
    """Twelve training rows and eight test rows (r12 to r19)."""
    rows = [example(n, "train") | {"split": "train"} for n in range(12)]
    rows += [example(n, "test") | {"split": "test"} for n in range(12, 20)]
    return {
        "name": "colours",
        "kind": "classification",
        "instruction": "Name the colour that the customer asks for.",
        "examples": rows,
        "incumbent": incumbent,
        **changes,
    }


def answers(*numbers, **more):
    return [{"id": f"r{n}", "output": "red", **more} for n in numbers]


def findings(dataset):
    found = {check.check: check for check in check_dataset(dataset)}
    return [found.get(f"incumbent-{name}") for name in ("answers-missing", "ids-unknown")]


def test_answers_to_test_rows_are_kept_in_their_order() -> None:
    rows = [{"id": "r13", "output": "pink", "cost_usd": 0.002, "latency_ms": 840}]
    dataset = read_dataset(spec([*rows, *answers(12, 3), *answers(14, 15, 16, 17, 18, 19)]))
    assert dataset.incumbent.answers[:2] == (
        IncumbentAnswer(id="r12", output="red"),
        IncumbentAnswer(id="r13", output="pink", cost_usd=0.002, latency_ms=840.0),
    )
    assert [answer.id for answer in dataset.incumbent.answers] == [row.id for row in dataset.test]
    assert findings(dataset) == [None, None]


def test_missing_and_unknown_ids_are_warnings_that_name_them() -> None:
    unknown = [{"id": f"x{n}", "output": "red"} for n in range(6)]
    missing, strange = findings(read_dataset(spec([*answers(12, 13), *unknown])))
    assert missing.severity == strange.severity == "warning"
    assert missing.message == (
        "6 of 8 test rows have no answer of the incumbent: r14, r15, r16, r17, r18, ..."
        " They count as its errors, never as wrong answers."
    )
    assert strange.message == (
        "6 ids of incumbent are no examples: x0, x1, x2, x3, x4, ..."
        " What was answered there is left out."
    )


def test_a_limit_makes_no_id_unknown() -> None:
    dataset = read_dataset(spec(answers(*range(12, 20))), limit=3)
    assert len(dataset.incumbent.answers) == 3
    assert findings(dataset) == [None, None]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("answers.jsonl", '{"id": "r12", "output": "red", "cost_usd": 0.5}\n'),
        ("answers.json", '[{"id": "r12", "output": "red", "cost_usd": 0.5}]'),
        ("answers.csv", "id,output,cost_usd,note\nr12,red,0.5,x\n"),
    ],
)
def test_a_file_beside_the_spec(tmp_path, name, text) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "task.json").write_text(json.dumps(spec(name)))
    incumbent = read_dataset(tmp_path).incumbent
    assert incumbent.answers == (IncumbentAnswer(id="r12", output="red", cost_usd=0.5),)
    assert incumbent.source == name


def test_an_id_given_twice_names_both_lines(tmp_path) -> None:
    lines = [json.dumps(row) for row in answers(12, 13, 12)]
    (tmp_path / "answers.jsonl").write_text("\n".join(lines))
    (tmp_path / "task.json").write_text(json.dumps(spec("answers.jsonl")))
    with pytest.raises(InvalidInput) as caught:
        read_dataset(tmp_path)
    assert (caught.value.field, caught.value.value) == ("answers.jsonl line 3: id", "r12")
    assert "answers.jsonl line 1" in caught.value.fix


@pytest.mark.parametrize(
    ("rows", "field", "says"),
    [
        ([], "incumbent", "Add rows"),
        (answers(0, 1), "incumbent", "None of the 8 test rows"),
        ([{"id": "r12"}], "incumbent[0].output", "leave the row out"),
        ([{"id": "r12", "output": None}], "incumbent[0].output", "leave the row out"),
        ([{"id": "r12", "output": True}], "incumbent[0].output", "quotes"),
        (answers(12, cost_usd=-1), "incumbent[0].cost_usd", "greater than or equal to 0"),
        (answers(12, latency_ms="fast"), "incumbent[0].latency_ms", "Give a number"),
        (answers(12, cost_usd="0,01"), "incumbent[0].cost_usd", "decimal point"),
        (answers(12, latency=3), "incumbent[0].latency", "did you mean 'latency_ms'"),
        ([{"output": "red"}], "incumbent[0].id", "required"),
        ("gone.jsonl", "incumbent", "No such file"),
        ("../answers.jsonl", "incumbent", "'..'"),
    ],
)
def test_what_is_wrong_names_the_field_and_the_fix(rows, field, says) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_dataset(spec(rows))
    assert caught.value.field == field
    assert says in caught.value.fix


def test_a_posted_spec_can_name_no_file() -> None:
    with pytest.raises(InvalidInput, match="inline"):
        read_dataset(spec("answers.jsonl"), allow_paths=False)


def test_an_extraction_may_be_answered_with_an_object() -> None:
    rows = [
        {"input": f"order {n}", "output": {"n": n}, "id": f"r{n}", "split": split}
        for n, split in enumerate(["train"] * 6 + ["test"] * 4)
    ]
    given = [{"id": "r6", "output": {"n": 6}}, {"id": "r7", "output": "no JSON"}]
    task = spec(given, kind="extraction", examples=rows)
    assert [a.output for a in read_dataset(task).incumbent.answers] == ['{"n": 6}', "no JSON"]
