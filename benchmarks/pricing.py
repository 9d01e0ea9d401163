"""What a measured comparison costs under stated needs, prices and a deployment.

Qualities and comparisons are taken as they are, so that other prices need no new measurement and
no new resampling: a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.break_even import break_evens
from benchmarks.costs import RunPrices
from benchmarks.draws import Draws
from benchmarks.incumbent import INCUMBENT
from benchmarks.latency import WARM_UPS
from benchmarks.records import RunRecord
from benchmarks.results import Cost, Load, StrategyResult, Summary
from benchmarks.spending import (
    Spending,
    as_run_prices,
    asked_usd,
    cost_of,
    hosted_units,
    local_units,
    refresh_seconds,
    stated_units,
    usd_of_tokens,
)
from benchmarks.track import Track
from benchmarks.upkeep import (
    Host,
    engineering_usd,
    follows_documents_by_training,
    host_of,
    hosting_draws,
    hosting_usd,
    is_served_here,
    labels_usd,
    load_of,
    retraining_usd,
)


def priced(summary: Summary, tracks: Sequence[Track], run: RunRecord, draws: Draws) -> Summary:
    """The summary with costs, latency under load and break-even volumes by the run's terms. One
    that a race stopped is charged as it answered there."""
    prices = as_run_prices(run.prices)
    finished = [track for track in tracks if has_answered(track)]
    hosts = {track.id: host_of(run, prices, track.machine) for track in finished}
    loads = {
        track.id: load_of(track, hosts[track.id], run.seed)
        for track in finished
        if is_served_here(track, is_hosted(track, run))
    }
    spendings = {
        track.id: spending_of(track, finished, run, prices, hosts[track.id], loads.get(track.id))
        for track in finished
    }
    known = {track.id: track for track in finished}
    rows = tuple(
        with_cost(row, known[row.id], spendings[row.id], run, prices, loads.get(row.id))
        if row.id in known
        else row
        for row in summary.strategies
    )
    qualities = {
        row.id: row.quality.value for row in rows if row.quality and len(spendings[row.id].units)
    }
    machines = machine_draws(qualities, known, hosts, draws)
    lines = break_evens(qualities, spendings, run.needs, prices, draws=draws, hosting=machines)
    return summary.model_copy(update={"strategies": rows, "break_even": lines})


def has_answered(track: Track) -> bool:
    """Whether what a request takes is known: in full, or from a race."""
    return track.status == "completed" or (track.status == "eliminated" and bool(track.batches))


def with_cost(
    row: StrategyResult,
    track: Track,
    spending: Spending,
    run: RunRecord,
    prices: RunPrices,
    load: Load | None,
) -> StrategyResult:
    cost = cost_told(track, spending, run, prices)
    return row.model_copy(update={"cost": cost, "under_load": load})


def cost_told(track: Track, spending: Spending, run: RunRecord, prices: RunPrices) -> Cost | None:
    """Of what runs today as stated, None where nothing is: unknown is not free."""
    cost = cost_of(spending, run.needs, prices)
    if track.facts.family != INCUMBENT:
        return cost
    return cost.model_copy(update={"stated": True}) if len(spending.units) else None


def machine_draws(
    names: Iterable[str], known: dict[str, Track], hosts: dict[str, Host | None], draws: Draws
) -> dict[str, NDArray[np.float64]]:
    """A month of machines in each resample of the timed requests, where they decide it.

    Strategies are timed on the same examples, so one draw of them serves all.
    """
    found = {}
    for name in names:
        track, host = known[name], hosts[name]
        if host is not None and track.latencies:
            counts = draws.alone("timed requests", len(track.latencies))
            dollars = hosting_draws(track, host, counts)
            if dollars is not None:
                found[name] = dollars
    return found


def is_hosted(track: Track, run: RunRecord) -> bool:
    return track.facts.model in {model.name for model in run.models if model.hosted}


def spending_of(
    track: Track,
    tracks: Sequence[Track],
    run: RunRecord,
    prices: RunPrices,
    host: Host | None = None,
    load: Load | None = None,
) -> Spending:
    model = track.facts.model
    prices = prices.on(track.machine)
    index_seconds = [
        other.setup_seconds
        for other in tracks
        if other.facts.family == "rag" and other.facts.model == model and only_indexes(other)
    ]
    uses_documents = any(row.retrieved for row in track.outcomes.values())
    if follows_documents_by_training(track, run.needs):
        uses_documents = False  # its retraining contains the index
    billed = model if is_hosted(track, run) else None
    search = (track.training or {}).get("search", ()) if track.facts.searches else ()
    if track.facts.family == INCUMBENT:
        units = stated_units([row.usd for row in track.stated.values()])
    elif billed is not None:
        share = run.deployment.batch_share if run.deployment else 0.0
        units = hosted_units(list(track.outcomes.values()), billed, prices, share)
    else:
        units = local_units(track.batches, prices)
    asked = asked_usd(track.training, billed, prices) if billed else 0.0
    hosting = None
    if host is not None and is_served_here(track, billed is not None):
        hosting = hosting_usd(track, host, load)
    return Spending(
        setup_seconds=track.setup_seconds,
        setup_tokens_usd=asked,
        refresh_seconds=refresh_seconds(
            track.facts.family if only_indexes(track) else "combined",
            track.setup_seconds,
            uses_documents,
            index_seconds,
            search,
        ),
        units=units,
        retraining_usd=retraining_usd(track, run, prices, asked),
        labels_usd=labels_usd(track.facts, run),
        hosting_usd=hosting,
        engineering_usd=engineering_usd(track.facts, run.needs),
        machine=track.machine,
    )


def only_indexes(track: Track) -> bool:
    """Whether preparing it answered no validation rows to choose by, beside building an index."""
    return track.setup is None or track.setup.training is None


def spent(tracks: Sequence[Track], run: RunRecord, prices: RunPrices) -> float:
    """What the run itself cost: the machine's time of all steps, and hosted tokens, those asked
    while preparing and those of requests that ended in an error among them.

    A timed request whose answer counts is among the test answers already; the tokens of the others,
    asked again for their time alone or to warm up, are taken as those of the test answers, on
    average. What was reused is charged as if computed here, answers at this run's own throughput.
    """
    dollars = 0.0
    hosted = {model.name for model in run.models if model.hosted}
    for track in tracks:
        seconds = track.setup_seconds + sum(batch.seconds for batch in track.batches)
        if track.reused_answers and (rate := throughput_of(track)):
            seconds += track.reused_answers / rate
        seconds += sum(latency.ms for latency in track.latencies) / 1000
        seconds += sum(probe.seconds for probe in track.probes.values())
        dollars += seconds * prices.on(track.machine).usd_per_second
        if track.facts.model in hosted and track.facts.model is not None:
            model = track.facts.model
            units = hosted_units(list(track.outcomes.values()), model, prices)
            counted = len(track.attempts) - sum(batch.n for batch in track.batches)
            repeated = max(0, len(track.latencies) - counted) + WARM_UPS * bool(track.latencies)
            dollars += sum(usd_of_tokens(row, prices.models[model]) for row in track.attempts)
            dollars += asked_usd(track.training, model, prices)
            if len(units):
                dollars += float(units[:, 0].mean() * repeated)
    return dollars


def throughput_of(track: Track) -> float | None:
    """Requests a second over all batches."""
    seconds = sum(batch.seconds for batch in track.batches)
    return sum(batch.n for batch in track.batches) / seconds if seconds > 0 else None
