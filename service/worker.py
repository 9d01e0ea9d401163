"""The worker process: it takes queued comparisons, one at a time, and computes them.

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

from benchmarks.errors import Cancelled
from service.errors import WorkerRunning
from service.jobs import take_jobs
from service.problems import problem_of
from service.progress import ProgressBoard
from service.settings import Settings
from service.storage import ComparisonRow, open_database
from service.store import Store
from strategies.waiting import settle_waiting

TICK_SECONDS = 0.25
BEAT_SECONDS = 2.0
MAX_ATTEMPTS = 10
NICENESS = 10
logger = logging.getLogger("tuneworth.worker")


@dataclass(frozen=True)
class Order:
    """A comparison to be computed: the spec with its data, the options, and where to write."""

    spec: dict[str, Any]
    folder: Path
    board: ProgressBoard
    cancelled: Callable[[], bool]
    strategies: list[str] | None = None
    limit: int | None = None
    train_limit: int | None = None
    seed: int = 0
    race: bool = False
    accept_cost_usd: float | None = None


Compare = Callable[[Order], None]
"""Computes the comparison and writes report.json, report.md and report.html into its folder;
continues what an earlier call left there. Raises benchmarks.errors.Cancelled when told to stop."""


@dataclass
class Running:
    """The comparison at work, shared between the two threads."""

    id: str
    board: ProgressBoard = field(default_factory=ProgressBoard)
    cancel: threading.Event = field(default_factory=threading.Event)


class Worker:
    """One comparison at a time, and what the main thread needs to know of it."""

    def __init__(self, settings: Settings, store: Store, compare: Compare) -> None:
        self.settings = settings
        self.store = store
        self.compare = compare
        self.running: Running | None = None

    def run(self, comparison: str) -> None:
        """Compute one comparison and store how it ended. Never raises for a failed one."""
        row = self.store.start(comparison)
        if row is None:
            return
        if row.cancelling:  # told to stop while no worker was alive
            self.store.finish(comparison, "cancelled")
            return
        if row.attempts > MAX_ATTEMPTS:
            detail = f"The worker ended {MAX_ATTEMPTS} times while computing it; out of memory?"
            self.store.finish(comparison, "failed", {"title": "Given up", "detail": detail})
            return
        self.running = Running(comparison)
        try:
            self.compare(self._order(row, self.running))
        except Cancelled:
            self._store_end("cancelled")
        except Exception as error:  # whatever broke, this comparison has failed
            logger.exception("comparison %s failed", comparison)
            self._store_end("failed", failure(error))
        else:
            self._store_end("completed")
        finally:
            self.running = None

    def tick(self) -> None:
        """Store progress and learn of a cancellation."""
        running = self.running
        if running is None:
            return
        progress = running.board.changes()
        if progress is not None:
            self.store.save_progress(running.id, progress)
        if self.store.is_cancelling(running.id):
            running.cancel.set()

    def _order(self, row: ComparisonRow, running: Running) -> Order:
        folder = self.settings.comparison_folder(row.id)
        folder.mkdir(parents=True, exist_ok=True)
        spec = self.store.spec(row.task)
        return Order(spec, folder, running.board, running.cancel.is_set, **row.options)

    def _store_end(self, state: Any, error: dict[str, Any] | None = None) -> None:
        assert self.running is not None
        progress = self.running.board.changes()
        if progress is not None:
            self.store.save_progress(self.running.id, progress)
        self.store.finish(self.running.id, state, error)


def failure(error: Exception) -> dict[str, Any]:
    """The problem document of a failed comparison, with the reason of an unexpected error too."""
    document = dict(problem_of(error).document)
    if document.pop("status") == 500:
        document["detail"] = f"{type(error).__name__}: {error}"
    return document


def work(settings: Settings, compare: Compare | None = None, parent: int | None = None) -> None:
    """Take jobs until SIGTERM or SIGINT, or until the process `parent` is gone; then exit.

    `compare` defaults to the real comparison. Raises WorkerRunning where a worker already
    serves the data folder.
    """
    settle_waiting(alone=False)
    if compare is None:
        from service.computing import compute  # loads what measures

        compare = compute
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
    worker = Worker(settings, store, compare)
    store.beat()
    take_jobs(settings.database_url, worker.run)
    _watch(worker, stop, parent)
    logging.shutdown()
    # The thread that computes cannot be ended, and a normal exit would wait for it. What it
    # has done is in the journal, and the next worker goes on from there.
    os._exit(0)


def _watch(worker: Worker, stop: threading.Event, parent: int | None) -> None:
    next_beat = 0.0
    while not stop.wait(TICK_SECONDS):
        worker.tick()
        if time.monotonic() >= next_beat:
            worker.store.beat()
            next_beat = time.monotonic() + BEAT_SECONDS
        if parent is not None and os.getppid() != parent:
            return


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    work(Settings.from_environment(), parent=int(sys.argv[1]) if sys.argv[1:] else None)
