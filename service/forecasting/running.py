"""One forecast from a data set to its result: what the command line and the worker run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.belief.macro import Expected, expected_of
from benchmarks.belief.predictor import Predictor
from benchmarks.evidence.finding import Finding, Source
from benchmarks.evidence.rows import rows_of
from service.forecasting.answer import answer_of
from service.forecasting.appraisal import Purse
from service.forecasting.controller import Explored, Explorer, Judge, OnStep, no_steps
from service.forecasting.defaults import CONFIDENCE
from service.forecasting.expected import Outlook
from service.forecasting.following import ByRule, Follower
from service.forecasting.judging import Bench
from service.forecasting.mind import Learned
from service.forecasting.planning import ForecastPlan
from service.forecasting.result import (
    Exhaustive,
    Forecast,
    ForecastBudget,
    ForecastRow,
    Predicted,
    Spent,
)
from service.forecasting.sources import Continued, live_source, predictor_told, shipped_predictor


def forecast(
    planned: ForecastPlan,
    *,
    confidence: float = CONFIDENCE,
    source: Source | None = None,
    predictor: Predictor | None = None,
    expected: Expected | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    on_step: OnStep = no_steps,
    clock: Callable[[], float] = time.perf_counter,
) -> Forecast:
    """Explore until the decision is clear or the budget used up, and tell what was foretold.

    Without a `source` the actions are computed here; without a `predictor` the shipped one holds.
    Where a simple rule did better than the predictor, as its gate says, the rule decides unless it
    has no say, or looks at the task settle the answer or speak against that of the rule. With a
    `source` that tells labels by other names, `expected` are the right ones by those.
    """
    outlook = planned.outlook
    known = predictor or shipped_predictor()
    facts = tuple(entry.facts for entry in outlook.fitting)
    seed, kind = outlook.run.seed, outlook.run.task.kind
    rule = known.gate.rule(known.tasks, kind, facts)
    judge: Judge = Bench(outlook, confidence, seed)
    make: Callable[..., Explorer] = Explorer
    if rule is not None:
        judge = ByRule(judge, rule, kind, facts, confidence)
        make = partial(Follower, rule=rule.name)
    explorer = make(
        earlier=source.earlier if isinstance(source, Continued) else (),
        source=source or live_source(planned.dataset, outlook, planned.prices),
        mind=Learned(
            known,
            kind,
            facts,
            outlook.run.task.n_documents > 0,
            expected or expected_of(planned.dataset, seed),
        ),
        judge=judge,
        purse=planned.purse,
        confidence=confidence,
        rows=len(rows_of(planned.dataset.train, planned.dataset.validation, seed).judges),
        seed=seed,
        clock=clock,
        cancelled=cancelled,
        on_step=on_step,
    )
    return told(planned, explorer.explore(), confidence, known)


def told(
    planned: ForecastPlan, explored: Explored, confidence: float, predictor: Predictor
) -> Forecast:
    """The result of an exploration."""
    outlook, run = planned.outlook, planned.outlook.run
    spent = spent_on(planned.purse, explored)
    facts = [entry.facts for entry in outlook.fitting]
    way = predictor.gate.way_for(run.task.kind, facts)
    tested = predictor.gate.why_for(run.task.kind, facts)
    by_rule = explored.judged.commitment.ground == "by rule"
    if explored.judged.overruled:
        tested = f"{tested} {explored.judged.overruled}"
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
        predictor=predictor_told(predictor),
        tested=tested,
        rule=way if by_rule else None,
        confidence=confidence,
        answer=answer_of(explored.judged, exhaustive, run.task.n_test),
        strategies=told_rows(outlook, explored),
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


def told_rows(outlook: Outlook, explored: Explored) -> tuple[ForecastRow, ...]:
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
                parts=belief.between.get(row.id),
                seen_by=tuple(dict.fromkeys(one.action.deed for one in mine if not one.trouble)),
            )
        )
    return tuple(sorted(rows, key=best_first))


def answered(findings: Sequence[Finding]) -> int:
    """Validation rows that the strategy itself answered."""
    return max((len(one.scores) for one in findings if one.action.deed == "rows"), default=0)


def best_first(row: ForecastRow) -> tuple[bool, float, str]:
    return (row.quality is None, -row.quality.value if row.quality else 0.0, row.id)
