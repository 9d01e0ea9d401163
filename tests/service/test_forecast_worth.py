"""What further evidence promises, and at which price."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.belief.belief import Belief
from benchmarks.evidence.finding import Action, Finding
from service.evidence import expected_excess
from service.forecasting.appraisal import Appraisal, Purse, appraise, looked_ahead, narrowing
from service.forecasting.worlds import UNCERTAIN, Terms
from service.forecasting.worth import promise


def worth(now: Belief, then: Belief, terms: Terms) -> float:
    return promise(now, then, terms, confidence=0.9).gain


def two(margin: float = 0.0) -> Terms:
    """Two strategies without tuning, the first the cheaper one; no floor."""
    return Terms(
        ids=("a", "b"),
        rank=np.array([0, 1]),
        shortfall=np.array([0, 0]),
        tuned=np.array([False, False]),
        trivial=np.array([False, False]),
        limit=0.0,
        margin=margin,
        bar=None,
        cheaper=np.zeros((2, 2), dtype=bool),
    )


def believed(difference: float, spread: float) -> Belief:
    """`a` known exactly at 0.5, where an angle is as large as a quality, and `b` to ± spread."""
    return Belief(
        ("a", "b"),
        np.array([np.pi / 4, np.pi / 4 + difference]),
        np.diag([1e-12, spread**2]),
    )


@pytest.mark.parametrize("difference", [0.0, 0.03, -0.03])
def test_the_value_of_knowing_all_is_the_expected_loss(difference) -> None:
    """E[max(0, X)] for X normal: what is lost by the better choice of now."""
    spread = 0.04
    found = worth(believed(difference, spread), believed(difference, 1e-9), two())
    assert found == pytest.approx(expected_excess(-abs(difference), spread), rel=0.2)


def test_evidence_that_cannot_turn_the_choice_is_worth_nothing() -> None:
    now = believed(0.0, 0.01)
    assert worth(now, now, two()) == 0.0
    # b is at most some three points better, and five are asked for
    assert worth(now, believed(0.0, 1e-9), two(margin=0.05)) == 0.0
    assert worth(believed(0.0, 0.04), believed(0.0, 1e-9), two(margin=0.05)) > 0.0


def test_more_evidence_is_worth_more() -> None:
    now = believed(0.0, 0.05)
    gains = [worth(now, believed(0.0, left), two()) for left in (0.045, 0.03, 0.01)]
    assert gains == sorted(gains)
    assert gains[0] > 0


def test_evidence_that_turns_nothing_may_still_make_the_answer_sure() -> None:
    """Tuning is expected to lose three points: that is known to ± 4 points, which forgoes more
    than a quarter of the margin, or, once it is known to ± 0.5, mostly less."""
    terms = replace(two(margin=0.02), tuned=np.array([False, True]))
    now, then = believed(-0.03, 0.04), believed(-0.03, 0.005)
    found = promise(now, then, terms, confidence=0.9)
    # by hand: E[max(0, gain - 0.02)] is 0.0033 at ± 4 points around -0.03; the call is P(mean of
    # the gap <= 0.02), P(Z <= 0.05 / 0.0397) = 0.90, or a yes beyond 0.0264, 0.08
    assert found.call == pytest.approx(0.96, abs=0.06)
    wide = promise(believed(0.0, 0.1), believed(0.0, 0.099), terms, confidence=0.9)
    assert wide.call == 0.0


def test_no_call_is_promised_that_a_stated_quality_forbids() -> None:
    """Tuning gains thirty points and will be known to ± 0.5; it may still miss what is asked."""
    now, then = believed(0.3, 0.04), believed(0.3, 0.005)

    def call(bar: float | None, shortfall: int = 0) -> float:
        lacks = np.array([0, shortfall])
        terms = replace(two(0.02), tuned=np.array([False, True]), bar=bar, shortfall=lacks)
        return promise(now, then, terms, confidence=0.9).call

    # b is expected at 0.78, give or take 0.04: 0.9 is missed for certain
    assert call(None) == 1.0
    assert call(0.6) == 1.0
    assert call(0.9) == 0.0
    assert 0.2 < call(0.78) < 0.8
    # another need of b that nobody knows leaves it open; one that it misses leaves a, which is
    # known, and tuning out of the question
    assert call(None, UNCERTAIN) == 1.0
    assert call(None, 1) == 0.0


def test_evidence_that_turns_nothing_is_worth_exactly_nothing() -> None:
    """A sum in another order leaves a rest, which would be a reason to look for ever."""
    for seed in range(20):
        found = promise(believed(0.2, 0.03), believed(0.2, 0.01), two(), confidence=2, seed=seed)
        assert (found.gain, found.call) == (0.0, 0.0)


def test_the_larger_share_of_time_and_money_counts() -> None:
    purse = Purse(
        seconds=100.0, usd=0.5, whole_seconds=1000.0, whole_usd=1.0, usd_per_second=0.0001
    )
    assert purse.share(10.0, 0.0) == pytest.approx(0.01)
    assert purse.share(10.0, 0.2) == pytest.approx(0.201)
    assert purse.covers(100.0, 0.49)
    assert not purse.covers(100.0, 0.495)
    assert not purse.covers(101.0, 0.0)


def test_chains_are_looked_ahead_at_the_price_of_their_next_step() -> None:
    action = Action(deed="rows", strategy="a", rows=16, share=1.0, seconds=4.0, usd=0.1)
    before = action.model_copy(update={"rows": 8})
    found = [Finding(action=before, seconds=4.0)]
    ahead = looked_ahead(action, found, rows=40)
    # by hand: 8 rows took 4 seconds; the way to 40 is 32 rows
    assert ahead == [action.model_copy(update={"rows": 40, "seconds": 16.0, "usd": 0.4})]
    pilot = Action(deed="pilot", strategy="a", rows=16, share=0.1, seconds=10.0)
    first = [Finding(action=pilot.model_copy(update={"share": 0.05}), seconds=10.0)]
    quarter, half = looked_ahead(pilot, first, rows=40)
    assert quarter.share == pytest.approx(0.25)
    assert quarter.seconds == pytest.approx(40.0)
    assert (half.share, half.seconds) == pytest.approx((0.5, 90.0))
    head = Action(deed="head", strategy="a", rows=16, share=1.0, seconds=1.0)
    assert looked_ahead(head, [], rows=40) == []
    assert looked_ahead(action, found, rows=16) == []
    assert looked_ahead(pilot.model_copy(update={"share": 0.5}), first, rows=40) == []


@pytest.mark.parametrize(
    ("seconds", "usd", "spent", "far"),
    [
        (100.0, 1.0, (0.0, 0.0), True),
        (100.0, 1.0, (97.0, 0.0), False),
        (100.0, 0.35, (0.0, 0.0), False),
        (100.0, 1.0, (0.0, 0.7), False),
    ],
)
def test_a_chain_that_time_or_money_does_not_cover_is_not_looked_at(
    seconds, usd, spent, far
) -> None:
    """Eight rows tell nothing; thirty-two, at four times their price, tell everything."""
    action = Action(deed="rows", strategy="b", rows=8, share=1.0, seconds=1.0, usd=0.1)
    now = believed(0.0, 0.05)
    mind = SimpleNamespace(
        foreseen=lambda findings, one: believed(0.0, 1e-9) if one.rows > 8 else now
    )
    judged = SimpleNamespace(
        terms=two(), is_settled=lambda confidence: True, stake=0.02, chosen={}, best={}
    )
    purse = Purse(
        seconds=seconds, usd=usd, whole_seconds=1000.0, whole_usd=10.0, usd_per_second=0.0
    )
    found = appraise(
        action, mind, [], now, judged, purse, confidence=0.9, rows=32, spent=spent, seed=0
    )
    assert (found.ahead is not None) is far
    assert (found.gain > 0) is far


def test_intervals_of_those_that_may_be_chosen_count_by_their_chance() -> None:
    now, then = believed(0.0, 0.1), believed(0.0, 0.05)
    assert narrowing(now, then, {"b": 1.0}) == pytest.approx(0.5, abs=0.01)
    assert narrowing(now, then, {"a": 1.0}) == pytest.approx(0.0, abs=1e-6)
    assert narrowing(now, then, {}) == 0.0
    wide = Belief(("a", "b"), now.mean, np.diag([0.1**2, 0.1**2]))
    half = Belief(("a", "b"), now.mean, np.diag([0.1**2, 0.05**2]))
    # by hand: of two equal widths b's part is a third, and half of it goes
    assert narrowing(wide, half, {"a": 0.6, "b": 0.3}) == pytest.approx(1 / 6, abs=0.01)


def test_what_promises_something_comes_before_what_narrows() -> None:
    look = Action(deed="rows", strategy="a", rows=8, share=1.0, seconds=1.0)
    promising = Appraisal(look, gain=0.001, call=0.0, share=0.01, stake=0.1)
    telling = Appraisal(look, gain=0.0, call=0.0, share=0.001, stake=0.1, narrows=0.5)
    assert promising.order > telling.order
    assert (promising.is_worth_it, promising.is_telling) == (True, False)
    assert (telling.is_worth_it, telling.is_telling) == (False, True)


def test_a_chain_that_tells_comes_before_a_step_that_does_not() -> None:
    rows = Action(deed="rows", strategy="a", rows=8, share=1.0, seconds=1.0)
    step = Appraisal(rows, 0.0, 0.0, share=0.001, stake=0.1, narrows=0.008)
    chain = Appraisal(rows, 0.0, 0.0, share=0.004, stake=0.1, narrows=0.025, ahead=rows)
    too_dear = Appraisal(rows, 0.0, 0.0, share=1.2, stake=0.1, narrows=0.9, ahead=rows)
    assert max([step, chain, too_dear], key=lambda one: one.order) is chain
