"""All cheap evidence on one task, found by the source of a live forecast and kept for replays."""

from __future__ import annotations

from functools import partial

from benchmarks.evidence.live import LiveSource
from benchmarks.evidence.store import FindingStore

from benchmarks.plan import plan_run
from service.comparing import checked_models, chosen_strategies, load_named
from service.forecast_bench.collecting import collect
from service.forecast_bench.findings import Evidence, EvidenceLine, anonymous, write_evidence
from service.forecast_bench.measure import Bench
from service.forecast_bench.record import TaskRecord
from service.forecast_bench.state import EVIDENCE, note_state
from service.forecast_bench.tasks import BenchTask

FOUND = "findings.jsonl"


def find_evidence(task: BenchTask, record: TaskRecord, bench: Bench) -> Evidence:
    """Take every action there is, begun or gone on with, and write what was found.

    The source is given no test row. Raises Cancelled, and what a source raises that is not a
    strategy's doing.
    """
    bench.watching.say(f"{task.name}: evidence")
    folder = bench.work(task)
    code = note_state(folder, EVIDENCE)
    dataset = task.dataset.model_copy(update={"test": ()})
    strategies = chosen_strategies(dataset.task, bench.size.strategies)
    names = checked_models(dataset, strategies)
    store = FindingStore(folder / FOUND)
    known = store.read()
    source = LiveSource(
        dataset,
        plan_run(dataset, strategies, dataset.task.models),
        {name: partial(load_named, name) for name in names},
        seed=bench.size.seeds[0],
        known=known,
    )
    found = collect(
        source,
        known=known,
        keep=store.append,
        say=bench.watching.say,
        cancelled=bench.watching.cancelled,
    )
    evidence = Evidence(
        head=EvidenceLine(name=task.name, size=bench.size.name, data=record.task.data, code=code),
        findings=tuple(anonymous(each, task.dataset.task.labels) for each in found),
    )
    write_evidence(bench.findings(task.name), evidence)
    return evidence
