"""Statements that the server cancels, by its time limit or while another holds the table: they are
done later, and given up only where that lasts."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import psycopg
import pytest
import sqlalchemy as sa
from in_process import NAME, idle, key_of, queued, services_of, units_of
from serving import client_of, start, submit, wait_until

from service.at_hand import Worker, failure
from service.database import (
    CANCELLED_SECONDS,
    CANCELLED_TRIES,
    is_cancelled,
    open_database,
    patiently,
)
from service.errors import StatementCancelled
from service.hindrances import hindrance
from service.units import Claim


def said(code: str, text: str) -> sa.exc.OperationalError:
    """An error of PostgreSQL."""
    return sa.exc.OperationalError("SELECT 1", {}, psycopg.errors.lookup(code)(text))


def lost() -> sa.exc.OperationalError:
    return said("08006", "connection failure")


def cancelled() -> sa.exc.OperationalError:
    return said("57014", "canceling statement due to statement timeout")


def test_a_statement_that_the_server_cancels_is_done_later(postgres) -> None:
    engine = open_database(postgres.database_url)
    limits = iter(("50ms", "10s"))

    def slow() -> int:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{next(limits)}'")
            return connection.exec_driver_sql("SELECT 7 FROM pg_sleep(0.2)").scalar_one()

    assert patiently(slow, seconds=5) == 7
    assert next(limits, None) is None
    engine.dispose()


def test_a_table_that_another_one_holds_is_waited_for(postgres, monkeypatch) -> None:
    """A server with a time limit cancels what waits for the lock, again and again."""
    monkeypatch.setattr("service.database.WAIT_SECONDS", 0.0)
    engine = open_database(postgres.database_url)
    codes: list[str] = []

    def count() -> int:
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = '20ms'")
            try:
                return connection.exec_driver_sql("SELECT count(*) FROM units").scalar_one()
            except sa.exc.OperationalError as error:
                codes.append(error.orig.sqlstate)
                raise

    with ThreadPoolExecutor() as other:
        with engine.begin() as holder:
            holder.exec_driver_sql("LOCK TABLE units IN ACCESS EXCLUSIVE MODE")
            waiting = other.submit(patiently, count)
            wait_until(lambda: len(codes) > CANCELLED_TRIES or waiting.done(), 10)
        assert waiting.result(10) == 0
    assert set(codes) == {"57014"}
    engine.dispose()


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only by waiting between two tries, or where a test says so."""
    now = [100.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    told = SimpleNamespace(monotonic=lambda: now[0], sleep=sleep)
    monkeypatch.setattr("service.database.time", told)
    return told


@pytest.mark.parametrize("limit", [1.0, 100.0])
def test_statements_that_are_always_cancelled_fail_with_the_reason(limit, clock) -> None:
    """So often in a row, and for so long, whatever the server's limit is in seconds."""
    errors = [lost(), *[cancelled()] * (CANCELLED_TRIES - 1)] * 3
    row: list[float] = []

    def act() -> None:
        clock.sleep(limit)
        error = errors.pop(0) if errors else cancelled()
        row.append(clock.monotonic())
        if not is_cancelled(error):
            row.clear()
        raise error

    with pytest.raises(StatementCancelled, match="statement_timeout") as caught:
        patiently(act)
    assert errors == []
    assert len(row) >= CANCELLED_TRIES
    assert row[-1] - row[0] >= CANCELLED_SECONDS
    assert len(row) == CANCELLED_TRIES or row[-2] - row[0] < CANCELLED_SECONDS
    assert "due to statement timeout" in str(caught.value)
    assert hindrance(caught.value) is None
    assert failure(caught.value)["detail"] == f"StatementCancelled: {caught.value}"
    assert hindrance(cancelled()) is None
    assert hindrance(lost()) is not None


@pytest.fixture
def impatient(monkeypatch):
    """Statements that are cancelled are given up after a moment."""
    monkeypatch.setattr("service.database.CANCELLED_SECONDS", 0.0)
    monkeypatch.setattr("service.database.WAIT_SECONDS", 0.0)


def test_work_whose_statements_are_always_cancelled_fails(settings, monkeypatch, impatient) -> None:
    with client_of(settings) as client:
        at, key = services_of(client), key_of(start(client, submit(client)))

        def spec(task: str, owner: None) -> None:
            raise cancelled()

        monkeypatch.setattr(at.store, "spec", spec)
        Worker(at, NAME, idle).run(queued(at, key)[0].id)
        row = at.store.comparison(key, None)
        assert row.state == "failed"
        assert "statement_timeout" in row.error["detail"]


def test_a_claim_that_is_always_cancelled_waits(settings, monkeypatch, impatient) -> None:
    """A worker that ended for that would be started again, for the same end."""
    with client_of(settings) as client:
        at, key = services_of(client), key_of(start(client, submit(client)))
        claim, errors = at.units.claim, [cancelled()] * 3 * CANCELLED_TRIES

        def slow(job: str, worker: str) -> Claim | None:
            if errors:
                raise errors.pop()
            return claim(job, worker)

        monkeypatch.setattr(at.units, "claim", slow)
        Worker(at, NAME, idle).run(queued(at, key)[0].id)
        assert errors == []
        assert units_of(at, key)[0].state == "done"
