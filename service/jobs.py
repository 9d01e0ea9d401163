"""Durable jobs: the queue through which the API hands comparisons and forecasts to the worker.

Only ids pass through it; what is to be done and how far it is stand in our own tables. A fixed
application version lets a new build take over what an older one queued.
"""

import logging
import time
from collections.abc import Callable

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer
from sqlalchemy.orm import Session

APPLICATION = "tuneworth"
EXECUTOR = "local"
"""Each worker takes over what the one before it began, whichever machine it ran on."""
VERSION = "1"
QUEUE = "comparisons"
COMPARE, FORECAST = "compare", "forecast"
"""What a job does with the id that it carries."""
POLLING_SECONDS = 0.25
QUIET_SECONDS = 60.0


class Queue:
    """The API's end: it adds jobs, and runs none."""

    def __init__(self, engine: sa.Engine) -> None:
        self._client = DBOSClient(
            system_database_engine=engine,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            retry_connection_errors=False,  # a request is told, rather than kept waiting
        )

    def add(self, session: Session, comparison: str) -> None:
        """Queue a comparison within the caller's transaction: both are stored, or neither."""
        self._add(session, comparison, COMPARE)

    def add_forecast(self, session: Session, forecast: str) -> None:
        """The same of a forecast. All jobs wait in one line."""
        self._add(session, forecast, FORECAST)

    def _add(self, session: Session, key: str, job: str) -> None:
        self._client.enqueue_in_transaction(
            session,
            {
                "workflow_name": job,
                "queue_name": QUEUE,
                "workflow_id": key,
                "app_version": VERSION,
            },
            key,
        )

    def forget(self, key: str) -> None:
        """Remove the job of a comparison or a forecast, if there is one."""
        self._client.delete_workflows([key])

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


def take_jobs(
    database_url: str, run: Callable[[str], None], run_forecast: Callable[[str], None]
) -> None:
    """The worker's end: call `run` with the id of each queued comparison and `run_forecast` with
    that of each forecast, one at a time, in a thread of its own.

    A job that was running when the worker died is run again. Returns at once.
    """
    DBOS(
        config={
            "name": APPLICATION,
            "system_database_url": database_url,
            "application_version": VERSION,
            "executor_id": EXECUTOR,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
        }
    )
    logging.getLogger("dbos").addFilter(Seldom())

    @DBOS.workflow(name=COMPARE)
    def compare(comparison: str) -> None:
        run(comparison)

    @DBOS.workflow(name=FORECAST)
    def forecast(forecast: str) -> None:
        run_forecast(forecast)

    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=POLLING_SECONDS)
