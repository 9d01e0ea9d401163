"""What a comparison will take, before anything is spent: from counts of words, with no model.

A quote, not a promise: tokens are words × 1.35, speeds come from the price file, and a request
to a hosted model is taken to last a second. Labels are weighed, other answers are as long as
the training outputs. A prompt's fixed part (instruction, fixed examples) is computed once a run.
Where strategies are asked in turn, half the requests are taken to reach the later ones.
Who searches settings is taken to spend what its trials take, within the seconds of `search`; a
reranker is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path

from benchmarks.costs import PriceList
from benchmarks.curve import planned, tunes
from benchmarks.environment import usable_cores
from benchmarks.guard import Broken, guarded
from benchmarks.latency import REQUESTS, WARM_UPS
from benchmarks.plan import Entry, plan_run
from benchmarks.probe_rows import probing_seconds
from benchmarks.search_quote import UPPER_SHARE, judging_rows, searching
from benchmarks.sentinels import BATCH_ROWS, CHECK_SECONDS
from benchmarks.workload import (
    Sizes,
    embedding_seconds,
    embeds,
    request_of,
    request_seconds,
    setting,
    sizes_of,
    tuning_seconds,
)
from corpora.power import detectable_difference
from corpora.task import Dataset, Frozen, Search
from strategies.base import Strategy, parts_of
from strategies.models.scripted import ScriptedModel
from strategies.retrieval_search import SIZES

REFERENCE_PARAMETERS = 135_000_000
HOSTED_SECONDS = 1.0
HOSTED_AT_ONCE = 8
LATER_SHARE = 0.5
"""Share of the requests that a cascade leaves to its dear part: how many it will be, only the
validation rows can tell."""


class QuotedModel(Frozen):
    """What a quote needs of a model: its size (0 where unknown) and who runs it."""

    name: str
    parameters: int = 0
    hosted: bool = False


class QuoteRow(Frozen):
    """One strategy. `seconds` and `usd` are for all of it, setup included.

    `search_seconds`, within the setup, is the bound of choosing settings: those of the task's
    `search`, or of its first trial where that takes longer; 0 for who chooses none.
    `curve_seconds`, beside the setup, are those of its learning curve, all points together, and
    `race_seconds` those of a race at most, where one is asked for.
    `skipped` says why it does not fit the task; the numbers are then 0.
    """

    id: str
    setup_seconds: float = 0.0
    search_seconds: float = 0.0
    curve_seconds: float = 0.0
    race_seconds: float = 0.0
    seconds: float = 0.0
    usd: float = 0.0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    skipped: str | None = None


TOTALS = (
    "setup_seconds",
    "search_seconds",
    "seconds",
    "usd",
    "prompt_tokens",
    "completion_tokens",
)
"""What a strategy that is made of others takes with each of them."""


class Quote(Frozen):
    """The whole comparison, and what it can show at best. `race_seconds` are within its seconds."""

    rows: tuple[QuoteRow, ...]
    seconds: float
    usd: float
    machine: str
    paid: bool
    n_test: int
    detectable_difference: float
    search: Search = Search()
    race_seconds: float = 0.0


def quote(
    dataset: Dataset,
    strategies: Sequence[Strategy],
    models: Sequence[QuotedModel],
    prices: PriceList,
    *,
    cores: int | None = None,
    gpu: bool = False,
    probes: bool = False,
) -> Quote:
    """The rows in the order of the run, with the time of `probes` if these are asked.

    Raises BadPriceFile for a hosted model without price.
    """
    machine = prices.machine_for(cores=cores or usable_cores(), gpu=gpu)
    known = {model.name: model for model in models}
    sizes = sizes_of(dataset)
    entries = plan_run(dataset, strategies, known)
    rows = []
    for entry in entries:
        model = known[entry.model] if entry.model else None
        rows.append(quote_row(entry, dataset, sizes, model, prices, machine, probes=probes))
    return Quote(
        rows=tuple(rows),
        seconds=sum(row.seconds for row in rows),
        usd=sum(row.usd for row in rows),
        machine=machine,
        paid=any(model.hosted for model in models),
        n_test=len(dataset.test),
        detectable_difference=detectable_difference(max(1, len(dataset.test))),
        search=dataset.task.search,
    )


def quote_row(
    entry: Entry,
    dataset: Dataset,
    sizes: Sizes,
    model: QuotedModel | None,
    prices: PriceList,
    machine: str,
    *,
    probes: bool = False,
) -> QuoteRow:
    reason = unfitness(entry.strategy, dataset, model)
    if reason is not None:
        return QuoteRow(id=entry.id, skipped=reason)
    parts = parts_of(entry.strategy)
    rows = [
        quote_part(
            part,
            dataset,
            sizes,
            model if part.needs_model else None,
            prices,
            machine,
            share=LATER_SHARE if place else 1.0,
            judged=len(dataset.validation) if parts else 0,
        )
        for place, part in enumerate(parts or (entry.strategy,))
    ]
    totals = {name: sum(getattr(row, name) for row in rows) for name in TOTALS}
    row = QuoteRow(id=entry.id, **totals)
    hosted = model is not None and model.hosted
    if probes and not hosted:
        row = with_probes(row, entry, dataset, prices, machine)
    curve = curve_seconds(entry, dataset, sizes, model, prices, machine)
    usd = row.usd + curve * prices.machines[machine].usd_per_hour / 3600
    return row.model_copy(
        update={"curve_seconds": curve, "seconds": row.seconds + curve, "usd": usd}
    )


def with_probes(
    row: QuoteRow, entry: Entry, dataset: Dataset, prices: PriceList, machine: str
) -> QuoteRow:
    """The row with further questions, each of which takes what a request takes on average."""
    asked = len(dataset.test) + WARM_UPS + max(0, REQUESTS - len(dataset.test) // 2)
    parts = parts_of(entry.strategy) or (entry.strategy,)
    seconds = probing_seconds(
        row.seconds,
        (row.seconds - row.setup_seconds) / max(1, asked),
        rows=len(dataset.validation),
        reads_documents=any(setting(part, "top_k") for part in parts),
    )
    usd = seconds * prices.machines[machine].usd_per_hour / 3600
    return row.model_copy(update={"seconds": row.seconds + seconds, "usd": row.usd + usd})


def curve_seconds(
    entry: Entry,
    dataset: Dataset,
    sizes: Sizes,
    model: QuotedModel | None,
    prices: PriceList,
    machine: str,
) -> float:
    """Seconds to train every point of a learning curve, and to answer the test rows in batches."""
    if not (dataset.task.learning_curve and tunes(entry)):
        return 0.0
    size = (model.parameters if model else 0) or REFERENCE_PARAMETERS
    request = request_of(entry.strategy, sizes)
    speed = prices.machines[machine].speed
    batched, _ = request_seconds(request, sizes, speed, size / REFERENCE_PARAMETERS)
    total = 0.0
    for point in planned(entry.id, len(dataset.train), 0):
        part = dataset.model_copy(update={"train": dataset.train[: point.n]})
        found = quote_part(entry.strategy, part, sizes, model, prices, machine)
        total += found.setup_seconds + batched * len(dataset.test)
    return total


def quote_part(
    strategy: Strategy,
    dataset: Dataset,
    sizes: Sizes,
    model: QuotedModel | None,
    prices: PriceList,
    machine: str,
    *,
    share: float = 1.0,
    judged: int = 0,
) -> QuoteRow:
    """One strategy that is asked `share` of the requests, after `judged` rows in its setup."""
    speed = prices.machines[machine].speed
    usd_per_second = prices.machines[machine].usd_per_hour / 3600
    batched_rows = share * (len(dataset.test) - min(REQUESTS, len(dataset.test) // 2))
    single_rows = share * (REQUESTS + WARM_UPS)
    requests = batched_rows + single_rows
    embedding = embedding_seconds(strategy, dataset, sizes, speed)
    setup = embedding
    if model is None:
        each = 1 / speed.embedded_texts_per_s if embeds(strategy) else 0.0
        bound = dataset.task.search.seconds if getattr(strategy, "searches", False) else 0.0
        setup += judged * each + bound
        seconds = setup + requests * each
        return QuoteRow(
            id=strategy.name,
            setup_seconds=setup,
            search_seconds=bound,
            seconds=seconds,
            usd=seconds * usd_per_second,
        )
    request = request_of(strategy, sizes)
    indexing = embedding * len(SIZES) + embedding if setting(strategy, "top_k") else 0.0
    if model.hosted:
        price = prices.tokens_for(model.name)
        seconds = HOSTED_SECONDS * (batched_rows / HOSTED_AT_ONCE + single_rows)
        each = HOSTED_SECONDS / HOSTED_AT_ONCE
        searched = searching(strategy, dataset, each, each * judging_rows(dataset), indexing)
        asked = requests + judged + ceil(searched.requests)
        setup += searched.seconds + judged * each
        usd = asked * price.usd(request.prompt, 0.0, request.completion) + setup * usd_per_second
    else:
        size = (model.parameters or REFERENCE_PARAMETERS) / REFERENCE_PARAMETERS
        batched, single = request_seconds(request, sizes, speed, size)
        tuning = tuning_seconds(strategy, dataset, sizes, batched, speed, size)
        trial = UPPER_SHARE * tuning if tuning else batched * judging_rows(dataset)
        searched = searching(strategy, dataset, batched, trial, indexing)
        setup += searched.seconds + tuning + judged * batched
        seconds = batched * batched_rows + single * single_rows
        seconds += share * BATCH_ROWS * batched + min(share * BATCH_ROWS * single, CHECK_SECONDS)
        usd = (seconds + setup) * usd_per_second
    return QuoteRow(
        id=strategy.name,
        setup_seconds=setup,
        seconds=setup + seconds,
        usd=usd,
        prompt_tokens=share * request.prompt,
        completion_tokens=share * request.completion,
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
