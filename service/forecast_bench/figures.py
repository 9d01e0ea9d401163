"""From replays and what is true to the figures of the benchmark. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

from service.commitment import Commit
from service.forecast_bench.calls import Calls, brier_of_calls, by_chance, calls_of
from service.forecast_bench.chances import Bin, brier, reliability
from service.forecast_bench.misses import (
    Miss,
    coverage,
    coverage_with_noise,
    rmse,
    rmse_without_noise,
    within,
    within_without_noise,
)
from service.forecast_bench.noise import SeedNoise
from service.forecast_bench.regret import (
    Share,
    chance_found,
    error_of,
    is_found,
    regret_of,
    share_of,
)
from service.forecast_bench.replayed import Replay
from service.forecast_bench.truth import Truth

CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
Truths = Mapping[str, Truth]
"""By the name of the task."""


@dataclass(frozen=True)
class TaskFigures:
    """One forecast of one task. `regret_error` is the standard error of its regret by the luck of
    the test rows, `winners_regret` the regret of the exhaustive winner itself, and `found_chance`
    the chance that the true one is within the margin. `saved` is
    the share of the exhaustive seconds that it did not take, thinking included, `saved_operations`
    the same in floating-point operations, None where they are not known; `rmse` is without noise,
    None where no quality was foretold."""

    replay: Replay
    truth: Truth
    regret: float
    regret_error: float
    winners_regret: float
    found: bool
    found_chance: float
    saved: float
    saved_operations: float | None
    rmse: float | None

    @property
    def to_winner(self) -> float:
        """What the choice measured below the exhaustive winner, on the same rows."""
        return self.regret - self.winners_regret


@dataclass(frozen=True)
class Overall:
    """One way of foretelling at one budget, over all tasks. Regrets and errors run from 0 to 1;
    errors and coverages are over strategies and tasks, None where no quality is foretold; with
    noise in them where they are called raw. `mean_regret_error` is the standard error of the mean
    regret by the luck of test rows alone, `mean_to_winner` the mean of what choices measured below
    the exhaustive winners, and `found_chance` the mean chance of a regret within the
    margin. `calls_brier` is the Brier score of the foretold chances that tuning is right.
    `deciding` is the mean share of the exhaustive seconds that choosing and believing took
    in the replay; `saved` counts it as spent."""

    way: str
    budget: float
    tasks: int
    saved: float
    saved_operations: float | None
    deciding: float
    mean_regret: float
    mean_regret_error: float
    mean_to_winner: float
    worst_regret: float
    worst_task: str
    found: Share
    found_chance: float
    calls: Calls
    rmse: float | None
    rmse_raw: float | None
    within: float | None
    within_raw: float | None
    covered: float | None
    covered_raw: float | None
    brier: float | None
    bins: tuple[Bin, ...]
    calls_brier: float | None


def figures_of(replay: Replay, truth: Truth, seed_variance: float = 0.0) -> TaskFigures:
    """`seed_variance` is that of `pooled_seed_variance`."""
    misses = misses_of(replay, truth, seed_variance)
    spent = replay.operations / truth.operations if truth.operations else None
    return TaskFigures(
        replay=replay,
        truth=truth,
        regret=regret_of(replay.pick, truth.audits),
        regret_error=error_of(replay.pick, truth),
        winners_regret=regret_of(truth.winner, truth.audits),
        found=is_found(replay.pick, truth),
        found_chance=chance_found(replay.pick, truth),
        saved=1 - (replay.seconds + replay.deciding_seconds) / truth.seconds,
        saved_operations=None if spent is None else 1 - spent,
        rmse=rmse_without_noise(misses) if misses else None,
    )


def all_figures(replays: Iterable[Replay], truths: Truths) -> list[TaskFigures]:
    """In their order."""
    seed_variance = pooled_seed_variance(truths)
    return [figures_of(each, truths[each.task], seed_variance) for each in replays]


def pooled_seed_variance(truths: Truths) -> float:
    """What a quality varies by between trainings that differ by their seed alone, by all tasks on
    which something was trained twice; 0 without any."""
    found = SeedNoise()
    for truth in truths.values():
        found = found.with_(SeedNoise(truth.seed_variance, truth.seed_freedom))
    return max(0.0, found.variance)


def misses_of(replay: Replay, truth: Truth, seed_variance: float = 0.0) -> list[Miss]:
    """Of every strategy that was both foretold and measured. A quality of few trainings holds
    their luck, which no forecast can know, beside that of the test rows."""
    return [
        Miss(
            task=replay.task,
            strategy=name,
            predicted=told.value,
            low=told.low,
            high=told.high,
            measured=known.value,
            variance=known.variance + (seed_variance / known.trainings if known.trainings else 0.0),
        )
        for name, told in replay.strategies.items()
        if (known := truth.known.get(name)) is not None
    ]


def chances_told(replay: Replay) -> dict[str, float]:
    """Of being best; empty for a rule that tells none."""
    return {n: one.p_best for n, one in replay.strategies.items() if one.p_best is not None}


def chances_true(truth: Truth) -> dict[str, float]:
    return {name: known.p_best for name, known in truth.known.items()}


def overall(replays: Sequence[Replay], truths: Truths) -> Overall:
    """Of replays of one way and budget, one a task; there must be one."""
    each = all_figures(replays, truths)
    luck = pooled_seed_variance(truths)
    misses = [miss for one in each for miss in misses_of(one.replay, one.truth, luck)]
    worst = max(each, key=lambda one: one.regret)
    counted = [one.saved_operations for one in each if one.saved_operations is not None]
    chances = [(chances_told(one.replay), chances_true(one.truth)) for one in each]
    told = [p for p, _ in chances if p]
    true = [y for p, y in chances if p]
    intervals = any(miss.high > miss.low for miss in misses)
    return Overall(
        way=replays[0].way,
        budget=replays[0].budget,
        tasks=len(each),
        saved=fmean(one.saved for one in each),
        saved_operations=fmean(counted) if counted else None,
        deciding=fmean(one.replay.deciding_seconds / one.truth.seconds for one in each),
        mean_regret=fmean(one.regret for one in each),
        mean_regret_error=sqrt(sum(one.regret_error**2 for one in each)) / len(each),
        mean_to_winner=fmean(one.to_winner for one in each),
        worst_regret=worst.regret,
        worst_task=worst.replay.task,
        found=share_of(one.found for one in each),
        found_chance=fmean(one.found_chance for one in each),
        calls=calls_of([one.replay.commit for one in each], [one.truth.commit for one in each]),
        rmse=rmse_without_noise(misses) if misses else None,
        rmse_raw=rmse(misses) if misses else None,
        within=within_without_noise(misses) if misses else None,
        within_raw=within(misses) if misses else None,
        covered=coverage_with_noise(misses) if intervals else None,
        covered_raw=coverage(misses) if intervals else None,
        brier=brier(told, true) if told else None,
        bins=tuple(reliability(told, true)),
        calls_brier=brier_of_calls(*tuning_told(each)),
    )


def tuning_told(each: Sequence[TaskFigures]) -> tuple[list[float], list[Commit]]:
    """The chances foretold that tuning is right, and what the comparisons answer, task by task."""
    told = [(one.replay.p_tuned, one.truth.commit) for one in each]
    return [p for p, _ in told if p is not None], [true for p, true in told if p is not None]


def calls_by_confidence(each: Sequence[TaskFigures]) -> dict[float, Calls]:
    """What the chance that tuning is right would have called at each confidence, alone."""
    chances, right = tuning_told(each)
    return {c: calls_of([by_chance(p, c) for p in chances], right) for c in CONFIDENCES}


def overalls(replays: Sequence[Replay], truths: Truths) -> list[Overall]:
    """Every way at every budget: ways in the order in which they first appear."""
    kinds = {(each.way, each.budget) for each in replays}
    ways = list(dict.fromkeys(each.way for each in replays))
    return [
        overall([each for each in replays if (each.way, each.budget) == kind], truths)
        for kind in sorted(kinds, key=lambda kind: (ways.index(kind[0]), kind[1]))
    ]
