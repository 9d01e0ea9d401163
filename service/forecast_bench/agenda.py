"""What is at hand of each task, and what is still to be measured, part by part.

A part is done for all tasks before the next begins: the whole comparisons first, then the cheap
evidence, then further seeds. So the earliest stop leaves the most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from benchmarks.errors import BenchmarkError, Cancelled, SourcesChanged, StorageFull
from benchmarks.guard import Broken, guarded
from service.comparing import checked_models, chosen_strategies, load_named
from service.forecast_bench.evidence import find_evidence
from service.forecast_bench.findings import Evidence, read_evidence
from service.forecast_bench.measure import (
    Bench,
    compare_again,
    compare_first,
    findings_in,
    record_in,
)
from service.forecast_bench.record import TaskRecord, read_record, write_record
from service.forecast_bench.tasks import BenchTask, LeftOut
from service.forecast_bench.tokens import repeated_tasks, training_tokens
from strategies.waiting import settle_waiting

RESULTS = Path(__file__).parent / "results"
"""The measured tasks that are part of the repository; not of an installed package."""


@dataclass(frozen=True)
class AtHand:
    """The record of a task and its evidence, with the files they came from."""

    path: Path
    record: TaskRecord
    evidence: Evidence | None

    @property
    def name(self) -> str:
        return self.record.task.name


def at_hand(place: Path, name: str) -> AtHand | None:
    """What a folder of results holds of a task; evidence on other data than the record's is none.

    Raises BenchmarkError for files of something else.
    """
    path = record_in(place, name)
    if not path.is_file():
        return None
    record = read_record(path)
    beside = findings_in(place, name)
    evidence = read_evidence(beside) if beside.is_file() else None
    if evidence is not None and evidence.head.data != record.task.data:
        evidence = None
    return AtHand(path, record, evidence)


def at_hand_of(task: BenchTask, bench: Bench, shipped: Path = RESULTS) -> AtHand | None:
    """Of these very data at this size: as measured here, else as part of the repository."""
    for place in (bench.out, shipped):
        found = at_hand(place, task.name)
        if found is not None and serves(found, task, bench):
            return found
    return None


def serves(found: AtHand, task: BenchTask, bench: Bench) -> bool:
    head = found.record.task
    return (head.data, head.size) == (task.data, bench.size.name)


def others_at_hand(task: BenchTask, bench: Bench, shipped: Path = RESULTS) -> str | None:
    """What is at hand under the task's name and does not serve, for a person to know."""
    for place in (bench.out, shipped):
        found = at_hand(place, task.name)
        if found is not None and not serves(found, task, bench):
            return f"{found.path} was measured on other data or at another size, and is not used."
    return None


def check_place(task: BenchTask, bench: Bench) -> None:
    """Raises BenchmarkError where the record would take the place of one of another size, or of
    other data: either took hours to measure."""
    there = at_hand(bench.out, task.name)
    if there is None:
        return
    head = there.record.task
    if head.size != bench.size.name:
        raise BenchmarkError(f"{there.path} is of the size {head.size}: give another --out.")
    if head.data != task.data:
        raise BenchmarkError(f"{there.path} is of other data: give another --out, or remove it.")


def names_in(place: Path) -> list[str]:
    """Of the records in a folder of results."""
    names = [path.name.removesuffix(".jsonl") for path in (place / "tasks").glob("*.jsonl")]
    return sorted(name for name in names if not name.endswith((".findings", ".replays")))


def measure_all(
    tasks: Sequence[BenchTask],
    wanted: Sequence[str],
    bench: Bench,
    *,
    shipped: Path = RESULTS,
) -> list[LeftOut]:
    """Measure what is lacking of the `wanted` tasks. All `tasks` of the folder say which have
    several seeds. Returns those that failed, with the reason; the others are unharmed.

    Raises Cancelled, and StorageFull.
    """
    settle_waiting(alone=True)  # which counting tokens would be too late for
    failed: dict[str, str] = {}
    tokens = counted(tasks, bench, failed, shipped)
    repeated = repeated_tasks(tokens, bench.size.repeated)

    def first(task: BenchTask) -> None:
        if at_hand_of(task, bench, shipped) is None:
            if other := others_at_hand(task, bench, shipped):
                bench.watching.say(f"{task.name}: {other}")
            check_place(task, bench)
            compare_first(task, tokens[task.name], bench)

    def evidence(task: BenchTask) -> None:
        found = at_hand_of(task, bench, shipped)
        if found is None or found.evidence is not None:
            return
        beside = bench.record(task.name)
        if found.path != beside:
            check_place(task, bench)
        find_evidence(task, found.record, bench)
        if found.path != beside:  # evidence is looked for beside the record that it goes with
            write_record(beside, found.record)

    def again(task: BenchTask) -> None:
        found = at_hand_of(task, bench, shipped)
        ours = found is not None and found.path == bench.record(task.name)
        if found is not None and ours and task.name in repeated:
            compare_again(task, found.record, bench)

    for part in (first, evidence, again):
        for task in tasks:
            if task.name in wanted and task.name not in failed:
                attempt(partial(part, task), task.name, bench, failed)
    return [LeftOut(name, why) for name, why in failed.items() if name in wanted]


def attempt(part: Callable[[], object], name: str, bench: Bench, failed: dict[str, str]) -> None:
    """Do a part for a task; whatever breaks is told, and the task left out.

    Raises Cancelled, StorageFull, and SourcesChanged.
    """
    try:
        guarded(part, bench.out)
    except (Cancelled, StorageFull, SourcesChanged):
        raise
    except (Broken, BenchmarkError) as error:
        failed[name] = str(error)
        bench.watching.say(f"{name} is left out: {error}")


def counted(
    tasks: Sequence[BenchTask], bench: Bench, failed: dict[str, str], shipped: Path
) -> Mapping[str, int]:
    """Training tokens of every task that has a model: as its record says, else counted now."""
    tokens: dict[str, int] = {}
    loaded = cache(load_named)  # one task after the other has the same model

    def count(task: BenchTask) -> None:
        found = at_hand_of(task, bench, shipped)
        if found is not None:
            tokens[task.name] = found.record.task.training_tokens
            return
        strategies = chosen_strategies(task.dataset.task, bench.size.strategies)
        name = next(iter(checked_models(task.dataset, strategies)), None)
        count_tokens = loaded(name).count_tokens if name else words
        tokens[task.name] = training_tokens(task.dataset, count_tokens)

    for task in tasks:
        attempt(partial(count, task), task.name, bench, failed)
    return tokens


def words(text: str) -> int:
    """Where no strategy uses a model."""
    return len(text.split())
