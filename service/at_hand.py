"""The unit that a worker has at hand: claimed, followed, handed back or ended.

The thread that computes stores its records and what it is billed; how far it is, it only notes in
memory. The main thread stores that a few times a second (`tick`), and learns whether to stop.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from benchmarks.errors import Cancelled, StorageFull
from service.database import patiently
from service.hindrances import hindrance, said
from service.keeper import HAND_BACK_SECONDS
from service.logs import about, fields
from service.orders import Compute, Next
from service.problems import problem_of
from service.services import Services
from service.store import WORDS
from service.units import Overtaken
from service.workplace import Running, Workplace

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
"""Seconds after which work that was hindered is tried again."""
Store = Callable[[dict[str, Any] | None, float], Any]
"""Stores the progress of a unit, None where there is nothing new, and further seconds of it."""
logger = logging.getLogger("tuneworth.worker")


class Stuck(Exception):
    """How a unit ended could not be stored: the process must end, so that the unit is given out
    again."""


class Worker:
    """One unit at a time, and what the main thread needs to know of it."""

    def __init__(self, at: Services, name: str, compute: Compute) -> None:
        self.units = at.units
        self.name = name
        self.compute = compute
        self.workplace = Workplace(at, name)
        self.running: Running | None = None
        self.stopping = threading.Event()
        self._broke: BaseException | None = None

    def take(self, job: str) -> None:
        """Run a job of the queue. Where that raises, the process has to end (`tick`), and nothing
        more is taken."""
        try:
            self.run(job)
        except BaseException as error:
            logger.exception("how %s ended cannot be stored", job)
            self._broke = error
            threading.Event().wait()

    def run(self, job: str) -> None:
        """Do the unit of a job and store how it ended. Never raises for one that failed, but where
        that could not be stored."""
        self._stay_if_stopping()
        # giving up here would end the worker, and the next one's claim would fare no better
        claim = patiently(lambda: self.units.claim(job, self.name), gives_up=False)
        if claim is None:
            return
        running = self.running = self.workplace.running(claim)
        ids = {WORDS[claim.kind]: claim.job.work, "unit": claim.name}
        try:
            with about(task=claim.row.task, **ids):
                self._do(running)
        finally:
            self.running = None
            running.left.set()
            self.workplace.clear(running)

    def _do(self, running: Running) -> None:
        logger.info("begun", extra=fields(attempt=running.claim.attempts))
        try:
            state = self._ended(running)
        except Overtaken:
            state = "given to another worker"
        self._stay_if_stopping(running)  # it may have been handed back a moment before
        logger.info("ended", extra=fields(state=state, seconds=round(running.watch.seconds, 1)))

    def _ended(self, running: Running) -> str:
        """Compute the unit, and store how that ended. Raises Overtaken."""
        job = running.claim.job
        try:
            found = self._computed(running)
            # hours of work may have been done: the database is waited for
            patiently(lambda: self._save(running, partial(self.units.follow, job, found)))
            return "done"
        except Cancelled:
            self._stay_if_stopping(running)
            patiently(lambda: self._save(running))
            patiently(lambda: self.units.stop(job))
            return "cancelled"
        except Overtaken:
            raise
        except Exception as raised:  # whatever broke, this work has failed
            logger.exception("%s failed", job.id)
            error = failure(raised)
            patiently(lambda: self._save(running))
            patiently(lambda: self.units.fail(job, error))
            return "failed"

    def _computed(self, running: Running) -> Next:
        """What follows from the unit. What only hinders it for now is waited for."""
        pause, told = FIRST_PAUSE, None
        while True:
            try:
                found = self.compute(self.workplace.order(running))
                self.workplace.keep(running)
                return found
            except Exception as error:
                reason = hindrance(error)
                if reason is None:
                    raise
                if reason != told:
                    logger.warning("It waits, and is tried again and again: %s", error)
                told = reason
            running.board.wait(reason)
            running.watch.stop()
            if running.cancel.wait(pause):
                raise Cancelled("told to stop")
            running.watch.go_on()
            pause = min(2 * pause, LONGEST_PAUSE)

    def _stay_if_stopping(self, running: Running | None = None) -> None:
        """Wait for the end of the process: it is about to hand back what it has, and a job that
        returned would only make room for the next."""
        if self.stopping.is_set():
            if running is not None:
                running.left.set()
            threading.Event().wait()

    def tick(self) -> None:
        """Store progress and learn of a cancellation. Raises what the database and the store
        raise, and Stuck."""
        if self._broke is not None:
            raise Stuck("how its work ended cannot be stored") from self._broke
        running = self.running
        if running is None:
            return
        job = running.claim.job
        try:
            with running.saving:  # or what is taken off the board may come too late for the last
                news = running.has_news()
            if self._save(running) if news else self.units.is_cancelling(job):
                running.cancel.set()
            if self.workplace.keep_findings(running):
                self._save(running, partial(self.units.progress, job, grew=True))
        except Overtaken:
            running.cancel.set()

    def hand_back(self, seconds: float = HAND_BACK_SECONDS) -> None:
        """Stop at the next batch, or in `seconds` wherever it is, and begin nothing more.

        The unit goes back to the queue with all that it did, as if it had not been begun. The
        process must end after this.
        """
        self.stopping.set()
        running = self.running
        if running is not None:
            running.cancel.set()
            running.left.wait(seconds)
            if self.running is running:  # else it came to its end
                self._give_back(running)

    def _give_back(self, running: Running) -> None:
        job = running.claim.job
        grew = False
        try:
            with suppress(StorageFull):  # it finds them once more
                grew = self.workplace.keep_findings(running)
            if self._save(running, partial(self.units.progress, job, grew=grew)):
                self.units.stop(job)
            else:
                self.units.hand_back(job, None, fruitless=False)
        except Overtaken:
            pass  # nothing is left to give back

    def _save(self, running: Running, store: Store | None = None) -> bool:
        """Store how far it is; what cannot be stored is kept for later. Says what `store` gives:
        whether the work is told to stop."""
        store = store or partial(self.units.progress, running.claim.job)
        with running.saving:
            running.has_news()
            seconds = running.watch.seconds
            told = store(running.unsaved, seconds - running.stored)
            running.unsaved, running.stored = None, seconds
        return bool(told)


def failure(error: Exception) -> dict[str, Any]:
    """The problem document of failed work, with the reason of an unexpected error too."""
    document = dict(problem_of(error).document)
    if document.pop("status") == 500:
        told = str(error)
        if isinstance(error, OSError) and error.strerror:  # the text would name a folder
            told = said(error.strerror, error.filename)
        document["detail"] = f"{type(error).__name__}: {told}"
    return document
