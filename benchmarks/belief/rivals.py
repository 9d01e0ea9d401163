"""Simple rules that a predictor has to beat, and that decide in its place where they beat it.

Each is fitted to measured tasks, and then says of a new one which strategy it takes and what it
expects some of them to reach.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Protocol

from benchmarks.belief.belief import Estimate
from benchmarks.belief.figures import spoken_of
from benchmarks.belief.measured import Measured
from benchmarks.belief.rows import answered
from benchmarks.belief.traits import traits_of
from benchmarks.evidence.finding import Action, Deed, Finding
from benchmarks.records import StrategyFacts
from corpora.task import Kind

Strategies = Sequence[StrategyFacts]
Findings = Sequence[Finding]
MOSTLY = 0.5
"""From this share of answers that stand in the documents on, a task is one of knowledge."""


@dataclass(frozen=True)
class Saying:
    """The id of the strategy to take, None where the rule has no say, and what is expected of
    strategies, as far as the rule says so."""

    pick: str | None
    expected: Mapping[str, Estimate] = field(default_factory=dict)


class Rule(Protocol):
    """A way to foretell."""

    @property
    def name(self) -> str: ...

    def fitted(self, tasks: Sequence[Measured]) -> Rule:
        """The same rule, taught by these tasks."""
        ...

    def say(self, kind: Kind, strategies: Strategies, findings: Findings) -> Saying:
        """What it makes of a task."""
        ...


@dataclass(frozen=True)
class Majority:
    """The strategy that most measured tasks found best, of the same kind where there are any; of
    equals the one with the highest mean. It looks at no finding. Where that one is not among the
    strategies, or with several models, it has no say: it knows of no other that it was best."""

    wins: Mapping[Kind, Counter[str]] = field(default_factory=dict)
    means: Mapping[str, float] = field(default_factory=dict)
    name: str = "majority strategy"

    def fitted(self, tasks: Sequence[Measured]) -> Majority:
        wins: dict[Kind, Counter[str]] = {}
        values: dict[str, list[float]] = {}
        for task in tasks:
            names = {strategy.id: strategy.name for strategy in task.strategies}
            if task.qualities:
                best = max(task.qualities, key=lambda id: task.qualities[id].value)
                wins.setdefault(task.kind, Counter())[names[best]] += 1
            for id, quality in task.qualities.items():
                values.setdefault(names[id], []).append(quality.value)
        return Majority(wins, {name: fmean(each) for name, each in values.items()})

    def say(self, kind: Kind, strategies: Strategies, findings: Findings) -> Saying:
        wins = self.wins.get(kind) or sum(self.wins.values(), Counter())
        best = max(wins, key=lambda name: (wins[name], self.means[name]), default=None)
        found = [s.id for s in strategies if s.name == best]
        known = [s for s in strategies if s.name in self.means]
        expected = {s.id: certain(self.means[s.name]) for s in known}
        return Saying(found[0] if len(found) == 1 else None, expected)


@dataclass(frozen=True)
class PilotRank:
    """Whatever scored best so far, on answered rows or as a pilot at its largest share."""

    name: str = "rank at pilot size"

    def fitted(self, tasks: Sequence[Measured]) -> PilotRank:
        return self

    def say(self, kind: Kind, strategies: Strategies, findings: Findings) -> Saying:
        scores = seen_scores(strategies, findings, ("pilot",))
        return Saying(best_of(scores), {id: certain(score) for id, score in scores.items()})


@dataclass(frozen=True)
class ProbeAlone:
    """Tuning is taken to reach what a linear head on frozen states does, everything else what its
    rows scored. Without labels there is no head, and tuning is never taken."""

    name: str = "linear probe alone"

    def fitted(self, tasks: Sequence[Measured]) -> ProbeAlone:
        return self

    def say(self, kind: Kind, strategies: Strategies, findings: Findings) -> Saying:
        scores = seen_scores(strategies, findings, ("head",))
        return Saying(best_of(scores), {id: certain(score) for id, score in scores.items()})


@dataclass(frozen=True)
class RuleOfThumb:
    """What is commonly advised: retrieval for knowledge, fine-tuning for behaviour.

    Knowledge: there are documents, and most answers stand in them, or nothing is known of that
    and questions are asked.
    """

    name: str = "rule of thumb"

    def fitted(self, tasks: Sequence[Measured]) -> RuleOfThumb:
        return self

    def say(self, kind: Kind, strategies: Strategies, findings: Findings) -> Saying:
        told = [f.figures for f in findings if f.action.deed == "features" and not f.trouble]
        held = next((one["in_documents"] for one in told if "in_documents" in one), None)
        known = kind == "question-answering" if held is None else held >= MOSTLY
        retrieving = [s for s in strategies if s.family == "rag"]
        tuned = [s for s in strategies if s.family == "fine-tuning"]
        order = [*retrieving, *tuned] if known else [*tuned, *retrieving]
        wanted = [s for s in order if s.name in ("rag.hybrid", "lora")] or order
        return Saying(wanted[0].id if wanted else None)


def seen_scores(
    strategies: Strategies, findings: Findings, deeds: Sequence[Deed]
) -> dict[str, float]:
    """By id: what rows scored, and for the others what the last finding of these deeds read."""
    rows = answered(findings, [strategy.id for strategy in strategies])
    scores = {id: one.score for id, one in rows.items()}
    for finding in sorted(findings, key=lambda one: (one.action.share, one.action.rows)):
        if finding.action.deed not in deeds or finding.trouble:
            continue
        id = spoken_of(finding.action, strategies)
        score = finding.figures.get("score", finding.figures.get("accuracy"))
        if id is not None and id not in rows and score is not None:
            scores[id] = score
    return scores


def best_of(scores: Mapping[str, float]) -> str | None:
    return max(scores, key=lambda id: scores[id], default=None)


def certain(value: float) -> Estimate:
    """Of a rule that tells no interval."""
    return Estimate(value, value, value)


def is_tuned(strategy: StrategyFacts) -> bool:
    return "tuned" in traits_of(strategy)


def looks_at(rule: str, action: Action) -> bool:
    """Whether a rule of that name goes by it; one that is not named looks at everything."""
    return action.deed in LOOKS_AT.get(rule, (action.deed,))


def next_look(
    rule: str, actions: Iterable[Action], fits: Callable[[Action], bool]
) -> Action | None:
    """Of what the rule looks at, the step that is expected to be the quickest and still fits."""
    wanted = [action for action in actions if looks_at(rule, action) and fits(action)]
    return min(wanted, key=lambda one: (one.seconds, one.deed, one.strategy or ""), default=None)


LOOKS_AT: Mapping[str, tuple[Deed, ...]] = {
    "majority strategy": (),
    "rank at pilot size": ("rows", "pilot"),
    "linear probe alone": ("rows", "head"),
    "rule of thumb": ("features",),
}
"""The deeds that each rule goes by."""
RIVALS: tuple[Rule, ...] = (Majority(), PilotRank(), ProbeAlone(), RuleOfThumb())
