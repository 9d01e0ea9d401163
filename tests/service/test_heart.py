"""A worker is heard of as long as it lives, and ends where it could store nothing more."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from in_process import services_of
from serving import SCRIPT, client_of, environment, start, submit, wait_until

from service import heart
from service.database import is_away
from service.heart import Heart
from service.services import Services
from service.storage import WorkerRow

PROCESS = """
import sys, time
sys.path.insert(0, {folder!r})
from scripted_worker import scripted
from service.at_hand import Worker
from service.settings import Settings
from service.units import Units
from service.worker import work
def deadlock(*args):
    raise RuntimeError("deadlock detected")
def slow(order):
    if order.name == ":begin":
        return scripted(order)
    time.sleep(8)
    return scripted(order)
{change}
work(Settings.from_environment(), {compute})
"""


@contextmanager
def process(
    data: Path, change: str = "", compute: str = "scripted"
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process of which something is changed."""
    told = PROCESS.format(folder=str(Path(SCRIPT).parent), change=change, compute=compute)
    found = subprocess.Popen([sys.executable, "-c", told], env=environment(data))
    try:
        yield found
    finally:
        found.kill()
        found.wait()


def beats(at: Services) -> list[float]:
    with at.store.begin() as session:
        return list(session.scalars(sa.select(WorkerRow.beat)))


def is_running(client, comparison: str) -> bool:
    return client.get(comparison).json()["state"] == "running"


def test_a_worker_that_cannot_store_how_its_work_ended_ends(tmp_path) -> None:
    """Else the unit would run for ever by a worker that lives and does nothing."""
    with client_of(tmp_path) as client:
        start(client, submit(client, "broken"))
        with process(tmp_path, "Units.fail = deadlock") as worker:
            assert worker.wait(30) == 1


def test_a_worker_that_waits_for_its_work_to_end_is_heard_of_until_it_is_gone(tmp_path) -> None:
    with client_of(tmp_path) as client:
        at, comparison = services_of(client), start(client, submit(client, "1 steps"))
        with process(tmp_path, compute="slow") as worker:
            wait_until(lambda: is_running(client, comparison), 30)
            time.sleep(1)
            worker.terminate()
            time.sleep(0.5)
            before = beats(at)
            assert len(before) == 1
            wait_until(lambda: beats(at) > before, 5)
            assert worker.poll() is None
            assert worker.wait(20) == 0
        assert beats(at) == []


def test_a_worker_whose_main_thread_waits_for_a_store_is_heard_of(tmp_path) -> None:
    with client_of(tmp_path) as client:
        at = services_of(client)
        with process(tmp_path, "Worker.tick = lambda self: time.sleep(60)"):
            wait_until(lambda: bool(beats(at)), 30)
            time.sleep(1)
            before = beats(at)
            wait_until(lambda: beats(at) > before, 5)


def test_a_sign_that_was_not_taken_is_given_again(monkeypatch, caplog) -> None:
    for name in ("BEAT_SECONDS", "AWAY_SECONDS"):
        monkeypatch.setattr(heart, name, 0.01)
    given = []

    def beat() -> None:
        given.append(len(given))
        if len(given) < 3:
            raise sa.exc.OperationalError("UPDATE", {}, Exception("gone"))

    living = Heart(beat)
    living.start()
    wait_until(lambda: len(given) > 4, 5)
    living.stop()
    stopped = len(given)
    time.sleep(0.1)
    assert len(given) == stopped
    assert [record.getMessage() for record in caplog.records] == [
        "It cannot be said that this worker lives: gone."
    ]


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (psycopg.errors.DeadlockDetected, True),
        (psycopg.errors.LockNotAvailable, True),
        (psycopg.errors.UndefinedTable, False),
    ],
)
def test_what_others_hold_passes(error: type[psycopg.Error], passes: bool) -> None:
    assert is_away(sa.exc.OperationalError("UPDATE", {}, error("as the server says"))) is passes
