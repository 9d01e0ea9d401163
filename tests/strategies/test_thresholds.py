"""Which cheap answers stand, and how the threshold of that is chosen, worked out by hand."""

from math import inf, nan

import pytest

from corpora.task import Example
from strategies.base import Answer
from strategies.models.base import Usage
from strategies.thresholds import (
    MOST_CANDIDATES,
    candidates,
    choose_threshold,
    confidence_of,
    is_sure,
    merged,
    told,
    untold,
)

ROWS = tuple(Example(id=f"r{n}", input=f"q{n}", output="right") for n in range(4))
DEAR = [Answer("right")] * 4


def said(*pairs):
    return [Answer(text, confidence=confidence) for text, confidence in pairs]


CHEAP = said(("right", 0.9), ("wrong", 0.8), ("right", 0.7), ("wrong", 0.6))


def share_right(examples, answers):
    pairs = list(zip(examples, answers, strict=True))
    return sum(a.error is None and e.output == a.text for e, a in pairs) / len(pairs)


@pytest.mark.parametrize(
    ("margin", "threshold"),
    [
        (0.0, 0.9),
        (0.02, 0.9),
        (0.25, 0.7),  # two candidates score 0.75: the one that lets more stand
        (0.5, 0.6),  # as many as always cheap: the stricter of the two
    ],
)
def test_most_cheap_answers_stand_that_the_margin_allows(margin, threshold):
    assert choose_threshold(ROWS, CHEAP, DEAR, share_right, margin=margin).threshold == threshold


def test_all_that_was_tried_is_told_strictest_first():
    search = choose_threshold(ROWS, CHEAP, DEAR, share_right, margin=0.02).search
    names = ["threshold", "answered_cheaply", "validation_score", "rows"]
    assert [(*(row[name] for name in names), row.get("chosen", 0.0)) for row in search] == [
        ("never cheap", 0.0, 1.0, 4.0, 0.0),
        (0.9, 0.25, 1.0, 4.0, 1.0),
        (0.8, 0.5, 0.75, 4.0, 0.0),
        (0.7, 0.75, 0.75, 4.0, 0.0),
        (0.6, 1.0, 0.5, 4.0, 0.0),
        ("always cheap", 1.0, 0.5, 4.0, 0.0),
    ]


def test_equal_confidences_stand_or_fall_together():
    cheap = said(("right", 0.9), ("wrong", 0.9), ("right", 0.9), ("right", 0.2))
    found = choose_threshold(ROWS, cheap, DEAR, share_right, margin=0.02)
    assert (found.threshold, len(found.search)) == (inf, 4)
    assert choose_threshold(ROWS, cheap, DEAR, share_right, margin=0.25).threshold == 0.2


def test_a_worse_dear_one_is_asked_only_below_all_that_was_seen():
    cheap = said(("right", 0.9), ("right", 0.8), ("right", 0.7), ("right", 0.6))
    found = choose_threshold(ROWS, cheap, [Answer("wrong")] * 4, share_right, margin=0.02)
    assert found.threshold == 0.6


def test_without_confidence_it_is_all_or_none():
    cheap = [Answer("right"), Answer("right"), Answer("right"), Answer("", error="lost")]
    found = choose_threshold(ROWS, cheap, DEAR, share_right, margin=0.0)
    # the one that failed goes to the dear one even then
    assert [row["answered_cheaply"] for row in found.search] == [0.0, 0.75]
    assert (found.threshold, found.search[1]["validation_score"]) == (-inf, 1.0)


def test_without_validation_rows_nothing_shows_that_cheap_is_good_enough():
    found = choose_threshold((), [], [], share_right, margin=0.02)
    assert (found.threshold, found.search) == (inf, ())


def test_many_confidences_are_tried_from_all_over_their_range():
    few = [n / 100 for n in range(MOST_CANDIDATES)]
    assert candidates([*few, -inf, nan])[1:-1] == [
        n / 100 for n in reversed(range(MOST_CANDIDATES))
    ]
    found = candidates([n / 1000 for n in range(1000)])
    assert (found[0], found[1], found[-2], found[-1]) == (inf, 0.999, 0.0, -inf)
    assert len(set(found)) == MOST_CANDIDATES + 2
    assert found == sorted(found, reverse=True)


def test_a_choice_is_as_sure_as_its_label_is_probable():
    choice = Answer("a", probabilities={"a": 0.7, "b": 0.3}, confidence=0.1)
    assert confidence_of(choice) == 0.7
    assert confidence_of(Answer("a", confidence=0.123456)) == 0.12346
    assert confidence_of(Answer("a")) is None
    assert [is_sure(choice, at) for at in (-inf, 0.7, 0.71, inf)] == [True, True, False, False]
    assert [is_sure(Answer("a"), at) for at in (-inf, 0.0)] == [True, False]
    assert not is_sure(Answer("", error="lost", confidence=1.0), -inf)


CHEAP_USAGE, DEAR_USAGE = Usage(10, 4, 1), Usage(100, 50, 7)
BOTH = Usage(110, 54, 8)


def test_what_both_were_asked_is_charged_for_both():
    cheap = Answer("quote", CHEAP_USAGE, sources=("a",), confidence=0.3)
    dear = Answer("reply", DEAR_USAGE, sources=("b", "c"))
    assert merged(cheap, dear) == Answer("reply", BOTH, sources=("b", "c"))
    failed = Answer("", DEAR_USAGE, error="too long")
    assert merged(cheap, failed) == Answer("quote", BOTH, sources=("a",), confidence=0.3)
    lost = Answer("", CHEAP_USAGE, error="no words")
    assert merged(lost, dear) == Answer("reply", BOTH, sources=("b", "c"))
    assert merged(lost, failed) == Answer("", BOTH, error="Both failed: no words / too long")


@pytest.mark.parametrize("threshold", [inf, -inf, 0.0, -0.25, 0.81234])
def test_a_threshold_is_told_so_that_json_can_hold_it(threshold):
    assert told(threshold) not in (inf, -inf)
    assert untold(told(threshold)) == threshold
