"""What the API takes and gives, as pydantic models; OpenAPI is made from them."""

from typing import Any, Literal

from pydantic import Field, PositiveInt

from corpora.task import Frozen, Kind
from service.forecasting.defaults import CONFIDENCE
from service.orders import BEGIN, FINISH, RACE
from service.progress import ForecastProgress, Progress
from service.storage import (
    FINISHED,
    ComparisonRow,
    ForecastRow,
    State,
    TaskRow,
    UnitRow,
    UnitState,
)

API = "/api/v1"
Priority = Literal["high", "normal", "low"]
"""Whose units go first, however long others have waited."""
Part = Literal["begin", "race", "strategy", "finish"]
PARTS: dict[str, Part] = {BEGIN: "begin", RACE: "race", FINISH: "finish"}
MAX_SEED = 2**32 - 1
"""The largest seed that every library beneath takes."""


class TaskFacts(Frozen):
    """What a task is, without its rows."""

    name: str
    kind: Kind
    metric: str
    models: list[str]
    strategies: list[str] | None = Field(description="None: all that fit the task.")
    labels: list[str]
    n_examples: int
    n_documents: int


class TaskReply(TaskFacts):
    """A stored task."""

    id: str
    created_at: str = Field(description="ISO 8601, UTC.")


class TaskPage(Frozen):
    """One page of tasks, newest first."""

    tasks: list[TaskReply]
    next_cursor: str | None = Field(description="Send it as `cursor` to get the next page.")


class NewComparison(Frozen):
    """How to compare; every field may be left out, and so may the whole body."""

    strategies: list[str] | None = Field(
        default=None, min_length=1, description="Default: those of the task, or all that fit."
    )
    limit: PositiveInt | None = Field(default=None, description="Most test rows to answer.")
    train_limit: PositiveInt | None = Field(
        default=None, description="Most rows to train and validate on."
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    race: bool = Field(
        default=False,
        description="Stop strategies that can no longer win, on validation rows, before the test.",
    )
    probes: bool = Field(
        default=True,
        description="Ask further questions on validation rows: small changes of the input,"
        " irrelevant passages, general questions after tuning.",
    )
    accept_cost_usd: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="The most that hosted models may be expected to cost, in US dollars. Where"
        " they are quoted at more, nothing starts and the problem document holds the quote.",
    )
    spend_at_most_usd: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="The most that hosted models are ever paid, in US dollars. What would pass it"
        " is not sent, and that answer is an error which says so. It agrees to costs up to it where"
        " `accept_cost_usd` is left out.",
    )
    tokens_at_most: PositiveInt | None = Field(
        default=None,
        description="The most tokens that hosted models read and write, in the same way.",
    )
    priority: Priority = Field(
        default="normal",
        description="Whether it goes before or after what others have queued. `high` needs a key"
        " with the scope admin.",
    )


class NewForecast(Frozen):
    """How to foretell a comparison; every field may be left out, and so may the whole body."""

    strategies: list[str] | None = Field(
        default=None, min_length=1, description="Default: those of the task, or all that fit."
    )
    limit: PositiveInt | None = Field(
        default=None, description="Most test rows of the comparison that is foretold."
    )
    train_limit: PositiveInt | None = Field(
        default=None, description="Most rows to train and validate on."
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    confidence: float = Field(
        default=CONFIDENCE,
        ge=0.5,
        le=0.99,
        description="The chance from which on it says yes or no, and stops early.",
    )
    budget_seconds: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Nothing is begun that is expected to end later; it is used while the answer"
        " is not sure enough. Default: 7% of what the comparison is quoted at.",
    )
    budget_usd: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="The most to spend, the machine's time and tokens. Default: no limit, or 7% of"
        " the quote where a hosted model is paid.",
    )
    accept_cost_usd: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="The most that hosted models may cost, in US dollars. Where the budget allows"
        " more, nothing starts.",
    )
    spend_at_most_usd: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="The most that hosted models are ever paid, in US dollars. What would pass it"
        " is not sent, and that answer is an error which says so. It agrees to costs up to it where"
        " `accept_cost_usd` is left out.",
    )
    tokens_at_most: PositiveInt | None = Field(
        default=None,
        description="The most tokens that hosted models read and write, in the same way.",
    )
    priority: Priority = Field(
        default="normal",
        description="Whether it goes before or after what others have queued. `high` needs a key"
        " with the scope admin.",
    )


class UnitReply(Frozen):
    """A part of a comparison, which one worker takes as a whole."""

    part: Part
    strategy: str | None = Field(description="Of the part `strategy`, which one.")
    state: UnitState = Field(
        description="planned: it waits for other parts; queued: for a worker. done: nothing more is"
        " to be done, also where the comparison has ended before it."
    )
    attempts: int = Field(description="How often a worker began it.")
    reason: str | None = Field(description="Why it was given to a worker once more.")


class ComparisonReply(Frozen):
    """A comparison and how far it is."""

    id: str
    task: str
    state: State
    cancelling: bool = Field(description="It was told to stop and has not stopped yet.")
    progress: Progress
    units: list[UnitReply] = Field(
        description="Its parts in the order of the run, strategies side by side: known once it has"
        " begun. Empty where an older version computed it."
    )
    options: NewComparison
    error: dict[str, Any] | None = Field(description="A problem document, where it failed.")
    created_at: str
    started_at: str | None
    finished_at: str | None
    links: dict[str, str]


class ForecastReply(Frozen):
    """A forecast and how far it is."""

    id: str
    task: str
    state: State
    cancelling: bool = Field(description="It was told to stop and has not stopped yet.")
    progress: ForecastProgress
    options: NewForecast
    error: dict[str, Any] | None = Field(description="A problem document, where it failed.")
    forecast: dict[str, Any] | None = Field(
        description="What was foretold (tuneworth.forecast/1), once it is completed."
    )
    created_at: str
    started_at: str | None
    finished_at: str | None
    links: dict[str, str]


def task_reply(row: TaskRow) -> TaskReply:
    return TaskReply(id=row.id, created_at=row.created_at, **row.facts)


def comparison_reply(row: ComparisonRow) -> ComparisonReply:
    place = f"{API}/comparisons/{row.id}"
    links = {"self": place, "task": f"{API}/tasks/{row.task}", "events": f"{place}/events"}
    if row.state == "completed":
        links["report"] = f"{place}/report"
    return ComparisonReply(
        id=row.id,
        task=row.task,
        state=row.state,
        cancelling=row.cancelling and row.state not in FINISHED,
        progress=Progress.model_validate(row.progress),
        units=[unit_reply(unit) for unit in row.units],
        options=NewComparison(**row.options),
        error=row.error,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        links=links,
    )


def unit_reply(unit: UnitRow) -> UnitReply:
    part = PARTS.get(unit.name, "strategy")
    return UnitReply(
        part=part,
        strategy=unit.name if part == "strategy" else None,
        state=unit.state,
        attempts=unit.attempts,
        reason=unit.reason,
    )


def forecast_reply(row: ForecastRow, found: dict[str, Any] | None = None) -> ForecastReply:
    place = f"{API}/forecasts/{row.id}"
    links = {"self": place, "task": f"{API}/tasks/{row.task}", "events": f"{place}/events"}
    if row.state == "completed":
        links["report"] = f"{place}/report"
    return ForecastReply(
        id=row.id,
        task=row.task,
        state=row.state,
        cancelling=row.cancelling and row.state not in FINISHED,
        progress=ForecastProgress.model_validate(row.progress),
        options=NewForecast(**row.options),
        error=row.error,
        forecast=found,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        links=links,
    )
