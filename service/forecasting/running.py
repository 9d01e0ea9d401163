"""One forecast from a data set to its result: what the command line and the worker run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.belief.predictor import Predictor
from benchmarks.costs import PriceList, RunPrices
from benchmarks.evidence.finding import Finding, Source
from corpora.errors import InvalidInput
from corpora.task import Check, Dataset
from service.comparing import plan
from service.forecasting.answer import answer_of
from service.forecasting.appraisal import Purse
from service.forecasting.controller import Explored, Explorer, OnStep, no_steps
from service.forecasting.expected import Outlook, outlook_of, with_stand_ins, without_test
from service.forecasting.judging import Bench
from service.forecasting.mind import Learned
from service.forecasting.result import (
    Exhaustive,
    Forecast,
    ForecastBudget,
    ForecastRow,
    Predicted,
    Spent,
)
from service.forecasting.sources import live_source, predictor_told, shipped_predictor
from service.forecasting.verdict import CONFIDENCE

SHARE = 0.07
"""Of the comparison's quoted time (and money, where a hosted model is paid) that a forecast may
take where no budget is stated."""


@dataclass(frozen=True)
class ForecastPlan:
    """What is to be foretold, what the comparison would take, and what the forecast may.

    `dataset` holds no test row. `paid_usd` is the most that hosted models may be paid.
    """

    dataset: Dataset
    outlook: Outlook
    purse: Purse
    checks: tuple[Check, ...] = ()

    @property
    def paid_usd(self) -> float:
        if not self.outlook.paid_usd:
            return 0.0
        return min(self.outlook.paid_usd, self.purse.usd or self.outlook.paid_usd)


def plan_forecast(
    dataset: Dataset,
    *,
    strategies: Sequence[str] | None,
    prices: PriceList,
    seed: int = 0,
    budget_seconds: float | None = None,
    budget_usd: float | None = None,
) -> ForecastPlan:
    """Look ahead without loading a model. Raises as `service.comparing.plan` does, and InvalidInput
    where there is no row to learn from or no strategy that fits."""
    if not dataset.train and not dataset.validation:
        fix = "A forecast reads training and validation rows alone: add some."
        raise InvalidInput("examples", f"{len(dataset.test)} test rows only", fix)
    quoted = with_stand_ins(dataset)
    compared = plan(quoted, strategies=strategies, prices=prices)
    outlook = outlook_of(quoted, compared, prices, seed)
    if not outlook.fitting:
        reasons = [f"{row.id}: {row.skipped}" for row in outlook.quotes.values() if row.skipped]
        raise InvalidInput("strategies", list(outlook.quotes), f"None fits: {'; '.join(reasons)}.")
    run_prices = RunPrices.model_validate(outlook.run.prices)
    usd = budget_usd
    if usd is None and outlook.paid_usd:
        usd = SHARE * outlook.usd
    purse = Purse(
        seconds=SHARE * outlook.seconds if budget_seconds is None else budget_seconds,
        usd=usd,
        whole_seconds=outlook.seconds,
        whole_usd=outlook.usd,
        usd_per_second=run_prices.usd_per_second,
    )
    return ForecastPlan(without_test(dataset), outlook, purse)


def forecast(
    planned: ForecastPlan,
    *,
    confidence: float = CONFIDENCE,
    source: Source | None = None,
    predictor: Predictor | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    on_step: OnStep = no_steps,
    clock: Callable[[], float] = time.perf_counter,
) -> Forecast:
    """Explore until the decision is clear or the budget used up, and tell what was foretold.

    Without a `source` the actions are computed here; without a `predictor` the shipped one holds.
    """
    outlook = planned.outlook
    known = predictor or shipped_predictor()
    facts = tuple(entry.facts for entry in outlook.fitting)
    seed = outlook.run.seed
    explorer = Explorer(
        source=source or live_source(planned.dataset, outlook.fitting, seed),
        mind=Learned(known, outlook.run.task.kind, facts),
        judge=Bench(outlook, confidence, seed),
        purse=planned.purse,
        confidence=confidence,
        rows=len(planned.dataset.validation),
        seed=seed,
        clock=clock,
        cancelled=cancelled,
        on_step=on_step,
    )
    return told(planned, explorer.explore(), confidence, predictor_told(known))


def told(
    planned: ForecastPlan, explored: Explored, confidence: float, predictor: str
) -> Forecast:
    """The result of an exploration."""
    outlook, run = planned.outlook, planned.outlook.run
    spent = spent_on(planned.purse, explored)
    saved = 1 - spent.seconds / outlook.seconds if outlook.seconds else 0.0
    exhaustive = Exhaustive(
        seconds=outlook.seconds, usd=outlook.usd, machine=outlook.machine, saved=saved
    )
    return Forecast(
        task=run.task,
        needs=run.needs,
        deployment=run.deployment,
        seed=run.seed,
        environment=run.environment,
        prices=run.prices,
        predictor=predictor,
        confidence=confidence,
        answer=answer_of(explored.judged, exhaustive, run.task.n_test),
        strategies=rows_of(outlook, explored),
        spent=spent,
        budget=ForecastBudget(seconds=planned.purse.seconds, usd=planned.purse.usd),
        exhaustive=exhaustive,
        stop=explored.stop,
        stopped=explored.stopped,
        start=explored.start,
        trace=explored.trace,
        checks=planned.checks,
    )


def spent_on(purse: Purse, explored: Explored) -> Spent:
    tokens = sum(finding.usd for finding in explored.findings)
    return Spent(
        seconds=explored.seconds,
        thinking_seconds=explored.thinking_seconds,
        usd=purse.money(explored.seconds, tokens),
        operations=sum(finding.operations for finding in explored.findings),
        actions=len(explored.findings),
    )


def rows_of(outlook: Outlook, explored: Explored) -> tuple[ForecastRow, ...]:
    """Every strategy, the best first and those that are out last."""
    judged, belief = explored.judged, explored.belief
    rows = []
    for row in judged.case.summary.strategies:
        quality = None
        if row.quality is not None and row.status == "completed":
            one = belief.quality(row.id)
            quality = Predicted(
                metric=row.quality.metric, value=one.value, low=one.low, high=one.high
            )
        mine = [finding for finding in explored.findings if finding.action.strategy == row.id]
        rows.append(
            ForecastRow(
                id=row.id,
                name=row.name,
                model=row.model,
                family=row.family,
                status=row.status,
                reason=row.reason,
                quality=quality,
                cost=row.cost,
                latency_ms=row.latency_ms,
                under_load=row.under_load,
                compare_seconds=outlook.quotes[row.id].seconds,
                p_best=judged.best.get(row.id),
                p_chosen=judged.chosen.get(row.id),
                rows=answered(mine),
                seen_by=tuple(dict.fromkeys(one.action.deed for one in mine if not one.trouble)),
            )
        )
    return tuple(sorted(rows, key=best_first))


def answered(findings: Sequence[Finding]) -> int:
    """Validation rows that the strategy itself answered."""
    return max((len(one.scores) for one in findings if one.action.deed == "rows"), default=0)


def best_first(row: ForecastRow) -> tuple[bool, float, str]:
    return (row.quality is None, -row.quality.value if row.quality else 0.0, row.id)
