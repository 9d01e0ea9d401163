"""What the comparison would take and what each strategy would cost to run, before it is run.

Quoted from counts of words, until answers were timed: then by what they took. The same code that
charges a measured comparison charges this, on records as the comparison would write them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.belief.cascade import parts_among
from benchmarks.belief.traits import pair_of
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

    One that is known to break counts as failed (`broken_in`), as in the comparison.
    """
    broken = broken_in(outlook, findings)
    speeds, tokens = speeds_of(outlook, findings), tokens_of(outlook, findings)
    tracks = [
        track_of(outlook, entry, tokens[entry.id], *speeds[entry.id])
        for entry in outlook.fitting
        if entry.id not in broken
    ]
    timed = {track.id: track.latencies[0].ms for track in tracks}
    rows = [
        row_of(outlook, entry, broken.get(entry.id), tokens[entry.id], timed.get(entry.id))
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
    """Why strategies cannot answer, by id: they could not answer validation rows or, by their
    pilots, be trained; their model cannot be loaded; they search for what such a one does, or are
    a cascade of which it is a part."""
    broken: dict[str, str] = {}
    facts = [entry.facts for entry in outlook.fitting]
    known = {each.id: each for each in facts}
    for finding in findings:
        one, trouble = known.get(finding.action.strategy or ""), finding.trouble
        if one is None or trouble is None:
            continue
        if finding.action.deed in ("rows", "pilot"):
            broken[one.id] = trouble
        for other in facts:
            begins_alike = finding.action.deed == "pilot" and pair_of(other) == pair_of(one)
            if other.model == one.model and (finding.model_lost or begins_alike):
                broken[other.id] = trouble
    task = outlook.run.task
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


def corrected(
    entries: Sequence[Entry], quoted: Mapping[str, float], found: Mapping[str, float]
) -> dict[str, float]:
    """What was found of a strategy, by id; of the others the quote, corrected by as much as what
    was found of those of the same model differed from theirs, in the median."""
    ratios: dict[str | None, list[float]] = {}
    for entry in entries:
        if entry.id in found and quoted[entry.id] > 0:
            ratios.setdefault(entry.model, []).append(found[entry.id] / quoted[entry.id])
    factors = {model: median(each) for model, each in ratios.items()}
    likely = {entry.id: factors.get(entry.model, 1.0) * quoted[entry.id] for entry in entries}
    return {name: found.get(name, value) for name, value in likely.items()}


def speeds_of(outlook: Outlook, findings: Sequence[Finding]) -> dict[str, tuple[float, float]]:
    """Seconds of a request in a batch and alone, as measured or as quoted; single ones are taken to
    be slower than quoted by as much as those in batches. So with a hosted model, too, as if it
    served all at once that are sent at once."""
    quoted = {name: one.batched_seconds for name, one in outlook.requests.items()}
    batched = corrected(outlook.entries, quoted, measured_speeds(findings))
    found = {}
    for name, each in batched.items():
        ratio = each / quoted[name] if quoted[name] > 0 else 1.0
        found[name] = (each, max(each, ratio * outlook.requests[name].single_seconds))
    return found


def tokens_of(outlook: Outlook, findings: Sequence[Finding]) -> dict[str, Tokens]:
    """What a request reads and writes, as counted where rows were answered, or as quoted, which is
    without any that are cached."""
    read, cached, written = (
        corrected(
            outlook.entries,
            {name: getattr(one, kind, 0.0) for name, one in outlook.requests.items()},
            {
                finding.action.strategy: finding.figures[kind]
                for finding in findings
                if finding.action.deed == "rows"
                and finding.action.strategy is not None
                and kind in finding.figures
            },
        )
        for kind in ("prompt_tokens", "cached_tokens", "completion_tokens")
    )
    return {
        name: Tokens(
            prompt_per_request=prompt,
            cached_per_request=cached[name],
            completion_per_request=written[name],
        )
        for name, prompt in read.items()
    }


def track_of(outlook: Outlook, entry: Entry, tokens: Tokens, batched: float, alone: float) -> Track:
    """The records that the comparison would write of it, in short."""
    name = entry.id
    parts = parts_of(entry.strategy) or (entry.strategy,)
    has_documents = outlook.run.task.n_documents > 0
    reads = has_documents and any(setting(part, "top_k") for part in parts)
    answered = OutcomeRecord(
        strategy=name,
        example=STAND_IN,
        state="ok",
        retrieved=int(reads),
        prompt_tokens=round(tokens.prompt_per_request),
        cached_tokens=round(tokens.cached_per_request),
        completion_tokens=round(tokens.completion_per_request),
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


def row_of(
    outlook: Outlook, entry: Entry, trouble: str | None, tokens: Tokens, ms: float | None
) -> StrategyResult:
    skipped = outlook.quotes[entry.id].skipped
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
    return row.model_copy(update={"tokens": tokens, "latency_ms": Latency(p50=ms, p95=ms, n=0)})
