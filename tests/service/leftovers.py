"""Work that has ended, and files of it in the store, for tests of what nobody asks for."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from benchmarks.journal import line_of
from benchmarks.records import SetupRecord
from service.orphans import SECONDS
from service.services import Services
from service.storage import ComparisonRow, RecordsRow, State, Work

ENDED = ("completed", "failed", "cancelled")
LONG = SECONDS + 60
NAMED = "artifacts/3-2/lora"
REPORTS = ("report.json", "report.html", "what-if.json")


def ended(at: Services, state: State, table: type[Work] = ComparisonRow, ago: float = LONG) -> str:
    """The id of work that ended so many seconds ago."""
    with at.store.begin() as session:
        task = at.store.add_task(session, {}, {}, None).id
        row = at.store.add_work(session, task, {}, at.units.open, table, None)
        row.state = state
    if state in ENDED:
        end(at, row.id, state, table, ago)
    return row.id


def end(at: Services, work: str, state: State, table: type[Work], ago: float = LONG) -> None:
    values = {"state": state, "finished_at": before(ago)}
    with at.store.begin() as session:
        session.execute(sa.update(table).where(table.id == work).values(**values))


def before(seconds: float) -> str:
    """The time so many seconds ago."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def tell(at: Services, work: str, *artifacts: str) -> None:
    """Store setup records that name artefacts."""
    setups = [SetupRecord(strategy=one, status="completed", artifact=one) for one in artifacts]
    lines = b"".join(map(line_of, setups)).decode()
    with at.store.begin() as session:
        session.add(RecordsRow(work=work, unit=3, lines=lines))


def put(at: Services, work: str, *names: str, kind: str = "comparisons") -> None:
    for name in names:
        at.files.put(f"{kind}/{work}/{name}", b"some")


def left(at: Services, work: str, kind: str = "comparisons") -> set[str]:
    start = f"{kind}/{work}/"
    return {one.key.removeprefix(start) for one in at.files.below(kind) if start in one.key}
