"""The figures of the benchmark against their targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from benchmarks.speed.checks import BenchCheck, at_least, at_most, stated, unmeasured
from service.forecast_bench.figures import Overall
from service.forecast_bench.replayed import FORECAST

HEADLINE = 0.07
"""The budget that targets are held against, as a share of the exhaustive seconds."""
BUDGETS = (0.01, 0.03, HEADLINE, 0.15)
COVERED = (0.85, 0.95)


def forecast_checks(
    found: Sequence[Overall], *, left_out: int, targets: bool = True
) -> list[BenchCheck]:
    """Targets where they count, else every figure is only stated."""
    main = next((one for one in found if (one.way, one.budget) == (FORECAST, HEADLINE)), None)
    checks = [at_most("tasks_left_out", float(left_out), "tasks", 0.0), *targeted(main)]
    if main is not None:
        checks += told(main)
    for one in found:
        if one is not main:
            checks += beside(one)
    if targets:
        return checks
    return [replace(check, target=None, met=None) for check in checks]


def targeted(main: Overall | None) -> list[BenchCheck]:
    """What has a target. A figure that nothing was found for has missed it, and without a replay
    at the headline budget all have."""
    calls = main.calls if main else None
    low, high = COVERED
    covered = main.covered if main else None
    return [
        held(at_least, "compute_saved", main.saved if main else None, "share", 0.93),
        held(
            at_most, "mean_regret_points", points(main.mean_regret if main else None), "points", 1.0
        ),
        held(
            at_most,
            "worst_regret_points",
            points(main.worst_regret if main else None),
            "points",
            4.0,
        ),
        held(at_least, "winner_found", main.found[0] if main else None, "share", 0.90),
        held(at_least, "go_no_go", calls.accuracy[0] if calls else None, "share", 0.92),
        held(at_least, "go_no_go_balanced", calls.balanced if calls else None, "share", 0.88),
        held(at_most, "not_yet_share", calls.not_yet if calls else None, "share", 0.15),
        held(at_most, "prediction_rmse_points", points(main.rmse if main else None), "points", 1.5),
        held(at_least, "within_3_points", main.within if main else None, "share", 0.95),
        BenchCheck(
            "interval_coverage",
            covered,
            "share",
            0.90,
            met=covered is not None and low <= covered <= high,
        ),
    ]


def held(
    against: Callable[[str, float, str, float], BenchCheck],
    name: str,
    value: float | None,
    unit: str,
    target: float,
) -> BenchCheck:
    if value is None:
        return unmeasured(name, unit, target)
    return against(name, value, unit, target)


def told(main: Overall) -> list[BenchCheck]:
    """What stands beside the targets."""
    calls = main.calls
    named = {
        "tasks": (float(main.tasks), "tasks"),
        "compute_saved_operations": (main.saved_operations, "share"),
        "deciding_share": (main.deciding, "share"),
        "mean_regret_error_points": (points(main.mean_regret_error), "points"),
        "mean_to_winner_points": (points(main.mean_to_winner), "points"),
        "winner_found_low": (main.found[1], "share"),
        "winner_found_high": (main.found[2], "share"),
        "winner_found_chance": (main.found_chance, "share"),
        "go_no_go_low": (calls.accuracy[1], "share"),
        "go_no_go_high": (calls.accuracy[2], "share"),
        "go_no_go_calls": (float(calls.made), "tasks"),
        "go_no_go_majority": (calls.always, "share"),
        "exhaustive_not_yet": (float(calls.undecided), "tasks"),
        "prediction_rmse_raw_points": (points(main.rmse_raw), "points"),
        "within_3_points_raw": (main.within_raw, "share"),
        "interval_coverage_raw": (main.covered_raw, "share"),
        "p_best_brier": (main.brier, "score"),
        "p_tuned_brier": (main.calls_brier, "score"),
    }
    return [stated(name, value, unit) for name, (value, unit) in named.items() if value is not None]


def beside(one: Overall) -> list[BenchCheck]:
    """Other budgets, and rivals."""
    at = f"{one.way.replace(' ', '_').replace('-', '_')}_at_{one.budget:.0%}".rstrip("%")
    return [
        stated(f"{at}_mean_regret_points", 100 * one.mean_regret, "points"),
        stated(f"{at}_winner_found", one.found[0], "share"),
        stated(f"{at}_go_no_go", one.calls.accuracy[0], "share"),
    ]


def points(value: float | None) -> float | None:
    """Without what sums leave in the last bits, which would decide where a target is just met."""
    return None if value is None else round(100 * value, 9)
