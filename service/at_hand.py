"""The comparison or forecast that a worker has at hand: begun, followed, handed back or ended.

The thread that computes only sets and reads values in memory. The main thread does the rest a
few times a second (`tick`).
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.errors import Cancelled
from benchmarks.journal import JOURNAL
from service.counting import JournalCount
from service.database import patiently
from service.fruitless import begin, take_back
from service.logs import about, fields
from service.orders import Compare, ForecastOrder, Foretell, Order
from service.problems import problem_of
from service.progress import ForecastBoard, ProgressBoard
from service.settings import Settings
from service.storage import ComparisonRow, ForecastRow, State, Work
from service.store import WORDS, Store

HAND_BACK_SECONDS = 20.0
"""So long the work at hand may take to its next batch when the worker is told to stop."""
MAX_ATTEMPTS = 10
"""Starts of one piece of work without anything new in its records."""
logger = logging.getLogger("tuneworth.worker")


@dataclass
class Running:
    """The work that is done now, shared between the two threads.

    `unsaved` is progress that was taken off the board and is not stored yet; who stores it holds
    `saving`, and for one try only. `left`: nothing more will be done to it.
    """

    id: str
    table: type[Work]
    board: ProgressBoard | ForecastBoard
    counted: JournalCount | None = None
    cancel: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
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
        self.stopping = threading.Event()

    def run(self, comparison: str) -> None:
        """Compute one comparison and store how it ended. Never raises for a failed one."""
        board = ProgressBoard()
        journal = self.settings.comparison_folder(comparison) / JOURNAL
        running = Running(comparison, ComparisonRow, board, JournalCount(journal))
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
        row = patiently(lambda: self.store.start(key, table))
        if row is None:
            return None
        if row.cancelling:  # told to stop while no worker was alive
            patiently(lambda: self.store.finish(key, "cancelled", None, table))
            return None
        try:
            starts = begin(self._folder(row))
        except OSError as error:  # a full or read-only disk: a job that raised would end unseen
            problem = failure(error)
            patiently(lambda: self.store.finish(key, "failed", problem, table))
            return None
        if starts > MAX_ATTEMPTS:
            detail = (
                f"The worker ended {MAX_ATTEMPTS} times while computing it, without getting any"
                " further; out of memory?"
            )
            given_up = {"title": "Given up", "detail": detail}
            patiently(lambda: self.store.finish(key, "failed", given_up, table))
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
        patiently(lambda: self._end(running, state, error))  # hours of work may have been done
        self._stay_if_stopping(running)  # it may have been handed back a moment before
        logger.info("ended", extra=fields(state=state, seconds=round(time.monotonic() - began, 1)))

    def _end(self, running: Running, state: State, error: dict[str, Any] | None) -> None:
        self._save(running)
        self.store.finish(running.id, state, error, running.table)

    def _stay_if_stopping(self, running: Running) -> None:
        """Wait for the end of the process: a job that returned would count as done."""
        if self.stopping.is_set():
            running.left.set()
            threading.Event().wait()

    def tick(self) -> None:
        """Store progress and learn of a cancellation. Raises what the database raises."""
        running = self.running
        if running is None:
            return
        self._save(running)
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
            self._save(running)
            if self.store.is_cancelling(running.id, running.table):
                self.store.finish(running.id, "cancelled", None, running.table)
            elif self.store.hand_back(running.id, running.table):
                take_back(self.settings.folder_of(running.table.__tablename__, running.id))

    def _save(self, running: Running) -> None:
        """Store how far it is, if that has changed; what cannot be stored is kept for later."""
        with running.saving:
            self._count(running)
            running.unsaved = running.board.changes() or running.unsaved
            if running.unsaved is not None:
                self.store.save_progress(running.id, running.unsaved, running.table)
                running.unsaved = None

    def _count(self, running: Running) -> None:
        """Totals of the journal; who computes tells of one that cannot be read."""
        if running.counted is None or not isinstance(running.board, ProgressBoard):
            return
        try:
            running.board.count(running.counted.read())
        except (OSError, ValueError, KeyError):
            logger.exception("what %s answered is not counted any more", running.id)
            running.counted = None

    def _place(self, row: Work) -> tuple[dict[str, Any], Path]:
        """The spec, and the folder to write into."""
        return patiently(lambda: self.store.spec(row.task, None)), self._folder(row)

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
