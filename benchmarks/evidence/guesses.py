"""What actions are thought to take before any is measured, by the rules of a comparison's quote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from benchmarks.costs import PriceList, Speed
from benchmarks.evidence.expectation import Guess
from benchmarks.evidence.offers import PILOT_ANSWERS, RetrievalPlan, retrieval_of
from benchmarks.evidence.rows import Rows
from benchmarks.evidence.steps import Step
from benchmarks.plan import Entry
from benchmarks.quote import HOSTED_AT_ONCE, HOSTED_SECONDS, REFERENCE_PARAMETERS, QuotedModel
from benchmarks.workload import (
    Sizes,
    embedding_seconds,
    embeds,
    request_of,
    request_seconds,
    setting,
    sizes_of,
)
from corpora.task import Dataset
from strategies.retrieval import Bm25Retriever

LOADING_SECONDS = 2.0
"""Of a model of REFERENCE_PARAMETERS, or of an embedder."""
FITTING_SECONDS = 1.0
"""Of the linear heads, once there are states."""


@dataclass(frozen=True)
class Guesser:
    """First guesses for the chains of one task. The training rows of `dataset` are those that are
    learned from."""

    dataset: Dataset
    rows: Rows
    entries: Mapping[str, Entry]
    models: Mapping[str, QuotedModel]
    prices: PriceList
    machine: str

    def guess(self, step: Step) -> Guess:
        """Of the chain that begins with the step. A pilot reads the same rows in each."""
        deed, strategy = step.chain
        if strategy is None:
            return Guess(deed=deed, strategy=None, again=0.2, pace="data")
        entry = self.entries[strategy]
        if deed == "retrieval":
            return self.retrieval(entry)
        if entry.model is None:
            return self.without_model(entry)
        model = self.models[entry.model]
        if model.hosted:
            return self.hosted(entry, model)
        if deed == "head":
            return self.head(entry)
        if deed == "pilot":
            return self.pilot(entry, step.rows)
        return self.local(entry, reading=deed == "likelihood")

    def retrieval(self, entry: Entry) -> Guess:
        plan = retrieval_of(entry.strategy)
        by_words = plan is not None and plan.retriever is Bm25Retriever
        return Guess(
            deed="retrieval",
            strategy=entry.id,
            row=0.0 if by_words else 1 / self.speed.embedded_texts_per_s,
            shared={} if by_words else self.embedded(entry),
            pace="embedding",
        )

    def without_model(self, entry: Entry) -> Guess:
        is_embedding = embeds(entry.strategy)
        return Guess(
            deed="rows",
            strategy=entry.id,
            row=1 / self.speed.embedded_texts_per_s if is_embedding else 0.001,
            shared=self.embedded(entry),
            pace="embedding" if is_embedding else "data",
        )

    def hosted(self, entry: Entry, model: QuotedModel) -> Guess:
        request = request_of(entry.strategy, self.sizes)
        price = self.prices.tokens_for(model.name)
        return Guess(
            deed="rows",
            strategy=entry.id,
            row=HOSTED_SECONDS / HOSTED_AT_ONCE,
            shared=self.embedded(entry),
            usd_row=price.usd(request.prompt, 0.0, request.completion),
            pace=f"model {model.name}",
        )

    def local(self, entry: Entry, *, reading: bool) -> Guess:
        """Answering rows, or reading the right answers to them."""
        request = request_of(entry.strategy, self.sizes)
        size = self.size_of(entry)
        answering, _ = request_seconds(request, self.sizes, self.speed, size)
        read = request.fresh + self.sizes.output + self.sizes.labels
        head = size * (request.prompt - request.fresh) / self.speed.prefill_tokens_per_s
        return Guess(
            deed="likelihood" if reading else "rows",
            strategy=entry.id,
            again=0.05 + head,
            row=size * read / self.speed.prefill_tokens_per_s if reading else answering,
            shared={**self.loaded(entry), **self.embedded(entry)},
            pace=f"model {entry.model}",
        )

    def head(self, entry: Entry) -> Guess:
        texts = len(self.rows.learned) + len(self.rows.judges)
        read = self.size_of(entry) * texts * self.sizes.input / self.speed.prefill_tokens_per_s
        return Guess(
            deed="head",
            strategy=entry.id,
            again=FITTING_SECONDS + read,
            shared=self.loaded(entry),
            pace=f"model {entry.model}",
        )

    def pilot(self, entry: Entry, read_rows: int) -> Guess:
        """A growth learns from its part of all epochs, and then reads rows and answers some."""
        request = request_of(entry.strategy, self.sizes)
        size, speed = self.size_of(entry), self.speed
        row = request.fresh + self.sizes.output
        epochs = max(1, setting(entry.strategy, "epochs"))
        learning = epochs * size * row * len(self.dataset.train) / speed.training_tokens_per_s
        reading = size * (row + self.sizes.labels) / speed.prefill_tokens_per_s
        answering, _ = request_seconds(request, self.sizes, speed, size)
        answered = 0 if self.sizes.labels else min(PILOT_ANSWERS, read_rows)
        return Guess(
            deed="pilot",
            strategy=entry.id,
            again=0.05 + read_rows * reading + answered * answering,
            whole=learning / self.rows.share,
            shared={**self.loaded(entry), **self.embedded(entry)},
            pace=f"training {entry.model}",
        )

    def loaded(self, entry: Entry) -> dict[str, float]:
        return {f"model {entry.model}": LOADING_SECONDS * self.size_of(entry)}

    def embedded(self, entry: Entry) -> dict[str, float]:
        """What a strategy embeds before it answers: chunks of the documents, or training rows."""
        strategy = entry.strategy
        if not embeds(strategy):
            return {}
        seconds = embedding_seconds(strategy, self.dataset, self.sizes, self.speed)
        plan = retrieval_of(strategy)
        what = cut_of(plan) if plan and self.dataset.documents else "embedded training rows"
        return {"embedder": LOADING_SECONDS, what: seconds}

    def size_of(self, entry: Entry) -> float:
        """How large the model is, the one that speeds are told for being 1."""
        model = self.models[entry.model or ""]
        return (model.parameters or REFERENCE_PARAMETERS) / REFERENCE_PARAMETERS

    @cached_property
    def sizes(self) -> Sizes:
        return sizes_of(self.dataset)

    @property
    def speed(self) -> Speed:
        return self.prices.machines[self.machine].speed


def cut_of(plan: RetrievalPlan) -> str:
    return f"embedded chunks of {plan.chunk_tokens}, overlapping {plan.overlap}"
