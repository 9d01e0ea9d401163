"""What a choice among strategies goes by: the order of cost, other needs, and what is free. Pure.

The rule that recommends (`service.choosing`) and the race that stops strategies on the way
(`benchmarks.contest`) must not differ in these.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from benchmarks.results import Cost, StrategyResult
from corpora.task import Kind, Needs

SIMPLICITY = ("incumbent", "baseline", "prompting", "rag", "fine-tuning", "combined")
"""From the simplest to run to the most involved: the order of cost where no volume is stated.
What runs today needs nothing to be done."""
TRIVIAL = {
    "baseline.majority": "always giving the most frequent answer",
    "baseline.copy": "copying the input",
}
"""What takes no thought, by the name of the strategy that measures it: never recommended, and
whoever does not beat it is worth nothing."""
FLOOR_OF_TEXTS = 0.1
"""Scores of free text below this are worth nothing.

Overlap measures give unrelated texts of one subject some 0.05 to 0.1 for the function words they
share, and always answering "not known" gets the share of such questions, often a tenth. A
strategy has to be above it with the whole interval.
"""
CLEARLY = 0.8
"""The cost of one strategy as a share of another's from which down the order is taken as certain
before all of it is measured."""


def limit_of(kind: Kind, labels: Sequence[str]) -> float:
    """What chance gets: one label of many, or the floor of texts."""
    if kind != "classification":
        return FLOOR_OF_TEXTS
    return 1 / len(labels) if labels else 0.0


def rank_of(result: StrategyResult) -> int:
    """The place of its family in the order of simplicity."""
    family = result.family
    return SIMPLICITY.index(family) if family in SIMPLICITY else len(SIMPLICITY)


def price_key(result: StrategyResult, needs: Needs) -> tuple[float, ...]:
    """Cheapest first: by cost over the horizon where a volume is stated, else by simplicity."""
    cost = result.cost
    rank = rank_of(result)
    per_1k = cost.per_1k_requests_usd if cost else inf
    setup = cost.setup_usd if cost else inf
    quality = result.quality.value if result.quality else 0.0
    if needs.requests_per_month is not None:
        horizon = cost.horizon_usd if cost and cost.horizon_usd is not None else inf
        return (horizon, rank, per_1k, setup, -quality)
    return (rank, per_1k, setup, -quality)


def is_cheaper(
    one: StrategyResult, other: StrategyResult, needs: Needs, share: float = CLEARLY
) -> bool:
    """Whether the rule would take `one` before `other` where both are as good, and what decides
    it costs at most that share of the other's. False where a cost that decides is not known, or
    is that of machines by the hour, whose number only single requests tell.
    """
    if needs.requests_per_month is None and rank_of(one) != rank_of(other):
        return rank_of(one) < rank_of(other)
    if one.cost is None or other.cost is None or price_key(one, needs) >= price_key(other, needs):
        return False
    if needs.requests_per_month is None:
        return one.cost.per_1k_requests_usd <= share * other.cost.per_1k_requests_usd
    bills = one.cost.horizon_usd, other.cost.horizon_usd
    if bills[0] is None or bills[1] is None or by_the_hour(one.cost) or by_the_hour(other.cost):
        return False
    return bills[0] <= share * bills[1]


def by_the_hour(cost: Cost) -> bool:
    """Whether machines are charged, busy or not."""
    return cost.parts is not None and cost.parts.hosting is not None


def serves_as_well(
    one: StrategyResult, other: StrategyResult, needs: Needs, share: float = CLEARLY
) -> bool:
    """Whether `one` is known to miss no need but quality that `other` may meet."""
    if needs.latency_p95_ms is not None and not is_as_quick(
        one, other, needs.latency_p95_ms, share
    ):
        return False
    limit = needs.cost_per_1k_requests
    if limit is None:
        return True
    if one.cost is None or by_the_hour(one.cost):
        return False
    per_1k = one.cost.per_1k_requests_usd
    theirs = other.cost.per_1k_requests_usd if other.cost else 0.0
    return per_1k <= share * limit or per_1k <= share * theirs


def is_as_quick(one: StrategyResult, other: StrategyResult, limit: float, share: float) -> bool:
    """Whether `one` keeps the limit, or answers in batches as much quicker than `other` as leaves
    no doubt: with no language model, or with the same."""
    if one.counted_p95 is not None and one.counted_p95 <= limit:
        return True
    alike = one.model is None or one.model == other.model
    if not alike or not one.throughput_per_s or not other.throughput_per_s:
        return False
    return other.throughput_per_s <= share * one.throughput_per_s
