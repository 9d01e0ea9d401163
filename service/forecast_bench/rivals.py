"""The simple rules beside the forecast, each given what it looks at as far as the budget reaches.

A rule takes its evidence the quickest step first. Where it takes a tuned strategy that is a "yes",
any other is a "no", and none is "not yet".
"""

from __future__ import annotations

from functools import partial

from benchmarks.belief.rivals import LOOKS_AT, RIVALS, Rule, looks_at, next_look
from benchmarks.evidence.finding import Action, Finding
from benchmarks.evidence.recorded import RecordedSource
from service.forecast_bench.replay import Case
from service.forecast_bench.replayed import Foretold, Replay
from service.forecasting.following import commit_of


def affordable(source: RecordedSource, rule: str, seconds: float) -> list[Finding]:
    """What a rule of that name finds: the step that is expected to be the quickest next, while one
    fits."""
    found: list[Finding] = []
    while True:
        left = seconds - sum(each.seconds for each in found)
        action = next_look(rule, source.actions(), partial(is_within, left))
        if action is None:
            return found
        found.append(source.take(action))


def is_within(seconds: float, action: Action) -> bool:
    return action.seconds <= seconds


def rival_replay(rule: Rule, case: Case, budget: float, key: str) -> Replay:
    """What the rule, taught already, says of a task at that share of the exhaustive seconds."""
    source = RecordedSource(case.evidence.findings, case.evidence.head.guesses)
    findings = affordable(source, rule.name, budget * case.truth.seconds)
    strategies = case.fitting
    said = rule.say(case.record.task.task.kind, strategies, findings)
    return Replay(
        key=key,
        task=case.task.name,
        source=case.truth.source,
        way=rule.name,
        budget=budget,
        pick=said.pick,
        commit=commit_of(said, strategies),
        seconds=sum(each.seconds for each in findings),
        operations=sum(each.operations for each in findings),
        strategies={
            name: Foretold(value=one.value, low=one.low, high=one.high)
            for name, one in said.expected.items()
        },
        stopped=stopped(rule.name, source),
        steps=tuple(
            f"{each.action.deed} {each.action.strategy or ''}".strip() for each in findings
        ),
    )


def stopped(rule: str, source: RecordedSource) -> str:
    """Why it looked at nothing more."""
    if not LOOKS_AT[rule]:
        return "it looks at nothing"
    left = any(looks_at(rule, action) for action in source.actions())
    return "the budget is used up" if left else "nothing is left that it looks at"


__all__ = ["RIVALS", "rival_replay"]
