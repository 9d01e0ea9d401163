"""Measuring one task whole: the exhaustive comparison with each seed, and all cheap evidence.

Every step is stored in the task's working folder the moment it is done, so that a process that
was killed goes on where it was; a record is written once its part is measured, whole or not at
all. Removing a file of the results has that part measured anew, from what the folder still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.costs import PriceList
from benchmarks.curve import tunes
from benchmarks.plan import plan_run
from benchmarks.progress import OnProgress
from benchmarks.records import Record
from benchmarks.runner import run_comparison
from benchmarks.track import track_of
from corpora.task import Dataset
from service.comparing import checked_models, chosen_strategies, load_named
from service.forecast_bench import memory
from service.forecast_bench.compact import run_in, strategy_lines, task_line
from service.forecast_bench.record import TaskRecord, write_record
from service.forecast_bench.sittings import SITTINGS, sitting, sittings_in
from service.forecast_bench.sizes import Size
from service.forecast_bench.state import COMPARING, code_state, note_machine, note_state
from service.forecast_bench.tasks import BenchTask
from strategies.base import Strategy


@dataclass(frozen=True)
class Watching:
    """Who is told of the work, and who may stop it."""

    on_progress: OnProgress
    say: Callable[[str], None]
    cancelled: Callable[[], bool]


@dataclass(frozen=True)
class Bench:
    """Where and how large: records of this `size` go into `out`."""

    out: Path
    size: Size
    prices: PriceList
    watching: Watching

    def record(self, name: str) -> Path:
        return record_in(self.out, name)

    def findings(self, name: str) -> Path:
        return findings_in(self.out, name)

    def work(self, task: BenchTask) -> Path:
        """Of these very data at this size: others begin anew."""
        return self.out / "work" / f"{task.name}-{self.size.name}-{task.data}"

    def comparison(self, task: BenchTask, seed: int) -> Path:
        return self.work(task) / f"seed-{seed}"


def record_in(place: Path, name: str) -> Path:
    return place / "tasks" / f"{name}.jsonl"


def findings_in(place: Path, name: str) -> Path:
    return place / "tasks" / f"{name}.findings.jsonl"


def compare_first(task: BenchTask, tokens: int, bench: Bench) -> TaskRecord:
    """The comparison with the first seed, begun or gone on with, and its record.

    Raises Cancelled, what `run_comparison` raises, and BenchmarkError where memory ran out, or
    where the machine or the code is not the one that began.
    """
    note_machine(bench.work(task))
    code = note_state(bench.work(task), COMPARING)
    strategies = chosen_strategies(task.dataset.task, bench.size.strategies)
    seed = bench.size.seeds[0]
    journal = compared(task, strategies, seed, bench)
    head = task_line(
        task,
        journal,
        size=bench.size.name,
        code=code,
        training_tokens=tokens,
        sittings=sittings_in(bench.comparison(task, seed) / SITTINGS),
    )
    record = TaskRecord(task=head, strategies=tuple(strategy_lines(journal, task.dataset)))
    write_record(bench.record(task.name), record)
    for line in record.strategies:
        if line.status == "failed":
            bench.watching.say(f"{task.name}: {line.facts.id} failed: {line.reason}")
    return record


def compare_again(task: BenchTask, record: TaskRecord, bench: Bench) -> TaskRecord:
    """The record with what trains the model compared with the seeds that it lacks, each stored as
    it is done. As it is where nothing trains the model. Raises as `compare_first` does."""
    strategies = chosen_strategies(task.dataset.task, bench.size.strategies)
    only = trained(task.dataset, strategies)
    for seed in bench.size.seeds if only else ():
        if seed in record.seeds:
            continue
        note_machine(bench.work(task), record.task.environment)
        code = note_state(bench.work(task), COMPARING)
        lines = strategy_lines(compared(task, only, seed, bench), task.dataset)
        states = tuple(dict.fromkeys([*record.task.code, *code]))
        record = TaskRecord(
            task=record.task.model_copy(update={"code": states}),
            strategies=(*record.strategies, *lines),
        )
        write_record(bench.record(task.name), record)
    return record


def compared(
    task: BenchTask, strategies: Sequence[Strategy], seed: int, bench: Bench
) -> list[Record]:
    """The journal of the comparison with that seed, nothing of it from a cache.

    What failed is tried once more. Raises BenchmarkError where memory ran out for it then, too, but
    for the last of a few sittings, and SourcesChanged.
    """
    bench.watching.say(f"{task.name}: comparison with seed {seed}")
    folder = bench.comparison(task, seed)
    names = checked_models(task.dataset, strategies)
    run = partial(
        run_comparison,
        task.dataset,
        strategies=strategies,
        models={name: partial(load_named, name) for name in names},
        folder=folder,
        seed=seed,
        prices=bench.prices,
        on_progress=bench.watching.on_progress,
        cancelled=bench.watching.cancelled,
    )
    with sitting(folder / SITTINGS):
        journal = run()
        if failed := failures(journal):
            bench.watching.say(f"{task.name}: once more, having failed: {', '.join(failed)}")
            journal = run()
    if len(sittings_in(folder / SITTINGS)) < memory.PATIENCE:
        memory.refuse(task.name, failures(journal), folder)
    code_state(COMPARING)
    return journal


def failures(journal: Sequence[Record]) -> dict[str, str]:
    """Why each strategy that failed did so, by id."""
    tracks = [track_of(journal, facts) for facts in run_in(journal).strategies]
    return {each.id: each.reason or "" for each in tracks if each.status == "failed"}


def trained(dataset: Dataset, strategies: Sequence[Strategy]) -> list[Strategy]:
    """Those that train the model, which another seed may turn out differently."""
    entries = plan_run(dataset, strategies, dataset.task.models)
    names = {entry.strategy.name for entry in entries if tunes(entry)}
    return [each for each in strategies if each.name in names]
