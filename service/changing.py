"""What changing from what runs today to a strategy would bring: quality, money, time. Pure.

What runs today (`incumbent`) was not run here. Its quality is judged on the same test rows; its
cost and latency are as stated, and where nothing is stated nothing is compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.incumbent import INCUMBENT
from benchmarks.results import StrategyResult
from corpora.task import Frozen
from service import wording
from service.evidence import Evidence, Gap


class Change(Frozen):
    """Strategy `to` minus what runs today: quality with its 95% interval on the `n` rows that
    both answered, and the differences in dollars and milliseconds, None where one is unknown.
    """

    to: str
    difference: float
    low: float
    high: float
    n: int
    per_1k_requests_usd: float | None
    monthly_usd: float | None
    latency_p95_ms: float | None


def is_incumbent(result: StrategyResult) -> bool:
    return result.family == INCUMBENT


def incumbent_in(rows: Sequence[StrategyResult]) -> StrategyResult | None:
    """What runs today, where it was judged."""
    return next((row for row in rows if is_incumbent(row) and row.quality is not None), None)


def changes_from(rows: Sequence[StrategyResult], evidence: Evidence) -> tuple[Change, ...]:
    """A change to each completed strategy, in the order of `rows`; empty without an incumbent."""
    today = incumbent_in(rows)
    if today is None:
        return ()
    return tuple(
        change_to(row, today, evidence.gap(row.id, today.id))
        for row in rows
        if row.quality is not None and not is_incumbent(row)
    )


def change_to(row: StrategyResult, today: StrategyResult, gap: Gap) -> Change:
    per_1k, monthly, p95 = figures_of(row)
    per_1k_today, monthly_today, p95_today = figures_of(today)
    return Change(
        to=row.id,
        difference=gap.difference,
        low=gap.low,
        high=gap.high,
        n=gap.n,
        per_1k_requests_usd=minus(per_1k, per_1k_today),
        monthly_usd=minus(monthly, monthly_today),
        latency_p95_ms=minus(p95, p95_today),
    )


def figures_of(row: StrategyResult) -> tuple[float | None, float | None, float | None]:
    """Dollars per 1,000 requests and a month, and the 95th percentile in milliseconds."""
    per_1k = row.cost.per_1k_requests_usd if row.cost else None
    monthly = row.cost.monthly_usd if row.cost else None
    return per_1k, monthly, row.latency_ms.p95 if row.latency_ms else None


def minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def change_text(row: StrategyResult, today: StrategyResult, gap: Gap) -> str:
    """One sentence: `Changing from what runs today (incumbent) to lora brings +7.1 points (...),
    costs ..., and ...`, every figure with its counterpart."""
    brings = (
        f"Changing from what runs today ({today.id}) to {row.id} brings"
        f" {wording.points(gap.difference)} points (95% interval"
        f" {wording.points_between(gap.low, gap.high)}, {gap.n} test examples)"
    )
    return f"{brings}; {cost_text(row, today)}; {latency_text(row, today)}."


def cost_text(row: StrategyResult, today: StrategyResult) -> str:
    """`1,000 requests cost $0.02 instead of $0.40 (stated), after $1.20 of setup`."""
    if row.cost is None:
        return "its cost was not measured"
    own = f"1,000 requests cost {wording.dollars(row.cost.per_1k_requests_usd)}"
    setup = f", after {wording.dollars(row.cost.setup_usd)} of setup"
    if today.cost is None:
        return f"{own}{setup}, and what they cost today is not stated"
    return f"{own} instead of {wording.dollars(today.cost.per_1k_requests_usd)} (stated){setup}"


def latency_text(row: StrategyResult, today: StrategyResult) -> str:
    """`95% of answers come within 120 ms instead of 900 ms (stated)`."""
    if row.latency_ms is None:
        return "its latency was not measured"
    own = f"95% of answers come within {wording.milliseconds(row.latency_ms.p95)}"
    if today.latency_ms is None:
        return f"{own}, and today's latency is not stated"
    return f"{own} instead of {wording.milliseconds(today.latency_ms.p95)} (stated)"
