"""All cheap evidence on one task, found by the source of a live forecast and kept for replays."""

from __future__ import annotations

from functools import partial

from benchmarks.evidence.live import LiveSource
from benchmarks.evidence.store import FindingStore, head_of
from benchmarks.plan import plan_run
from service.comparing import checked_models, chosen_strategies, load_named, quoted_model
from service.forecast_bench.collecting import collect
from service.forecast_bench.findings import Evidence, EvidenceLine, anonymous, write_evidence
from service.forecast_bench.measure import Bench
from service.forecast_bench.record import TaskRecord
from service.forecast_bench.state import EVIDENCE, code_state
from service.forecast_bench.tasks import BenchTask
from strategies.waiting import settle_waiting


def find_evidence(task: BenchTask, record: TaskRecord, bench: Bench) -> Evidence:
    """Take every action there is, begun or gone on with, and write what was found.

    The source is given no test row. What another state of the code found is not gone on with, but
    found anew. Raises Cancelled, StorageFull, and what a source raises that is not a strategy's
    doing.
    """
    settle_waiting(alone=True)
    bench.watching.say(f"{task.name}: evidence")
    state, seed = code_state(EVIDENCE), bench.size.seeds[0]
    dataset = task.dataset.model_copy(update={"test": ()})
    strategies = chosen_strategies(dataset.task, bench.size.strategies)
    names = checked_models(dataset, strategies)
    entries = plan_run(dataset, strategies, dataset.task.models)
    head = head_of(dataset, entries, seed).model_copy(update={"code": state})
    store = FindingStore(bench.work(task) / f"findings-{state}.jsonl", head)
    source = LiveSource(
        dataset,
        entries,
        {name: partial(load_named, name) for name in names},
        seed,
        quoted=[quoted_model(name) for name in names],
        prices=bench.prices,
        earlier=tuple(store.findings),
    )
    found = collect(
        source,
        known=tuple(store.findings),
        keep=store.add,
        say=bench.watching.say,
        cancelled=bench.watching.cancelled,
    )
    labels = task.dataset.task.labels
    evidence = Evidence(
        head=EvidenceLine(
            name=task.name,
            size=bench.size.name,
            data=record.task.data,
            code=(state,),
            guesses=source.guesses,
        ),
        findings=tuple(anonymous(each, labels) for each in found),
    )
    write_evidence(bench.findings(task.name), evidence)
    return evidence
