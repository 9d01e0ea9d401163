"""Which workers are alive: each says so every two seconds, and one that died says nothing more."""

import threading
import time
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from service.orders import FINISH
from service.storage import UnitRow, WorkerRow

SILENT_SECONDS = 15.0
"""A worker that was not heard of for so long counts as gone."""
GAP_SECONDS = 10.0
"""Two looks at the others: who has not looked for longer cannot say what stayed as it was."""
Key = TypeVar("Key", bound=Hashable)


def clock(session: Session) -> float:
    """Seconds of the epoch: by the server's clock where machines may differ."""
    if session.get_bind().dialect.name == "sqlite":
        return time.time()
    return float(session.scalar(sa.select(sa.extract("epoch", sa.func.clock_timestamp()))) or 0.0)


def beat(session: Session, worker: str, queue: str, host: str) -> None:
    """Say that a worker is alive, even where another one has just buried it."""
    values = {"beat": clock(session), "queue": queue, "host": host}
    mine = sa.update(WorkerRow).where(WorkerRow.name == worker).values(**values)
    if session.connection().execute(mine).rowcount == 0:
        session.add(WorkerRow(name=worker, **values))


def living(session: Session) -> frozenset[str]:
    """The queues that a worker takes from now."""
    return frozenset(workers(session))


def workers(session: Session) -> Counter[str]:
    """How many take from each queue now; no queue that none takes from."""
    alive = heard(session)
    query = sa.select(WorkerRow.name, WorkerRow.queue)
    return Counter(queue for name, queue in session.execute(query) if name in alive)


def silence(session: Session) -> float:
    """Seconds since any worker was last alive; infinite where none ever was."""
    return min(_ages(session).values(), default=float("inf"))


def neighbours(session: Session, worker: str, host: str) -> int:
    """How many units other workers of its machine compute now."""
    query = (
        sa.select(sa.func.count())
        .select_from(UnitRow)
        .join(WorkerRow, WorkerRow.name == UnitRow.worker)
        .where(UnitRow.state == "running", UnitRow.name != FINISH)
        .where(WorkerRow.host == host, WorkerRow.name.in_(heard(session) - {worker}))
    )
    return session.scalar(query) or 0


def heard(session: Session) -> frozenset[str]:
    """The workers that were heard of. A clock that was set back makes nobody alive."""
    return frozenset(name for name, age in _ages(session).items() if age <= SILENT_SECONDS)


def _ages(session: Session) -> dict[str, float]:
    listener: Listener = session.info[Listener]
    beats = dict(session.execute(sa.select(WorkerRow.name, WorkerRow.beat)).tuples().all())
    return listener.ages(beats, clock(session))


class Listener:
    """How long ago each worker said that it is alive, for the sessions of one store. The clock that
    beats are written by may jump, and all beats look old, or yet to come, until the next: what this
    process saw itself it tells by a clock of its own that nobody sets."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, float]] = {}
        self._looked = time.monotonic()
        self._lock = threading.Lock()

    def ages(self, beats: Mapping[str, float], clock: float) -> dict[str, float]:
        """Seconds, at most, since each was alive; `clock` is the time now by that of the beats."""
        now = time.monotonic()
        with self._lock:
            ages = {name: self._age(name, beat, clock, now) for name, beat in beats.items()}
            self._known = {name: (beats[name], now - age) for name, age in ages.items()}
            self._looked = now
        return ages

    def _age(self, name: str, beat: float, clock: float, now: float) -> float:
        """A beat that has changed came after the last look; of one that has not, the clock of the
        beats can tell nothing new."""
        told = abs(clock - beat)
        if name not in self._known:
            return told
        before, alive = self._known[name]
        return now - alive if beat == before else min(told, now - self._looked)


class Unchanged(Generic[Key]):
    """How long things have stayed as they are, as this process saw them and by a clock of its own
    that nobody sets: a jump of the machine's clock makes nothing old. Time in which it could not
    look, as while the database was away, counts for nothing: others could say nothing either."""

    def __init__(self) -> None:
        self._seen: dict[Key, tuple[object, float]] = {}
        self._looked = time.monotonic()

    def seconds(self, values: Mapping[Key, object]) -> dict[Key, float]:
        """Seconds since each was first seen with its present value; others are forgotten."""
        now = time.monotonic()
        seen = self._seen if now - self._looked <= GAP_SECONDS else {}
        self._looked = now
        self._seen = {
            key: seen[key] if key in seen and seen[key][0] == value else (value, now)
            for key, value in values.items()
        }
        return {key: now - since for key, (_, since) in self._seen.items()}
