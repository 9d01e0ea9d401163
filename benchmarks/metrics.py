"""The metrics of each kind of task, found by entry point in the group `tuneworth.metrics`.

A metric scores one row, purely: answer text, example and task to a value from 0 to 1. A figure
over many rows is the mean, unless the metric brings its own aggregate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points

import numpy as np

from benchmarks import json_metrics, style_metrics, text_metrics
from benchmarks.aggregates import Aggregate, MacroF1, Mean
from benchmarks.errors import UnknownMetric
from benchmarks.records import OutcomeRecord
from corpora.task import Example, Kind, Task

ScoreText = Callable[[str, Example, Task], float]
AggregateFor = Callable[[str, tuple[str, ...]], Aggregate]


def mean_of(metric: str, labels: tuple[str, ...]) -> Aggregate:
    """The aggregate of most metrics."""
    return Mean(metric)


def every_task(task: Task) -> bool:
    """Most metrics have something to measure in every task of their kinds."""
    return True


def with_rules(task: Task) -> bool:
    return bool(task.rules)


@dataclass(frozen=True)
class Metric:
    """A named score. `aggregate` makes, from the metric's name and the task's labels, the figure.

    The score runs from 0 to 1 and depends on its three arguments only. It is told of every task
    of its `kinds` for which `applies` is true, and of one of the kinds in `also` where the task
    is judged by it.
    """

    name: str
    kinds: tuple[Kind, ...]
    score: ScoreText
    aggregate: AggregateFor = mean_of
    also: tuple[Kind, ...] = ()
    applies: Callable[[Task], bool] = every_task


@cache
def all_metrics() -> dict[str, Metric]:
    """Every registered metric by name, third parties' included."""
    found: dict[str, Metric] = {}
    for point in sorted(entry_points(group="tuneworth.metrics"), key=lambda point: point.name):
        if point.name not in found:
            found[point.name] = point.load()
    return found


def metrics_of(kind: Kind) -> list[Metric]:
    return [metric for metric in all_metrics().values() if kind in metric.kinds]


def metric_for(name: str, kind: Kind) -> Metric:
    """The metric of that name, if it fits the kind; raises UnknownMetric otherwise."""
    known = {
        metric.name: metric
        for metric in all_metrics().values()
        if kind in (*metric.kinds, *metric.also)
    }
    if name not in known:
        raise UnknownMetric(name, sorted(known))
    return known[name]


def score_row(task: Task, example: Example, answer: str) -> dict[str, float]:
    """Every metric that the task has use for, of its kind, and its own where that is another."""
    metrics = [metric for metric in metrics_of(task.kind) if metric.applies(task)]
    own = all_metrics().get(task.metric)
    if own is not None and task.kind in own.also:
        metrics.append(own)
    return {metric.name: metric.score(answer, example, task) for metric in metrics}


def aggregate_of(name: str, labels: Sequence[str] = ()) -> Aggregate:
    """How a metric's scores become one figure; the mean for a metric unknown here."""
    metric = all_metrics().get(name)
    return metric.aggregate(name, tuple(labels)) if metric else Mean(name)


def aggregate(name: str, rows: Sequence[OutcomeRecord], labels: Sequence[str] = ()) -> float:
    """The figure over scored rows; 0 where there are none."""
    if not rows:
        return 0.0
    figure = aggregate_of(name, labels)
    totals = figure.sums(rows).sum(axis=0, keepdims=True)
    return float(np.clip(figure.finish(totals)[0], 0.0, 1.0))


def references(example: Example) -> tuple[str, ...]:
    return (example.output, *example.alternatives)


def label_of(text: str, labels: Sequence[str]) -> str | None:
    """The label that an answer names: itself, apart from case, spaces and outer punctuation."""
    plain = {tidy(label): label for label in reversed(labels)}
    return text if text in labels else plain.get(tidy(text))


def tidy(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .,:;!?\"'`*")


def label_hit(answer: str, example: Example, task: Task) -> float:
    """Per row, macro-F1 is accuracy as well; its aggregate is what differs."""
    accepted = references(example)
    said = label_of(answer, task.labels or accepted)
    return float(said is not None and said in accepted)


def schema_score(answer: str, example: Example, task: Task) -> float:
    value = json_metrics.first_object(answer)
    return float(json_metrics.fits_schema(value, task.output_schema))


def field_score(answer: str, example: Example, task: Task) -> float:
    value = json_metrics.first_object(answer)
    wanted = [json_metrics.first_object(text) or {} for text in references(example)]
    return max(json_metrics.field_f1(value, each, task.output_schema) for each in wanted)


def answerable(score: Callable[[str, str], float]) -> ScoreText:
    """A score of texts that knows "not in the documents".

    Where the reference says so, only saying the same counts; where the reference has an answer,
    saying so scores 0, whatever words the two happen to share.
    """

    def scored(answer: str, example: Example, task: Task) -> float:
        accepted = references(example)
        if task.no_answer is not None:
            silence = task.no_answer
            refused = text_metrics.exact_match(answer, silence)
            if any(text_metrics.exact_match(text, silence) for text in accepted):
                others = [text for text in accepted if not text_metrics.exact_match(text, silence)]
                return max([refused, *(score(answer, text) for text in others)])
            if refused:
                return 0.0
        return max(score(answer, text) for text in accepted)

    return scored


def whole_match(answer: str, example: Example, task: Task) -> float:
    """Of an extracted object: every field right and none too many, in any order."""
    if task.kind == "extraction":
        return float(field_score(answer, example, task) == 1.0)
    return answerable(text_metrics.exact_match)(answer, example, task)


def rules_score(answer: str, example: Example, task: Task) -> float:
    return style_metrics.rules_kept(answer, task.rules)


def rouge_score(answer: str, reference: str) -> float:
    return text_metrics.rouge_l(answer, (reference,))


def chrf_score(answer: str, reference: str) -> float:
    return text_metrics.chrf(answer, (reference,))


CLASSIFICATION: tuple[Kind, ...] = ("classification",)
EXTRACTION: tuple[Kind, ...] = ("extraction",)
ANSWERS: tuple[Kind, ...] = ("question-answering",)
TEXTS: tuple[Kind, ...] = ("generation",)

accuracy = Metric("accuracy", CLASSIFICATION, label_hit)
macro_f1 = Metric("macro_f1", CLASSIFICATION, label_hit, MacroF1)
field_f1 = Metric("field_f1", EXTRACTION, field_score)
schema_valid = Metric("schema_valid", EXTRACTION, schema_score)
exact_match = Metric("exact_match", ANSWERS, whole_match, also=(*EXTRACTION, *TEXTS))
token_f1 = Metric("token_f1", ANSWERS, answerable(text_metrics.token_f1), also=TEXTS)
containment = Metric("containment", ANSWERS, answerable(text_metrics.containment))
rouge_l = Metric("rouge_l", TEXTS, answerable(rouge_score), also=ANSWERS)
chrf = Metric("chrf", TEXTS, answerable(chrf_score), also=ANSWERS)
rules_kept = Metric("rules_kept", TEXTS, rules_score, applies=with_rules)
