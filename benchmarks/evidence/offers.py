"""Which actions fit a task and its strategies.

Strategies that search, that are tuned or made of others answer no validation rows: they are too
dear for that, and known through others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.curve import tunes
from benchmarks.evidence.finding import Chain, Deed
from benchmarks.evidence.rows import Rows, samples
from benchmarks.evidence.steps import Step
from benchmarks.plan import Entry
from benchmarks.quote import QuotedModel, unfitness
from benchmarks.workload import setting
from corpora.task import Dataset, Example
from strategies.base import Strategy, parts_of
from strategies.few_shot import FewShot
from strategies.lora import Lora, LoraRag
from strategies.rag import Rag
from strategies.relevance import telling_rows
from strategies.retrieval import HybridRetriever, Retriever
from strategies.zero_shot import ZeroShot

RETRIEVAL_ROWS = 128
"""Rows by which retrieval is judged. It learns from none, so that training rows may be among
them."""
PILOT_SHARES = (0.05, 0.1, 0.25, 0.5)
PILOT_ROWS = 64
"""Validation rows that are read after each growth of a pilot."""
PILOT_ANSWERS = 16
"""Those of them that are answered, where there are no labels to weigh."""
FEWEST_LEARNED = 8
"""A pilot on fewer rows is left out: it would be less than one step of training."""


@dataclass(frozen=True)
class RetrievalPlan:
    """How a strategy finds passages, as far as it says so."""

    retriever: type[Retriever]
    chunk_tokens: int
    overlap: int


@dataclass(frozen=True)
class Offers:
    """What can be done for `entries` of which none is known not to fit. `dataset` is without test
    rows, and its training rows are those that are learned from."""

    dataset: Dataset
    entries: Sequence[Entry]
    models: Mapping[str, QuotedModel]
    rows: Rows

    def chains(self) -> dict[Chain, list[Step]]:
        """The steps of every chain, in their order."""
        steps = [Step("features", None, 0, 0.0), *self.retrievals()]
        for entry in self.entries:
            if answers_rows(entry):
                steps += self.sampled("rows", entry)
            if is_read(entry) and not self.is_hosted(entry):
                steps += self.sampled("likelihood", entry)
        for model in dict.fromkeys(entry.model for entry in self.entries if entry.model):
            if not self.models[model].hosted:
                steps += self.of_model([each for each in self.entries if each.model == model])
        chains: dict[Chain, list[Step]] = {}
        for step in steps:
            chains.setdefault(step.chain, []).append(step)
        return chains

    def sampled(self, deed: Deed, entry: Entry) -> Iterator[Step]:
        for size in samples(len(self.rows.judges)):
            yield Step(deed, entry.id, size, self.rows.share)

    def retrievals(self) -> Iterator[Step]:
        """One step for each way of retrieval, of the first strategy that goes it, those with fixed
        settings before those that search."""
        count = len(told_rows(self.dataset, self.rows))
        seen: set[RetrievalPlan] = set()
        for entry in sorted(self.entries, key=lambda entry: entry.searches) if count else ():
            plan = retrieval_of(entry.strategy)
            if plan is not None and entry.strategy.needs_model and plan not in seen:
                seen.add(plan)
                yield Step("retrieval", entry.id, count, 0.0)

    def of_model(self, entries: Sequence[Entry]) -> Iterator[Step]:
        """A head and pilots of one model, of the strategies that tune it."""
        tuned = [entry for entry in entries if tunes(entry)]
        enough = self.rows.judges and len(self.rows.learned) >= FEWEST_LEARNED
        if not tuned or not enough:
            return
        if self.dataset.task.kind == "classification":
            yield Step("head", tuned[0].id, len(self.rows.judges), self.rows.share)
        for kind in (Lora, LoraRag):
            yield from self.pilot([each for each in tuned if pilot_kind(each.strategy) is kind])

    def pilot(self, entries: Sequence[Entry]) -> Iterator[Step]:
        """Of the strategy with fixed settings, if there is one: a search begins with the same."""
        for entry in sorted(entries, key=lambda entry: entry.searches)[:1]:
            for share in PILOT_SHARES:
                if share * len(self.rows.learned) >= FEWEST_LEARNED:
                    read = min(PILOT_ROWS, len(self.rows.judges))
                    yield Step("pilot", entry.id, read, round(share * self.rows.share, 6))

    def is_hosted(self, entry: Entry) -> bool:
        return entry.model is not None and self.models[entry.model].hosted


def fitting(
    entries: Sequence[Entry], dataset: Dataset, models: Mapping[str, QuotedModel]
) -> list[Entry]:
    """Those that do not say, before any model is loaded, that they do not fit."""
    return [
        entry
        for entry in entries
        if unfitness(entry.strategy, dataset, models[entry.model] if entry.model else None) is None
    ]


def answers_rows(entry: Entry) -> bool:
    return not (entry.searches or tunes(entry) or parts_of(entry.strategy))


def is_read(entry: Entry) -> bool:
    """Whether the prompts that it asks are known, so that right answers can be read after them."""
    return isinstance(entry.strategy, ZeroShot | FewShot | Rag) and answers_rows(entry)


def pilot_kind(strategy: Strategy) -> type[Lora] | None:
    if isinstance(strategy, LoraRag):
        return LoraRag
    return Lora if isinstance(strategy, Lora) else None


def retrieval_of(strategy: Strategy) -> RetrievalPlan | None:
    """None for a strategy that reads no passages. Where it says no more, a hybrid is meant."""
    chunk_tokens = setting(strategy, "chunk_tokens")
    if not chunk_tokens:
        return None
    retriever = getattr(strategy, "retriever", HybridRetriever)
    return RetrievalPlan(retriever, chunk_tokens, setting(strategy, "overlap"))


def told_rows(dataset: Dataset, rows: Rows) -> list[Example]:
    """The rows by which retrieval is judged, those of validation first."""
    if not dataset.documents:
        return []
    telling = telling_rows(dataset.task, rows.learned, rows.judges, seed=0)
    return telling[:RETRIEVAL_ROWS]
