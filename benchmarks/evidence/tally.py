"""From answers to the figures of a finding, those of the finding before it included. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from benchmarks.evidence.finding import Finding
from benchmarks.judging import judge
from benchmarks.metrics import aggregate, references
from benchmarks.records import OutcomeRecord
from corpora.task import Example, Task
from strategies.base import Answer
from strategies.models.base import Usage
from strategies.thresholds import confidence_of

LEAST = 1e-6
"""A right label that is given no probability costs the logarithm of this much."""


@dataclass(frozen=True)
class Tally:
    """What the rows of a strategy come to. `errors` are how many could not be answered: they are
    in no figure, and so counted beside them. `readings` are of the new rows alone. `trouble` is set
    where none could be answered."""

    figures: dict[str, float]
    scores: dict[str, float]
    labels: dict[str, str]
    readings: dict[str, dict[str, float]]
    usage: Usage
    trouble: str | None = None


def tallied(
    task: Task,
    rows: Sequence[Example],
    answers: Sequence[Answer],
    before: Finding | None,
    *,
    seconds: float,
    known: Mapping[str, Example],
) -> Tally:
    """`rows` and their `answers` are new and took `seconds`; `known` are all rows by id."""
    outcomes = [judge("", task, *pair) for pair in zip(rows, answers, strict=True)]
    good = [one for one in outcomes if one.state == "ok"]
    scores = dict(before.scores if before else {})
    scores |= {one.example: one.scores[task.metric] for one in good}
    labels = dict(before.labels if before else {})
    labels |= {one.example: one.predicted for one in good if one.predicted is not None}
    asked = Weighted(before, errors_too=True, count=len(outcomes))
    right = Weighted(before, errors_too=False, count=len(good))
    figures = {
        **scored(task, scores, labels, known),
        "errors": _figure(before, "errors") + len(outcomes) - len(good),
        "ms_per_row": asked.mean("ms_per_row", 1000 * seconds),
        "prompt_tokens": asked.mean("prompt_tokens", sum(one.prompt_tokens for one in outcomes)),
        "cached_tokens": asked.mean("cached_tokens", sum(one.cached_tokens for one in outcomes)),
        "completion_tokens": asked.mean(
            "completion_tokens", sum(one.completion_tokens for one in outcomes)
        ),
    }
    readings = told_by_row(rows, answers)
    shares = readings["share"].values()
    is_first = before is None or "label_nll" in before.figures
    if good and is_first and len(shares) == len(good):
        figures |= {
            "right_probability": right.mean("right_probability", sum(shares)),
            "label_nll": right.mean("label_nll", sum(map(nats, shares))),
        }
    usage = Usage(
        sum(one.prompt_tokens for one in outcomes),
        sum(one.cached_tokens for one in outcomes),
        sum(one.completion_tokens for one in outcomes),
    )
    reason = next((one.error for one in outcomes if one.error), None)
    trouble = None if scores else f"no row could be answered: {reason}"
    return Tally(figures, scores, labels, readings, usage, trouble)


def told_by_row(rows: Sequence[Example], answers: Sequence[Answer]) -> dict[str, dict[str, float]]:
    """By row id: `confidence`, how sure the answer is of itself, as a cascade asks, and `share`,
    the probability of the right labels. Of answers that tell it."""
    told = [pair for pair in zip(rows, answers, strict=True) if pair[1].error is None]
    sure = {row.id: confidence_of(answer) for row, answer in told}
    return {
        "confidence": {row: value for row, value in sure.items() if value is not None},
        "share": {row.id: right_share(row, answer) for row, answer in told if answer.probabilities},
    }


def scored(
    task: Task,
    scores: Mapping[str, float],
    labels: Mapping[str, str],
    known: Mapping[str, Example],
) -> dict[str, float]:
    """`score` by the task's metric, its rows' spread, and how often a label is right."""
    is_choice = task.kind == "classification"
    rows = [
        OutcomeRecord(
            strategy="",
            example=name,
            state="ok",
            scores={task.metric: score},
            predicted=labels.get(name),
            expected=known[name].output if is_choice else None,
        )
        for name, score in scores.items()
    ]
    values = list(scores.values())
    figures = {
        "score": aggregate(task.metric, rows, task.labels),
        "sd_score": stdev(values) if len(values) > 1 else 0.0,
    }
    return {**figures, "accuracy": fmean(values or [0.0])} if is_choice else figures


def right_share(row: Example, answer: Answer) -> float:
    """The probability that an answer gives to the accepted labels."""
    return math.fsum((answer.probabilities or {}).get(label, 0.0) for label in references(row))


def nats(share: float) -> float:
    return -math.log(max(LEAST, share))


@dataclass(frozen=True)
class Weighted:
    """Means over the rows of an earlier finding and `count` new ones, those in error or not."""

    before: Finding | None
    errors_too: bool
    count: int

    def mean(self, name: str, total: float) -> float:
        earlier = 0.0
        if self.before is not None:
            earlier = len(self.before.scores) + self.errors_too * _figure(self.before, "errors")
        everything = earlier + self.count
        if not everything:
            return 0.0
        return (earlier * _figure(self.before, name) + total) / everything


def _figure(finding: Finding | None, name: str) -> float:
    return finding.figures.get(name, 0.0) if finding else 0.0
