"""The forecast, schema `tuneworth.forecast/1`: the public result. Pure data."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from benchmarks.evidence.finding import Deed
from benchmarks.records import Environment, TaskFacts
from benchmarks.results import Cost, Latency, Load, Status
from corpora.task import Check, Deployment, Frozen, Needs, is_none
from service.commitment import Commit
from service.recommendation import Verdict

FORECAST_SCHEMA: Literal["tuneworth.forecast/1"] = "tuneworth.forecast/1"
Stop = Literal["clear", "budget", "not worth it", "nothing left", "told to"]
"""Why no further action was taken."""


class Predicted(Frozen):
    """The quality that the comparison is expected to find, were its test endless, 0 to 1, with the
    90% interval."""

    metric: str
    value: float
    low: float
    high: float


class ForecastRow(Frozen):
    """One strategy. What is expected of it is None where it does not fit or broke.

    `cost` and `latency_ms` are expected, not measured; `compare_seconds` is what the comparison
    would take for it. `p_best` is the chance that no other has a higher quality, `p_chosen` that
    the rule would recommend it. `rows` of validation were answered by it here, and `seen_by`
    says what else was looked at. What is expected of a strategy with `parts` follows from what is
    expected of these two: it is taken to be about as good as the better of them.
    """

    id: str
    name: str
    model: str | None
    family: str
    status: Status
    reason: str | None = None
    quality: Predicted | None = None
    cost: Cost | None = None
    latency_ms: Latency | None = None
    under_load: Load | None = Field(default=None, exclude_if=is_none)
    compare_seconds: float = 0.0
    p_best: float | None = None
    p_chosen: float | None = None
    rows: int = 0
    parts: tuple[str, str] | None = None
    seen_by: tuple[Deed, ...] = ()


class ForecastAnswer(Frozen):
    """The decision. `chance` is that of it being right: the strategy is at most the practical
    margin worse than the one that the rule would choose knowing every quality, serves the needs as
    well, and nothing is tuned in vain. `p_tuned` is the chance that this rule would choose a tuned
    strategy, as the needs stand or were those met that nobody knows of tuned ones; None where no
    tuned strategy was foretold, where one that broke may be better, and in a forecast of an earlier
    version. `expected_regret` is what the decision is worse by on average.

    `why` is one sentence, and `settles` says what would settle a "not yet".
    """

    strategy: str | None
    model: str | None
    family: str | None
    runner_up: str | None
    verdict: Verdict
    commit_to_fine_tuning: Commit
    chance: float
    expected_regret: float
    why: str
    p_tuned: float | None = None
    settles: tuple[str, ...] = ()
    unmet_needs: tuple[str, ...] = ()


class State(Frozen):
    """Where the decision stood after a step. `stake` is what the best choice would lose on
    average: its regret, and the margin where it tunes in vain."""

    strategy: str | None
    commit_to_fine_tuning: Commit
    chance: float
    expected_regret: float
    stake: float


class Moved(Frozen):
    """How a step moved what is believed of a strategy: value, low and high before and after."""

    strategy: str
    before: tuple[float, float, float]
    after: tuple[float, float, float]


class TraceStep(Frozen):
    """An action that was taken, or passed over until the end.

    `expected_gain` is by how much it was expected to lower what is at stake, 0 to 1, and
    `expected_call` the chance that it would make the answer sure enough; `expected_narrowing` is
    the part by which the intervals of those that may be chosen would get narrower. None where that
    was not asked. What comes after `reason` is known of actions that were taken alone.
    """

    taken: bool
    deed: Deed
    strategy: str | None
    rows: int
    share: float
    expected_seconds: float
    expected_usd: float = 0.0
    expected_gain: float | None
    expected_call: float | None = None
    expected_narrowing: float | None = None
    reason: str
    seconds: float = 0.0
    usd: float = 0.0
    operations: float = 0.0
    figures: dict[str, float] = Field(default_factory=dict)
    trouble: str | None = None
    moved: tuple[Moved, ...] = ()
    after: State | None = None


class Spent(Frozen):
    """What the forecast took. `thinking_seconds`, among the seconds, went into deciding what to do
    next. `operations` are floating-point ones of language models, where they were counted."""

    seconds: float
    thinking_seconds: float
    usd: float
    operations: float
    actions: int


class Exhaustive(Frozen):
    """What `tuneworth compare` is quoted at, and the share of it that the forecast saved."""

    seconds: float
    usd: float
    machine: str
    saved: float


class ForecastBudget(Frozen):
    """What it might spend; `usd` is None where no money was limited."""

    seconds: float
    usd: float | None


class Forecast(Frozen):
    """Everything foretold and what it rests on. Written as JSON with `as_json`.

    `strategies` are in order of quality, those that are out last. `predictor` says what the belief
    was learned from, and `tested` how it fared against simple rules on tasks left out. `rule` is
    the simple rule that decided in its place, None where the predictor did. `start` is where the
    decision stood before anything was looked at.
    """

    model_config = ConfigDict(populate_by_name=True)

    schema_: Literal["tuneworth.forecast/1"] = Field(default=FORECAST_SCHEMA, alias="schema")
    task: TaskFacts
    needs: Needs
    deployment: Deployment | None = Field(default=None, exclude_if=is_none)
    seed: int
    environment: Environment
    prices: dict[str, Any]
    predictor: str
    tested: str = ""
    rule: str | None = Field(default=None, exclude_if=is_none)
    confidence: float
    answer: ForecastAnswer
    strategies: tuple[ForecastRow, ...]
    spent: Spent
    budget: ForecastBudget
    exhaustive: Exhaustive
    stop: Stop
    stopped: str
    start: State
    trace: tuple[TraceStep, ...]
    checks: tuple[Check, ...] = ()

    def as_json(self) -> str:
        """The public JSON, keys as documented, ending with a line break."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
