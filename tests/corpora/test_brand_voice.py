"""The built-in task brand-voice: its outputs keep the house style, its inputs do not."""

import re

import pytest

from corpora.reading import read_dataset
from corpora.similarity import distinct_n, near_duplicates
from corpora.style_rules import keeps
from corpora.task import Dataset, Example

WORDS = """
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen
"""
UNITS = {word: number for number, word in enumerate(WORDS.split(), start=1)}
DECADES = "- - twenty thirty forty fifty sixty seventy eighty ninety"
TENS = {word: 10 * number for number, word in enumerate(DECADES.split()) if number > 1}


@pytest.fixture(scope="module")
def voice() -> Dataset:
    return read_dataset("brand-voice")


@pytest.fixture(scope="module")
def rows(voice: Dataset) -> list[Example]:
    return [*voice.train, *voice.validation, *voice.test]


def numbers(text: str) -> set[str]:
    """Those in digits: "1,900", "8:30" and "£4.20" are one number each."""
    return {number.replace(",", "") for number in re.findall(r"\d+(?:[.,:]\d+)*", text)}


def spelt_out(text: str) -> set[str]:
    """Those in words up to ninety-nine, in digits."""
    found = set()
    for tens, unit in re.findall(rf"\b({'|'.join(TENS)})?-?({'|'.join(UNITS)})?\b", text.lower()):
        found.add(str(TENS.get(tens, 0) + UNITS.get(unit, 0)))
    return found


def test_there_are_enough_rows_and_rules(voice: Dataset, rows: list[Example]) -> None:
    assert len(rows) >= 200
    assert len(voice.test) >= 80
    assert len(voice.task.rules) >= 8


def test_every_output_keeps_every_rule(voice: Dataset, rows: list[Example]) -> None:
    broken = [
        (row.id, rule.name)
        for row in rows
        for rule in voice.task.rules
        if not keeps(rule, row.output)
    ]
    assert broken == []


def test_inputs_keep_far_fewer_and_break_each_rule_somewhere(
    voice: Dataset, rows: list[Example]
) -> None:
    rules = voice.task.rules
    kept = {rule.name: sum(keeps(rule, row.input) for row in rows) / len(rows) for rule in rules}
    assert sum(kept.values()) / len(kept) < 0.6
    assert all(share < 1 for share in kept.values()), kept
    assert all(not keeps(rules[-1], row.input) for row in rows)


def test_outputs_bring_no_number_of_their_own(rows: list[Example]) -> None:
    made_up = {row.id: numbers(row.output) - numbers(row.input) for row in rows}
    unexplained = {
        row.id: made_up[row.id] - spelt_out(row.input)
        for row in rows
        if made_up[row.id] - spelt_out(row.input)
    }
    assert unexplained == {}


def test_outputs_lose_no_number_of_the_draft(rows: list[Example]) -> None:
    lost = {row.id: numbers(row.input) - numbers(row.output) for row in rows}
    assert {name: left for name, left in lost.items() if left} == {}


def test_outputs_do_not_repeat_themselves(rows: list[Example]) -> None:
    texts = [row.output for row in rows]
    assert near_duplicates(texts, 0.5) == []
    assert distinct_n(texts, 2) > 0.5
    assert len(set(texts)) == len(texts)
    assert sum("We got this wrong." in text for text in texts) > 20
