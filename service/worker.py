"""The worker process: it takes queued comparisons and forecasts, one at a time, and computes them.

The main thread follows what another one computes: it stores progress, looks whether to cancel, and
says that the worker is alive. Killing the process loses nothing but the sample at work: the
journal continues.
"""

import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import sqlalchemy as sa

from service.at_hand import Worker
from service.database import reason_of
from service.errors import WorkerRunning
from service.jobs import take_jobs
from service.logs import set_up_logs
from service.orders import Compare, Foretell
from service.place import Place, worker_place
from service.removing import sweep
from service.services import Services
from service.settings import Settings
from strategies.waiting import settle_waiting

TICK_SECONDS = 0.25
BEAT_SECONDS = 2.0
AWAY_SECONDS = 1.0
"""How often a database that is away is asked again."""
SWEEP_SECONDS = 600.0
NICENESS = 10
logger = logging.getLogger("tuneworth.worker")


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
    set_up_logs(settings.log)
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
    code = 1
    try:
        _watch(worker, place, stop, parent)
        worker.hand_back()
        code = 0
    except Exception:  # it must not compute on, unseen
        logger.exception("the worker ends")
    finally:
        logging.shutdown()
        # The thread that computes cannot be ended, and a normal exit would wait for it. What it
        # has done is in the journal, and the next worker goes on from there.
        os._exit(code)


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
    """Until told to stop. What the database refuses is tried again: who computes goes on.

    Raises WorkerRunning where another worker has taken over.
    """
    next_beat, away = 0.0, False
    while not stop.wait(AWAY_SECONDS if away else TICK_SECONDS):
        if parent is not None and os.getppid() != parent:
            return
        try:
            worker.tick()
            if time.monotonic() >= next_beat:
                if not place.keep():
                    raise WorkerRunning(place.name)  # what runs is the other one's now
                worker.store.beat()
                next_beat = time.monotonic() + BEAT_SECONDS
        except sa.exc.SQLAlchemyError as error:
            if not away:
                logger.warning("The database does not answer the worker: %s.", reason_of(error))
            away = True
        else:
            away = False


if __name__ == "__main__":
    work(Settings.from_environment(), parent=int(sys.argv[1]) if sys.argv[1:] else None)
