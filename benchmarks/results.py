"""What a run's records amount to: the measured parts of the report, as plain frozen data.

`summarise` in `benchmarks.summary` computes them from the journal; the recommendation and the
report only read them.
"""

from __future__ import annotations

from operator import not_
from typing import Any, Literal

from pydantic import Field

from benchmarks.behaviour_results import Behaviour
from benchmarks.race_records import Elimination, RaceResult
from benchmarks.records import Hardware
from corpora.task import Frozen, Search, is_none

Status = Literal["completed", "failed", "skipped", "eliminated"]


class Quality(Frozen):
    """Mean score with its 95% interval, 0 to 1. `n` counts scored rows, `errors` the others.

    `extra` holds the task kind's further metrics (macro_f1, containment, schema_valid, chrf, ...).
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    errors: int
    extra: dict[str, float] = Field(default_factory=dict)


class Parts(Frozen):
    """What the cost over the horizon is made of, in US dollars; None where nothing is stated.

    Added up in this order, those that are None left out, they are the cost over the horizon.
    """

    setup: float
    retraining: float
    labels: float | None
    refresh: float
    requests: float
    hosting: float | None
    engineering: float | None

    def total(self) -> float:
        added = 0.0
        for _, value in self:  # one after the other: `sum` rounds differently on newer Pythons
            added += value or 0.0
        return added


class Cost(Frozen):
    """US dollars and seconds. `monthly_usd` and `horizon_usd` are None without a stated volume,
    and so are the `parts` of the latter. A month is requests, hosting and engineering.

    Setup holds what choosing settings took: its seconds, and a hosted model's tokens.
    `stated`: the user says so of what runs today; nobody measured it (left out of JSON elsewhere).
    """

    setup_seconds: float
    setup_usd: float
    per_1k_requests_usd: float
    monthly_usd: float | None
    horizon_usd: float | None
    stated: bool = Field(default=False, exclude_if=not_)
    parts: Parts | None = Field(default=None, exclude_if=is_none)


class Tokens(Frozen):
    """Means over the answered test rows."""

    prompt_per_request: float
    cached_per_request: float
    completion_per_request: float


class Latency(Frozen):
    """Milliseconds of single requests, one at a time, uncached. `stated` as of a cost."""

    p50: float
    p95: float
    n: int
    stated: bool = Field(default=False, exclude_if=not_)


class Load(Frozen):
    """Milliseconds of requests at the stated rate, waiting included: computed, not measured
    (`benchmarks.load`). `busy` is the share of its time that a replica works."""

    per_second: float
    replicas: int
    busy: float
    p50: float
    p95: float


class Retrieval(Frozen):
    """Over test rows whose sources are known. `k` is the most documents an answer rested on."""

    hit_at_k: float
    mrr: float
    k: int


class Reused(Frozen):
    """What was not computed in this run but earlier on this machine.

    `setup_seconds` were measured then and are part of the cost's setup seconds. `answers` are
    test answers whose replies were reused: they count for quality, never for speed.
    """

    setup_seconds: float
    answers: int


class Seating(Frozen):
    """Where a strategy was measured: on which kinds of machine, one after the other, and beside
    how many other pieces of work at most. `apart`: not where most of the others were, so that its
    latency and what it costs of a machine do not compare with theirs."""

    machines: tuple[Hardware, ...]
    beside: int
    apart: bool


class StrategyResult(Frozen):
    """One row of the comparison; measured parts are None where it did not complete.

    `search_budget` is what it might spend on choosing its settings, None for one that has no
    budget; what it tried is in `training`.
    `behaviour` is left out of JSON where nothing is known of it.
    `cost` and `latency_ms` of what runs today are None where nothing is stated: unknown, not 0.
    `under_load` is what counts as latency where a deployment with a rate is stated.
    `eliminated` is why a race stopped it; its cost and speed are then those of the race.
    `measured_on` is left out where that was the machine of the report, with nothing beside it.
    """

    id: str
    name: str
    model: str | None
    family: str
    status: Status
    reason: str | None = None
    quality: Quality | None = None
    cost: Cost | None = None
    tokens: Tokens | None = None
    latency_ms: Latency | None = None
    throughput_per_s: float | None = None
    retrieval: Retrieval | None = None
    training: dict[str, Any] | None = None
    search_budget: Search | None = None
    p_best: float | None = None
    reused: Reused | None = None
    behaviour: Behaviour | None = Field(default=None, exclude_if=not_)
    index_bytes: int | None = Field(default=None, exclude_if=is_none)
    under_load: Load | None = Field(default=None, exclude_if=is_none)
    eliminated: Elimination | None = Field(default=None, exclude_if=is_none)
    measured_on: Seating | None = Field(default=None, exclude_if=is_none)

    @property
    def counted_latency(self) -> Load | Latency | None:
        """That under load where a rate is stated, else that of single requests."""
        return self.under_load or self.latency_ms

    @property
    def counted_p95(self) -> float | None:
        """The 95th percentile that a need is held against, in milliseconds."""
        return self.counted_latency.p95 if self.counted_latency else None


class Comparison(Frozen):
    """Quality of `a` minus quality of `b` on the same rows, with a 95% interval.

    `low_all` and `high_all` are those of the interval that holds in 95% for all pairs of the
    comparison at once (left out of JSON where they are not known). `p_value` is adjusted for the
    number of pairs.
    """

    a: str
    b: str
    difference: float
    low: float
    high: float
    p_value: float
    n: int
    low_all: float | None = Field(default=None, exclude_if=is_none)
    high_all: float | None = Field(default=None, exclude_if=is_none)


class BreakEven(Frozen):
    """Requests a month at which `to` (dearer to set up) becomes cheaper than `from`.

    None where it never does. `low` and `high` bound it by the spread of the measured cost.
    """

    from_: str
    to: str
    requests: float | None
    low: float | None = None
    high: float | None = None


class GivenAnswer(Frozen):
    """What one strategy answered to an example, and its score (None for an error)."""

    text: str | None
    score: float | None


class Disagreement(Frozen):
    """An example on which strategies differ most."""

    id: str
    input: str | None
    reference: str | None
    answers: dict[str, GivenAnswer]


class CurvePoint(Frozen):
    """Mean quality of trainings on `n` examples, one a seed. The 95% interval is over test rows
    and trainings; of all examples over test rows alone, as in the strategy's own row."""

    n: int
    quality: float
    low: float
    high: float
    seeds: tuple[int, ...]


class Prediction(Frozen):
    """Quality to be expected of a training on `n` examples, with its 95% interval."""

    n: int
    quality: float
    low: float
    high: float


class PredictedGap(Frozen):
    """Quality expected with `n` training examples minus that of `other`, on the same rows: as
    measured or, where it has a curve of its own, as expected with so many too. The strategy itself
    counts as measured."""

    other: str
    n: int
    difference: float
    low: float
    high: float


class LearningCurve(Frozen):
    """A tuned strategy over its number of training examples, and what more would bring.

    `predictions` are for some numbers of examples; none where `refused` says why. `overtakes`:
    the fewest examples with which it is expected to be better than another strategy by more than
    the practical margin, with an interval above 0. `failed` are trainings without a result.
    """

    strategy: str
    points: tuple[CurvePoint, ...]
    predictions: tuple[Prediction, ...] = ()
    gaps: tuple[PredictedGap, ...] = ()
    overtakes: dict[str, int] = Field(default_factory=dict)
    refused: str | None = None
    failed: tuple[str, ...] = ()


class Leak(Frozen):
    """Test rows that nearly repeat training rows: left out of every score, as they show memory
    and not skill. `rows` is their number; None where records from before they were named say only
    that there are some, which then count."""

    rows: int | None


class Summary(Frozen):
    """Everything measured, in the report's words. `flattery`: by how much the highest of the
    qualities is too high on average, at most, for being the highest."""

    strategies: tuple[StrategyResult, ...]
    comparisons: tuple[Comparison, ...]
    break_even: tuple[BreakEven, ...]
    disagreements: tuple[Disagreement, ...]
    curves: tuple[LearningCurve, ...] = ()
    detectable_difference: float
    seconds: float
    spent_usd: float
    leak: Leak | None = None
    flattery: float = 0.0
    race: RaceResult | None = None
