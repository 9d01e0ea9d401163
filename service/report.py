"""The report, schema `tuneworth.report/1`: the public result, computed from records alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from operator import not_
from typing import Any, Literal

from pydantic import ConfigDict, Field

from benchmarks.errors import BenchmarkError
from benchmarks.records import Environment, ModelFacts, Record, RunRecord, SentinelRecord, TaskFacts
from benchmarks.results import Comparison, Disagreement, StrategyResult, Summary
from benchmarks.standing import latest_run
from benchmarks.summary import summarise
from corpora.task import Check, Deployment, Frozen, Needs, is_none
from service.changing import Change, changes_from
from service.evidence import evidence_of
from service.recommendation import Recommendation, recommend

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
    """Quality of a strategy trained on `n` examples."""

    strategy: str
    n: int
    quality: float
    low: float
    high: float
    seeds: tuple[int, ...]


class Report(Frozen):
    """Everything measured and what follows from it. Written as JSON with `as_json`.

    `strategies` are in order of quality, those without a score last. `changes` say what each
    would bring against what runs today, and are left out where that is not given.
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
    sentinels: tuple[Sentinel, ...]
    checks: tuple[Check, ...]
    disagreements: tuple[Disagreement, ...]
    changes: tuple[Change, ...] = Field(default=(), exclude_if=not_)
    learning_curve: tuple[LearningPoint, ...] = ()

    def as_json(self) -> str:
        """The public JSON, keys as documented, ending with a line break."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


def build_report(records: Sequence[Record]) -> Report:
    """The report of a run; the same records give the same report.

    Raises BenchmarkError for records without a run record.
    """
    run = latest_run(records)
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
    return report_of(run, summarise(records), tuple(sentinels.values()))


def report_of(run: RunRecord, summary: Summary, sentinels: Sequence[Sentinel] = ()) -> Report:
    """The report of what a summary holds."""
    environment = ReportEnvironment(
        **run.environment.model_dump(), seconds=summary.seconds, spent_usd=summary.spent_usd
    )
    rows = tuple(sorted(summary.strategies, key=best_first))
    return Report(
        task=run.task,
        needs=run.needs,
        deployment=run.deployment,
        models=run.models,
        environment=environment,
        prices=run.prices,
        recommendation=recommend(summary, run.task, run.needs),
        strategies=rows,
        comparisons=tuple(sorted(summary.comparisons, key=lambda row: (row.a, row.b))),
        break_even=tuple(
            ReportBreakEven.model_validate(row.model_dump()) for row in summary.break_even
        ),
        detectable_difference=summary.detectable_difference,
        sentinels=tuple(sentinels),
        checks=run.checks,
        disagreements=summary.disagreements,
        changes=changes_from(rows, evidence_of(summary)),
    )


def best_first(row: StrategyResult) -> tuple[bool, float, str]:
    return (row.quality is None, -row.quality.value if row.quality else 0.0, row.id)
