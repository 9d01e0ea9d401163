"""Many pairs at once: the critical value, the intervals it widens, and what is called different."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmarks.families import at_once, critical_value, holm, influences
from benchmarks.paired import Differences, compare_sets
from benchmarks.resampling import finish_mean, mean_sums


def test_holm_by_hand():
    assert list(holm(np.array([0.01, 0.04, 0.03]))) == pytest.approx([0.03, 0.06, 0.06])
    two = holm(np.array([[0.01, 0.04, 0.03], [0.6, 0.001, 0.7]]))
    assert list(two[1]) == pytest.approx([1.0, 0.003, 1.0])
    assert holm(np.array([])).size == 0
    some = np.random.default_rng(6).beta(0.3, 2, 45)
    assert list(holm(some)) == pytest.approx(list(multipletests(some, method="holm")[1]))


def test_influences_of_a_mean_are_the_rows_centred():
    scores = np.array([1.0, 0.0, 0.0, 1.0, 0.5])
    assert influences(mean_sums(scores), finish_mean) == pytest.approx((scores - 0.5) / 4)


@pytest.mark.parametrize("count", [14, 15, 16, 17])
@pytest.mark.parametrize("seed", range(4))
def test_a_difference_of_every_cluster_is_told_among_many_pairs(count, seed):
    """17 strategies on as many groups as a small test has: 136 pairs, one of them 40 points apart
    in every group."""
    rng = np.random.default_rng(seed)
    one = rng.normal(0.5, 0.05, size=(count, 136))
    other = rng.normal(0.5, 0.05, size=(count, 136))
    other[:, 0] -= 0.4
    tables = [mean_sums(each.reshape(-1)).reshape(count, 136, -1) for each in (one, other)]
    found = compare_sets(*tables, [None] * count, seed=seed)
    low, high = at_once(found, np.array(3.4), count)
    assert low[0] > 0.2
    assert (low[1:] < 0).sum() > 130
    assert (high[1:] > 0).sum() > 130


def test_one_pair_needs_no_more_than_one_pair():
    rng = np.random.default_rng(1)
    assert critical_value(rng.normal(size=(60, 1))) == pytest.approx(1.959964)
    same = np.repeat(rng.normal(size=(60, 1)), 20, axis=1)
    assert critical_value(same) == pytest.approx(1.959964, abs=0.06)
    assert critical_value(np.zeros((60, 3))) == pytest.approx(1.959964)


def test_many_data_sets_at_once_are_each_as_alone():
    rows = np.random.default_rng(5).normal(size=(40, 3, 6))
    rows[:, 1, 1:] = 0
    together = critical_value(rows, seed=2)
    alone = [float(critical_value(rows[:, place], seed=2)) for place in range(3)]
    assert list(together) == pytest.approx(alone)
    assert together[1] == pytest.approx(1.959964)
    assert together[0] > 2.4


def test_pairs_of_unrelated_rows_are_a_sidak_family():
    """45 independent ones: each at 1 - 0.95^(1/45), so 3.25 standard errors."""
    rows = np.random.default_rng(2).normal(size=(5000, 45))
    wanted = stats.norm.isf((1 - 0.95 ** (1 / 45)) / 2)
    assert critical_value(rows) == pytest.approx(wanted, abs=0.08)


def test_pairs_of_ten_strategies_are_a_studentized_range():
    """Tukey's: the 95% point of the range of ten normal numbers is 4.474, over sqrt(2)."""
    scores = np.random.default_rng(3).normal(size=(5000, 10))
    pairs = [scores[:, a] - scores[:, b] for a, b in combinations(range(10), 2)]
    assert critical_value(np.column_stack(pairs)) == pytest.approx(4.474 / np.sqrt(2), abs=0.08)


def test_intervals_for_all_pairs_by_hand():
    """60 clusters: Student's 0.9992 point of 59 degrees of freedom over its 0.975 point; and by
    its p-value the second pair is not shown to differ."""
    ends = [np.array([each, each]) for each in (0.1, 0.05, 0.18)]
    found = Differences(*ends, np.array([0.0012, 0.06]))
    factor = stats.t.isf(stats.norm.sf(3.16), 59) / stats.t.isf(0.025, 59)
    assert 1.6 < factor < 1.7
    lows, highs = at_once(found, np.array(3.16), 60)
    assert list(lows) == pytest.approx([0.1 - 0.05 * factor, 0.0])
    assert list(highs) == pytest.approx([0.1 + 0.08 * factor] * 2)
    alone = at_once(found, np.array(stats.norm.isf(0.025)), 60)
    assert list(alone[0]) == pytest.approx([0.05, 0.0])


def test_what_one_pair_shows_may_not_be_shown_among_three():
    """P-values of 0.03 are 0.06 among the two that are left once the first is shown."""
    ends = [np.full(3, each) for each in (0.1, 0.09, 0.11)]
    found = Differences(*ends, np.array([0.001, 0.03, 0.04]))
    lows, _ = at_once(found, np.array(2.4), 60)
    assert lows[0] == pytest.approx(0.1 - 0.01 * 1.23, abs=0.001)
    assert list(lows[1:]) == [0.0, 0.0]


def test_among_ten_equal_strategies_hardly_any_pair_is_called_different():
    """200 comparisons: pair by pair over a third of them err, together at most 5% ± 3.5%."""
    rng = np.random.default_rng(4)
    pairs = list(combinations(range(10), 2))
    alone, together = 0, 0
    for seed in range(200):
        scores = (rng.random((100, 10)) < 0.7).astype(float)
        one, other = (scores[:, [pair[side] for pair in pairs]] for side in (0, 1))
        found = compare_sets(mean_sums(one), mean_sums(other), [None] * 100)
        moved = [influences(mean_sums(each), finish_mean) for each in (one, other)]
        critical = critical_value(moved[0] - moved[1], seed=seed)
        lows, highs = at_once(found, critical, 100)
        alone += bool(((found.low > 0) | (found.high < 0)).any())
        together += bool(((lows > 0) | (highs < 0)).any())
    assert alone > 70
    assert together <= 17
