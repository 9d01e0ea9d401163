"""What the comparison would take and what each strategy would cost to run, before it is run.

Quoted from counts of words, until answers were timed: then by what they took. The same code that
charges a measured comparison charges this, on records as the comparison would write them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.belief.cascade import parts_among
from benchmarks.costs import PriceList
from benchmarks.draws import Draws
from benchmarks.environment import cuda_devices, read_environment
from benchmarks.evidence.finding import Finding
from benchmarks.plan import Entry, task_facts
from benchmarks.pricing import priced
from benchmarks.quote import QuotedModel, QuoteRow
from benchmarks.records import (
    BatchRecord,
    LatencyRecord,
    ModelFacts,
    OutcomeRecord,
    RunRecord,
    SetupRecord,
)
from benchmarks.request_quote import RequestQuote, request_quote
from benchmarks.results import Latency, StrategyResult, Summary, Tokens
from benchmarks.track import Track
from benchmarks.workload import setting, sizes_of
from corpora.power import detectable_difference
from corpora.task import Dataset
from service.comparing import Plan
from service.forecasting.blind import STAND_IN
from strategies.base import parts_of

REQUESTS = 1000


@dataclass(frozen=True)
class Outlook:
    """The comparison as it would be: `run` is the record that it would begin with."""

    entries: tuple[Entry, ...]
    quotes: Mapping[str, QuoteRow]
    requests: Mapping[str, RequestQuote]
    models: tuple[QuotedModel, ...]
    run: RunRecord
    seconds: float
    usd: float
    paid_usd: float
    machine: str

    @property
    def fitting(self) -> tuple[Entry, ...]:
        """Those that serve the task."""
        return tuple(entry for entry in self.entries if self.quotes[entry.id].skipped is None)

    def is_hosted(self, entry: Entry) -> bool:
        return entry.model in {model.name for model in self.run.models if model.hosted}


def outlook_of(dataset: Dataset, plan: Plan, prices: PriceList, seed: int) -> Outlook:
    """`dataset` with stand-ins, and the plan of comparing it."""
    environment = read_environment()
    if environment.gpu is None and cuda_devices():
        environment = environment.model_copy(update={"gpu": "GPU"})  # known before torch is loaded
    known = {model.name: model for model in plan.models}
    sizes = sizes_of(dataset)
    machine = plan.quote.machine
    hosted = [model.name for model in plan.models if model.hosted]
    return Outlook(
        entries=plan.entries,
        quotes={row.id: row for row in plan.quote.rows},
        requests={
            entry.id: request_quote(
                entry, sizes, known[entry.model] if entry.model else None, prices, machine
            )
            for entry in plan.entries
        },
        models=plan.models,
        run=RunRecord(
            fingerprint="",
            seed=seed,
            task=task_facts(dataset),
            needs=dataset.task.needs,
            deployment=dataset.task.deployment,
            models=tuple(
                ModelFacts(
                    name=model.name,
                    parameters=model.parameters,
                    dtype="",
                    fingerprint="",
                    hosted=model.hosted,
                )
                for model in plan.models
            ),
            strategies=tuple(entry.facts for entry in plan.entries),
            environment=environment,
            prices=prices.for_run(environment, hosted, dataset.task.deployment).model_dump(
                mode="json"
            ),
        ),
        seconds=plan.quote.seconds,
        usd=plan.quote.usd,
        paid_usd=plan.paid_usd,
        machine=machine,
    )


def expected_rows(outlook: Outlook, findings: Sequence[Finding]) -> tuple[StrategyResult, ...]:
    """Every strategy with cost and speed, none with a quality; `latency_ms.n` is 0.

    One that could not answer validation rows counts as failed, and so does a cascade of which it
    is a part, as in the comparison.
    """
    broken = broken_in(outlook, findings)
    speeds = speeds_of(outlook, findings)
    tracks = [
        track_of(outlook, entry, *speeds[entry.id])
        for entry in outlook.fitting
        if entry.id not in broken
    ]
    timed = {track.id: track.latencies[0].ms for track in tracks}
    rows = [
        row_of(outlook, entry, broken.get(entry.id), timed.get(entry.id))
        for entry in outlook.entries
    ]
    summary = Summary(
        strategies=tuple(rows),
        comparisons=(),
        break_even=(),
        disagreements=(),
        detectable_difference=detectable_difference(max(1, outlook.run.task.n_test)),
        seconds=outlook.seconds,
        spent_usd=outlook.usd,
    )
    return priced(summary, tracks, outlook.run, Draws(outlook.run.seed)).strategies


def broken_in(outlook: Outlook, findings: Sequence[Finding]) -> dict[str, str]:
    """Why strategies could not answer validation rows, by id."""
    broken = {
        finding.action.strategy: finding.trouble
        for finding in findings
        if finding.trouble is not None and finding.action.deed == "rows" and finding.action.strategy
    }
    task = outlook.run.task
    facts = [entry.facts for entry in outlook.fitting]
    parts = parts_among(task.kind, facts, has_documents=task.n_documents > 0)
    for cascade, both in parts.items():
        for part in both:
            if part in broken:
                broken.setdefault(cascade, f"its part {part} failed: {broken[part]}")
    return broken


def measured_speeds(findings: Sequence[Finding]) -> dict[str, float]:
    """Seconds a row of a batch, of the strategies whose answers were timed."""
    return {
        finding.action.strategy: finding.figures["ms_per_row"] / 1000
        for finding in findings
        if finding.action.strategy is not None and "ms_per_row" in finding.figures
    }


def speeds_of(outlook: Outlook, findings: Sequence[Finding]) -> dict[str, tuple[float, float]]:
    """Seconds of a request in a batch and alone, as measured or as quoted.

    By as much as the timed strategies of a model were slower than quoted, in the median, the
    others of that model are taken to be, and single requests of the timed ones.
    """
    timed = measured_speeds(findings)
    ratios: dict[str | None, list[float]] = {}
    for entry in outlook.entries:
        quoted = outlook.requests[entry.id].batched_seconds
        if entry.id in timed and quoted > 0:
            ratios.setdefault(entry.model, []).append(timed[entry.id] / quoted)
    found = {}
    for entry in outlook.entries:
        quoted = outlook.requests[entry.id].batched_seconds
        alone = outlook.requests[entry.id].single_seconds
        ratio = median(ratios.get(entry.model, [1.0]))
        each = timed.get(entry.id, ratio * quoted)
        ratio = each / quoted if quoted > 0 else 1.0
        found[entry.id] = (each, alone if outlook.is_hosted(entry) else max(each, ratio * alone))
    return found


def track_of(outlook: Outlook, entry: Entry, batched: float, alone: float) -> Track:
    """The records that the comparison would write of it, in short."""
    request, name = outlook.requests[entry.id], entry.id
    parts = parts_of(entry.strategy) or (entry.strategy,)
    has_documents = outlook.run.task.n_documents > 0
    reads = has_documents and any(setting(part, "top_k") for part in parts)
    answered = OutcomeRecord(
        strategy=name,
        example=STAND_IN,
        state="ok",
        retrieved=int(reads),
        prompt_tokens=round(request.prompt_tokens),
        completion_tokens=round(request.completion_tokens),
    )
    setup = SetupRecord(
        strategy=name,
        status="completed",
        seconds=outlook.quotes[name].setup_seconds,
        training=training_of(entry),
    )
    return Track(
        facts=entry.facts,
        status="completed",
        reason=None,
        setup=setup,
        outcomes={STAND_IN: answered},
        batches=(BatchRecord(strategy=name, n=REQUESTS, seconds=REQUESTS * batched),),
        latencies=(LatencyRecord(strategy=name, example=STAND_IN, ms=1000 * alone),),
    )


def training_of(entry: Entry) -> dict[str, int] | None:
    """What says that it trains or chooses settings; None for one that does neither."""
    parts = parts_of(entry.strategy) or (entry.strategy,)
    epochs = max(setting(part, "epochs") for part in parts)
    if epochs:
        return {"epochs": epochs}
    return {} if entry.searches else None


def row_of(outlook: Outlook, entry: Entry, trouble: str | None, ms: float | None) -> StrategyResult:
    skipped, request = outlook.quotes[entry.id].skipped, outlook.requests[entry.id]
    row = StrategyResult(
        id=entry.id,
        name=entry.strategy.name,
        model=entry.model,
        family=entry.strategy.family,
        status="skipped" if skipped else "failed" if trouble else "completed",
        reason=skipped or trouble,
        training=training_of(entry),
    )
    if ms is None:
        return row
    tokens = Tokens(
        prompt_per_request=request.prompt_tokens,
        cached_per_request=0.0,
        completion_per_request=request.completion_tokens,
    )
    return row.model_copy(update={"tokens": tokens, "latency_ms": Latency(p50=ms, p95=ms, n=0)})
