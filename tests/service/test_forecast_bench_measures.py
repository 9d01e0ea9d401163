"""The measures of the forecast's benchmark, on numbers made by hand and on simulated worlds."""

from math import sqrt

import numpy as np
import pytest
from bench_worlds import audit, record_of, truth

from service.forecast_bench.calls import brier_of_calls, by_chance, calls_of
from service.forecast_bench.chances import brier, reliability
from service.forecast_bench.halves import crossings, halves
from service.forecast_bench.misses import (
    Miss,
    coverage,
    coverage_with_noise,
    rmse,
    rmse_without_noise,
    within,
    within_without_noise,
)
from service.forecast_bench.regret import is_found, regret_of, share_of
from service.forecast_bench.truth import computed


def miss(error, *, variance=0.0, reach=0.05, measured=0.5):
    middle = measured + error
    return Miss("t", "s", middle, middle - reach, middle + reach, measured, variance)


def test_halves_are_even_apart_and_drawn_by_seed():
    rows = [f"r{n}" for n in range(21)]
    one, other = halves(rows, None, 3)
    assert sorted([*one, *other]) == sorted(rows)
    assert abs(len(one) - len(other)) == 1
    assert halves(rows, None, 3) == (one, other)
    assert halves(rows, None, 4) != (one, other)


def test_halves_never_cut_a_group():
    rows = [f"r{n}" for n in range(30)]
    groups = [f"g{n % 4}" if n < 20 else None for n in range(30)]
    for seed in range(10):
        one, other = halves(rows, groups, seed)
        of = dict(zip(rows, groups, strict=True))
        shared = {of[row] for row in one} & {of[row] for row in other}
        assert shared <= {None}
        assert abs(len(one) - len(other)) <= 5


def test_groups_of_many_sizes_are_split_in_more_than_one_way():
    groups = [f"g{size}" for size in range(1, 13) for _ in range(size)]
    rows = [f"r{n}" for n in range(len(groups))]
    found = {frozenset(map(frozenset, halves(rows, groups, seed))) for seed in range(6)}
    assert len(found) > 3
    for split in found:
        one, other = split
        assert abs(len(one) - len(other)) <= 12


def test_both_halves_choose_and_judge_and_a_single_group_does_both_at_once():
    pairs = crossings(["a", "b", "c", "d"], None, splits=3)
    assert len(pairs) == 6
    assert pairs[0] == tuple(reversed(pairs[1]))
    assert crossings(["a", "b"], ["g", "g"]) == [(("a", "b"), ("a", "b"))]


@pytest.mark.parametrize(
    ("pick", "lost"),
    [
        ("lora", 0.0),
        ("prompt.nearest", (0.2 + 0.1) / 2),
        ("never.heard.of", (0.6 + 0.5) / 2),
        (None, (0.6 + 0.5) / 2),
    ],
)
def test_regret_is_the_mean_over_the_audits(pick, lost):
    audits = [
        audit("lora", lora=0.7, prompt_nearest=0.5),
        audit("lora", lora=0.6, prompt_nearest=0.5),
    ]
    assert regret_of(pick, audits) == pytest.approx(lost)


def test_a_winner_that_is_nothing_is_worth_what_takes_no_thought():
    audits = [audit(None, nothing=0.3, lora=0.25)]
    assert regret_of(None, audits) == 0.0
    assert regret_of("lora", audits) == pytest.approx(0.05)


def test_found_is_the_winner_itself_or_as_good_within_the_margin():
    audits = [audit("lora", lora=0.70, prompt_nearest=0.69, baseline_linear=0.6)]
    known = {"lora": (0.7, 0.0, 1.0)}
    whole = truth(known=known, audits=audits)
    assert is_found("lora", whole)
    assert is_found("prompt.nearest", whole)
    assert not is_found("baseline.linear", whole)
    assert is_found(
        "baseline.linear", truth(known=known, audits=audits, winners=("baseline.linear",))
    )


def test_among_equals_luck_is_no_regret():
    """Chosen and judged on the same rows, the best of equals seems to be lost."""
    qualities = dict.fromkeys(("baseline.linear", "prompt.nearest", "lora"), 0.6)
    crossed, flattered = [], []
    for seed in range(24):
        audits = computed(record_of(qualities, rows=60, seed=seed), splits=1).audits
        crossed.append(regret_of("lora", audits))
        best = [max(each.qualities.values()) - each.qualities["lora"] for each in audits]
        flattered.append(np.mean(best))
    assert np.mean(flattered) > 0.04
    assert abs(np.mean(crossed)) < 2.5 * np.std(crossed) / sqrt(24)


def test_a_worse_choice_costs_what_it_is_worse_by():
    qualities = {"baseline.linear": 0.4, "lora": 0.7}
    lost = [
        regret_of(
            "baseline.linear", computed(record_of(qualities, rows=200, seed=s), splits=1).audits
        )
        for s in range(8)
    ]
    assert np.mean(lost) == pytest.approx(0.3, abs=0.03)


def test_shares_have_wilsons_interval():
    value, low, high = share_of([True] * 9 + [False])
    assert value == 0.9
    assert (low, high) == (pytest.approx(0.5958, abs=1e-4), pytest.approx(0.9821, abs=1e-4))
    assert share_of([]) == (0.0, 0.0, 1.0)


def test_calls_count_only_tasks_that_are_decided():
    right = ["yes", "yes", "no", "no", "no", "not yet"]
    told = ["yes", "no", "no", "not yet", "no", "yes"]
    found = calls_of(told, right)
    assert (found.decided, found.undecided, found.made) == (5, 1, 4)
    assert found.accuracy[0] == 0.75
    assert found.balanced == pytest.approx((0.5 + 1.0) / 2)
    assert found.not_yet == pytest.approx(0.2)
    assert found.always == 0.6


def test_always_no_is_balanced_at_a_half():
    found = calls_of(["no"] * 4, ["no", "no", "no", "yes"])
    assert found.accuracy[0] == found.always == 0.75
    assert found.balanced == 0.5


def test_an_answer_whose_tasks_got_no_right_call_counts_as_0():
    found = calls_of(["not yet", "not yet", "not yet", "no"], ["yes", "yes", "yes", "no"])
    assert found.accuracy[0] == 1.0
    assert found.balanced == 0.5


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_tasks_of_one_answer_alone_are_not_balanced(answer):
    assert calls_of([answer] * 3, [answer] * 3).balanced is None


def test_nothing_decided_makes_no_call():
    found = calls_of(["yes"], ["not yet"])
    assert (found.decided, found.undecided, found.made, found.not_yet) == (0, 1, 0, 0.0)
    assert found.balanced is None
    assert found.accuracy[0] == 0.0


@pytest.mark.parametrize(
    ("chance", "confidence", "call"),
    [
        (0.9, 0.9, "yes"),
        (0.89, 0.9, "not yet"),
        (0.89, 0.8, "yes"),
        (0.11, 0.9, "not yet"),
        (0.05, 0.9, "no"),
        (0.3, 0.7, "no"),
    ],
)
def test_a_chance_calls_by_the_confidence_wanted(chance, confidence, call):
    assert by_chance(chance, confidence) == call


def test_the_brier_score_of_calls_leaves_undecided_tasks_out():
    found = brier_of_calls([0.9, 0.2, 0.5], ["yes", "no", "not yet"])
    assert found == pytest.approx((0.1**2 + 0.2**2) / 2)
    assert brier_of_calls([0.5, 0.5], ["yes", "no"]) == 0.25
    assert brier_of_calls([0.5], ["not yet"]) is None


def test_errors_raw_and_without_noise():
    misses = [miss(0.03, variance=0.0005), miss(-0.04, variance=0.0005)]
    assert rmse(misses) == pytest.approx(sqrt((0.0009 + 0.0016) / 2))
    assert rmse_without_noise(misses) == pytest.approx(sqrt((0.0009 + 0.0016) / 2 - 0.0005))
    assert rmse_without_noise([miss(0.01, variance=0.01)]) == 0.0
    assert within(misses) == 0.5


def test_without_noise_an_error_is_what_was_measured():
    misses = [miss(0.03), miss(-0.04), miss(0.0)]
    assert within_without_noise(misses) == pytest.approx(2 / 3)
    assert within_without_noise([]) == 0.0


def test_noise_alone_is_no_error():
    rng = np.random.default_rng(1)
    misses = [miss(e, variance=0.03**2, reach=0.0) for e in rng.normal(0, 0.03, 4000)]
    assert rmse(misses) == pytest.approx(0.03, rel=0.05)
    assert rmse_without_noise(misses) < 0.008
    assert within(misses) == pytest.approx(0.683, abs=0.03)
    assert within_without_noise(misses) > 0.99
    assert coverage_with_noise(misses) == pytest.approx(0.9, abs=0.02)
    assert coverage(misses) < 0.01


def test_a_true_forecast_has_the_errors_that_it_has_whatever_the_noise():
    """Intervals that are right for the true quality cover nine in ten; raw ones seem too short."""
    rng = np.random.default_rng(2)
    spread, noise, n = 0.02, 0.03, 6000
    errors = rng.normal(0, spread, n) + rng.normal(0, noise, n)
    misses = [miss(e, variance=noise**2, reach=1.645 * spread) for e in errors]
    assert rmse_without_noise(misses) == pytest.approx(spread, rel=0.06)
    true = np.mean(np.abs(rng.normal(0, spread, 100_000)) <= 0.03)
    assert within_without_noise(misses) == pytest.approx(true, abs=0.02)
    assert coverage_with_noise(misses) == pytest.approx(0.9, abs=0.015)
    assert coverage(misses) < 0.7


def test_an_interval_with_uneven_arms_is_widened_on_each_side():
    above = Miss("t", "s", 0.5, 0.5, 0.6, 0.601, 0.01**2)
    assert not above.covered
    assert above.covered_with_noise
    assert not Miss("t", "s", 0.5, 0.5, 0.6, 0.602, 0.01**2).covered_with_noise
    below = Miss("t", "s", 0.5, 0.5, 0.6, 0.485, 0.01**2)
    assert below.covered_with_noise
    assert not Miss("t", "s", 0.5, 0.5, 0.6, 0.48, 0.01**2).covered_with_noise


def test_the_brier_score_is_the_usual_one_where_the_best_is_known():
    told = [{"a": 0.7, "b": 0.3}, {"a": 0.0, "b": 1.0}]
    true = [{"a": 1.0, "b": 0.0}, {"a": 1.0, "b": 0.0}]
    assert brier(told, true) == pytest.approx(((0.3**2 + 0.3**2) + 2.0) / 2)
    assert brier([], []) == 0.0


def test_where_the_best_is_in_doubt_the_brier_score_is_the_expected_one():
    told, true = {"a": 0.7, "b": 0.3}, {"a": 0.6, "b": 0.4}
    certain = [brier([told], [{"a": 1.0}]), brier([told], [{"b": 1.0}])]
    assert brier([told], [true]) == pytest.approx(0.6 * certain[0] + 0.4 * certain[1])


def test_chances_that_are_true_lie_on_the_line():
    rng = np.random.default_rng(3)
    told, true = [], []
    for _ in range(3000):
        p = rng.dirichlet([0.5, 0.5, 0.5])
        best = rng.choice(3, p=p)
        told.append(dict(zip("abc", p, strict=True)))
        true.append({"abc"[best]: 1.0})
    bins = reliability(told, true)
    assert sum(each.n for each in bins) == 9000
    for each in bins:
        assert each.low <= each.told <= each.high
        assert each.true == pytest.approx(each.told, abs=0.04)


def test_bins_hold_their_lower_edge_and_certainty():
    (low, high) = reliability([{"a": 1.0, "b": 0.0}], [{"a": 1.0}])
    assert (low.told, low.true, low.n) == (0.0, 0.0, 1)
    assert (high.told, high.true, high.n) == (1.0, 1.0, 1)
