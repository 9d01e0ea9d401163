"""A race as its records tell it: what strategies answered, who is still in it, and how they stand.

What a strategy answers in a race stands in the journal as its test answers do, under an id of its
own (`race_id`), on validation rows. All that is decided follows from the records, so that a race
goes on where it was and every elimination can be computed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from benchmarks.choice import limit_of
from benchmarks.contest import FREE, Contest, Racer
from benchmarks.incumbent import INCUMBENT
from benchmarks.pricing import cost_told, spending_of, throughput_of
from benchmarks.quality import too_many_errors
from benchmarks.race_records import EliminationRecord, RaceRecord, RoundRecord
from benchmarks.records import Record, RunRecord, StrategyFacts
from benchmarks.results import StrategyResult
from benchmarks.seating import run_in
from benchmarks.spending import as_run_prices
from benchmarks.standing import standing_of
from benchmarks.track import Track, track_of
from benchmarks.upkeep import host_of

DEAR = ("fine-tuning", "combined")


def race_id(strategy: str) -> str:
    """The id under which a strategy's answers in a race stand in the journal; no strategy's own."""
    return f"{strategy}[race]"


def is_dear(facts: StrategyFacts) -> bool:
    """Whether it trains, searches or asks others while it prepares: it is prepared last, and never
    judges, having gone by the rows of the race from one choice to the next."""
    return facts.searches or facts.family in DEAR


def judges_among(strategies: Iterable[StrategyFacts]) -> int:
    """How many of a run may stop others, at most."""
    return sum(not is_dear(facts) and facts.family != INCUMBENT for facts in strategies)


def opening_of(records: Iterable[Record]) -> RaceRecord | None:
    """How the race began, None where there was none."""
    found = [record for record in records if isinstance(record, RaceRecord)]
    return found[-1] if found else None


def race_track(records: Iterable[Record], facts: StrategyFacts) -> Track:
    """What a strategy answered in the race."""
    return track_of(records, facts.model_copy(update={"id": race_id(facts.id)}))


def tracks_of(records: Sequence[Record], run: RunRecord) -> list[Track]:
    """What became of each strategy; of one that was stopped with what it answered in the race,
    which tells its cost and speed."""
    return [
        with_race(records, track) if track.status == "eliminated" else track
        for track in (track_of(records, facts) for facts in run.strategies)
    ]


def with_race(records: Iterable[Record], track: Track) -> Track:
    """The strategy's own setup with its answers in the race."""
    raced = race_track(records, track.facts)
    return replace(
        track,
        outcomes=raced.outcomes,
        batches=raced.batches,
        attempts=raced.attempts,
        latencies=(),
        seats=(*track.seats, *raced.seats),
    )


def heats_of(records: Sequence[Record], tracks: Iterable[Track]) -> list[Track]:
    """What those that were not stopped answered in the race, beside their own tracks."""
    return [race_track(records, t.facts) for t in tracks if t.status != "eliminated"]


def contest_in(records: Sequence[Record]) -> Contest | None:
    """How the race stands; None where there is none, or nobody can be stopped in it."""
    run, opening = run_in(records), opening_of(records)
    if run is None or opening is None or opening.refused is not None:
        return None
    return Contest(
        racers=tuple(racers_in(records, run, opening)),
        groups=opening.groups,
        needs=run.needs,
        level=opening.level,
        entrants=len(run.strategies),
        limit=limit_of(run.task.kind, run.task.labels),
        today=any(facts.family == INCUMBENT for facts in run.strategies),
    )


def racers_in(records: Sequence[Record], run: RunRecord, opening: RaceRecord) -> Iterator[Racer]:
    """Who is prepared and neither broke nor was stopped, in the order of the run."""
    prices = as_run_prices(run.prices)
    prepared, tracks = [], []
    for facts in run.strategies:
        standing = standing_of(records, facts.id)
        ready = standing.setup is not None and standing.setup.status == "completed"
        if ready:  # what indexing takes is known of those too that were stopped since
            tracks.append(track_of(records, facts))
        if (
            ready
            and not standing.failure
            and not standing.elimination
            and facts.family != INCUMBENT
        ):
            prepared.append((with_race(records, track_of(records, facts)), standing))
    for track, standing in prepared:
        facts = track.facts
        measured = bool(track.batches)
        spending = spending_of(track, tracks, run, prices, host_of(run, prices, track.machine))
        yield Racer(
            result=StrategyResult(
                id=facts.id,
                name=facts.name,
                model=facts.model,
                family=facts.family,
                status="completed",
                cost=cost_told(track, spending, run, prices) if measured else None,
                throughput_per_s=throughput_of(track),
                training=track.training,
            ),
            scores=tuple(scores_of(track, opening, run.task.metric)),
            tries=0 if is_dear(facts) else tries_of(track),
            stoppable=facts.family != FREE and len(standing.answered) < run.task.n_test,
        )


def tries_of(track: Track) -> int:
    """The best of how many settings tried on the validation rows it is; 0 where nobody tells."""
    if track.training is None:
        return 1
    return 0 if track.training.get("epochs") else len(track.training.get("search") or ())


def scores_of(track: Track, opening: RaceRecord, metric: str) -> Iterator[float | None]:
    """Of the rows from the first one on, as far as they were answered; None for an error."""
    for name in opening.examples:
        row = track.outcomes.get(name)
        if row is None:
            return
        yield row.scores[metric] if row.state == "ok" else None


def unfinished(records: Iterable[Record], contest: Contest) -> dict[str, int]:
    """What is left of the last round of those still in the race."""
    rounds = [record for record in records if isinstance(record, RoundRecord)]
    goals = rounds[-1].rows if rounds else {}
    return {
        racer.id: goals[racer.id]
        for racer in contest.racers
        if len(racer.scores) < goals.get(racer.id, 0)
    }


def groundless(records: Sequence[Record], run: RunRecord) -> list[str]:
    """Who was stopped because of one that broke later, or fails too often to be recommended."""
    tracks = {facts.id: track_of(records, facts) for facts in run.strategies}

    def stands(track: Track) -> bool:
        stopped = track.elimination
        if stopped is None:
            return track.status == "completed" and not too_many_errors(track)
        return stopped.by is None or stands(tracks[stopped.by])

    return [track.id for track in tracks.values() if track.elimination and not stands(track)]


def eliminations(records: Sequence[Record]) -> Iterator[tuple[EliminationRecord, Sequence[Record]]]:
    """Each elimination with the records before it, from which it must follow."""
    for place, record in enumerate(records):
        if isinstance(record, EliminationRecord):
            yield record, records[:place]
