"""What each kind of action does, and what it finds. All raise Broken as the workshop does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from benchmarks.errors import SpendingLimit
from benchmarks.evidence.features import features_of
from benchmarks.evidence.finding import Finding
from benchmarks.evidence.offers import told_rows
from benchmarks.evidence.steps import Step
from benchmarks.evidence.tally import nats, tallied
from benchmarks.evidence.workshop import Workshop
from benchmarks.guard import Broken, guarded
from benchmarks.plan import Entry
from benchmarks.sitting import CHUNK
from corpora.task import Example
from strategies.base import Answer
from strategies.errors import LIMIT
from strategies.hidden_states import PLACES
from strategies.likelihood import Likelihood
from strategies.models.base import Model, Usage
from strategies.pilot import PilotReading
from strategies.relevance import DEEP, Jury

PILOT_FIGURES = ("score", "sd_score", "accuracy", "errors", "completion_tokens")
"""What the answers of a pilot tell: they are too few, and too odd a batch, to time."""


@dataclass(frozen=True)
class Found:
    """A finding without its booking. `usage` are tokens that were asked of the model."""

    figures: dict[str, float]
    scores: dict[str, float] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    readings: dict[str, dict[str, float]] = field(default_factory=dict)
    usage: Usage = Usage()
    operations: float = 0.0
    trouble: str | None = None


def look_at_data(shop: Workshop) -> Found:
    return Found(guarded(lambda: features_of(shop.dataset), shop.place))


def find_passages(shop: Workshop, entry: Entry) -> Found:
    """How well retrieval finds what rows need that tell it, by `sources` or by their answers."""
    rows = told_rows(shop.dataset, shop.rows)
    index = shop.index(entry)
    queries = [row.input for row in rows]
    hits, _ = shop.timed(lambda: index.retriever.search(queries, DEEP))
    jury = Jury(shop.dataset.task, rows, index.chunks)
    figures = guarded(lambda: jury.figures([[hit.chunk for hit in of] for of in hits]), shop.place)
    return Found(
        {
            **{f"hit_at_{k}": share for k, share in figures.hits.items()},
            "mrr": figures.mrr,
            "told_by_sources": fmean(bool(row.sources) for row in rows),
        },
        readings={
            "rank": {row.id: rank for row, rank in zip(rows, figures.ranks, strict=True)},
        },
    )


def answer_rows(
    shop: Workshop, entry: Entry, model: Model | None, step: Step, before: Finding | None
) -> Found:
    """Answer the rows that are new to the strategy, in chunks that hang on nothing else. One that
    breaks meanwhile is trouble, booked with what it had asked in answers and preparation. Rows that
    a spending limit kept from being sent are as if not asked; raises SpendingLimit where it kept
    all."""
    ready = shop.ready(entry, model)
    rows = new_rows(shop, step, before)
    answers: list[Answer] = []
    seconds = 0.0
    known = {row.id: row for row in shop.rows.judges}
    task = shop.dataset.task
    try:
        for start in range(0, len(rows), CHUNK):
            chunk = [row.input for row in rows[start : start + CHUNK]]
            given, took = shop.answers(ready.prepared, chunk)
            answers += given
            seconds += took
            if any(map(is_unsent, given)):
                rows, answers = sent(rows, answers)
                break
        tally = guarded(
            lambda: tallied(task, rows, answers, before, seconds=seconds, known=known), shop.place
        )
    except Broken as broken:
        asked = together(*(answer.usage for answer in answers))
        return Found(
            {},
            usage=asked if before else together(asked, ready.usage),
            operations=forward_operations(model, asked),
            trouble=str(broken),
        )
    setup = before.figures.get("setup_seconds", 0.0) if before else ready.seconds
    return Found(
        {**tally.figures, "setup_seconds": setup},
        tally.scores,
        tally.labels,
        tally.readings,
        tally.usage if before else together(tally.usage, ready.usage),
        forward_operations(model, tally.usage),
        tally.trouble,
    )


def is_unsent(answer: Answer) -> bool:
    """Whether a spending limit kept it from being asked."""
    return answer.error is not None and LIMIT in answer.error


def sent(rows: Sequence[Example], answers: Sequence[Answer]) -> tuple[list[Example], list[Answer]]:
    """Those of the rows so far that were sent, with their answers. Raises SpendingLimit where there
    is none."""
    asked = [pair for pair in zip(rows, answers, strict=False) if not is_unsent(pair[1])]
    if not asked:
        raise SpendingLimit(answers[-1].error or LIMIT)
    return [row for row, _ in asked], [answer for _, answer in asked]


def read_answers(
    shop: Workshop, entry: Entry, model: Model, step: Step, before: Finding | None
) -> Found:
    """Read the right answers to the rows that are new, after the strategy's prompts."""
    ready = shop.ready(entry, model)
    rows = new_rows(shop, step, before)
    data = shop.dataset
    read, seconds = shop.timed(
        lambda: shop.instruments.likelihood(data.task, model, data.train, ready.prepared, rows)
    )
    figures = {**likelihood_figures(read, before), "read_ms_per_row": 1000 * seconds / len(rows)}
    return Found(
        figures,
        {**(before.scores if before else {}), **read.right},
        {**(before.labels if before else {}), **read.likeliest},
        read_by_row(read),
        operations=read.operations,
        trouble=None if figures["reply_tokens"] else "no row fits the model",
    )


def fit_head(shop: Workshop, entry: Entry, model: Model) -> Found:
    data = shop.dataset
    head, _ = shop.timed(
        lambda: shop.instruments.head(
            data.task, model, data.train, shop.rows.judges, seed=shop.seed
        )
    )
    figures = {"out_of_fold": head.out_of_fold, "c": head.c}
    if head.place is not None:
        figures["place"] = PLACES.index(head.place)
    if head.validation is not None:
        figures["accuracy"] = head.validation
    truth = {row.id: row.output for row in shop.rows.judges}
    labels = dict(zip(head.rows, head.predicted, strict=True))
    scores = {row: float(label == truth[row]) for row, label in labels.items()}
    return Found(figures, scores, labels, operations=head.operations)


def grow_pilot(
    shop: Workshop, entry: Entry, model: Model, step: Step, earlier: Sequence[Finding]
) -> Found:
    """Train further, and read where that led."""
    pilot = shop.pilot(entry, model, earlier)
    reading, learn_seconds = shop.grown(pilot, step.share)
    known = {row.id: row for row in shop.rows.judges}
    tally = guarded(
        lambda: tallied(
            shop.dataset.task, reading.answered, reading.answers, None, seconds=0.0, known=known
        ),
        shop.place,
    )
    told = PILOT_FIGURES if tally.scores else ()
    figures = {
        **likelihood_figures(reading.likelihood, None),
        **{name: tally.figures[name] for name in told if name in tally.figures},
        **learning_figures(reading),
        "learn_seconds": learn_seconds,
    }
    # labels are weighed by likelihood, which is counted; texts are generated beside it
    operations = reading.operations + forward_operations(model, tally.usage)
    readings = read_by_row(reading.likelihood)
    return Found(figures, tally.scores, tally.labels, readings, operations=operations)


def learning_figures(reading: PilotReading) -> dict[str, float]:
    """Of the growth alone, but for `learned_rows`."""
    figures = {
        "learned_rows": float(reading.rows),
        "learned_tokens": float(reading.tokens),
        "steps": float(reading.steps),
        "unlearned": float(reading.left_out),
        **{f"loss_{number}": loss for number, loss in enumerate(reading.losses, start=1)},
    }
    if reading.losses:
        figures |= {"first_loss": reading.losses[0], "train_loss": reading.losses[-1]}
    return figures


def read_by_row(read: Likelihood) -> dict[str, dict[str, float]]:
    """By row id: nats of the whole right reply, its tokens, and the probability of a right label.
    Which label is the likeliest, and whether that is right, are labels and scores."""
    lengths = {row: float(tokens) for row, tokens in read.lengths.items()}
    return {"nats": dict(read.nats), "tokens": lengths, "share": dict(read.shares)}


def likelihood_figures(read: Likelihood, before: Finding | None) -> dict[str, float]:
    """Means over all rows that were read so far; `nll` is over their tokens."""
    earlier = before.figures if before else {}
    tokens = float(sum(read.lengths.values()))
    rows = float(len(read.shares) or len(read.nats))
    all_tokens = earlier.get("reply_tokens", 0.0) + tokens
    all_rows = earlier.get("read_rows", 0.0) + rows

    def pooled(name: str, total: float, weight: str, whole: float) -> float:
        return (earlier.get(name, 0.0) * earlier.get(weight, 0.0) + total) / whole if whole else 0.0

    figures = {
        "reply_tokens": all_tokens,
        "read_rows": all_rows,
        "left_out": earlier.get("left_out", 0.0) + read.left_out,
        "nll": pooled("nll", math.fsum(read.nats.values()), "reply_tokens", all_tokens),
    }
    if read.shares:
        means = {
            "accuracy": math.fsum(read.right.values()),
            "right_probability": math.fsum(read.shares.values()),
            "label_nll": math.fsum(map(nats, read.shares.values())),
        }
        figures |= {
            name: pooled(name, total, "read_rows", all_rows) for name, total in means.items()
        }
    return figures


def new_rows(shop: Workshop, step: Step, before: Finding | None) -> Sequence[Example]:
    return shop.rows.judges[before.action.rows if before else 0 : step.rows]


def together(*parts: Usage) -> Usage:
    """Of several requests: of answering, say, and of choosing while it was prepared."""
    return Usage(
        sum(each.prompt for each in parts),
        sum(each.cached for each in parts),
        sum(each.completion for each in parts),
    )


def forward_operations(model: Model | None, usage: Usage) -> float:
    """Two for each parameter and token that was computed; 0 where the parameters are unknown."""
    parameters = model.info.parameters if model else 0
    return 2.0 * parameters * (usage.prompt - usage.cached + usage.completion)
