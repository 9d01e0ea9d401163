"""The report, schema `tuneworth.report/1`: the public result, computed from records alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from operator import not_
from typing import Any, Literal

from pydantic import ConfigDict, Field

from benchmarks.errors import BenchmarkError
from benchmarks.race_records import RaceResult
from benchmarks.records import Environment, ModelFacts, Record, RunRecord, SentinelRecord, TaskFacts
from benchmarks.results import (
    Comparison,
    Disagreement,
    LearningCurve,
    PredictedGap,
    Prediction,
    StrategyResult,
    Summary,
)
from benchmarks.seating import run_in
from benchmarks.summary import summarise
from corpora.task import Check, Deployment, Frozen, Needs, is_none
from service.changing import Change, changes_from
from service.evidence import evidence_of
from service.recommendation import Recommendation, recommend
from service.unpaid import unpaid

REPORT_SCHEMA: Literal["tuneworth.report/1"] = "tuneworth.report/1"


class ReportEnvironment(Environment):
    """The machine, and what the whole comparison took on it."""

    seconds: float
    spent_usd: float


class ReportBreakEven(Frozen):
    """Requests a month at which `to` becomes cheaper than `from`; None where it never does."""

    model_config = ConfigDict(populate_by_name=True)

    from_: str = Field(alias="from")
    to: str
    requests: float | None
    low: float | None = None
    high: float | None = None


class Sentinel(Frozen):
    """A guard against a broken measurement. `strategy` is None for one about the data."""

    name: str
    strategy: str | None
    passed: bool
    message: str


class LearningPoint(Frozen):
    """Mean quality of a strategy over trainings on `n` examples, one a seed, with its 95%
    interval over test rows and trainings."""

    strategy: str
    n: int
    quality: float
    low: float
    high: float
    seeds: tuple[int, ...]


class LearningForecast(Frozen):
    """What more training examples would bring a strategy; nothing where `refused` says why.

    `gaps` are the qualities expected minus its own as measured, and minus that of
    the recommended one, which it is expected to beat from `overtakes_at` examples on. `failed`
    are trainings of its curve without a result.
    """

    strategy: str
    predictions: tuple[Prediction, ...]
    gaps: tuple[PredictedGap, ...]
    overtakes_at: int | None
    refused: str | None
    failed: tuple[str, ...]


class Report(Frozen):
    """Everything measured and what follows from it. Written as JSON with `as_json`.

    `strategies` are in order of quality, those without a score last. `flattery` is by how much the
    highest quality is too high on average, for being the highest of several. `changes` say what
    each would bring against what runs today, and are left out where that is not given; so are
    `learning_forecasts` where no learning curve was asked for, and `race` where none was run.
    """

    model_config = ConfigDict(populate_by_name=True)

    schema_: Literal["tuneworth.report/1"] = Field(default=REPORT_SCHEMA, alias="schema")
    task: TaskFacts
    needs: Needs
    deployment: Deployment | None = Field(default=None, exclude_if=is_none)
    models: tuple[ModelFacts, ...]
    environment: ReportEnvironment
    prices: dict[str, Any]
    recommendation: Recommendation
    strategies: tuple[StrategyResult, ...]
    comparisons: tuple[Comparison, ...]
    break_even: tuple[ReportBreakEven, ...]
    detectable_difference: float
    flattery: float = Field(default=0.0, exclude_if=not_)
    sentinels: tuple[Sentinel, ...]
    checks: tuple[Check, ...]
    disagreements: tuple[Disagreement, ...]
    changes: tuple[Change, ...] = Field(default=(), exclude_if=not_)
    learning_curve: tuple[LearningPoint, ...] = ()
    learning_forecasts: tuple[LearningForecast, ...] = Field(default=(), exclude_if=not_)
    race: RaceResult | None = Field(default=None, exclude_if=is_none)

    def as_json(self) -> str:
        """The public JSON, keys as documented, ending with a line break."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


def build_report(records: Sequence[Record]) -> Report:
    """The report of a run; the same records give the same report.

    Raises BenchmarkError for records without a run record.
    """
    run = run_in(records)
    if run is None:
        raise BenchmarkError("these records hold no run record: there is nothing to report.")
    sentinels = {
        (record.strategy or "", record.name): Sentinel(
            name=record.name,
            strategy=record.strategy,
            passed=record.passed,
            message=record.message,
        )
        for record in records
        if isinstance(record, SentinelRecord)
    }
    return report_of(run, summarise(records), tuple(sentinels.values()), unpaid(records))


def report_of(
    run: RunRecord,
    summary: Summary,
    sentinels: Sequence[Sentinel] = (),
    found: Sequence[Check] = (),
) -> Report:
    """The report of what a summary holds, with what was `found` besides the run's own checks."""
    environment = ReportEnvironment(
        **run.environment.model_dump(), seconds=summary.seconds, spent_usd=summary.spent_usd
    )
    rows = tuple(sorted(summary.strategies, key=best_first))
    answer = recommend(summary, run.task, run.needs)
    return Report(
        task=run.task,
        needs=run.needs,
        deployment=run.deployment,
        models=run.models,
        environment=environment,
        prices=run.prices,
        recommendation=answer,
        strategies=rows,
        comparisons=tuple(sorted(summary.comparisons, key=lambda row: (row.a, row.b))),
        break_even=tuple(
            ReportBreakEven.model_validate(row.model_dump()) for row in summary.break_even
        ),
        detectable_difference=summary.detectable_difference,
        flattery=summary.flattery,
        sentinels=tuple(sentinels),
        checks=(*run.checks, *found),
        disagreements=summary.disagreements,
        changes=changes_from(rows, evidence_of(summary)),
        learning_curve=tuple(
            LearningPoint(strategy=curve.strategy, **point.model_dump())
            for curve in summary.curves
            for point in curve.points
        ),
        learning_forecasts=tuple(forecast_of(each, answer.strategy) for each in summary.curves),
        race=summary.race,
    )


def forecast_of(curve: LearningCurve, recommended: str | None) -> LearningForecast:
    """What is expected of a curve, against itself and the recommended strategy alone."""
    return LearningForecast(
        strategy=curve.strategy,
        predictions=curve.predictions,
        gaps=tuple(gap for gap in curve.gaps if gap.other in (curve.strategy, recommended)),
        overtakes_at=curve.overtakes.get(recommended) if recommended else None,
        refused=curve.refused,
        failed=curve.failed,
    )


def best_first(row: StrategyResult) -> tuple[bool, float, str]:
    return (row.quality is None, -row.quality.value if row.quality else 0.0, row.id)
