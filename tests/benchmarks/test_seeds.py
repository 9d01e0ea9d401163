"""Several seeds of one strategy: rows and seeds both might have been others."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.seeds import compare_over_seeds, interval_over_seeds, level_of, parts, reach_of
from benchmarks.statistics import UNBOUNDED, interval


def test_one_seed_is_the_interval_over_rows():
    scores = np.random.default_rng(1).random(30)
    assert interval_over_seeds(scores[:, None], [None] * 30) == interval(scores, [None] * 30)


def test_seeds_alone_by_hand():
    """Rows tell nothing: 0.5, 0.6 and 0.7 with Student's 4.303 at two degrees of freedom."""
    scores = np.tile([0.5, 0.6, 0.7], (50, 1))
    low, high = interval_over_seeds(scores, [None] * 50, limits=UNBOUNDED)
    reach = 4.302653 * 0.1 / np.sqrt(3)
    assert (low, high) == pytest.approx((0.6 - reach, 0.6 + reach))
    assert interval_over_seeds(np.ones((20, 3)), [None] * 20) == pytest.approx(
        (0.8389, 1), abs=5e-5
    )


def test_equal_seeds_are_as_good_as_one():
    right = np.repeat([[1.0]] * 30 + [[0.0]] * 20, 3, axis=1)
    low, high = interval_over_seeds(right, [None] * 50)
    assert (low, high) == pytest.approx((0.4618, 0.7239), abs=0.01)  # Wilson's of 30 of 50


def test_seeds_that_disagree_prove_no_difference():
    rng = np.random.default_rng(2)
    rows, seeds = rng.normal(0.5, 0.1, (200, 1)), np.array([0.1, 0.0, -0.07])
    a = rows + seeds
    b = a[:, :1] - 0.12
    assert compare_over_seeds(a[:, :1], b, [None] * 200).low == -1.0  # nothing varies
    found = compare_over_seeds(a, b, [None] * 200)
    assert found.difference == pytest.approx(0.03, abs=0.01)
    assert found.low < 0 < found.high
    assert found.p_value > 0.4
    firm = compare_over_seeds(a, a - 0.5 - rng.normal(0, 0.02, a.shape), [None] * 200)
    assert 0 < firm.low < 0.5 < firm.high
    assert firm.p_value < 0.05


def test_the_p_value_is_the_level_at_which_the_interval_reaches_0():
    found = [(0.01, 2.0), (0.02, 30.0)]
    assert level_of(found, reach_of(found, 0.05)) == pytest.approx(0.05)
    assert level_of(found, reach_of(found, 0.4)) == pytest.approx(0.4)
    assert level_of(found, 0.0) == 1.0
    assert level_of([(0.01, 2.0)], 0.5) == pytest.approx(2 * stats.t.sf(5.0, 2))


def test_groups_of_unequal_size_leave_fewer_degrees_of_freedom():
    """Twelve rows alone and a group of twelve: 24² / (12 + 144) = 3.69 even clusters."""
    scores = np.random.default_rng(4).random((24, 3))
    (_, uneven), _ = parts(scores, [None] * 12 + ["g"] * 12)
    (_, even), _ = parts(scores, [f"g{row // 2}" for row in range(24)])
    assert (uneven, even) == pytest.approx((24**2 / 156 - 1, 11.0))


def test_what_single_answers_vary_by_counts_once():
    """By hand: sums of ±1/2 both ways, 2 × (1/4 + 1/4) / 16 each, and as much of single answers."""
    rows, seeds = parts(np.array([[1.0, 0.0], [0.0, 0.0]]), [None] * 2)
    assert rows == pytest.approx((0.0625, 1.0))
    assert seeds == pytest.approx((0.0, 1.0))


def test_one_cluster_settles_nothing_whatever_its_seeds_say():
    scores = np.tile([0.5, 0.6, 0.7], (9, 1))
    assert interval_over_seeds(scores, ["g"] * 9) == (0.0, 1.0)
    found = compare_over_seeds(scores, scores - 0.4, ["g"] * 9)
    assert (found.low, found.high, found.p_value) == (-1.0, 1.0, 1.0)


def test_seeds_that_are_all_right_are_wilson_on_even_clusters():
    """Sixty rows alone and a group of thirty tell as much as 8.4375 clusters."""
    low, high = interval_over_seeds(np.ones((90, 3)), [None] * 60 + ["g"] * 30)
    assert (low, high) == pytest.approx((8.4375 / (8.4375 + 1.96**2), 1.0), abs=5e-5)


@pytest.mark.parametrize("grouped", [False, True])
def test_it_covers_the_truth(grouped):
    """300 experiments of three seeds: nominal 95%, 0.91 is three standard errors below."""
    rng = np.random.default_rng(3)
    groups = [f"g{row // 3}" if grouped else None for row in range(60)]
    covered = 0
    for _ in range(300):
        rows = np.repeat(rng.normal(0, 0.1, 20), 3) if grouped else rng.normal(0, 0.1, 60)
        scores = 0.5 + rows[:, None] + rng.normal(0, 0.03, 3) + rng.normal(0, 0.05, (60, 3))
        low, high = interval_over_seeds(scores, groups)
        covered += low <= 0.5 <= high
    assert covered >= 273
