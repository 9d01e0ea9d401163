"""The worker process: it takes units of comparisons and forecasts, one at a time, and does them.

The main thread follows what another one computes: it stores progress, looks whether to cancel, and
gives out again what others had who are dead; a third one says that this worker is alive. Killing
the process loses nothing but the sample at work: whoever takes the unit next goes on behind its
records.
"""

import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, MutableMapping
from typing import TypeVar

import sqlalchemy as sa

from benchmarks.environment import VISIBLE, cuda_devices
from benchmarks.errors import StorageFull
from service.at_hand import Worker
from service.database import patiently, reason_of
from service.errors import ServiceError
from service.heart import AWAY_SECONDS, Heart
from service.hindrances import PASSES
from service.jobs import take_jobs
from service.logs import set_up_logs
from service.orders import Compute, Queue
from service.orphans import Orphans
from service.place import Place, scratch_of, starting, take_place, taken
from service.removing import sweep
from service.services import Services
from service.settings import Settings
from strategies.waiting import settle_waiting

TICK_SECONDS = 0.25
LOOK_SECONDS = 5.0
"""How often it is looked after the others."""
SWEEP_SECONDS = 600.0
NICENESS = 10
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds after which a data folder that takes nothing is tried again."""
ENDED = "its worker ended"
Result = TypeVar("Result")
logger = logging.getLogger("tuneworth.worker")


def work(settings: Settings, compute: Compute | None = None, parent: int | None = None) -> None:
    """Do units until SIGTERM or SIGINT, or until the process `parent` is gone; then exit.

    A data folder that is full or may not be written is waited for. `compute` defaults to the real
    one. Raises as `Services.start`.
    """
    set_up_logs(settings.log)
    settle_waiting(alone=False)
    at = once_writable(lambda: Services.start(settings), settings, parent)
    place = once_writable(lambda: take_place(settings), settings, parent)
    queue = queue_of(settings, place.slot)
    if compute is None:
        from service.computing import Computer  # loads what measures

        compute = Computer()
    once_writable(lambda: take_scratch(settings, place), settings, parent)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if hasattr(os, "nice"):
        os.nice(NICENESS)  # requests go before computing
    worker = Worker(at, place.name, compute)
    patiently(lambda: at.units.bury(place.name, ENDED))

    def beat() -> None:
        worker.workplace.beside = at.units.beat(place.name, queue, place.host)

    patiently(beat)
    heart = Heart(beat)
    heart.start()
    take_jobs(settings.database_url, place.name, queue, worker.take)
    threading.Thread(target=_sweep, args=(at, stop), name="sweep", daemon=True).start()
    code = 1
    try:
        _watch(at, worker, place, stop, parent)
        worker.hand_back()
        heart.stop()  # or it would be alive once more when it is gone
        at.units.bury(place.name, ENDED)  # jobs that it has taken and not begun
        code = 0
    except Exception:  # it must not compute on, unseen
        logger.exception("the worker ends")
    finally:
        logging.shutdown()
        # The thread that computes cannot be ended, and a normal exit would wait for it. What it
        # has done is stored, and whoever takes the unit next goes on from there.
        os._exit(code)


def once_writable(
    action: Callable[[], Result], settings: Settings, parent: int | None = None
) -> Result:
    """What `action` gives, tried again while the data folder, or another place that it writes to,
    is full or may not be written: a worker that ended would only be started again. Raises
    SystemExit where `parent` is gone, and other errors of the system."""
    pause, told = FIRST_PAUSE, ""
    while True:
        try:
            found = action()
        except OSError as error:
            if error.errno not in PASSES:
                raise
            if not told:
                told = str(error.filename or settings.data)
                waits = "The worker waits to start until it can write to %s: %s."
                logger.warning(waits, told, error.strerror)
        else:
            if told:
                logger.warning("The worker can write to %s again, and starts.", told)
            return found
        if is_orphan(parent):
            raise SystemExit(1)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def is_orphan(parent: int | None) -> bool:
    """Whether the process that keeps this one is gone."""
    return parent is not None and os.getppid() != parent


def queue_of(
    settings: Settings, slot: int, environ: MutableMapping[str, str] = os.environ
) -> Queue:
    """What the worker of a slot takes. From now on this process sees one GPU, or none; to be asked
    before torch is loaded."""
    gpus = [str(number) for number in range(len(cuda_devices()))]
    if not gpus:
        return "gpu" if settings.queue == "gpu" else "cpu"
    if told := environ.get(VISIBLE):
        gpus = told.split(",")
    if settings.queue == "cpu" or (settings.queue == "auto" and slot >= len(gpus)):
        environ[VISIBLE] = ""
        return "cpu"
    environ[VISIBLE] = gpus[slot % len(gpus)]
    return "gpu"


def take_scratch(settings: Settings, place: Place) -> None:
    """Let temporary files lie in a folder of this worker's. What killed ones left goes: in its own,
    and in those whose name nobody has now."""
    mine = scratch_of(settings, place.name)
    mine.parent.mkdir(parents=True, exist_ok=True)
    with starting(settings):
        for left in mine.parent.iterdir():
            lock = place.lock if left == mine else taken(settings, left.name)
            if lock is None:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=left != mine)
            else:  # as an older version left it
                left.unlink(missing_ok=True)
            if left != mine:
                lock.release()
        mine.mkdir(mode=0o700)
    tempfile.tempdir = str(mine)


def _sweep(at: Services, stop: threading.Event) -> None:
    orphans = Orphans(at)
    while True:
        try:
            sweep(at)
            orphans.clear(stop)
        except (OSError, sa.exc.SQLAlchemyError) as error:
            logger.warning("Old work is not removed yet: %s.", reason_of(error))
        except Exception:  # what is to be removed by then must not wait for the next start
            logger.exception("Old work is not removed yet.")
        if stop.wait(SWEEP_SECONDS):
            return


def _watch(
    at: Services,
    worker: Worker,
    place: Place,
    stop: threading.Event,
    parent: int | None,
) -> None:
    """Until told to stop. What the database and the store refuse is tried again: who computes goes
    on. Raises Stuck."""
    next_look = 0.0
    away = False
    while not stop.wait(AWAY_SECONDS if away else TICK_SECONDS):
        if is_orphan(parent):
            return
        try:
            worker.tick()
            if time.monotonic() >= next_look:
                _look_after(at, place.name)
                next_look = time.monotonic() + LOOK_SECONDS
        except (StorageFull, OSError, sa.exc.SQLAlchemyError) as error:
            if not away:
                logger.warning("What is at hand cannot be stored yet: %s.", reason_of(error))
            away = True
        else:
            away = False


def _look_after(at: Services, mine: str) -> None:
    """Give out again what others had who are dead, and what waits where nobody takes it."""
    for name in at.units.silent():
        if name != mine and (given := at.units.bury(name, "its worker was not heard of any more")):
            logger.warning("%s is not heard of; given out again: %d", name, given)
    at.units.move()


def main() -> None:
    """A worker of the environment's settings. Where it cannot start, the log says why in one line,
    and who keeps it starts it again later."""
    settings = Settings.from_environment()
    try:
        work(settings, parent=int(sys.argv[1]) if sys.argv[1:] else None)
    except (OSError, ServiceError) as error:
        logger.error("The worker cannot start: %s", error)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
