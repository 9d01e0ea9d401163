"""The worker process: it takes queued comparisons and forecasts, one at a time, and computes them.

The thread that computes only sets and reads values in memory. The main thread does the rest a
few times a second: it stores progress, looks whether to cancel, and says that it is alive.
Killing the process loses nothing but the sample at work: the journal continues.
"""

import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.errors import Cancelled
from service.database import patiently, reason_of
from service.errors import WorkerRunning
from service.jobs import take_jobs
from service.orders import Compare, ForecastOrder, Foretell, Order
from service.place import Place, worker_place
from service.problems import problem_of
from service.progress import ForecastBoard, ProgressBoard
from service.removing import sweep
from service.services import Services
from service.settings import Settings
from service.storage import ComparisonRow, ForecastRow, Work
from service.store import Store
from strategies.waiting import settle_waiting

TICK_SECONDS = 0.25
BEAT_SECONDS = 2.0
AWAY_SECONDS = 1.0
"""How often a database that is away is asked again."""
SWEEP_SECONDS = 600.0
MAX_ATTEMPTS = 10
NICENESS = 10
logger = logging.getLogger("tuneworth.worker")


@dataclass
class Running:
    """The work that is done now, shared between the two threads.

    `unsaved` is progress that was taken off the board and is not stored yet; who stores it holds
    `saving`, and for one try only.
    """

    id: str
    table: type[Work]
    board: ProgressBoard | ForecastBoard
    cancel: threading.Event = field(default_factory=threading.Event)
    saving: threading.Lock = field(default_factory=threading.Lock)
    unsaved: dict[str, Any] | None = None


class Worker:
    """One piece of work at a time, and what the main thread needs to know of it."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        compare: Compare,
        foretell: Foretell,
    ) -> None:
        self.settings = settings
        self.store = store
        self.compare = compare
        self.foretell = foretell
        self.running: Running | None = None

    def run(self, comparison: str) -> None:
        """Compute one comparison and store how it ended. Never raises for a failed one."""
        board = ProgressBoard()
        running = Running(comparison, ComparisonRow, board)
        stopped = running.cancel.is_set
        self._run(
            running,
            lambda row: self.compare(
                Order(
                    *self._place(row),
                    board,
                    stopped,
                    self.settings.results_folder(row.task),
                    **row.options,
                )
            ),
        )

    def run_forecast(self, forecast: str) -> None:
        """The same of a forecast."""
        board = ForecastBoard()
        running = Running(forecast, ForecastRow, board)
        stopped = running.cancel.is_set
        self._run(
            running,
            lambda row: self.foretell(
                ForecastOrder(*self._place(row), board, stopped, **row.options)
            ),
        )

    def _run(self, running: Running, compute: Callable[[Work], None]) -> None:
        key, table = running.id, running.table
        row = patiently(lambda: self.store.start(key, table))
        if row is None:
            return
        if row.cancelling:  # told to stop while no worker was alive
            patiently(lambda: self.store.finish(key, "cancelled", None, table))
            return
        if row.attempts > MAX_ATTEMPTS:
            detail = f"The worker ended {MAX_ATTEMPTS} times while computing it; out of memory?"
            given_up = {"title": "Given up", "detail": detail}
            patiently(lambda: self.store.finish(key, "failed", given_up, table))
            return
        self.running = running
        try:
            compute(row)
        except Cancelled:
            self._store_end(running, "cancelled")
        except Exception as error:  # whatever broke, this work has failed
            logger.exception("%s %s failed", table.__tablename__, key)
            self._store_end(running, "failed", failure(error))
        else:
            self._store_end(running, "completed")
        finally:
            self.running = None

    def tick(self) -> None:
        """Store progress and learn of a cancellation. Raises what the database raises."""
        running = self.running
        if running is None:
            return
        self._save(running)
        if self.store.is_cancelling(running.id, running.table):
            running.cancel.set()

    def _save(self, running: Running) -> None:
        """Store how far it is, if that has changed; what cannot be stored is kept for later."""
        with running.saving:
            running.unsaved = running.board.changes() or running.unsaved
            if running.unsaved is not None:
                self.store.save_progress(running.id, running.unsaved, running.table)
                running.unsaved = None

    def _place(self, row: Work) -> tuple[dict[str, Any], Path]:
        """The spec, and the folder to write into."""
        folder = self.settings.folder_of(row.__tablename__, row.id)
        folder.mkdir(parents=True, exist_ok=True)
        return patiently(lambda: self.store.spec(row.task, None)), folder

    def _store_end(self, running: Running, state: Any, error: dict[str, Any] | None = None) -> None:
        def end() -> None:
            self._save(running)
            self.store.finish(running.id, state, error, running.table)

        patiently(end)  # for as long as it takes: hours of work may have been done


def failure(error: Exception) -> dict[str, Any]:
    """The problem document of a failed comparison, with the reason of an unexpected error too."""
    document = dict(problem_of(error).document)
    if document.pop("status") == 500:
        document["detail"] = f"{type(error).__name__}: {error}"
    return document


def work(
    settings: Settings,
    compare: Compare | None = None,
    parent: int | None = None,
    foretell: Foretell | None = None,
) -> None:
    """Take jobs until SIGTERM or SIGINT, or until the process `parent` is gone; then exit.

    `compare` and `foretell` default to the real ones. Raises WorkerRunning where a worker already
    serves the database, and as `open_database`.
    """
    settle_waiting(alone=False)
    if compare is None or foretell is None:
        from service import computing  # loads what measures

        compare, foretell = compare or computing.compute, foretell or computing.compute_forecast
    settings.data.mkdir(parents=True, exist_ok=True)
    at = Services.start(settings)
    place = worker_place(settings)
    if not place.take():
        raise WorkerRunning(place.name)
    _take_scratch(settings.data / "scratch")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if hasattr(os, "nice"):
        os.nice(NICENESS)  # requests go before computing
    worker = Worker(settings, at.store, compare, foretell)
    at.store.beat()
    take_jobs(settings.database_url, worker.run, worker.run_forecast)
    threading.Thread(target=_sweep, args=(at, stop), name="sweep", daemon=True).start()
    _watch(worker, place, stop, parent)
    logging.shutdown()
    # The thread that computes cannot be ended, and a normal exit would wait for it. What it
    # has done is in the journal, and the next worker goes on from there.
    os._exit(0)


def _take_scratch(folder: Path) -> None:
    """Let temporary files lie in a folder of this worker's; what a killed one left there goes."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    tempfile.tempdir = str(folder)


def _sweep(at: Services, stop: threading.Event) -> None:
    while True:
        try:
            sweep(at)
        except (OSError, sa.exc.SQLAlchemyError) as error:
            logger.warning("Old work is not removed yet: %s.", reason_of(error))
        if stop.wait(SWEEP_SECONDS):
            return


def _watch(worker: Worker, place: Place, stop: threading.Event, parent: int | None) -> None:
    """Until told to stop. What the database refuses is tried again: who computes goes on."""
    next_beat, away = 0.0, False
    while not stop.wait(AWAY_SECONDS if away else TICK_SECONDS):
        if parent is not None and os.getppid() != parent:
            return
        try:
            worker.tick()
            if time.monotonic() >= next_beat:
                if not place.keep():
                    logger.error("Another worker has taken over %s; this one ends.", place.name)
                    return
                worker.store.beat()
                next_beat = time.monotonic() + BEAT_SECONDS
        except sa.exc.SQLAlchemyError as error:
            if not away:
                logger.warning("The database does not answer the worker: %s.", reason_of(error))
            away = True
        else:
            away = False


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    work(Settings.from_environment(), parent=int(sys.argv[1]) if sys.argv[1:] else None)
