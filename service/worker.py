"""The worker process: it takes queued comparisons and forecasts, one at a time, and computes them.

The thread that computes only sets and reads values in memory. The main thread does the rest a
few times a second: it stores progress, looks whether to cancel, and says that it is alive.
Killing the process loses nothing but the sample at work: the journal continues.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.errors import Cancelled
from benchmarks.journal import JOURNAL
from service.counting import JournalCount
from service.errors import WorkerRunning
from service.fruitless import begin, take_back
from service.jobs import take_jobs
from service.logs import about, fields, set_up_logs
from service.orders import Compare, ForecastOrder, Foretell, Order
from service.problems import problem_of
from service.progress import ForecastBoard, ProgressBoard
from service.settings import Settings
from service.storage import ComparisonRow, ForecastRow, State, Work, open_database
from service.store import WORDS, Store
from strategies.waiting import settle_waiting

TICK_SECONDS = 0.25
BEAT_SECONDS = 2.0
HAND_BACK_SECONDS = 20.0
"""So long the work at hand may take to its next batch when the worker is told to stop."""
MAX_ATTEMPTS = 10
"""Starts of one piece of work without anything new in its records."""
NICENESS = 10
logger = logging.getLogger("tuneworth.worker")


@dataclass
class Running:
    """The work that is done now, shared between the two threads."""

    id: str
    table: type[Work]
    board: ProgressBoard | ForecastBoard
    counted: JournalCount | None = None
    cancel: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)


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
        self.stopping = threading.Event()

    def run(self, comparison: str) -> None:
        """Compute one comparison and store how it ended. Never raises for a failed one."""
        board = ProgressBoard()
        journal = self.settings.comparison_folder(comparison) / JOURNAL
        running = Running(comparison, ComparisonRow, board, JournalCount(journal))
        stopped = running.cancel.is_set
        self._run(
            running,
            lambda row: self.compare(Order(*self._place(row), board, stopped, **row.options)),
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
        self.running = running
        try:
            self._stay_if_stopping(running)
            row = self._begin(running.id, running.table)
            if row is not None:
                with about(task=row.task, **{WORDS[running.table]: running.id}):
                    self._compute(running, row, compute)
        finally:
            self.running = None
            running.left.set()

    def _begin(self, key: str, table: type[Work]) -> Work | None:
        """The row of what is to be computed; None where nothing is."""
        row = self.store.start(key, table)
        if row is None:
            return None
        if row.cancelling:  # told to stop while no worker was alive
            self.store.finish(key, "cancelled", None, table)
            return None
        if begin(self._folder(row)) > MAX_ATTEMPTS:
            detail = (
                f"The worker ended {MAX_ATTEMPTS} times while computing it, without getting any"
                " further; out of memory?"
            )
            given_up = {"title": "Given up", "detail": detail}
            self.store.finish(key, "failed", given_up, table)
            return None
        return row

    def _compute(self, running: Running, row: Work, compute: Callable[[Work], None]) -> None:
        began = time.monotonic()
        logger.info("begun", extra=fields(attempt=row.attempts))
        state: State = "completed"
        error = None
        try:
            compute(row)
        except Cancelled:
            self._stay_if_stopping(running)
            state = "cancelled"
        except Exception as raised:  # whatever broke, this work has failed
            logger.exception("%s %s failed", running.table.__tablename__, running.id)
            state, error = "failed", failure(raised)
        self._save_progress(running)
        self.store.finish(running.id, state, error, running.table)
        logger.info("ended", extra=fields(state=state, seconds=round(time.monotonic() - began, 1)))

    def _stay_if_stopping(self, running: Running) -> None:
        """Wait for the end of the process: a job that returned would count as done."""
        if self.stopping.is_set():
            running.left.set()
            threading.Event().wait()

    def tick(self) -> None:
        """Store progress and learn of a cancellation."""
        running = self.running
        if running is None:
            return
        self._save_progress(running)
        if self.store.is_cancelling(running.id, running.table):
            running.cancel.set()

    def hand_back(self, seconds: float = HAND_BACK_SECONDS) -> None:
        """Stop at the next batch, or in `seconds` wherever it is, and begin nothing more.

        The work goes back to the queue with all that it did, as if it had not been begun; its
        job stays with the engine, and the next worker goes on. The process must end after this.
        """
        self.stopping.set()
        running = self.running
        if running is None:
            return
        running.cancel.set()
        running.left.wait(seconds)
        if self.running is running:  # else it came to its end
            self._save_progress(running)
            if self.store.is_cancelling(running.id, running.table):
                self.store.finish(running.id, "cancelled", None, running.table)
            else:
                self.store.hand_back(running.id, running.table)
                take_back(self.settings.folder_of(running.table.__tablename__, running.id))

    def _save_progress(self, running: Running) -> None:
        if running.counted is not None and isinstance(running.board, ProgressBoard):
            running.board.count(running.counted.read())
        progress = running.board.changes()
        if progress is not None:
            self.store.save_progress(running.id, progress, running.table)

    def _place(self, row: Work) -> tuple[dict[str, Any], Path]:
        """The spec, and the folder to write into."""
        return self.store.spec(row.task), self._folder(row)

    def _folder(self, row: Work) -> Path:
        folder = self.settings.folder_of(row.__tablename__, row.id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


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
    serves the data folder.
    """
    set_up_logs(settings.log)
    settle_waiting(alone=False)
    if compare is None or foretell is None:
        from service import computing  # loads what measures

        compare, foretell = compare or computing.compute, foretell or computing.compute_forecast
    settings.data.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.data / "worker.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WorkerRunning(settings.data) from None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if hasattr(os, "nice"):
        os.nice(NICENESS)  # requests go before computing
    store = Store(open_database(settings.database_url))
    worker = Worker(settings, store, compare, foretell)
    store.beat()
    take_jobs(settings.database_url, worker.run, worker.run_forecast)
    code = 1
    try:
        _watch(worker, stop, parent)
        worker.hand_back()
        code = 0
    except Exception:  # it must not compute on, unseen
        logger.exception("the worker ends")
    finally:
        logging.shutdown()
        # The thread that computes cannot be ended, and a normal exit would wait for it. What it
        # has done is in the journal, and the next worker goes on from there.
        os._exit(code)


def _watch(worker: Worker, stop: threading.Event, parent: int | None) -> None:
    next_beat = 0.0
    while not stop.wait(TICK_SECONDS):
        try:
            worker.tick()
            if time.monotonic() >= next_beat:
                worker.store.beat()
                next_beat = time.monotonic() + BEAT_SECONDS
        except SQLAlchemyError as error:  # the computing goes on; the next tick asks again
            logger.error("the database does not answer: %s", error)
        if parent is not None and os.getppid() != parent:
            return


if __name__ == "__main__":
    work(Settings.from_environment(), parent=int(sys.argv[1]) if sys.argv[1:] else None)
