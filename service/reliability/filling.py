"""Finished comparisons straight into the tables, as if they had been computed here."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from benchmarks.errors import BenchmarkError
from benchmarks.journal import line_of
from benchmarks.records import EndRecord, OutcomeRecord, Record
from corpora.task import Needs
from service.dispatch import FIRST_POSITION, LAST_POSITION, advance, planned
from service.orders import BEGIN, FINISH
from service.planted.drawing import apart, leaked_rows, run_record, scores_of, way_records
from service.planted.worlds import World, ways_of
from service.reliability.made_up import made_up
from service.reliability.server import working
from service.services import Services
from service.settings import Settings
from service.shapes import NewComparison
from service.specs import check_spec
from service.storage import (
    FINISHED,
    ComparisonRow,
    RecordsRow,
    Table,
    TaskRow,
    UnitRow,
    new_id,
    now,
)

QUALITIES = {
    "baseline.majority": 0.2,
    "baseline.linear": 0.75,
    "baseline.nearest": 0.7,
    "prompt.zero-shot": 0.4,
    "prompt.few-shot": 0.6,
    "prompt.nearest": 0.72,
    "lora": 0.8,
    "lora+rag": 0.81,
}
TEXT = "The parcel that I ordered two weeks ago is not here yet, and nobody answers. " * 2
BATCH = 32
"""Answers that are stored together."""
FINISH_SECONDS = 600.0
COPIED_AT_ONCE = 20


@dataclass(frozen=True)
class Filling:
    """So many samples: those of a large comparison, and of so many `copies` of a small one."""

    large: int
    small: int
    copies: int

    @property
    def samples(self) -> int:
        return self.large + self.copies * self.small


def fill(settings: Settings, filling: Filling, log: Path) -> str:
    """Store all of it; the id of the large comparison.

    One comparison of each size is ended by a worker, so that its files are what a worker writes.
    Raises BenchmarkError where that does not come about.
    """
    at = Services.start(settings)
    try:
        small, large = (begin(at, size) for size in (filling.small, filling.large))
        with working(settings.data, settings.for_worker(), log=log):
            for comparison in (small, large):
                await_end(at, comparison)
        for first in range(1, filling.copies, COPIED_AT_ONCE):
            copy(at, small, min(COPIED_AT_ONCE, filling.copies - first))
    finally:
        at.stop()
    return large


def begin(at: Services, samples: int) -> str:
    """A comparison of which only the end is left, given out; its id."""
    rows = samples // len(QUALITIES)
    sizes = {"train": 200, "test": rows}
    spec = made_up(f"{samples} samples", "made-up", ["baseline.majority"], sizes)
    del spec["model"]
    task = TaskRow(id=new_id(), owner=None, created_at=now(), facts=check_spec(spec), spec=spec)
    work = ComparisonRow(
        id=new_id(),
        owner=None,
        task=task.id,
        state="running",
        attempts=1,
        options=NewComparison(strategies=["baseline.majority"]).model_dump(),
        created_at=now(),
        started_at=now(),
    )
    with at.store.begin() as session:
        session.add(task)
        session.flush()
        session.add(work)
        session.flush()
        for position, name in enumerate((BEGIN, *QUALITIES), start=FIRST_POSITION - 1):
            unit = planned(work, 0 if name == BEGIN else position, name, 0.0, computes=False)
            unit.state, unit.attempts = "done", 1
            session.add(unit)
        session.add(planned(work, LAST_POSITION, FINISH, 0.0, computes=False))
        for unit_at, lines in batches(rows):
            session.add(RecordsRow(work=work.id, unit=unit_at, lines=lines))
        session.flush()
        advance(session, at.queue, work)
    return work.id


def batches(rows: int) -> Iterator[tuple[int, str]]:
    """The position of a unit, and records of it that are stored together."""
    rng = np.random.default_rng(rows)
    world = World(ways_of(rng, QUALITIES), rows=rows, needs=Needs())
    leaked = leaked_rows(world, rng)
    yield 0, lines_of([run_record(world, 0), apart(leaked)])
    scores = scores_of(world, leaked, rng)
    for position, (way, line) in enumerate(zip(world.ways, scores, strict=True), FIRST_POSITION):
        setup, *others = way_records(way, world, line, rng)
        yield position, lines_of([setup])
        for first in range(0, len(others), BATCH):
            yield position, lines_of([told(one) for one in others[first : first + BATCH]])
    yield LAST_POSITION, lines_of([EndRecord(seconds=1000.0)])


def told(record: Record) -> Record:
    """With texts, as those of a real answer."""
    if not isinstance(record, OutcomeRecord):
        return record
    return replace(record, input=f"{record.example}: {TEXT}", text="delivery", reference="delivery")


def lines_of(records: Sequence[Record]) -> str:
    return b"".join(map(line_of, records)).decode()


def await_end(at: Services, comparison: str) -> None:
    end = time.monotonic() + FINISH_SECONDS
    while (row := at.store.comparison(comparison, None)).state not in FINISHED:
        if time.monotonic() > end:
            raise BenchmarkError(f"a report was not written within {FINISH_SECONDS:.0f} s")
        time.sleep(0.1)
    if row.state != "completed":
        raise BenchmarkError(f"a report was not written: {json.dumps(row.error)}")


def copy(at: Services, comparison: str, times: int) -> None:
    """Store a completed comparison so many times more, each with a task of its own."""
    kind = ComparisonRow.__tablename__
    names = at.files.names(f"{kind}/{comparison}")
    files = {name.rpartition("/")[2]: at.files.get(name) for name in names}
    with at.store.begin() as session:
        row = session.get_one(ComparisonRow, comparison)
        [task] = rows_of(session, TaskRow, id=row.task)
        [work] = rows_of(session, ComparisonRow, id=comparison)
        units = rows_of(session, UnitRow, work=comparison)
        records = [
            {name: value for name, value in one.items() if name != "id"}
            for one in rows_of(session, RecordsRow, work=comparison)
        ]
        for _ in range(times):
            mine, its = new_id(), new_id()
            session.execute(sa.insert(TaskRow), [{**task, "id": its}])
            session.execute(sa.insert(ComparisonRow), [{**work, "id": mine, "task": its}])
            session.execute(sa.insert(UnitRow), [{**one, "work": mine} for one in units])
            session.execute(sa.insert(RecordsRow), [{**one, "work": mine} for one in records])
            for name, data in files.items():
                at.files.put(f"{kind}/{mine}/{name}", data)


def rows_of(session: Any, table: type[Table], **where: str) -> list[Mapping[str, Any]]:
    """The rows as values by column."""
    columns = sa.inspect(table).columns
    found = session.execute(sa.select(*columns).filter_by(**where))
    return [dict(row._mapping) for row in found]
