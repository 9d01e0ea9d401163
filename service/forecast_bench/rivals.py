"""The simple rules beside the forecast, each given what it looks at as far as the budget reaches.

A rule takes its evidence the quickest step first. Where it takes a tuned strategy that is a "yes",
any other is a "no", and none is "not yet".
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.belief.rivals import RIVALS, Rule, Saying, is_tuned
from benchmarks.evidence.finding import Deed, Finding
from benchmarks.evidence.recorded import RecordedSource
from benchmarks.records import StrategyFacts
from service.commitment import Commit
from service.forecast_bench.replay import Case
from service.forecast_bench.replayed import Foretold, Replay

LOOKS_AT: dict[str, tuple[Deed, ...]] = {
    "majority strategy": (),
    "rank at pilot size": ("rows", "pilot"),
    "linear probe alone": ("rows", "head"),
    "rule of thumb": ("features",),
}
"""The deeds of each rule; a rule that is not named looks at all that there is."""


def affordable(
    source: RecordedSource, deeds: Sequence[Deed] | None, seconds: float
) -> list[Finding]:
    """What a rule finds: the step that is expected to be the quickest next, while one fits."""
    found: list[Finding] = []
    while True:
        left = seconds - sum(each.seconds for each in found)
        fits = [
            action
            for action in source.actions()
            if (deeds is None or action.deed in deeds) and action.seconds <= left
        ]
        if not fits:
            return found
        found.append(source.take(min(fits, key=lambda a: (a.seconds, a.deed, a.strategy or ""))))


def rival_replay(rule: Rule, case: Case, budget: float, key: str) -> Replay:
    """What the rule, taught already, says of a task at that share of the exhaustive seconds."""
    source = RecordedSource(case.evidence.findings, case.evidence.head.guesses)
    deeds = LOOKS_AT.get(rule.name)
    findings = affordable(source, deeds, budget * case.truth.seconds)
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
        stopped="the budget is used up" if deeds else "it looks at nothing",
        steps=tuple(
            f"{each.action.deed} {each.action.strategy or ''}".strip() for each in findings
        ),
    )


def commit_of(said: Saying, strategies: Sequence[StrategyFacts]) -> Commit:
    if said.pick is None:
        return "not yet"
    return "yes" if any(s.id == said.pick and is_tuned(s) for s in strategies) else "no"


__all__ = ["RIVALS", "rival_replay"]
