"""The journal of a run: `outcomes.jsonl`, one JSON record a line, in the order things happened.

Everything in a report is computed from these records, so the journal is what a rerun continues
from and what `tuneworth verify` recomputes. A strategy is named by its id: its name, or
`name@model` where a comparison has several models.
"""

from __future__ import annotations

from dataclasses import field
from operator import not_
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from benchmarks.race_records import EliminationRecord, RaceRecord, RoundRecord
from corpora.task import Check, Deployment, Frozen, Kind, Needs, Rule, Search, is_none

RUN_SCHEMA: Literal["tuneworth.run/1"] = "tuneworth.run/1"
LAST_GUARD = "batch size"
"""The last of a strategy's sentinels: where it is stored, all of them are."""
APART = "train and test apart"
"""The sentinel that fires where test rows nearly repeat training rows."""
STRICT = ConfigDict(
    extra=Frozen.model_config["extra"], allow_inf_nan=Frozen.model_config["allow_inf_nan"]
)


class ModelFacts(Frozen):
    """What the report says of a model."""

    name: str
    parameters: int
    dtype: str
    fingerprint: str
    hosted: bool = False


class TaskFacts(Frozen):
    """The task as the report needs it, counts included. `search` is what each searching strategy
    may spend on its settings; None in records from before there was any."""

    name: str
    kind: Kind
    metric: str
    labels: tuple[str, ...] = ()
    n_train: int
    n_validation: int
    n_test: int
    n_documents: int
    no_answer: str | None = None
    output_schema: dict[str, Any] | None = None
    rules: tuple[Rule, ...] = ()
    search: Search | None = None


class Hardware(Frozen):
    """A machine, as a process on it sees it."""

    cpu: str
    cores: int
    memory_gb: float
    gpu: str | None


class Environment(Hardware):
    """The machine and the versions a run was made with. `started_at` is ISO 8601, UTC."""

    torch: str
    versions: dict[str, str]
    started_at: str


class StrategyFacts(Frozen):
    """A strategy of this run. `model` is None for one that uses no language model. `searches`:
    it chooses its settings within the task's search budget."""

    id: str
    name: str
    family: str
    model: str | None
    searches: bool = False


class RunRecord(Frozen):
    """The first line: what is compared, on what. `fingerprint` tells two runs apart."""

    record: Literal["run"] = "run"
    run_schema: Literal["tuneworth.run/1"] = RUN_SCHEMA
    fingerprint: str
    seed: int
    task: TaskFacts
    needs: Needs
    deployment: Deployment | None = Field(default=None, exclude_if=is_none)
    models: tuple[ModelFacts, ...]
    strategies: tuple[StrategyFacts, ...]
    environment: Environment
    checks: tuple[Check, ...] = ()
    prices: dict[str, Any]


class SetupRecord(Frozen):
    """A strategy was prepared, did not fit (skipped) or broke (failed).

    `seconds` is the time that preparing takes; `reused_seconds` of them were measured earlier on
    this machine, when the results that this preparation reused were computed. `training` is None
    or has the fields of `strategies.base.Training`. `index_bytes` is the memory that its index
    takes while it serves, None where it has none or that is not told.
    `artifact` is the folder of the saved strategy, relative to the run's folder.
    """

    record: Literal["setup"] = "setup"
    strategy: str
    status: Literal["completed", "failed", "skipped"]
    reason: str | None = None
    seconds: float = 0.0
    reused_seconds: float = 0.0
    training: dict[str, Any] | None = None
    artifact: str | None = None
    index_bytes: int | None = Field(default=None, exclude_if=is_none)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OutcomeRecord:
    """One test example answered by one strategy, stored the moment it is done.

    Slots, because there is one for every row and strategy: a seventh of the memory of a model.

    `scores` maps each metric to a value from 0 to 1 (empty in state error). `rank` is the
    1-based place of the first right source among `retrieved` distinct documents, 0 where none
    was right, None where the sources are unknown. `predicted` and `expected` are labels, in
    classification only. `grounded` is the share of the answer's content words that stand in the
    documents it cites, None where none could be looked up. `declined` and `answerable` say, in a
    task with a `no_answer`, whether it was given and whether something else is right. `text`,
    `input`, `reference` and its `alternatives` are absent in published records.
    """

    record: Literal["outcome"] = "outcome"
    strategy: str
    example: str
    group: str | None = None
    state: Literal["ok", "error"]
    error: str | None = None
    scores: dict[str, float] = field(default_factory=dict)
    predicted: str | None = None
    expected: str | None = None
    confidence: float | None = None
    rank: int | None = None
    retrieved: int = 0
    sources: tuple[str, ...] = ()
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    grounded: float | None = None
    declined: bool | None = None
    answerable: bool | None = None
    text: str | None = None
    input: str | None = None
    reference: str | None = None
    alternatives: tuple[str, ...] = ()


class BatchRecord(Frozen):
    """One batch of test inputs was answered: for throughput, unless replies in it were `reused`."""

    record: Literal["batch"] = "batch"
    strategy: str
    n: int
    seconds: float
    reused: bool = False


class LatencyRecord(Frozen):
    """One request answered alone, after a warm-up, with no answer cache."""

    record: Literal["latency"] = "latency"
    strategy: str
    example: str
    ms: float


class StatedRecord(Frozen):
    """What the user states of one answer that was given elsewhere: dollars and milliseconds, None
    where nothing is stated. Nothing of it was measured here."""

    record: Literal["stated"] = "stated"
    strategy: str
    example: str
    usd: float | None = None
    ms: float | None = None


class FailureRecord(Frozen):
    """A strategy broke after it was prepared: its status becomes failed."""

    record: Literal["failure"] = "failure"
    strategy: str
    reason: str


class SentinelRecord(Frozen):
    """A guard against a broken measurement. `strategy` is None for one about the data.

    `examples` are all test rows that it fires for, where it is about rows; records from before
    there was this field do not have them.
    """

    record: Literal["sentinel"] = "sentinel"
    name: str
    strategy: str | None = None
    passed: bool
    message: str
    examples: tuple[str, ...] = Field(default=(), exclude_if=not_)


class ProbeRecord(Frozen):
    """Further questions to a strategy after its test rows, on validation rows or fixed prompts.

    `examples` are the ids of what was asked; each list in `values` has one value for each of them,
    None where it could not be told (see `benchmarks.probes` for the names). `seconds` is no part
    of the strategy's cost. `reason` says why there are no values.
    """

    record: Literal["probe"] = "probe"
    strategy: str
    probe: str
    examples: tuple[str, ...] = ()
    values: dict[str, tuple[float | None, ...]] = Field(default_factory=dict)
    seconds: float = 0.0
    reason: str | None = None


class CurveRecord(Frozen):
    """A point of a learning curve begins: `strategy` trained with `seed` on `n` of the training
    rows. Its setup, batches and outcomes stand in the journal under the id `point`."""

    record: Literal["curve"] = "curve"
    point: str
    strategy: str
    n: int
    seed: int


class SeatRecord(Hardware):
    """What follows of this strategy was measured here: on another machine than the run began on,
    or beside `beside` pieces of other work on the same one. Without it, on the run's machine alone.

    `price` is that of the machine, as `benchmarks.costs.HostPrice` has it.
    """

    record: Literal["seat"] = "seat"
    strategy: str
    beside: int
    price: dict[str, Any]


class EndRecord(Frozen):
    """The run is complete. `seconds` is the wall time of this and earlier sittings."""

    record: Literal["end"] = "end"
    seconds: float


Record = Annotated[
    RunRecord
    | SetupRecord
    | OutcomeRecord
    | BatchRecord
    | LatencyRecord
    | StatedRecord
    | FailureRecord
    | SentinelRecord
    | ProbeRecord
    | CurveRecord
    | SeatRecord
    | RaceRecord
    | RoundRecord
    | EliminationRecord
    | EndRecord,
    Field(discriminator="record"),
]
RECORD: TypeAdapter[Record] = TypeAdapter(Record)
