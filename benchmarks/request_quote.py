"""What one request to a strategy is to take, from counts of words, as in `benchmarks.quote`."""

from __future__ import annotations

from benchmarks.costs import PriceList
from benchmarks.plan import Entry
from benchmarks.quote import (
    HOSTED_AT_ONCE,
    HOSTED_SECONDS,
    LATER_SHARE,
    REFERENCE_PARAMETERS,
    QuotedModel,
)
from benchmarks.workload import Sizes, embeds, request_of, request_seconds
from corpora.task import Frozen
from strategies.base import Strategy, parts_of


class RequestQuote(Frozen):
    """Seconds of one request among many and of one alone, and its tokens."""

    batched_seconds: float
    single_seconds: float
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0


def request_quote(
    entry: Entry, sizes: Sizes, model: QuotedModel | None, prices: PriceList, machine: str
) -> RequestQuote:
    """Where strategies are asked in turn, half the requests are taken to reach the later ones."""
    parts = parts_of(entry.strategy) or (entry.strategy,)
    shares = [LATER_SHARE if place else 1.0 for place in range(len(parts))]
    quotes = [part_quote(part, sizes, model, prices, machine) for part in parts]
    totals = {
        name: sum(share * getattr(one, name) for share, one in zip(shares, quotes, strict=True))
        for name in RequestQuote.model_fields
    }
    return RequestQuote(**totals)


def part_quote(
    strategy: Strategy, sizes: Sizes, model: QuotedModel | None, prices: PriceList, machine: str
) -> RequestQuote:
    speed = prices.machines[machine].speed
    if model is None or not strategy.needs_model:
        each = 1 / speed.embedded_texts_per_s if embeds(strategy) else 0.0
        return RequestQuote(batched_seconds=each, single_seconds=each)
    request = request_of(strategy, sizes)
    if model.hosted:
        batched, single = HOSTED_SECONDS / HOSTED_AT_ONCE, HOSTED_SECONDS
    else:
        size = (model.parameters or REFERENCE_PARAMETERS) / REFERENCE_PARAMETERS
        batched, single = request_seconds(request, sizes, speed, size)
    return RequestQuote(
        batched_seconds=batched,
        single_seconds=single,
        prompt_tokens=request.prompt,
        completion_tokens=request.completion,
    )
