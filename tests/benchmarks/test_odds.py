"""The odds of being best: against odds that can be worked out, and what they must not claim."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.aggregates import MacroF1
from benchmarks.odds import Odds, flattery, odds
from benchmarks.records import OutcomeRecord

NO_GROUPS = [None] * 20


def chances(strategies, groups, **more):
    return {name: one.p_best for name, one in odds(strategies, groups, **more).items()}


def test_they_sum_to_one_and_ties_are_shared():
    good = [1.0] * 18 + [0.0] * 2
    bad = [1.0] * 4 + [0.0] * 16
    found = odds({"good": good, "twin": good, "bad": bad}, NO_GROUPS)
    assert found["good"] == found["twin"]
    assert found["good"].p_best == pytest.approx(0.5, abs=0.001)
    assert sum(one.p_best for one in found.values()) == pytest.approx(1.0)
    assert found["good"].regret == pytest.approx(0.0, abs=0.001)
    assert found["bad"].regret == pytest.approx(14 / 21, abs=0.01)


def test_nothing_and_one_strategy():
    assert odds({}, []) == {}
    assert odds({"only": [1.0, 0.0]}, [None, None]) == {"only": Odds(1.0, 0.0)}


def test_one_row_is_no_proof():
    """67 of 68 against 66, right wherever the other is: Beta(1.5, 0.5) above a half, 0.82."""
    first = [1.0] * 67 + [0.0]
    second = [1.0] * 66 + [0.0] * 2
    found = chances({"first": first, "second": second}, [None] * 68)
    assert found["first"] == pytest.approx(stats.beta.sf(0.5, 1.5, 0.5), abs=0.025)
    assert chances({"a": first, "b": first}, [None] * 68) == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize(("won", "lost"), [(5, 0), (6, 2), (20, 9)])
def test_two_strategies_by_the_rows_that_differ(won, lost):
    """Of rows that differ, half a one more on each side: the odds are those of a Beta."""
    first = [1.0] * (won + 30) + [0.0] * (lost + 30)
    second = [0.0] * won + [1.0] * 30 + [1.0] * lost + [0.0] * 30
    found = chances({"first": first, "second": second}, [None] * len(first))
    wanted = stats.beta.sf(0.5, won + 0.5, lost + 0.5)
    assert found["first"] == pytest.approx(wanted, abs=0.025)


def test_small_differences_are_not_drowned_by_what_was_not_seen():
    """Scores that differ by hundredths are given hundredths beforehand, not whole points."""
    rng = np.random.default_rng(5)
    second = rng.uniform(0.3, 0.7, 100)
    first = second + rng.normal(0.005, 0.01, 100)
    sure = chances({"first": first, "second": second}, [None] * 100)["first"]
    assert sure > 0.99


def test_one_cluster_of_many_rows_counts_once():
    first, second = [1.0] * 10, [0.0] * 10
    rows = chances({"first": first, "second": second}, [None] * 10)["first"]
    cluster = chances({"first": first, "second": second}, ["g"] * 10)["first"]
    assert rows > 0.99
    assert cluster == pytest.approx(stats.beta.sf(0.5, 1.5, 0.5), abs=0.025)


def test_seeds_are_resampled_too():
    """Rows all alike, so only seeds tell: with one seed each it is certain, with three not."""
    better = np.tile([0.6, 0.7, 0.5], (40, 1))
    other = np.tile([0.55, 0.65, 0.45], (40, 1))
    firm = chances({"a": better[:, 0], "b": other[:, 0]}, [None] * 40)["a"]
    open_ = chances({"a": better, "b": other}, [None] * 40)["a"]
    assert firm > 0.99
    assert 0.6 < open_ < 0.9
    two = chances({"a": better[:, :2], "b": other[:, 0]}, [None] * 40)["a"]
    assert two > 0.99


def test_figures_other_than_means():
    def rows(right):
        return [
            OutcomeRecord(
                strategy="s",
                example=str(row),
                state="ok",
                scores={"m": float(row < right)},
                expected="ab"[row % 2],
                predicted="ab"[row % 2 if row < right else 1 - row % 2],
            )
            for row in range(40)
        ]

    figure = MacroF1("m", ("a", "b"))
    tables = {"best": figure.sums(rows(36)), "worst": figure.sums(rows(20))}
    found = odds(tables, [None] * 40, finish=figure.finish)
    assert found["best"].p_best > 0.99
    assert found["worst"].regret == pytest.approx(0.4, abs=0.05)
    assert odds(tables, [None] * 40, finish=figure.finish) == found


def flat(rng, rate, n=100):
    return (rng.random(n) < rate).astype(float)


@pytest.mark.parametrize(("count", "errors"), [(2, 0.564), (5, 1.163), (10, 1.539)])
def test_the_best_of_equals_flatters_by_as_much_as_it_is_too_high(count, errors):
    """In standard errors: the mean of the largest of so many normal numbers (Tippett 1925)."""
    found = []
    for number in range(40):
        rng = np.random.default_rng(number)
        rows = {f"s{k}": flat(rng, 0.5) for k in range(count)}
        found.append(flattery(rows, [None] * 100, seed=number))
    assert np.mean(found) == pytest.approx(errors * 0.05, rel=0.18)


def test_what_is_far_ahead_flatters_by_nothing():
    rng = np.random.default_rng(0)
    rows = {"a": flat(rng, 0.9), "b": flat(rng, 0.2)}
    assert flattery(rows, [None] * 100) < 0.002
    assert flattery({"a": rows["a"]}, [None] * 100) == 0.0
