"""Which strategies may be recommended at all: stated needs, errors, and the trivial floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from benchmarks.choice import FLOOR_OF_TEXTS as FLOOR_OF_TEXTS
from benchmarks.choice import TRIVIAL as TRIVIAL
from benchmarks.choice import limit_of
from benchmarks.records import TaskFacts
from benchmarks.results import Quality, StrategyResult
from corpora.task import Needs
from service import wording
from service.changing import is_incumbent
from service.evidence import Evidence

Standing = Literal["met", "uncertain", "missed"]
ERRORS_ALLOWED = 0.05
"""A strategy with a larger share of errors is out while another one serves."""


@dataclass(frozen=True)
class Floor:
    """What costs no thought to reach: `value`, the highest of all, with its `meaning`.

    `limit` is fixed (chance, or the floor of texts); `trivial` are the ids of the measured
    strategies that take no thought.
    """

    value: float
    meaning: str
    limit: float
    trivial: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """A stated need against what was measured. `hopeless`: missed, whatever the interval."""

    need: str
    standing: Standing
    text: str
    hopeless: bool = False


@dataclass(frozen=True)
class Candidate:
    """A completed strategy with how it stands."""

    result: StrategyResult
    quality: Quality
    judgements: tuple[Judgement, ...]
    reliable: bool
    clear: bool

    @property
    def id(self) -> str:
        return self.result.id

    @property
    def shortfall(self) -> tuple[int, int]:
        """How many needs are missed, and how many are not certain; smaller is better."""
        standings = [judgement.standing for judgement in self.judgements]
        return standings.count("missed"), standings.count("uncertain")

    @property
    def ruled_out(self) -> bool:
        """Misses a need beyond the doubt of its interval."""
        return any(judgement.hopeless for judgement in self.judgements)


def is_tuned(result: StrategyResult) -> bool:
    """Whether it trains the model: fine-tuning, or a combination that contains it."""
    learned = bool((result.training or {}).get("epochs"))
    combined = result.family == "combined" and (learned or "lora" in result.name)
    return result.family == "fine-tuning" or combined


def floor_of(strategies: Sequence[StrategyResult], task: TaskFacts) -> Floor:
    """Chance (0.1 for free text), always the same answer or a copy of the input: the highest."""
    limit, meaning = limit_of(task.kind, task.labels), "what unrelated texts can score"
    if task.kind == "classification":
        meaning = f"guessing among {len(task.labels)} labels"
    value = limit
    trivial = []
    for row in strategies:
        if row.name in TRIVIAL and row.quality is not None and row.status == "completed":
            trivial.append(row.id)
            if row.quality.value >= value:
                value, meaning = row.quality.value, TRIVIAL[row.name]
    return Floor(value, meaning, limit, tuple(trivial))


def candidates_of(
    strategies: Sequence[StrategyResult], floor: Floor, evidence: Evidence, needs: Needs
) -> tuple[Candidate, ...]:
    """The completed strategies with at least one scored row."""
    return tuple(
        Candidate(
            result=row,
            quality=row.quality,
            judgements=judge(row, needs),
            reliable=wording.error_share(row) <= ERRORS_ALLOWED,
            clear=is_clear(row, floor, evidence),
        )
        for row in strategies
        if row.status == "completed" and row.quality is not None and row.quality.n > 0
    )


def is_clear(row: StrategyResult, floor: Floor, evidence: Evidence) -> bool:
    """Above the limit with the whole interval, and above what is trivial pair by pair."""
    if row.quality is None or row.id in floor.trivial:
        return False
    above = row.quality.low > floor.limit
    return above and all(evidence.gap(row.id, other).is_shown for other in floor.trivial)


def judge(row: StrategyResult, needs: Needs) -> tuple[Judgement, ...]:
    """Each stated need, judged for one strategy."""
    found = []
    unknown = "not stated" if is_incumbent(row) else "not measured"
    if needs.quality_at_least is not None and row.quality is not None:
        found.append(judge_quality(row.quality, needs.quality_at_least))
    if needs.latency_p95_ms is not None:
        found.append(judge_latency(row, needs.latency_p95_ms, unknown))
    if needs.cost_per_1k_requests is not None:
        cost = row.cost.per_1k_requests_usd if row.cost else None
        found.append(judge_limit("cost_per_1k_requests", cost, needs.cost_per_1k_requests, unknown))
    return tuple(found)


def judge_quality(quality: Quality, bar: float) -> Judgement:
    """Met where the whole interval clears the bar; uncertain where only the value does."""
    found = f"{wording.score(quality.value)} ({wording.interval(quality.low, quality.high)})"
    asked = f"quality of at least {wording.score(bar)}"
    if quality.low >= bar:
        return Judgement("quality_at_least", "met", f"{asked}: {found}")
    if quality.value >= bar:
        return Judgement("quality_at_least", "uncertain", f"{asked}: {found}, not certain")
    return Judgement("quality_at_least", "missed", f"{asked}: {found}", quality.high < bar)


def judge_latency(row: StrategyResult, limit: float, unknown: str) -> Judgement:
    """Under the stated load, where there is one: as it was computed, waiting included."""
    found = judge_limit("latency_p95_ms", row.counted_p95, limit, unknown)
    if row.under_load is None:
        return found
    return replace(found, text=f"{found.text} under the stated load, computed")


def judge_limit(need: str, value: float | None, limit: float, unknown: str) -> Judgement:
    """An upper limit; uncertain where the value is unknown."""
    tell = wording.milliseconds if need == "latency_p95_ms" else wording.dollars
    label = "p95 latency" if need == "latency_p95_ms" else "cost per 1,000 requests"
    asked = f"{label} of at most {tell(limit)}"
    if value is None:
        return Judgement(need, "uncertain", f"{asked}: {unknown}")
    standing: Standing = "met" if value <= limit else "missed"
    return Judgement(need, standing, f"{asked}: {tell(value)}", standing == "missed")
