"""What a comparison will take, before anything is spent: from counts of words, with no model.

A quote, not a promise: tokens are words × 1.35, speeds come from the price file, and a request
to a hosted model is taken to last a second. Labels are weighed, other answers are as long as
the training outputs. A prompt's fixed part (instruction, fixed examples) is computed once a run.
Who searches settings is taken to spend what its trials take, within the seconds of `search`; a
reranker is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import fmean

from benchmarks.costs import PriceList, Speed
from benchmarks.environment import usable_cores
from benchmarks.guard import Broken, guarded
from benchmarks.latency import REQUESTS, WARM_UPS
from benchmarks.plan import Entry, plan_run
from benchmarks.search_quote import searching
from benchmarks.sentinels import BATCH_ROWS
from benchmarks.sitting import CHECK_SECONDS
from corpora.power import detectable_difference
from corpora.task import Dataset, Frozen
from strategies.base import Strategy
from strategies.lora import JUDGED_ROWS
from strategies.models.scripted import ScriptedModel
from strategies.retrieval_search import SIZES

TOKENS_PER_WORD = 1.35
TEMPLATE_TOKENS = 20
REFERENCE_PARAMETERS = 135_000_000
HOSTED_SECONDS = 1.0
HOSTED_AT_ONCE = 8


class QuotedModel(Frozen):
    """What a quote needs of a model: its size (0 where unknown) and who runs it."""

    name: str
    parameters: int = 0
    hosted: bool = False


class QuoteRow(Frozen):
    """One strategy. `seconds` and `usd` are for all of it, setup included.

    `search_seconds`, within the setup, is the bound of choosing settings: those of the task's
    `search`, or of its first trial where that takes longer; 0 for who chooses none.
    `skipped` says why it does not fit the task; the numbers are then 0.
    """

    id: str
    setup_seconds: float = 0.0
    seconds: float = 0.0
    usd: float = 0.0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    search_seconds: float = 0.0
    skipped: str | None = None


class Quote(Frozen):
    """The whole comparison, and what it can show at best."""

    rows: tuple[QuoteRow, ...]
    seconds: float
    usd: float
    machine: str
    paid: bool
    n_test: int
    detectable_difference: float


@dataclass(frozen=True)
class Sizes:
    """Mean tokens of the task's parts. `documents` is the sum over all documents."""

    instruction: float
    input: float
    output: float
    labels: float
    documents: float


@dataclass(frozen=True)
class Request:
    """Tokens of one request: in the prompt, computed anew for it, and in the answer."""

    prompt: float
    fresh: float
    completion: float


def quote(
    dataset: Dataset,
    strategies: Sequence[Strategy],
    models: Sequence[QuotedModel],
    prices: PriceList,
    *,
    cores: int | None = None,
    gpu: bool = False,
) -> Quote:
    """The rows in the order of the run. Raises BadPriceFile for a hosted model without price."""
    machine = prices.machine_for(cores=cores or usable_cores(), gpu=gpu)
    known = {model.name: model for model in models}
    sizes = sizes_of(dataset)
    entries = plan_run(strategies, known)
    rows = []
    for entry in entries:
        model = known[entry.model] if entry.model else None
        rows.append(quote_row(entry, dataset, sizes, model, prices, machine))
    return Quote(
        rows=tuple(rows),
        seconds=sum(row.seconds for row in rows),
        usd=sum(row.usd for row in rows),
        machine=machine,
        paid=any(model.hosted for model in models),
        n_test=len(dataset.test),
        detectable_difference=detectable_difference(max(1, len(dataset.test))),
    )


def quote_row(
    entry: Entry,
    dataset: Dataset,
    sizes: Sizes,
    model: QuotedModel | None,
    prices: PriceList,
    machine: str,
) -> QuoteRow:
    strategy = entry.strategy
    reason = unfitness(strategy, dataset, model)
    if reason is not None:
        return QuoteRow(id=entry.id, skipped=reason)
    speed = prices.machines[machine].speed
    usd_per_second = prices.machines[machine].usd_per_hour / 3600
    batched_rows = len(dataset.test) - min(REQUESTS, len(dataset.test) // 2)
    requests = batched_rows + REQUESTS + WARM_UPS
    embedding = embedding_seconds(strategy, dataset, sizes, speed)
    if model is None:
        seconds = embedding + (requests / speed.embedded_texts_per_s if embeds(strategy) else 0.0)
        return QuoteRow(
            id=entry.id, setup_seconds=embedding, seconds=seconds, usd=seconds * usd_per_second
        )
    request = request_of(strategy, sizes)
    indexing = embedding * len(SIZES) + embedding if setting(strategy, "top_k") else 0.0
    if model.hosted:
        price = prices.tokens_for(model.name)
        seconds = HOSTED_SECONDS * (batched_rows / HOSTED_AT_ONCE + REQUESTS + WARM_UPS)
        searched = searching(strategy, dataset, HOSTED_SECONDS / HOSTED_AT_ONCE, indexing)
        requests += ceil(searched.requests)
        answering = requests * price.usd(request.prompt, 0.0, request.completion)
        setup = embedding + searched.seconds
        usd = answering + setup * usd_per_second
    else:
        size = (model.parameters or REFERENCE_PARAMETERS) / REFERENCE_PARAMETERS
        batched, single = request_seconds(request, sizes, speed, size)
        searched = searching(strategy, dataset, batched, indexing)
        setup = embedding + searched.seconds
        setup += tuning_seconds(strategy, dataset, sizes, batched, speed, size)
        seconds = batched * batched_rows + single * (REQUESTS + WARM_UPS)
        seconds += BATCH_ROWS * batched + min(BATCH_ROWS * single, CHECK_SECONDS)
        usd = (seconds + setup) * usd_per_second
    return QuoteRow(
        id=entry.id,
        setup_seconds=setup,
        seconds=setup + seconds,
        usd=usd,
        prompt_tokens=request.prompt,
        completion_tokens=request.completion,
        search_seconds=searched.bound,
    )


def unfitness(strategy: Strategy, dataset: Dataset, model: QuotedModel | None) -> str | None:
    """Why it will not run: what it says itself of a hosted model, or the error it raises here."""
    stand_in = ScriptedModel(str, name=model.name) if model and model.hosted else None
    has_documents = bool(dataset.documents)
    try:
        return guarded(
            lambda: strategy.misfit(dataset.task, has_documents=has_documents, model=stand_in),
            Path(),
        )
    except Broken as broken:
        return str(broken)


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
        documents=sum(tokens(document.text) for document in dataset.documents),
    )


def setting(strategy: Strategy, name: str) -> int:
    """A whole-number setting of a strategy (shots, top_k, epochs, ...), 0 where it has none."""
    value = getattr(strategy, name, 0)
    return value if isinstance(value, int) else 0


def embeds(strategy: Strategy) -> bool:
    return hasattr(strategy, "embedder")


def chunk_tokens(strategy: Strategy, sizes: Sizes) -> float:
    return min(setting(strategy, "chunk_tokens") or 200, sizes.documents)


def request_of(strategy: Strategy, sizes: Sizes) -> Request:
    """A prompting strategy that embeds picks its examples anew for every input; the examples
    of all others are fixed. In retrieval each example comes with one passage.
    """
    top_k = setting(strategy, "top_k")
    passage = chunk_tokens(strategy, sizes) if top_k else 0.0
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
    if setting(strategy, "top_k") and dataset.documents:
        texts = ceil(sizes.documents / chunk_tokens(strategy, sizes))
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
