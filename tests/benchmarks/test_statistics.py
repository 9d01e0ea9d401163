"""Statistics against known answers, and against what they promise in simulation."""

import numpy as np
import pytest

from benchmarks import paired
from benchmarks.aggregates import MacroF1
from benchmarks.paired import EXACT_FLIPS, compare, compare_sets, mcnemar
from benchmarks.records import OutcomeRecord
from benchmarks.resampling import RESAMPLES, mean_sums
from benchmarks.statistics import UNBOUNDED, interval, intervals

NO_GROUPS = [None] * 20


def test_wilson_of_17_of_20():
    low, high = interval([1] * 17 + [0] * 3, NO_GROUPS)
    assert (low, high) == pytest.approx((0.6396, 0.9476), abs=5e-5)


def test_groups_of_one_row_are_no_groups():
    scores = [1] * 17 + [0] * 3
    named = [f"g{row}" for row in range(20)]
    assert interval(scores, named) == interval(scores, NO_GROUPS)


def test_clustered_rows_give_a_wider_interval():
    scores = [1.0] * 10 + [0.0] * 10
    pairs = [f"g{row // 5}" for row in range(20)]
    flat_low, flat_high = interval(scores, NO_GROUPS)
    low, high = interval(scores, pairs)
    assert low < flat_low
    assert high > flat_high


def test_a_few_large_groups_count_for_what_they_weigh():
    """Sixty rows on their own and a group of thirty: 90² / (60 + 900) = 8.4375 even clusters."""
    groups = [None] * 60 + ["g"] * 30
    low, high = interval([1.0] * 90, groups)
    assert (low, high) == pytest.approx((8.4375 / (8.4375 + 1.96**2), 1.0), abs=5e-5)


@pytest.mark.parametrize("sizes", [[1] * 60 + [30], [1] * 40 + [20, 20], [2] * 10 + [10] * 10])
def test_intervals_hold_where_groups_differ_in_size(sizes):
    """2,000 samples of rows that mostly stand or fall with their group."""
    rng = np.random.default_rng(8)
    groups = [f"g{place}" for place, size in enumerate(sizes) for _ in range(size)]
    shared = np.repeat(rng.standard_normal((len(sizes), 2000)), sizes, axis=0)
    own = rng.standard_normal((len(groups), 2000))
    scores = (np.sqrt(0.3) * shared + np.sqrt(0.7) * own < 0).astype(float)
    lows, highs = intervals(mean_sums(scores), groups)
    assert np.mean((lows <= 0.5) & (highs >= 0.5)) >= 0.89


def test_a_perfect_clustered_score_is_not_certain():
    low, high = interval([1.0] * 20, [f"g{row // 2}" for row in range(20)])
    assert (low, high) == pytest.approx((0.7225, 1.0), abs=5e-5)
    assert interval([0.5, 0.5], ["one", "one"]) == (0.0, 1.0)
    nearly = interval([0.01] + [0.0] * 19, [f"g{row // 2}" for row in range(20)])
    assert nearly == pytest.approx((0.0, 0.2785), abs=5e-3)


def test_mcnemar_by_hand():
    found = mcnemar(np.array([9, 0, 1]), np.array([1, 0, 1]))
    assert list(found) == pytest.approx([2 * (1 + 10) / 2**10, 1.0, 1.0])
    a = [1] * 9 + [0] * 1 + [1] * 10
    b = [0] * 9 + [1] * 1 + [1] * 10
    found = compare(a, b, NO_GROUPS)
    assert found.difference == pytest.approx(0.4)
    assert found.p_value == pytest.approx(0.021484375)
    assert 0 < found.low < 0.4 < found.high


def test_swapping_clusters_by_hand():
    """Four clusters, all in favour of a: only 2 of the 16 swaps are as extreme."""
    found = compare([0.9, 0.8, 0.7, 0.9], [0.1, 0.3, 0.2, 0.2], [None] * 4)
    assert found.p_value == pytest.approx(2 / 16)


@pytest.mark.parametrize("count", range(12, 19))
def test_the_data_are_one_of_the_swaps_and_no_two(count):
    """All clusters in favour of a: nothing is as extreme but the data, whatever was drawn."""
    a, b = np.linspace(0.7, 0.9, count), np.linspace(0.1, 0.3, count)
    p_values = {compare(a, b, [None] * count, seed=seed).p_value for seed in range(25)}
    assert p_values == {1 / 2 ** (count - 1) if count <= EXACT_FLIPS else 1 / (1 + RESAMPLES)}


def test_swaps_that_are_counted_and_swaps_that_are_drawn_agree(monkeypatch):
    rng = np.random.default_rng(4)
    a, b = rng.random(13), rng.random(13) + 0.15
    exact = compare(a, b, [None] * 13).p_value
    monkeypatch.setattr(paired, "EXACT_FLIPS", 12)
    drawn = [compare(a, b, [None] * 13, seed=seed).p_value for seed in range(10)]
    assert 0.01 < exact < 0.5
    assert np.mean(drawn) == pytest.approx(exact, rel=0.05)


def test_equal_answers_differ_by_nothing_but_prove_little():
    scores = [0.25, 0.5, 0.75] * 10
    found = compare(scores, scores, [None] * 30)
    assert found.difference == 0.0
    assert found.p_value == 1.0
    assert found.low < -0.05 < 0.05 < found.high


def test_one_cluster_settles_nothing():
    found = compare([1, 1, 1], [0, 0, 0], ["g", "g", "g"])
    assert (found.low, found.high, found.p_value) == (-1.0, 1.0, 1.0)


def test_an_unbounded_mean_has_an_interval_beyond_0_and_1():
    scores = np.arange(20) - 30.0
    low, high = interval(scores, NO_GROUPS, limits=UNBOUNDED)
    assert -24 < low < -20.5 < high < -17
    assert interval([7.0] * 20, NO_GROUPS, limits=UNBOUNDED) == (7.0, 7.0)
    assert interval([7.0, 9.0], ["g", "g"], limits=UNBOUNDED) == (-np.inf, np.inf)
    found = compare(scores, scores - 5 * np.arange(20), NO_GROUPS, limits=UNBOUNDED)
    assert 30 < found.low < found.difference == 47.5 < found.high < 65


@pytest.mark.parametrize("groups", [[None] * 40, [f"g{row // 4}" for row in range(40)]])
def test_many_data_sets_at_once_are_each_as_alone(groups):
    """Binary ones, mixed ones, one without spread: what the simulations test is the product."""
    rng = np.random.default_rng(2)
    sets = [rng.random(40).round(), rng.random(40), np.ones(40), np.full(40, 0.5)]
    tables = np.stack([np.column_stack([each, np.ones(40)]) for each in sets], axis=1)
    lows, highs = intervals(tables, groups, seed=4)
    alone = [interval(each, groups, seed=4) for each in sets]
    assert list(zip(lows, highs, strict=True)) == [pytest.approx(each) for each in alone]
    found = compare_sets(tables, tables[:, ::-1], groups, seed=4)
    for place, each in enumerate(sets):
        one = compare(each, sets[-1 - place], groups, seed=4)
        told = [float(column[place]) for column in vars(found).values()]
        assert told == pytest.approx(list(vars(one).values()))


def test_the_same_seed_gives_the_same_numbers():
    rng = np.random.default_rng(1)
    a, b = rng.random(50), rng.random(50)
    groups = [f"g{row % 12}" for row in range(50)]
    assert interval(a, groups, seed=3) == interval(a, groups, seed=3)
    assert compare(a, b, groups, seed=3) == compare(a, b, groups, seed=3)


def test_macro_f1_is_recomputed_in_every_resample():
    rows = [
        OutcomeRecord(
            strategy="s",
            example=str(row),
            state="ok",
            scores={"m": float(row % 4 > 0)},
            expected="ab"[row % 2],
            predicted="ab"[(row % 2) if row % 4 else 1],
        )
        for row in range(40)
    ]
    figure = MacroF1("m", ("a", "b"))
    table = figure.sums(rows)
    value = float(figure.finish(table.sum(axis=0, keepdims=True))[0])
    low, high = interval(table, [None] * 40, finish=figure.finish)
    assert value == pytest.approx((2 / 3 + 0.8) / 2)
    assert 0.5 < low < value < high < 0.9
    same = compare(table, table, [None] * 40, finish=figure.finish)
    assert (same.difference, same.p_value) == (0.0, 1.0)


@pytest.mark.parametrize(("binary", "clustered"), [(True, False), (False, False), (False, True)])
def test_intervals_cover_the_truth(binary, clustered):
    """Nominal 95%; 200 seeded samples of 24 clusters, so 0.91 is 2.5 standard errors below."""
    rng = np.random.default_rng(7)
    covered = 0
    for seed in range(200):
        centres = rng.beta(4, 2, size=24)
        if clustered:
            scores = np.clip(np.repeat(centres, 3) + rng.normal(0, 0.02, 72), 0, 1)
            groups = [f"g{row // 3}" for row in range(72)]
        else:
            scores = (rng.random(24) < 2 / 3).astype(float) if binary else centres
            groups = [None] * 24
        low, high = interval(scores, groups, seed=seed)
        covered += low <= 2 / 3 <= high
    assert 0.91 <= covered / 200 <= 0.99


def test_the_paired_test_keeps_its_level_on_clustered_null_data():
    rng = np.random.default_rng(11)
    rejected = 0
    groups = [f"g{row // 5}" for row in range(100)]
    for seed in range(100):
        a = np.repeat(rng.normal(0.5, 0.1, 20), 5)
        b = np.repeat(rng.normal(0.5, 0.1, 20), 5)
        rejected += compare(a, b, groups, seed=seed).p_value < 0.05
    assert rejected <= 11


@pytest.mark.parametrize(("won", "shown"), [(4, False), (8, True)])
def test_a_handful_of_rows_shows_nothing(won, shown):
    """By hand: all `won` rows go one way with probability 2 / 2^won, 0.125 and 0.008."""
    b = np.full(40, 0.5)
    a = b + np.where(np.arange(40) < won, 0.5, 0.0)
    found = compare(a, b, [None] * 40)
    assert found.p_value == pytest.approx(2 / 2**won, abs=0.02)
    assert (found.low > 0) is shown
    back = compare(b, a, [None] * 40)
    assert (back.high < 0) is shown
