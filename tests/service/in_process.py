"""A worker of this process, for tests that see into it: what would come from the queue is handed to
it."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.journal import JOURNAL, Journal
from benchmarks.records import Record
from service.at_hand import Worker
from service.computing import Computer
from service.forms import REPORT_FILES
from service.jobs import Job
from service.orders import Compute, Next, Order, Planned
from service.services import Services
from service.storage import UnitRow
from service.stored_records import records_of

NAME = "here-0"
ONE = Next(units=(Planned("a"),))
"""A comparison of one strategy, as its beginning tells it."""


def queued(at: Services, work: str) -> list[Job]:
    """The jobs of its units that wait, in the order of the run."""
    waits = sa.select(UnitRow).where(UnitRow.work == work, UnitRow.state == "queued")
    with at.store.begin() as session:
        units = session.scalars(waits.order_by(UnitRow.position))
        return [Job(unit.work, unit.position, unit.dispatch) for unit in units]


def units_of(at: Services, work: str) -> list[UnitRow]:
    """In the order of the run."""
    mine = sa.select(UnitRow).where(UnitRow.work == work).order_by(UnitRow.position)
    with at.store.begin() as session:
        return list(session.scalars(mine))


def do_all(at: Services, work: str, compute: Compute | None = None) -> Worker:
    """Do one unit after the other until none of the work waits; by the real computing, unless
    another is given."""
    worker = Worker(at, NAME, compute or Computer())
    while jobs := queued(at, work):
        worker.run(jobs[0].id)
    return worker


def begun(at: Services, work: str) -> None:
    """Let the comparison consist of one strategy, "a", and no more be done of it."""
    Worker(at, NAME, lambda order: ONE).run(queued(at, work)[0].id)


def idle(order: Order) -> Next:
    """A comparison without strategies, and with empty reports."""
    for name in REPORT_FILES:
        (order.folder / name).write_text("{}")
    return Next()


def as_folder(at: Services, work: str, folder: Path) -> Path:
    """The records and the report of a comparison as those of the command line lie."""
    folder.mkdir()
    Journal(folder / JOURNAL).append(stored(at, work))
    with suppress(FileNotFoundError):
        (folder / "report.json").write_bytes(at.files.get(f"comparisons/{work}/report.json"))
    return folder


def stored(at: Services, work: str) -> list[Record]:
    return records_of(at.store, at.settings, work)


def key_of(address: str) -> str:
    """The id in an address."""
    return address.rsplit("/", 1)[-1]


def services_of(client: Any) -> Services:
    found: Services = client.app.state.services
    return found
