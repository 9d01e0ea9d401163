"""What a unit works with on this machine, and what of that gets into the store."""

import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.costs import read_prices
from benchmarks.journal import JOURNAL
from service.database import patiently
from service.dispatch import RACE_POSITION
from service.file_book import PAID
from service.files import key_of
from service.forecasting.defaults import FINDINGS
from service.forms import BASIS_FILE, FORECAST_FILES, REPORT_FILES
from service.ledger import Ledger, Limits
from service.orders import BEGIN, FINISH, FORECAST, Order
from service.place import scratch_of
from service.progress import ForecastBoard, ProgressBoard
from service.services import Services
from service.shelf import StoreShelf
from service.storage import ForecastRow
from service.stored_records import StoredRecords
from service.table_book import TableBook, take_over
from service.units import Claim

KEPT = {FINISH: (*REPORT_FILES, BASIS_FILE), FORECAST: FORECAST_FILES}
"""The files that a unit leaves in its folder for those who ask for them."""


class Stopwatch:
    """Seconds of computing; what is only waited for does not count. Runs from the beginning."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sum = 0.0
        self._since: float | None = time.monotonic()

    @property
    def seconds(self) -> float:
        with self._lock:
            return self._sum + (0.0 if self._since is None else time.monotonic() - self._since)

    def stop(self) -> None:
        seconds = self.seconds
        with self._lock:
            self._sum, self._since = seconds, None

    def go_on(self) -> None:
        with self._lock:
            self._since = time.monotonic()


@dataclass
class Running:
    """The unit that is done now, shared between the thread that computes and the main one.

    `unsaved` is progress that was taken off the board and is not stored yet, and `stored` are the
    seconds that are; who stores them holds `saving`, and for one try only. `left`: nothing more
    will be done to it. `findings` are those of a forecast that are in the store.
    """

    claim: Claim
    folder: Path
    board: ProgressBoard | ForecastBoard
    records: StoredRecords
    watch: Stopwatch = field(default_factory=Stopwatch)
    cancel: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    saving: threading.Lock = field(default_factory=threading.Lock)
    unsaved: dict[str, Any] | None = None
    stored: float = 0.0
    findings: int = 0

    def has_news(self) -> bool:
        """Whether there is progress to be stored; takes it off the board."""
        if isinstance(self.board, ProgressBoard):
            self.board.count(self.records.counts)
        self.unsaved = self.board.changes() or self.unsaved
        return self.unsaved is not None


class Workplace:
    """Fits out the units that a worker takes, one after the other. `beside` is how many others
    are computed on this machine, as the main thread last heard."""

    def __init__(self, at: Services, name: str) -> None:
        self.beside = 0
        self._at = at
        self._scratch = scratch_of(at.settings, name)
        self._spec: tuple[str, dict[str, Any]] | None = None

    def running(self, claim: Claim) -> Running:
        """A unit that was just claimed."""
        job = claim.job
        return Running(
            claim=claim,
            folder=self._scratch / job.id,
            board=ForecastBoard() if claim.name == FORECAST else ProgressBoard(),
            records=StoredRecords(
                self._at.store.begin,
                lambda session: self._at.units.guard(session, job),
                job.work,
                job.position,
                seen_by(claim),
            ),
        )

    def order(self, running: Running) -> Order:
        """What is to be computed. Raises what the disk and the store refuse, DamagedJournal of an
        older version's files, and Overtaken."""
        claim = running.claim
        job, row = claim.job, claim.row
        running.folder.mkdir(parents=True, exist_ok=True)
        if claim.name in (BEGIN, FORECAST):
            self._take_over(running)
        if claim.name == FORECAST:
            self._fetch_findings(running)
        limits = Limits(row.options.get("spend_at_most_usd"), row.options.get("tokens_at_most"))
        stopped = running.cancel.is_set
        book = TableBook(
            self._at.store.begin,
            lambda session: self._at.units.guard(session, job),
            job.work,
            job.position,
            stopped,
        )
        return Order(
            work=job.work,
            name=claim.name,
            spec=self._spec_of(row.task),
            options=row.options,
            folder=running.folder,
            records=running.records,
            shelf=StoreShelf(
                running.folder,
                self._at.files,
                job.work,
                job.position,
                job.dispatch,
                guard=lambda: patiently(lambda: self._guard(running)),
            ),
            account=Ledger(book, read_prices(None), limits, stopped),
            board=running.board,
            cancelled=stopped,
            results=None
            if claim.kind is ForecastRow
            else self._at.settings.results_folder(row.task),
            over=claim.over,
            seconds=claim.seconds,
            beside=lambda: self.beside,
        )

    def keep(self, running: Running) -> None:
        """Put the reports that the unit has written into the store. Raises StoreAway, and
        Overtaken."""
        for name in KEPT.get(running.claim.name, ()):
            if (running.folder / name).exists():
                patiently(lambda: self._guard(running))
                self._at.files.put_file(self._key(running, name), running.folder / name)

    def _guard(self, running: Running) -> None:
        """Raises Overtaken. What is put into the store nevertheless, as this was said a moment
        before, is removed in the end (`service.orphans`)."""
        self._at.units.is_cancelling(running.claim.job)

    def _fetch_findings(self, running: Running) -> None:
        """Let a forecast go on behind what is in the store. What lies here already, as an attempt
        that was hindered left it, is at least as much."""
        target = running.folder / FINDINGS
        if target.exists():
            return
        whole = target.with_suffix(".fetched")  # the main thread may look meanwhile
        with suppress(FileNotFoundError):
            self._at.files.fetch(self._key(running, FINDINGS), whole)
            running.findings = findings_of(whole)
            whole.replace(target)

    def keep_findings(self, running: Running) -> bool:
        """Put what a forecast has found so far into the store; whether that is more than before.
        Raises StoreAway, and Overtaken."""
        found = findings_of(running.folder / FINDINGS) if running.claim.name == FORECAST else 0
        if found <= running.findings:
            return False
        self._guard(running)
        self._at.files.put_file(self._key(running, FINDINGS), running.folder / FINDINGS)
        running.findings = found
        return True

    def clear(self, running: Running) -> None:
        """Nothing of a unit stays on this machine."""
        shutil.rmtree(running.folder, ignore_errors=True)

    def _spec_of(self, task: str) -> dict[str, Any]:
        """Read once for all units of a task that come one after the other: none ever changes."""
        if self._spec is None or self._spec[0] != task:
            self._spec = task, patiently(lambda: self._at.store.spec(task, None))
        return self._spec[1]

    def _take_over(self, running: Running) -> None:
        """What an older version left of this work in its folder."""
        job = running.claim.job
        folder = self._at.settings.folder_of(running.claim.kind.__tablename__, job.work)
        if running.claim.name == BEGIN:
            running.records.take_over(folder / JOURNAL)
        if (folder / PAID).exists():

            def once() -> None:
                with self._at.store.begin() as session:
                    self._at.units.guard(session, job)
                    take_over(session, job.work, job.position, folder / PAID)

            patiently(once)

    def _key(self, running: Running, name: str) -> str:
        return key_of(running.claim.kind.__tablename__, running.claim.job.work, name)


def seen_by(claim: Claim) -> set[int] | None:
    """The positions of the units whose records a unit reads: those of the beginning, of the race
    and its own; all, where it ends the comparison."""
    return None if claim.name == FINISH else {0, RACE_POSITION, claim.job.position}


def findings_of(path: Path) -> int:
    """How many a forecast has written there, under their head line."""
    return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0
