"""Keeping worker processes alive, as `tuneworth serve` and `tuneworth worker --jobs` do."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from benchmarks.environment import usable_cores
from service.logs import set_up_logs
from service.settings import Settings

WORKER = (sys.executable, "-m", "service.worker")
HAND_BACK_SECONDS = 20.0
"""So long the work at hand may take to its next batch when a worker is told to stop."""
THREADS = "OMP_NUM_THREADS"
LOOK_SECONDS = 0.2
STEADY_SECONDS = 60.0
"""Who lived so long is started again after a second, whatever was before."""
LONGEST_PAUSE = 30.0
logger = logging.getLogger("tuneworth.serve")


@dataclass
class Kept:
    """One process, and after which pause it is started again where it ends; `due`: when it is."""

    process: subprocess.Popen[bytes]
    began: float = field(default_factory=time.monotonic)
    pause: float = 1.0
    due: float | None = None


class WorkerKeeper:
    """Starts `settings.jobs` worker processes, and each again when it dies, waiting longer each
    time. To `command` this process's id is added."""

    def __init__(self, settings: Settings, command: Sequence[str] = WORKER) -> None:
        self._environment = {**os.environ, **settings.for_worker()}
        if settings.jobs > 1:  # else each would take every core
            self._environment.setdefault(THREADS, str(max(1, usable_cores() // settings.jobs)))
        self._command = [*command, str(os.getpid())]
        self._jobs = settings.jobs
        self._stopping = threading.Event()
        self._kept: list[Kept] = []
        self._thread = threading.Thread(target=self._keep, name="worker-keeper", daemon=True)

    def start(self) -> None:
        self._kept = [Kept(self._spawn()) for _ in range(self._jobs)]
        self._thread.start()

    def stop(self) -> None:
        """Ask all to hand their work back, and end those that do not."""
        self._stopping.set()
        self._thread.join()
        for kept in self._kept:
            kept.process.terminate()
        end = time.monotonic() + HAND_BACK_SECONDS + 5
        for kept in self._kept:
            try:
                kept.process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                kept.process.kill()
                kept.process.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, env=self._environment, stdin=subprocess.DEVNULL)

    def _keep(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            for place, kept in enumerate(self._kept):
                self._kept[place] = self._looked_after(kept, time.monotonic())

    def _looked_after(self, kept: Kept, now: float) -> Kept:
        code = kept.process.poll()
        if code is None:
            return kept
        if kept.due is None:
            steady = now - kept.began > STEADY_SECONDS
            pause = 1.0 if steady else min(kept.pause * 2, LONGEST_PAUSE)
            logger.error("a worker ended with code %d; it starts again in %.0f s", code, pause)
            return replace(kept, pause=pause, due=now + pause)
        if now < kept.due:
            return kept
        try:
            return Kept(self._spawn(), now, kept.pause)
        except OSError as error:  # as where the machine is short of memory or processes
            pause = min(kept.pause * 2, LONGEST_PAUSE)
            logger.error("a worker cannot be started: %s; tried again in %.0f s", error, pause)
            return replace(kept, pause=pause, due=now + pause)


def keep_workers(settings: Settings, command: Sequence[str] = WORKER) -> None:
    """Keep `settings.jobs` of them until SIGTERM or SIGINT."""
    set_up_logs(settings.log)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    keeper = WorkerKeeper(settings, command)
    keeper.start()
    try:
        stop.wait()
    finally:
        keeper.stop()
