"""What a comparison has left once it has ended: its samples and its report against those of a run
that nothing disturbed, and what should have gone."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks.journal import line_of
from benchmarks.records import (
    RECORD,
    CurveRecord,
    LatencyRecord,
    OutcomeRecord,
    ProbeRecord,
    Record,
    SetupRecord,
)
from benchmarks.untimed import untimed
from service.report import build_report
from service.storage import FINISHED, ComparisonRow, RecordsRow, UnitRow
from service.verify import differences

SHOWN = 5
UNFINISHED_JOBS = (
    "SELECT workflow_uuid, status FROM dbos.workflow_status"
    " WHERE status NOT IN ('SUCCESS', 'CANCELLED') ORDER BY workflow_uuid"
)
DISPATCH = re.compile(r"^(artifacts/\d+)-\d+/")
Sample = tuple[str, ...]


@dataclass(frozen=True)
class Against:
    """Samples that are `lost` or `doubled`, against the run that nothing disturbed; and where the
    report or a record is `different`, the first few places."""

    lost: int
    doubled: int
    different: tuple[str, ...]


def records_in(engine: sa.Engine, comparison: str) -> list[Record]:
    """All that is stored of it, in the order of its parts."""
    rows = sa.select(RecordsRow.lines).where(RecordsRow.work == comparison)
    with engine.connect() as connection:
        stored = connection.scalars(rows.order_by(RecordsRow.unit, RecordsRow.id)).all()
    return [RECORD.validate_json(line) for lines in stored for line in lines.split("\n") if line]


def samples(records: Sequence[Record]) -> Counter[Sample]:
    """What was asked of strategies and prepared for them, each with how often it is stored."""
    found: Counter[Sample] = Counter()
    for record in records:
        match record:
            case OutcomeRecord() | LatencyRecord():
                found[record.record, record.strategy, record.example] += 1
            case SetupRecord():
                found[record.record, record.strategy] += 1
            case ProbeRecord():
                found[record.record, record.strategy, record.probe] += 1
            case CurveRecord():
                found[record.record, record.point] += 1
    return found


def against(whole: Sequence[Record], found: Sequence[Record], served: Any) -> Against:
    """Hold the records of a comparison, and the report that was `served`, against the records of
    one that nothing disturbed. What differs in times alone is the same."""
    wanted, had = samples(whole), samples(found)
    return Against(
        (wanted - had).total(),
        (had - wanted).total(),
        different=(*by_records(whole, found), *by_report(found, served)),
    )


def by_records(whole: Sequence[Record], found: Sequence[Record]) -> list[str]:
    """Where records, and the reports that they give, differ with their clocks stopped."""
    theirs, ours = untimed(whole), untimed(found)
    had, wanted = (Counter(map(line_of, one)) for one in (ours, theirs))
    apart = [f"record {line.decode()[:200]}" for line in (wanted - had) + (had - wanted)]
    mine, other = (json.loads(build_report(one).as_json()) for one in (ours, theirs))
    places = [str(one) for one in islice(differences(mine, other), SHOWN)]
    return [*places, *apart[:SHOWN]]


def by_report(found: Sequence[Record], served: Any) -> list[str]:
    """Where the report is not what its records give."""
    given = json.loads(build_report(found).as_json())
    return [f"served: {one}" for one in islice(differences(served, given), SHOWN)]


def unfinished(engine: sa.Engine) -> list[str]:
    """Comparisons, parts and jobs that wait or run, though all has ended; and jobs that broke."""
    with Session(engine) as session:
        works = session.scalars(
            sa.select(ComparisonRow.id).where(ComparisonRow.state.not_in(FINISHED))
        )
        units = session.execute(
            sa.select(UnitRow.work, UnitRow.name, UnitRow.state).where(UnitRow.state != "done")
        )
        jobs = session.execute(sa.text(UNFINISHED_JOBS))
        return [
            *(f"comparison {work}" for work in works),
            *(f"unit {work} {name}: {state}" for work, name, state in units),
            *(f"job {job}: {status}" for job, status in jobs),
        ]


def files_of(data: Path, comparison: str) -> Counter[str]:
    """The files of one comparison, below its folder. What an artefact's folder says of how often
    its part was given out is left out."""
    folder = data / "comparisons" / comparison
    names = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return Counter(DISPATCH.sub(r"\1/", name) for name in names)


def files_below(*folders: Path) -> list[str]:
    """What lies in folders that should be empty by now; a lock is no file of anybody's."""
    return [
        f"file {path.relative_to(folder.parent)}"
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    ]
