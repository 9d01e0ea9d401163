"""The record of one measured task: ids, numbers and times, no text of the data.

One file a task, `TASK.jsonl`: a line for the task and one for each strategy and seed. What cheap
evidence found lies beside it (`findings`). Every figure of the benchmark follows from the two.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from benchmarks.errors import BenchmarkError
from benchmarks.records import Environment, ModelFacts, StrategyFacts, TaskFacts
from corpora.task import Deployment, Frozen, Needs
from service.published import write_atomically

SCHEMA: Literal["tuneworth.forecast-bench/1"] = "tuneworth.forecast-bench/1"
DIGITS = 5
"""Of a score."""


class TaskLine(Frozen):
    """What was compared, on what, and with which states of code.

    Labels are told by number, in the order of the task. `size` names the benchmark's size and
    `data` is the digest of the rows; `code` those of the sources that measured, one for each
    state of them at which a sitting began. `rows` are the ids of the test rows, `groups` theirs
    (None where no row has one) and `expected` their labels by number (None where the metric is a
    mean over rows). `leaked` are test rows that nearly repeat training rows, None where unknown.
    `training_tokens` decide which tasks have several seeds. `judged` are the rows that evidence may
    be judged on, each with its group and its label by number, None where it has none;
    `retrieval_groups` are the groups of the rows that retrieval is judged on, some of which may be
    training rows.

    `wall_seconds` passed in the comparison with the first seed, in all sittings; in those that
    were not killed `cpu_seconds` were computed by it, and `others_seconds` by everybody else on
    the machine meanwhile. All are 0 in records from before they were told.
    """

    record: Literal["task"] = "task"
    bench_schema: Literal["tuneworth.forecast-bench/1"] = SCHEMA
    name: str
    source: str
    size: str
    data: str
    code: tuple[str, ...]
    task: TaskFacts
    needs: Needs
    deployment: Deployment | None = None
    models: tuple[ModelFacts, ...]
    environment: Environment
    prices: dict[str, Any]
    training_tokens: int
    rows: tuple[str, ...]
    groups: tuple[str | None, ...] | None = None
    expected: tuple[int, ...] | None = None
    leaked: tuple[str, ...] | None = ()
    validation: tuple[str, ...]
    judged: dict[str, tuple[str | None, int | None]] = Field(default_factory=dict)
    retrieval_groups: dict[str, str | None] = Field(default_factory=dict)
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    others_seconds: float = 0.0


class StrategyLine(Frozen):
    """One strategy in the comparison with one seed.

    `scores` are in the order of the test rows, None for an answer in error, empty where it did
    not complete; so are `predicted`, labels by number, where they are kept. `batches` are
    (requests, seconds), `latencies_ms` single requests, `tokens` means of a request: prompt,
    cached, completion. `operations` are floating-point ones of setup and answers together, None
    where they are not known.
    """

    record: Literal["strategy"] = "strategy"
    seed: int
    facts: StrategyFacts
    status: Literal["completed", "failed", "skipped"]
    reason: str | None = None
    setup_seconds: float = 0.0
    batches: tuple[tuple[int, float], ...] = ()
    latencies_ms: tuple[float, ...] = ()
    tokens: tuple[float, float, float] = (0.0, 0.0, 0.0)
    training: dict[str, Any] | None = None
    index_bytes: int | None = None
    reads: bool = False
    scores: tuple[float | None, ...] = ()
    predicted: tuple[int | None, ...] | None = None
    operations: float | None = None

    @property
    def answering_seconds(self) -> float:
        """Batches and single requests."""
        return sum(seconds for _, seconds in self.batches) + sum(self.latencies_ms) / 1000

    @property
    def seconds(self) -> float:
        return self.setup_seconds + self.answering_seconds


class TaskRecord(Frozen):
    """Everything measured on one task."""

    task: TaskLine
    strategies: tuple[StrategyLine, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(line.seed for line in self.strategies))

    def run_of(self, seed: int) -> tuple[StrategyLine, ...]:
        """The comparison with that seed: what ran with the first one only stands in all."""
        own = {line.facts.id: line for line in self.strategies if line.seed == seed}
        first = [line for line in self.strategies if line.seed == self.seeds[0]]
        return tuple(own.get(line.facts.id, line) for line in first)

    @property
    def seconds(self) -> float:
        """What the exhaustive comparison takes, with one seed."""
        return sum(line.seconds for line in self.run_of(self.seeds[0]))

    @property
    def operations(self) -> float:
        """Floating-point operations of the same, as far as they are known."""
        return sum(line.operations or 0.0 for line in self.run_of(self.seeds[0]))


Line = Annotated[TaskLine | StrategyLine, Field(discriminator="record")]
LINE: TypeAdapter[Line] = TypeAdapter(Line)


def write_record(path: Path, record: TaskRecord) -> None:
    """Whole or not at all."""
    lines: list[Line] = [record.task, *record.strategies]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(LINE.dump_json(line).decode() + "\n" for line in lines)
    write_atomically(path, text)


def read_record(path: Path) -> TaskRecord:
    """Raises BenchmarkError for a file that holds no such record, whole."""
    try:
        lines = [LINE.validate_json(text) for text in path.read_bytes().splitlines()]
    except ValidationError as error:
        where = f"{error.error_count()} errors, first {error.errors()[0]['msg']}"
        raise BenchmarkError(f"{path}: no record of this benchmark ({where}).") from error
    heads = [line for line in lines if isinstance(line, TaskLine)]
    if len(heads) != 1:
        raise BenchmarkError(f"{path}: no record of this benchmark (no line of the task).")
    return TaskRecord(
        task=heads[0],
        strategies=tuple(line for line in lines if isinstance(line, StrategyLine)),
    )
