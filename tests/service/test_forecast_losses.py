"""What a choice loses in the worlds of a belief, and where it is right."""

import numpy as np
import pytest
from foretold import certain, expected, judged

from corpora.task import Needs
from service.forecasting.worlds import NOTHING, losses, picks, regrets, rights


def terms(needs: Needs | None = None):
    """few-shot, linear and lora, in this order, with a margin of two points."""
    worlds, ids = certain({"prompt.few-shot": 0.5, "baseline.linear": 0.5, "lora": 0.5})
    return judged(worlds, ids, needs).terms


def test_what_a_choice_loses_in_a_world() -> None:
    # the rule picks: linear (cheapest, within the margin), lora, linear
    worlds = np.array([[0.70, 0.69, 0.70], [0.60, 0.50, 0.80], [0.40, 0.60, 0.61]])
    assert [terms().ids[at] for at in picks(worlds, terms())] == [
        "baseline.linear",
        "lora",
        "baseline.linear",
    ]
    # by hand: a needless tuning loses the margin of 0.02 besides, and none all above chance, 0.1
    assert losses(worlds, terms()) == pytest.approx(
        np.array([[0.0, 0.0, 0.01, 0.59], [0.20, 0.30, 0.0, 0.70], [0.20, 0.0, 0.01, 0.50]])
    )
    assert regrets(worlds, terms(), "prompt.few-shot") == pytest.approx([0.0, 0.20, 0.20])
    assert list(rights(worlds, terms(), "lora", commits=True)) == [False, True, False]
    assert list(rights(worlds, terms(), "baseline.linear", commits=False)) == [True, False, True]


def test_a_choice_that_misses_a_need_is_wrong_however_near() -> None:
    strict = terms(Needs(quality_at_least=0.7))
    worlds = np.array([[0.71, 0.695, 0.60]])
    assert list(rights(worlds, strict, "baseline.linear", commits=False)) == [False]
    assert list(rights(worlds, strict, "prompt.few-shot", commits=False)) == [True]


def test_a_choice_that_misses_a_need_loses_what_choosing_none_does() -> None:
    worlds, ids = certain({"prompt.few-shot": 0.6, "lora": 0.9})
    rows = [expected("prompt.few-shot", p95=10), expected("lora", p95=1000)]
    slow = judged(worlds, ids, Needs(latency_p95_ms=100), rows=rows).terms
    # by hand: chance among ten labels is 0.1, above which the picked one has 0.5
    assert losses(worlds[:1], slow) == pytest.approx(np.array([[0.0, 0.5, 0.5]]))
    strict = terms(Needs(quality_at_least=0.7))
    world = np.array([[0.71, 0.695, 0.60]])
    assert losses(world, strict) == pytest.approx(np.array([[0.0, 0.61, 0.61, 0.61]]))


def test_a_better_strategy_that_may_not_serve_leaves_as_much_at_stake() -> None:
    """lora scores best in every draw and misses a need: which of the others to use is open."""
    names = ("prompt.few-shot", "prompt.nearest", "lora")
    worlds = np.array([[0.6, 0.7, 0.9], [0.7, 0.6, 0.9]])
    rows = [expected(name, p95=1000 if name == "lora" else 10) for name in names]
    found = judged(worlds, names, Needs(latency_p95_ms=100), rows=rows)
    assert found.stake == pytest.approx(0.05)


def test_what_takes_no_thought_never_loses_less_than_choosing_none() -> None:
    rng = np.random.default_rng(3)
    names = ("baseline.majority", "prompt.few-shot", "lora")
    worlds = rng.uniform(0.2, 0.6, size=(200, 3))
    lost = losses(worlds, judged(worlds, names).terms)
    assert (lost[:, 0] >= lost[:, -1]).all()


def test_where_nothing_is_above_the_floor_all_is_done_in_vain() -> None:
    worlds = np.array([[0.05, 0.08, 0.10]])  # chance among ten labels is 0.1
    assert picks(worlds, terms())[0] == NOTHING
    assert losses(worlds, terms()).tolist() == [[0.02, 0.02, 0.02, 0.0]]
    assert list(rights(worlds, terms(), None, commits=False)) == [True]
    assert list(rights(worlds, terms(), "lora", commits=True)) == [False]
