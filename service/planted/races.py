"""A race in a made-up task: the same comparison with it and without, and do the answers agree?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.contest import ERROR, level_of
from benchmarks.errors import BenchmarkError
from benchmarks.incumbent import INCUMBENT
from benchmarks.race_records import EliminationRecord, RaceRecord, RoundRecord
from benchmarks.raced import contest_in, is_dear, judges_among, race_id
from benchmarks.racing import elimination
from benchmarks.records import BatchRecord, EndRecord, OutcomeRecord, Record, RunRecord, SetupRecord
from benchmarks.standing import latest_run
from service.planted.drawing import BATCH_JITTER, Floats, outcome, scores_of
from service.planted.situation import Situation, answer_to
from service.planted.worlds import Rng, Way, World
from service.recommendation import Recommendation

CHUNK = 16
"""Validation rows answered at once, as in a real run."""
FEWEST_ROWS = 40
"""Else there is a validation row to four test rows, as in a split that is made here."""
RACE = 0x72616365
"""Keeps the draws of a race apart from those of the comparison."""


Answer = tuple[str | None, str, str]
"""Strategy, verdict and whether to commit to fine-tuning."""


def answers_of_race(situation: Situation, seed: int) -> tuple[Answer, Answer, list[str]] | None:
    """The answer of one draw without a race and with it, and whom the race stopped; None where it
    stopped nobody, so that nothing differs."""
    world, _, records = situation.drawn(seed)
    rng = np.random.default_rng([seed, RACE])
    found = raced(world, records, rng, max(FEWEST_ROWS, world.rows // 4))
    out = [record.strategy for record in found if isinstance(record, EliminationRecord)]
    if not out:
        return None
    return answered(answer_to(records)), answered(answer_to(found)), out


def answered(answer: Recommendation) -> Answer:
    return answer.strategy, answer.verdict, answer.commit_to_fine_tuning


def raced(world: World, records: Sequence[Record], rng: Rng, rows: int) -> list[Record]:
    """The records of a comparison as they would stand had a race over so many validation rows come
    before the test: those of strategies that it stops are left out."""
    run = latest_run(records)
    if run is None:
        raise BenchmarkError("these records hold no run record: there is nothing to race.")
    unseen = replace(world, rows=rows, leaked=0.0)
    scores = scores_of(unseen, np.zeros(rows, dtype=bool), rng)
    known = {way.name: (way, line) for way, line in zip(world.ways, scores, strict=True)}
    found = [record for record in records if getattr(record, "strategy", None) is None]
    found = [record for record in found if not isinstance(record, EndRecord)]
    found.append(opening(run, rows))
    setups = {row.strategy: row for row in records if isinstance(row, SetupRecord)}
    dear = [facts.id for facts in run.strategies if is_dear(facts)]
    cheap = [name for name in known if name not in dear and name != INCUMBENT]
    for entering in (cheap, *([name] for name in dear)):
        found += [setups[name] for name in entering]
        while steps := list(next_steps(found, known, world.metric, run, rng)):
            found += steps
    out = {record.strategy for record in found if isinstance(record, EliminationRecord)}
    here = {id(record) for record in found}
    rest = [record for record in records if id(record) not in here]
    return found + [record for record in rest if getattr(record, "strategy", None) not in out]


def opening(run: RunRecord, rows: int) -> RaceRecord:
    level = level_of(judges_among(run.strategies))
    names = tuple(name_of(row) for row in range(rows))
    return RaceRecord(examples=names, groups=(None,) * rows, error=ERROR, level=level)


def next_steps(
    records: Sequence[Record],
    known: dict[str, tuple[Way, Floats]],
    metric: str,
    run: RunRecord,
    rng: Rng,
) -> Iterator[Record]:
    """Eliminations where there are any, else the answers of a round; nothing where it is over."""
    contest = contest_in(records)
    if contest is None:
        return
    stops = contest.stops()
    yield from (elimination(stop, run) for stop in stops)
    goals = {} if stops else contest.wants()
    if goals:
        yield RoundRecord(rows=goals)
    for racer in contest.racers:
        way, line = known[racer.id]
        for first in range(len(racer.scores), goals.get(racer.id, 0), CHUNK):
            last = min(first + CHUNK, goals[racer.id])
            yield from answers(way, line, metric, range(first, last), rng)


def answers(way: Way, line: Floats, metric: str, rows: range, rng: Rng) -> Iterator[Record]:
    """A batch of validation rows."""
    failed = rng.random(len(rows)) < way.errors
    for at, row in enumerate(rows):
        given: OutcomeRecord = outcome(way, metric, row, None if failed[at] else float(line[row]))
        yield replace(given, strategy=race_id(way.name), example=name_of(row))
    seconds = float(len(rows) * way.seconds * np.exp(rng.normal(0, BATCH_JITTER)))
    yield BatchRecord(strategy=race_id(way.name), n=len(rows), seconds=seconds)


def name_of(row: int) -> str:
    return f"validation-{row}"
