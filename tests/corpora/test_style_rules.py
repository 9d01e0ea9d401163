"""Which rules a text keeps, how words and sentences are counted, and what a spec makes of rules."""

import time
from typing import Any

import pytest

from corpora.checks import check_dataset
from corpora.patterns import PATIENCE
from corpora.reading import read_dataset
from corpora.style_rules import keeps, sentences, words
from corpora.task import Rule


@pytest.mark.parametrize(
    ("check", "kept", "broken"),
    [
        ({"forbid": "!"}, "Done.", "Done!"),
        ({"forbid": r"(?i)\bplease\b"}, "It pleases you.", "PLEASE wait."),
        ({"require": r"(?m)^Next: "}, "It rains.\nNext: go in.", "It rains. Next: go in."),
        ({"max_words": 3}, "→ Open – Settings now", "Open the app right now"),
        (
            {"max_sentence_words": 3},
            "Open the app. Wait two minutes.",
            "Go. Open the app right now.",
        ),
        ({"max_sentences": 2}, "One. Two.", "One. Two? Three"),
    ],
)
def test_what_keeps_a_rule(check: dict[str, Any], kept: str, broken: str) -> None:
    rule = Rule(name="a", **check)
    assert keeps(rule, kept)
    assert not keeps(rule, broken)


def test_marks_are_no_words_and_hyphens_make_one() -> None:
    assert words("→ Don't re-open at 12:30 – call “us”.") == 6
    assert words("") == words("… – !") == 0


def test_where_sentences_end() -> None:
    text = 'It costs 3.50 euros. "Yes!" you say… Wait?\n→ Open it\n\n–\n'
    assert sentences(text) == ["It costs 3.50 euros.", '"Yes!"', "you say…", "Wait?", "→ Open it"]


def test_a_rule_that_searches_for_ever_is_not_kept() -> None:
    """Without an end, this pattern takes longer than the world is old."""
    endless, text = r"^(x|xx)+$", "x" * 80 + "!"
    began = time.monotonic()
    assert not keeps(Rule(name="a", forbid=endless), text)
    assert not keeps(Rule(name="a", require=endless), text)
    assert time.monotonic() - began < 5


def styled(output: str) -> dict[str, Any]:
    rows = [{"input": f"Draft number {n}.", "output": "It is done."} for n in range(20)]
    rows[3]["output"] = output
    return {
        "name": "style",
        "kind": "generation",
        "instruction": "Rewrite the draft in a calm voice.",
        "rules": [{"name": "calm", "forbid": "!"}, {"name": "short", "max_words": 5}],
        "examples": rows,
    }


def test_a_spec_brings_its_rules_in_order() -> None:
    task = read_dataset(styled("Done.")).task
    assert task.rules == (Rule(name="calm", forbid="!"), Rule(name="short", max_words=5))
    assert read_dataset({**styled("Done."), "metric": "rules_kept"}).task.metric == "rules_kept"
    assert read_dataset({**styled("Done."), "rules": None}).task.rules == ()


def test_right_outputs_that_break_a_rule_are_told() -> None:
    found = {one.check: one for one in check_dataset(read_dataset(styled("It is done!")))}
    assert found["broken-rules"].severity == "warning"
    assert found["broken-rules"].examples == ("row-4",)
    assert found["broken-rules"].message.startswith("1 right output breaks a rule ('calm')")
    assert "broken-rules" not in {c.check for c in check_dataset(read_dataset(styled("Done.")))}


def test_a_rule_too_slow_for_the_right_outputs_stops_the_run() -> None:
    """The row is told, also where others have used the same expression up."""
    for _ in range(PATIENCE):
        assert not keeps(Rule(name="endless", forbid=r"^(x|xx)+$"), "x" * 80 + "!")
    slow = {**styled("x" * 80 + "!"), "rules": [{"name": "endless", "forbid": r"^(x|xx)+$"}]}
    found = {one.check: one for one in check_dataset(read_dataset(slow))}
    assert found["slow-rule"].severity == "error"
    assert found["slow-rule"].examples == ("row-4",)
    assert "'endless' takes too long" in found["slow-rule"].message
