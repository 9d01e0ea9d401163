"""Which workers are alive: each says so every two seconds, and one that died says nothing more."""

import time
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from service.storage import WorkerRow

SILENT_SECONDS = 15.0
"""A worker that was not heard of for so long counts as gone."""


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
    """The queues that a worker takes from now. A clock that was set back makes nobody alive."""
    now = clock(session)
    near = sa.between(WorkerRow.beat, now - SILENT_SECONDS, now + SILENT_SECONDS)
    return frozenset(session.scalars(sa.select(WorkerRow.queue).where(near)))


class Unchanged:
    """How long things have stayed as they are, as this process saw them and by a clock of its own
    that nobody sets: a jump of the machine's clock makes nothing old."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[object, float]] = {}

    def seconds(self, values: Mapping[str, object]) -> dict[str, float]:
        """Seconds since each was first seen with its present value; others are forgotten."""
        now = time.monotonic()
        seen = self._seen
        self._seen = {
            key: seen[key] if key in seen and seen[key][0] == value else (value, now)
            for key, value in values.items()
        }
        return {key: now - since for key, (_, since) in self._seen.items()}
