"""Bounds that hold at any time: by hand, against each other, and over many made-up data sets."""

from math import log

import numpy as np
import pytest

from benchmarks.anytime import (
    BETS,
    Drawn,
    drawn,
    log_wealth,
    lower_bound,
    shows_above,
    upper_bound,
)


def alone(values):
    return drawn(np.array(values, dtype=float), [None] * len(values))


def test_the_wealth_of_one_draw_by_hand():
    # the mean of the bettors' shares is 0.545: of a row better by 1, that is won at a mean of 0
    found = alone([1.0])
    (wealth,) = log_wealth(found.sums, found.sizes, found.largest, 0.0)
    assert wealth == pytest.approx(log(1 + BETS.mean()))
    # at a mean of 0.5 the row is worth (1 - 0.5) / (1 + 0.5) = 1/3 of the stake
    (wealth,) = log_wealth(found.sums, found.sizes, found.largest, 0.5)
    assert wealth == pytest.approx(log(1 + BETS.mean() / 3))


def test_the_bound_is_where_the_wealth_reaches_its_goal():
    found = alone([1.0, 1.0, 0.0, 1.0, -1.0] * 10)
    low, high = lower_bound(found, 0.01), upper_bound(found, 0.01)
    assert -1 < low < found.mean == 0.4 < high < 1
    (*_, wealth) = log_wealth(found.sums, found.sizes, found.largest, low)
    assert wealth == pytest.approx(-log(0.01))
    assert shows_above(found, low - 1e-9, 0.01)
    assert not shows_above(found, low + 1e-9, 0.01)


def test_bounds_turn_with_the_differences():
    found = alone([0.5, -0.25, 1.0, 0.0, 0.75] * 8)
    assert lower_bound(found.turned, 0.05) == pytest.approx(-upper_bound(found, 0.05))


def test_the_order_of_the_draws_does_not_matter_and_a_stricter_level_reaches_further():
    values = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], 60, p=[0.1, 0.5, 0.4])
    there, back = alone(values), alone(values[::-1])
    assert lower_bound(there, 0.01) == pytest.approx(lower_bound(back, 0.01))
    assert lower_bound(there, 0.001) < lower_bound(there, 0.01) < lower_bound(there, 0.1)


@pytest.mark.parametrize("values", [[], [-1.0], [-1.0] * 30])
def test_nothing_is_shown_by_no_row_or_by_the_worst_ones(values):
    assert lower_bound(alone(values), 0.05) == -1.0
    assert not shows_above(alone(values), 0.0, 0.05)


def test_a_group_is_one_draw():
    """Sixty rows in six groups that stand or fall together tell as little as six rows."""
    rows = drawn(np.ones(60), [f"g{row // 10}" for row in range(60)])
    six = alone([1.0] * 6)
    assert len(rows.sums) == 6
    assert lower_bound(rows, 0.05) == pytest.approx(lower_bound(six, 0.05))
    assert lower_bound(alone([1.0] * 60), 0.05) > lower_bound(six, 0.05) + 0.5


def test_rows_count_alike_in_groups_of_any_size():
    found = drawn(np.array([1.0, 1.0, 1.0, -1.0]), ["a", "a", "a", None])
    assert (found.mean, found.largest) == (0.5, 3.0)
    assert found.sums.tolist() == [3.0, -1.0]
    larger = drawn(np.array([1.0] * 4), [None] * 4, largest=5)
    assert larger.largest == 5.0
    assert lower_bound(larger, 0.5) < lower_bound(alone([1.0] * 4), 0.5)


def ever_wrong(sums, sizes, mean, level):
    """Data sets in which the true mean is ever held to be exceeded, looking after every draw."""
    wealth = log_wealth(sums, sizes, float(sizes.max()), mean)
    return (wealth >= -log(level)).any(axis=0)


@pytest.mark.parametrize("better", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("size", [1, 4])
def test_looking_after_every_draw_errs_in_at_most_5_percent(better, size):
    """Differences of -1, 0 and 1 with mean 0, in groups that stand or fall together."""
    rng = np.random.default_rng([int(100 * better), size])
    shares = [better, 1 - 2 * better, better]
    sums = size * rng.choice([-1.0, 0.0, 1.0], (300 // size, 2_000), p=shares)
    sizes = np.full(len(sums), float(size))
    wrong = ever_wrong(sums, sizes, 0.0, 0.05).mean()
    assert 0 < wrong <= 0.05
    # a look as if it were the only one errs far more often: the test can fail
    reach = 1.645 * np.sqrt(np.cumsum(sums**2, axis=0))
    once = (np.cumsum(sums, axis=0) > reach).any(axis=0).mean()
    assert once > 3 * wrong


@pytest.mark.parametrize("rows", [30, 100])
def test_the_same_holds_of_rows_drawn_from_a_small_split_until_none_is_left(rows):
    rng = np.random.default_rng(rows)
    split = rng.choice([-1.0, 0.0, 1.0], rows, p=[0.3, 0.4, 0.3])
    sums = np.stack([rng.permutation(split) for _ in range(2_000)], axis=1)
    wrong = ever_wrong(sums, np.ones(rows), float(split.mean()), 0.05).mean()
    assert wrong <= 0.05


def test_a_large_difference_is_shown_by_few_rows():
    rng = np.random.default_rng(3)
    shown = [
        shows_above(alone(rng.choice([-1.0, 0.0, 1.0], 64, p=[0.05, 0.45, 0.5])), 0.0, 0.0025)
        for _ in range(200)
    ]
    assert np.mean(shown) > 0.9


def test_what_is_drawn_keeps_its_type():
    found = alone([0.25, 0.5])
    assert isinstance(found, Drawn)
    assert found.mean == 0.375
