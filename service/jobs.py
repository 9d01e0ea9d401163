"""Durable jobs: the queues through which units of work reach the workers.

Only ids pass through them; what is to be done and how far it is stand in our own tables. A fixed
application version lets a new build take over what an older one queued.
"""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer
from dbos._serialization import DefaultSerializer
from sqlalchemy.orm import Session

APPLICATION = "tuneworth"
VERSION = "2"
"""Of what a job means. Those of version 1 carried the id of a comparison or a forecast: workers of
that version take no others, and `service.units` takes up what they left."""
UNIT = "unit"
POLLING_SECONDS = 0.25
NOTIFYING_SECONDS = 1.0
QUIET_SECONDS = 60.0
WAITING, TAKEN = "ENQUEUED", "PENDING"


@dataclass(frozen=True, order=True)
class Job:
    """A unit that is given out: `dispatch` counts how often it was. Who holds an older number may
    store nothing more."""

    work: str
    position: int
    dispatch: int

    @property
    def id(self) -> str:
        return f"{self.work}-{self.position}-{self.dispatch}"

    @classmethod
    def parse(cls, text: str) -> "Job | None":
        """The job with that id; None where it is none, as that of an older version."""
        work, *numbers = text.split("-")
        if len(numbers) != 2 or not all(one.isascii() and one.isdigit() for one in numbers):
            return None
        return cls(work, int(numbers[0]), int(numbers[1]))


def refuse_pickles() -> None:
    """Never open a pickle that stands in the database, in this process from now on.

    The library unpickles each row that says it holds one, whatever serializer it is told to use,
    and a pickle runs the code that its writer chose. Our rows are JSON: a row of another kind
    ends in an error of its own, and the next is taken.
    """
    DefaultSerializer.deserialize = _refused  # type: ignore[method-assign]


def _refused(cls: DefaultSerializer, serialized_data: str) -> Any:
    raise TypeError("a pickle in the database is not opened: jobs are JSON")


class Queue:
    """What is to be done, told to the job engine; this end runs nothing."""

    def __init__(self, engine: sa.Engine) -> None:
        refuse_pickles()
        self._client = DBOSClient(
            system_database_engine=engine,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            retry_connection_errors=False,  # a request is told, rather than kept waiting
        )

    def put(self, session: Session, job: Job, queue: str, priority: int) -> None:
        """Queue a job within the caller's transaction: what it stores and the job, or neither.
        The lowest priority is taken first, from 1."""
        self._client.enqueue_in_transaction(
            session,
            {
                "workflow_name": UNIT,
                "queue_name": queue,
                "workflow_id": job.id,
                "app_version": VERSION,
                "priority": priority,
            },
            job.id,
        )

    def states(self, ids: Collection[str]) -> dict[str, str]:
        """How the engine says that jobs are, by id; what it does not know is left out."""
        if not ids:
            return {}
        found = self._client.list_workflows(
            workflow_ids=list(ids), load_input=False, load_output=False
        )
        return {one.workflow_id: one.status for one in found}

    def taken_by(self, worker: str) -> list[str]:
        """The ids of the jobs that a worker has taken and not ended."""
        found = self._client.list_workflows(
            status=TAKEN, executor_id=worker, load_input=False, load_output=False
        )
        return [one.workflow_id for one in found]

    def remove(self, ids: Collection[str]) -> None:
        """Remove jobs, whatever they are at."""
        if ids:
            self._client.delete_workflows(list(ids))

    def drop(self, work: str) -> None:
        """Remove the jobs of ended work that wait: each would be taken only to find that out."""
        self.remove(self._of(work, status=WAITING))

    def forget(self, work: str) -> None:
        """Remove all jobs of a comparison or a forecast, if there are any."""
        self.remove([work, *self._of(work)])

    def _of(self, work: str, status: str | None = None) -> list[str]:
        found = self._client.list_workflows(
            workflow_id_prefix=f"{work}-", status=status, load_input=False, load_output=False
        )
        return [one.workflow_id for one in found]

    def close(self) -> None:
        self._client.destroy()


class Seldom(logging.Filter):
    """Lets a line of code say something once a minute: while a database is away, each of the job
    engine's threads would say so several times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place, now = (record.pathname, record.lineno), time.monotonic()
        if now - self._said.get(place, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        self._said[place] = now
        return True


def take_jobs(database_url: str, worker: str, queue: str, run: Callable[[str], None]) -> None:
    """A worker's end: call `run` with the id of each job of a queue, one at a time, in a thread of
    its own. `worker` is the name under which it takes them. Returns at once."""
    refuse_pickles()
    DBOS(
        config={
            "name": APPLICATION,
            "system_database_url": database_url,
            "application_version": VERSION,
            "executor_id": worker,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            # else a thread wakes a hundred times a second to look for what we never send
            "notification_coalesce_sec": NOTIFYING_SECONDS,
        }
    )
    logging.getLogger("dbos").addFilter(Seldom())

    # how often a unit may begin again is ours to say: we know which beginnings led to nothing
    @DBOS.workflow(name=UNIT, max_recovery_attempts=None)
    def unit(job: str) -> None:
        run(job)

    DBOS.listen_queues([queue])
    DBOS.launch()
    DBOS.register_queue(queue, worker_concurrency=1, polling_interval_sec=POLLING_SECONDS)
