"""How well rules foretell tasks whose source none of their teachers shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan, sqrt
from statistics import fmean

from made_up import believed

from benchmarks.belief.belief import REACH, Estimate
from benchmarks.belief.measured import Measured, MeasuredQuality
from benchmarks.belief.predictor import Predictor
from benchmarks.belief.rivals import Findings, Rule, Saying, Strategies, is_tuned
from benchmarks.evidence.finding import Finding
from corpora.task import Kind

Evidence = Callable[[Measured], Sequence[Finding]]
"""Which findings of a task a rule may see."""


@dataclass(frozen=True)
class Believing:
    """The predictor: the highest mean of its belief."""

    predictor: Predictor = field(default_factory=Predictor)
    name: str = "predictor"

    def fitted(self, tasks: Sequence[Measured]) -> Believing:
        return Believing(Predictor.fit(tasks))

    def say(self, kind: Kind, strategies: Strategies, findings: Findings) -> Saying:
        belief = believed(self.predictor, kind, strategies, findings)
        expected = {id: belief.quality(id) for id in belief.ids}
        return Saying(max(belief.ids, key=lambda id: expected[id].value, default=None), expected)


@dataclass(frozen=True)
class Outcome:
    """What a rule said of a task that was left out, and what it cost, 0 to 1.

    `regret` is by how much the taken strategy measured below the best: luck of the best on the
    test rows counts as regret, for every rule alike; None where the rule had no say. `tuned` is
    whether it took a tuned strategy, `best_tuned` whether one measured best.
    """

    task: str
    rule: str
    pick: str | None
    regret: float | None
    tuned: bool
    best_tuned: bool
    expected: Mapping[str, Estimate]
    measured: Mapping[str, MeasuredQuality]


@dataclass(frozen=True)
class Score:
    """A rule over all tasks. `rmse` is of expected qualities against measured ones, `error` the
    same with the measurement's own noise taken out, both 0 to 1; `coverage` the share of measured
    qualities within the 90% interval widened by that noise. Nan where a rule says nothing."""

    rule: str
    tasks: int
    mean_regret: float
    worst_regret: float
    found: float
    tuning_right: float
    rmse: float
    error: float
    coverage: float


def left_out(tasks: Sequence[Measured]) -> Iterator[tuple[list[Measured], list[Measured]]]:
    """For every source its tasks, and those of all other sources."""
    for source in dict.fromkeys(task.source for task in tasks):
        held = [task for task in tasks if task.source == source]
        yield held, [task for task in tasks if task.source != source]


def everything(task: Measured) -> Sequence[Finding]:
    return task.findings


def validate(
    tasks: Sequence[Measured], rules: Sequence[Rule], evidence: Evidence = everything
) -> list[Outcome]:
    """Every rule on every task of which something was measured, taught by the tasks of all other
    sources."""
    return [
        outcome(task, taught.name, taught.say(task.kind, task.strategies, evidence(task)))
        for held, others in left_out(tasks)
        for taught in [rule.fitted(others) for rule in rules]
        for task in held
        if task.qualities
    ]


def outcome(task: Measured, rule: str, saying: Saying) -> Outcome:
    values = {id: quality.value for id, quality in task.qualities.items()}
    tuned = {strategy.id: is_tuned(strategy) for strategy in task.strategies}
    best = max(values, key=lambda id: values[id])
    # a strategy that was taken and broke has lost everything
    lost = None if saying.pick is None else values[best] - values.get(saying.pick, 0.0)
    return Outcome(
        task=task.name,
        rule=rule,
        pick=saying.pick,
        regret=lost,
        tuned=tuned.get(saying.pick or "", False),
        best_tuned=tuned[best],
        expected={id: one for id, one in saying.expected.items() if id in values},
        measured=task.qualities,
    )


def scores(outcomes: Sequence[Outcome], *, margin: float) -> list[Score]:
    """A rule a line. `found`: shares of tasks with a regret of at most `margin`; a task on which a
    rule had no say is neither found nor counted in the regret."""
    rules = dict.fromkeys(one.rule for one in outcomes)
    return [score([one for one in outcomes if one.rule == rule], margin) for rule in rules]


def score(outcomes: Sequence[Outcome], margin: float) -> Score:
    lost = [one.regret for one in outcomes if one.regret is not None]
    pairs = [(one.expected[id], one.measured[id]) for one in outcomes for id in one.expected]
    squares = [(estimate.value - found.value) ** 2 for estimate, found in pairs]
    noise = [found.error**2 for _, found in pairs]
    return Score(
        rule=outcomes[0].rule,
        tasks=len(outcomes),
        mean_regret=mean(lost),
        worst_regret=max(lost, default=nan),
        found=sum(one <= margin for one in lost) / len(outcomes),
        tuning_right=mean([one.tuned == one.best_tuned for one in outcomes if one.pick]),
        rmse=sqrt(mean(squares)) if squares else nan,
        error=sqrt(max(0.0, mean(squares) - mean(noise))) if squares else nan,
        coverage=mean([covers(estimate, found) for estimate, found in pairs]),
    )


def covers(estimate: Estimate, found: MeasuredQuality) -> bool:
    """Whether a measured quality lies in the 90% interval, its own noise reckoned in: both ends
    move out as independent errors add up, in squares."""
    reach = REACH * found.error
    low = estimate.value - sqrt((estimate.value - estimate.low) ** 2 + reach**2)
    high = estimate.value + sqrt((estimate.high - estimate.value) ** 2 + reach**2)
    return low - 1e-9 <= found.value <= high + 1e-9


def mean(values: Sequence[float]) -> float:
    return fmean(values) if values else nan
