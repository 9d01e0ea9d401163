"""From a run's records to everything a report shows: a pure function of the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.behaviour import behaviours_of
from benchmarks.behaviour_results import Behaviour
from benchmarks.curve_summary import curves_of, points_in
from benchmarks.disagreements import most_disputed
from benchmarks.draws import Draws
from benchmarks.errors import BenchmarkError
from benchmarks.incumbent import INCUMBENT, was_given
from benchmarks.odds import flattery, odds
from benchmarks.pairs import all_comparisons
from benchmarks.pricing import has_answered, priced, spent, throughput_of
from benchmarks.quality import quality_of, scored_table
from benchmarks.race_bill import race_result
from benchmarks.raced import heats_of, tracks_of
from benchmarks.records import APART, Record, RunRecord, SentinelRecord
from benchmarks.resampling import Finish, Floats
from benchmarks.results import (
    Latency,
    Leak,
    LearningCurve,
    Retrieval,
    Reused,
    Seating,
    StrategyResult,
    Summary,
    Tokens,
)
from benchmarks.seating import run_in, seatings
from benchmarks.spending import as_run_prices
from benchmarks.standing import recorded_seconds
from benchmarks.track import Track, track_of, without_rows
from benchmarks.upkeep import index_bytes_of
from corpora.power import detectable_difference
from corpora.task import Search


def summarise(records: Sequence[Record]) -> Summary:
    """Everything measured, with the seed of the run; the same records give the same summary.

    Test rows that a sentinel found in the training rows count for no score. A strategy whose every
    answer is an error counts as failed. Raises BenchmarkError for records without a run record.
    """
    run = run_in(records)
    if run is None:
        raise BenchmarkError("these records hold no run record: there is nothing to summarise.")
    tracks = tracks_of(records, run)
    finished = [track for track in tracks if track.status == "completed"]
    leak, leaked = leak_in(records)
    judged = {track.id: without_rows(track, leaked) for track in finished}
    finished = list(judged.values())
    chances, flattered = odds_of_best(finished, run)
    beyond = behaviours_of(finished, run.task, run.seed)
    seated = seatings(tracks, run)
    results = tuple(
        result_of(judged.get(t.id, t), run, chances, beyond, seated.get(t.id)) for t in tracks
    )
    measured = Summary(
        strategies=results,
        comparisons=all_comparisons(finished, run.task, run.seed),
        break_even=(),
        disagreements=most_disputed(finished, run.task.metric),
        curves=curves_in(records, run, results),
        detectable_difference=detectable_difference(max(1, run.task.n_test - len(leaked))),
        seconds=recorded_seconds(records),
        spent_usd=spent(
            [
                *tracks,
                *heats_of(records, tracks),
                *(point.track for point in points_in(records, run)),
            ],
            run,
            as_run_prices(run.prices),
        ),
        leak=leak,
        flattery=flattered,
        race=race_result(records, run, tracks),
    )
    return priced(measured, tracks, run, Draws(run.seed))


def curves_in(
    records: Sequence[Record], run: RunRecord, rows: Sequence[StrategyResult]
) -> tuple[LearningCurve, ...]:
    """The learning curves of the strategies of those `rows`, without the rows that leaked."""
    points = points_in(records, run)
    if not points:
        return ()
    _, leaked = leak_in(records)
    tracks = [track_of(records, facts) for facts in run.strategies]
    judged = [without_rows(track, leaked) for track in tracks if track.status == "completed"]
    seen = [replace(point, track=without_rows(point.track, leaked)) for point in points]
    return curves_of(judged, seen, run, {row.id: row.quality for row in rows if row.quality})


def leak_in(records: Sequence[Record]) -> tuple[Leak | None, frozenset[str]]:
    """What the guard over training and test rows found, and which test rows it was."""
    guards = [row for row in records if isinstance(row, SentinelRecord) and row.name == APART]
    if not guards or guards[-1].passed:
        return None, frozenset()
    leaked = frozenset(guards[-1].examples)
    return Leak(rows=len(leaked) or None), leaked


def result_of(
    track: Track,
    run: RunRecord,
    chances: dict[str, float],
    beyond: dict[str, Behaviour],
    seated: Seating | None,
) -> StrategyResult:
    """One row of the report, without what it costs."""
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
        tokens=tokens_of(track) if done else None,
        latency_ms=latency_of(track) if done else None,
        throughput_per_s=throughput_of(track) if has_answered(track) else None,
        retrieval=retrieval_of(track) if done else None,
        training=track.training,
        search_budget=(run.task.search or Search()) if facts.searches else None,
        p_best=chances.get(facts.id),
        reused=reused_by(track),
        behaviour=beyond.get(facts.id),
        index_bytes=index_bytes_of(track) if done else None,
        eliminated=track.elimination.evidence if track.elimination else None,
        measured_on=seated,
    )


def odds_of_best(tracks: Sequence[Track], run: RunRecord) -> tuple[dict[str, float], float]:
    """The chance of each to be best, and how far the best one's figure flatters: on the rows that
    every completed strategy was asked; an error counts as a wrong answer.

    Rows without an answer of what runs today are left out: nobody asked it here.
    """
    if not tracks:
        return {}, 0.0
    shared = [
        name
        for name in tracks[0].outcomes
        if all(name in t.outcomes and was_given(t.outcomes[name]) for t in tracks)
    ]
    if not shared:
        return {}, 0.0
    tables: dict[str, Sequence[float] | Floats] = {}
    finish: Finish | None = None
    for track in tracks:
        rows = [track.outcomes[name] for name in shared]
        tables[track.id], finish = scored_table(rows, run.task, errors_as=0.0)
    groups = [tracks[0].outcomes[name].group for name in shared]
    found = odds(tables, groups, seed=run.seed, finish=finish)
    flattered = flattery(tables, groups, seed=run.seed, finish=finish)
    return {name: one.p_best for name, one in found.items()}, flattered


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
