"""All cheap evidence on one task, found by the source of a live forecast and kept for replays."""

from __future__ import annotations

from functools import partial

from benchmarks.evidence.live import LiveSource
from benchmarks.evidence.store import FindingStore, head_of
from benchmarks.plan import plan_run
from service.comparing import checked_models, chosen_strategies, load_named, quoted_model
from service.forecast_bench import memory
from service.forecast_bench.alike import begin_alike
from service.forecast_bench.collecting import collect, told
from service.forecast_bench.findings import Evidence, EvidenceLine, anonymous, write_evidence
from service.forecast_bench.measure import Bench
from service.forecast_bench.record import TaskRecord
from service.forecast_bench.sittings import sitting, sittings_in
from service.forecast_bench.state import EVIDENCE, code_state, note_machine
from service.forecast_bench.tasks import BenchTask

SITTINGS = "evidence.sittings.jsonl"


def find_evidence(task: BenchTask, record: TaskRecord, bench: Bench) -> Evidence:
    """Take every action there is, begun or gone on with, and write what was found.

    The source is given no test row. What another state of the code found is not gone on with, but
    found anew, and so is what memory ran out for. Raises Cancelled, StorageFull, what a source
    raises that is not a strategy's doing, SourcesChanged, and BenchmarkError where memory ran out
    (but for the last of a few sittings) or where another machine compared the task.
    """
    work, seed = bench.work(task), bench.size.seeds[0]
    environment = note_machine(work, record.task.environment)
    state = code_state(EVIDENCE)
    bench.watching.say(f"{task.name}: evidence")
    dataset = task.dataset.model_copy(update={"test": ()})
    strategies = chosen_strategies(dataset.task, bench.size.strategies)
    names = checked_models(dataset, strategies)
    entries = plan_run(dataset, strategies, dataset.task.models)
    head = head_of(dataset, entries, seed).model_copy(update={"code": state})
    path = work / f"findings-{state}.jsonl"
    patient = len(sittings_in(work / SITTINGS)) + 1 < memory.PATIENCE
    if patient:
        memory.forget(path)
    store = FindingStore(path, head)
    models = {name: partial(load_named, name) for name in names}
    quoted = [quoted_model(name) for name in names]
    here = [models[each.name] for each in quoted if not each.hosted]
    begin_alike([entry.strategy for entry in entries], here, work)
    with sitting(work / SITTINGS):
        source = LiveSource(
            dataset,
            entries,
            models,
            seed,
            quoted=quoted,
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
    if patient:
        memory.refuse(task.name, {told(each.action): each.trouble or "" for each in found}, path)
    code_state(EVIDENCE)
    labels = task.dataset.task.labels
    evidence = Evidence(
        head=EvidenceLine(
            name=task.name,
            size=bench.size.name,
            data=record.task.data,
            code=(state,),
            environment=environment,
            guesses=source.guesses,
        ),
        findings=tuple(anonymous(each, labels) for each in found),
    )
    write_evidence(bench.findings(task.name), evidence)
    return evidence
