"""Small changes of inputs: what they change, and what they leave alone."""

from random import Random

import pytest

from benchmarks.noise import changed, mistyped


def change(name, text, kind="classification", seed=0):
    return changed(name, text, kind, seed=seed, row="r")


def test_the_same_seed_and_row_change_the_same():
    text = "Please send the invoice for the second order again. Many thanks for looking at it."
    for name in ("spacing", "typos", "order"):
        assert change(name, text) == change(name, text) != text
    assert len({change("typos", text, seed=seed) for seed in range(9)}) > 4


def test_spacing_keeps_every_word():
    text = "The Card of MINE is lost and gone for good, I fear to say"
    found = change("spacing", text)
    assert found.split() == text.lower().split()
    assert found != found.strip()


def test_typos_stay_in_long_words_without_digits():
    text = "order AB_invoice99 is 12345 but four five letters matter"
    found = [change("typos", text, seed=seed).split() for seed in range(40)]
    words = text.split()
    assert all(sum(a != b for a, b in zip(row, words, strict=True)) == 1 for row in found)
    touched = {b for row in found for a, b in zip(row, words, strict=True) if a != b}
    assert touched == {"order", "letters", "matter"}
    assert change("typos", "is it in or on 123456") is None


def test_one_word_in_ten_gets_one():
    text = " ".join(["message"] * 40)
    found = change("typos", text).split()
    assert sum(word != "message" for word in found) == 4


def test_a_typo_swaps_leaves_out_or_doubles_a_letter_inside():
    found = {mistyped("parcel", Random(seed)) for seed in range(200)}
    assert {len(word) for word in found} == {5, 6, 7}
    assert all(word[0] == "p" and word[-1] == "l" for word in found)
    assert "parcel" not in found


@pytest.mark.parametrize(
    ("text", "kind", "wanted"),
    [
        ("name: Ada\ncity: Rome", "generation", "city: Rome\nname: Ada"),
        ("name[Ada], city[Rome]", "generation", "city[Rome], name[Ada]"),
        ("It broke. Please help!", "classification", "Please help! It broke."),
        ("It broke. Please help!", "question-answering", None),
        ("It broke. Please help!", "generation", None),
        ("Only one sentence here", "classification", None),
        ("A line\nand another", "generation", None),
    ],
)
def test_parts_move_only_where_their_order_says_nothing(text, kind, wanted):
    assert change("order", text, kind) == wanted
