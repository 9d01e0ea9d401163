"""From a run's records to everything a report shows: a pure function of the records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.break_even import break_evens
from benchmarks.costs import RunPrices
from benchmarks.disagreements import most_disputed
from benchmarks.errors import BenchmarkError
from benchmarks.incumbent import INCUMBENT, was_given
from benchmarks.odds import odds
from benchmarks.pairs import all_comparisons
from benchmarks.quality import quality_of, scored_table
from benchmarks.records import Record, RunRecord
from benchmarks.resampling import Finish, Floats
from benchmarks.results import (
    Cost,
    Latency,
    Retrieval,
    Reused,
    StrategyResult,
    Summary,
    Tokens,
)
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
from benchmarks.standing import latest_run, recorded_seconds
from benchmarks.track import Track, track_of
from corpora.power import detectable_difference
from corpora.task import Search


def summarise(records: Sequence[Record]) -> Summary:
    """Everything measured, with the seed of the run; the same records give the same summary.

    A strategy whose every answer is an error counts as failed. Raises BenchmarkError for
    records without a run record.
    """
    run = latest_run(records)
    if run is None:
        raise BenchmarkError("these records hold no run record: there is nothing to summarise.")
    prices = as_run_prices(run.prices)
    tracks = [track_of(records, facts) for facts in run.strategies]
    finished = [track for track in tracks if track.status == "completed"]
    spendings = {track.id: spending_of(track, finished, run, prices) for track in finished}
    chances = odds_of_best(finished, run)
    results = tuple(result_of(track, run, prices, spendings, chances) for track in tracks)
    qualities = {
        result.id: result.quality.value
        for result in results
        if result.quality and len(spendings[result.id].units)
    }
    return Summary(
        strategies=results,
        comparisons=all_comparisons(finished, run.task, run.seed),
        break_even=break_evens(qualities, spendings, run.needs, prices, seed=run.seed),
        disagreements=most_disputed(finished, run.task.metric),
        detectable_difference=detectable_difference(max(1, run.task.n_test)),
        seconds=recorded_seconds(records),
        spent_usd=spent(tracks, run, prices),
    )


def result_of(
    track: Track,
    run: RunRecord,
    prices: RunPrices,
    spendings: dict[str, Spending],
    chances: dict[str, float],
) -> StrategyResult:
    """One row of the report."""
    facts = track.facts
    done = track.status == "completed"
    return StrategyResult(
        id=facts.id,
        name=facts.name,
        model=facts.model,
        family=facts.family,
        status=track.status,
        reason=track.reason,
        quality=quality_of(track, run.task, run.seed) if done else None,
        cost=cost_told(track, spendings[facts.id], run, prices) if done else None,
        tokens=tokens_of(track) if done else None,
        latency_ms=latency_of(track) if done else None,
        throughput_per_s=throughput_of(track) if done else None,
        retrieval=retrieval_of(track) if done else None,
        training=track.training,
        search_budget=(run.task.search or Search()) if facts.searches else None,
        p_best=chances.get(facts.id),
        reused=reused_by(track),
    )


def cost_told(track: Track, spending: Spending, run: RunRecord, prices: RunPrices) -> Cost | None:
    """Of what runs today as stated, None where nothing is: unknown is not free."""
    cost = cost_of(spending, run.needs, prices)
    if track.facts.family != INCUMBENT:
        return cost
    return cost.model_copy(update={"stated": True}) if len(spending.units) else None


def odds_of_best(tracks: Sequence[Track], run: RunRecord) -> dict[str, float]:
    """On the rows that every completed strategy was asked; an error counts as a wrong answer.

    Rows without an answer of what runs today are left out: nobody asked it here.
    """
    if not tracks:
        return {}
    shared = [
        name
        for name in tracks[0].outcomes
        if all(name in t.outcomes and was_given(t.outcomes[name]) for t in tracks)
    ]
    if not shared:
        return {}
    tables: dict[str, Sequence[float] | Floats] = {}
    finish: Finish | None = None
    for track in tracks:
        rows = [track.outcomes[name] for name in shared]
        tables[track.id], finish = scored_table(rows, run.task, errors_as=0.0)
    groups = [tracks[0].outcomes[name].group for name in shared]
    found = odds(tables, groups, seed=run.seed, finish=finish)
    return {name: one.p_best for name, one in found.items()}


def spending_of(
    track: Track, tracks: Sequence[Track], run: RunRecord, prices: RunPrices
) -> Spending:
    hosted = {model.name for model in run.models if model.hosted}
    model = track.facts.model
    index_seconds = [
        other.setup_seconds
        for other in tracks
        if other.facts.family == "rag" and other.facts.model == model and only_indexes(other)
    ]
    uses_documents = any(row.retrieved for row in track.outcomes.values())
    billed = model if model in hosted else None
    search = (track.training or {}).get("search", ()) if track.facts.searches else ()
    if track.facts.family == INCUMBENT:
        units = stated_units([row.usd for row in track.stated.values()])
    elif billed is not None:
        units = hosted_units(list(track.outcomes.values()), billed, prices)
    else:
        units = local_units(track.batches, prices)
    return Spending(
        setup_seconds=track.setup_seconds,
        setup_tokens_usd=asked_usd(track.training, billed, prices) if billed else 0.0,
        refresh_seconds=refresh_seconds(
            track.facts.family if only_indexes(track) else "combined",
            track.setup_seconds,
            uses_documents,
            index_seconds,
            search,
        ),
        units=units,
    )


def only_indexes(track: Track) -> bool:
    """Whether preparing it answered no validation rows to choose by, beside building an index."""
    return track.setup is None or track.setup.training is None


def spent(tracks: Sequence[Track], run: RunRecord, prices: RunPrices) -> float:
    """What the run itself cost: the machine's time of all steps, and hosted tokens, those asked
    while preparing and those of requests that ended in an error among them.

    A timed request whose answer counts is among the test answers already; the tokens of the others,
    asked again for their time alone, are taken as those of the test answers, on average. What was
    reused is charged as if computed here, answers at this run's own throughput.
    """
    dollars = 0.0
    hosted = {model.name for model in run.models if model.hosted}
    for track in tracks:
        seconds = track.setup_seconds + sum(batch.seconds for batch in track.batches)
        if track.reused_answers and (rate := throughput_of(track)):
            seconds += track.reused_answers / rate
        seconds += sum(latency.ms for latency in track.latencies) / 1000
        dollars += seconds * prices.usd_per_second
        if track.facts.model in hosted and track.facts.model is not None:
            model = track.facts.model
            units = hosted_units(list(track.outcomes.values()), model, prices)
            counted = len(track.attempts) - sum(batch.n for batch in track.batches)
            repeated = max(0, len(track.latencies) - counted)
            dollars += sum(usd_of_tokens(row, prices.models[model]) for row in track.attempts)
            dollars += asked_usd(track.training, model, prices)
            if len(units):
                dollars += float(units[:, 0].mean() * repeated)
    return dollars


def reused_by(track: Track) -> Reused | None:
    """None where everything was computed in this run."""
    seconds = track.setup.reused_seconds if track.setup else 0.0
    if not seconds and not track.reused_answers:
        return None
    return Reused(setup_seconds=seconds, answers=track.reused_answers)


def tokens_of(track: Track) -> Tokens | None:
    rows = track.scored
    if not rows or track.facts.family == INCUMBENT:
        return None
    return Tokens(
        prompt_per_request=float(np.mean([row.prompt_tokens for row in rows])),
        cached_per_request=float(np.mean([row.cached_tokens for row in rows])),
        completion_per_request=float(np.mean([row.completion_tokens for row in rows])),
    )


def latency_of(track: Track) -> Latency | None:
    values = [record.ms for record in track.latencies]
    stated = [record.ms for record in track.stated.values() if record.ms is not None]
    if not values and not stated:
        return None
    p50, p95 = np.quantile(values or stated, [0.5, 0.95])
    n = len(values or stated)
    return Latency(p50=float(p50), p95=float(p95), n=n, stated=not values)


def throughput_of(track: Track) -> float | None:
    """Requests a second over all batches."""
    seconds = sum(batch.seconds for batch in track.batches)
    return sum(batch.n for batch in track.batches) / seconds if seconds > 0 else None


def retrieval_of(track: Track) -> Retrieval | None:
    """Over answered rows whose sources are known; None for a strategy that retrieves nothing."""
    rows = [row for row in track.scored if row.rank is not None]
    if not rows or not any(row.retrieved for row in track.scored):
        return None
    ranks = [row.rank or 0 for row in rows]
    return Retrieval(
        hit_at_k=float(np.mean([rank > 0 for rank in ranks])),
        mrr=float(np.mean([1 / rank if rank else 0.0 for rank in ranks])),
        k=max(row.retrieved for row in track.scored),
    )
