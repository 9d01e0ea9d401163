"""How much work a strategy is for a task, guessed from counts of words: tokens and seconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from statistics import fmean

from benchmarks.costs import Speed
from corpora.task import Dataset
from strategies.base import Strategy
from strategies.lora import JUDGED_ROWS
from strategies.retrieval import Bm25Retriever

TOKENS_PER_WORD = 1.35
TEMPLATE_TOKENS = 20
CHUNK_TOKENS = 200
"""Of a strategy that does not say how long its passages may be."""


@dataclass(frozen=True)
class Sizes:
    """Mean tokens of the task's parts. `documents` are those of each document."""

    instruction: float
    input: float
    output: float
    labels: float
    documents: tuple[float, ...]

    @cached_property
    def _chunks(self) -> dict[int, int]:
        return {}

    def chunks(self, tokens: int) -> int:
        """Passages of at most so many tokens, of one document each: a short one stays whole."""
        if tokens not in self._chunks:
            self._chunks[tokens] = sum(max(1, ceil(each / tokens)) for each in self.documents)
        return self._chunks[tokens]


@dataclass(frozen=True)
class Request:
    """Tokens of one request: in the prompt, computed anew for it, and in the answer."""

    prompt: float
    fresh: float
    completion: float


def tokens(text: str) -> float:
    return len(text.split()) * TOKENS_PER_WORD


def mean_tokens(texts: Iterable[str]) -> float:
    return fmean([tokens(text) for text in texts] or [0.0])


def sizes_of(dataset: Dataset) -> Sizes:
    task = dataset.task
    fields = " ".join((task.output_schema or {}).get("properties", {}))
    instruction = " ".join([task.instruction, *task.labels, fields, task.no_answer or ""])
    return Sizes(
        instruction=tokens(instruction) + TEMPLATE_TOKENS,
        input=mean_tokens(row.input for row in (*dataset.train, *dataset.test)),
        output=mean_tokens(row.output for row in dataset.train),
        labels=sum(tokens(label) for label in task.labels),
        documents=tuple(tokens(document.text) for document in dataset.documents),
    )


def setting(strategy: Strategy, name: str) -> int:
    """A whole-number setting of a strategy (shots, top_k, epochs, ...), 0 where it has none."""
    value = getattr(strategy, name, 0)
    return value if isinstance(value, int) else 0


def embeds(strategy: Strategy) -> bool:
    """Whether it embeds texts; with BM25 an embedder counts tokens alone."""
    by_words = getattr(strategy, "retriever", None) is Bm25Retriever
    return hasattr(strategy, "embedder") and not by_words


def chunks(strategy: Strategy, sizes: Sizes) -> int:
    """Passages that it cuts the documents into."""
    return sizes.chunks(setting(strategy, "chunk_tokens") or CHUNK_TOKENS)


def passage_tokens(strategy: Strategy, sizes: Sizes) -> float:
    """Of its mean passage; 0 without documents."""
    count = chunks(strategy, sizes)
    return sum(sizes.documents) / count if count else 0.0


def request_of(strategy: Strategy, sizes: Sizes) -> Request:
    """A prompting strategy that embeds picks its examples anew for every input; the examples
    of all others are fixed. In retrieval each example comes with one passage.
    """
    top_k = setting(strategy, "top_k")
    passage = passage_tokens(strategy, sizes) if top_k else 0.0
    shots = setting(strategy, "shots") * (sizes.input + sizes.output + passage)
    own = sizes.input + top_k * passage
    picked = shots if strategy.family == "prompting" and embeds(strategy) else 0.0
    return Request(
        prompt=sizes.instruction + shots + own, fresh=own + picked, completion=sizes.output
    )


def request_seconds(
    request: Request, sizes: Sizes, speed: Speed, size: float
) -> tuple[float, float]:
    """Seconds of one request within a batch, and alone."""
    reading = (request.fresh + sizes.labels) / speed.prefill_tokens_per_s
    if sizes.labels:
        return size * reading, size * reading
    batched = reading + request.completion / speed.decode_tokens_per_s
    return size * batched, size * (reading + request.completion / speed.single_tokens_per_s)


def embedding_seconds(strategy: Strategy, dataset: Dataset, sizes: Sizes, speed: Speed) -> float:
    """Seconds to embed what the strategy searches: chunks of the documents or training rows."""
    if not embeds(strategy):
        return 0.0
    texts = len(dataset.train)
    if dataset.documents and (setting(strategy, "top_k") or setting(strategy, "chunk_tokens")):
        texts = chunks(strategy, sizes)
    return texts / speed.embedded_texts_per_s


def tuning_seconds(
    strategy: Strategy,
    dataset: Dataset,
    sizes: Sizes,
    batched: float,
    speed: Speed,
    size: float,
) -> float:
    """Seconds of training and of answering validation rows after each epoch."""
    epochs = setting(strategy, "epochs")
    row = request_of(strategy, sizes).fresh + sizes.output
    learning = size * row * len(dataset.train) / speed.training_tokens_per_s
    return epochs * (learning + batched * min(len(dataset.validation), JUDGED_ROWS))
