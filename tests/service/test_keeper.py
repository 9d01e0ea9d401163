"""Several worker processes that are kept alive together."""

import signal
import subprocess
import sys
import time

import psutil
import sqlalchemy as sa
from in_process import key_of, services_of, units_of
from serving import SCRIPT, client_of, ended, environment, start, submit, wait_until

from service.keeper import THREADS, WorkerKeeper
from service.settings import Settings
from service.storage import WorkerRow

KEEP = """
import sys
from service.keeper import keep_workers
from service.settings import Settings
keep_workers(Settings.from_environment(), (sys.executable, {script!r}))
"""


def test_workers_are_kept_replaced_and_ended_together(tmp_path) -> None:
    settings = Settings(tmp_path, jobs=2)
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEP.format(script=str(SCRIPT))], env=environment(settings)
    )
    with client_of(settings) as client:
        at = services_of(client)

        def heard_of() -> dict[str, float]:
            """When who is not said to have ended was heard of last."""
            with at.store.begin() as session:
                return {row.name: row.beat for row in session.scalars(sa.select(WorkerRow))}

        try:
            wait_until(lambda: len(heard_of()) == 2, 60)
            first, second = psutil.Process(keeper.pid).children()
            assert first.environ()[THREADS] == second.environ()[THREADS]
            second.send_signal(signal.SIGKILL)
            killed = time.time()
            comparison = start(client, submit(client, "20 steps twice"))
            wait_until(lambda: min(heard_of().values()) > killed, 60)
            assert wait_until(lambda: ended(client, comparison), 60)["state"] == "completed"
            workers = {unit.worker for unit in units_of(at, key_of(comparison))}
            assert workers <= heard_of().keys()
        finally:
            began = time.monotonic()
            keeper.terminate()
            assert keeper.wait(30) == 0
        assert time.monotonic() - began < 10
        assert not first.is_running()
        assert heard_of() == {}


def test_a_worker_that_cannot_be_started_now_is_started_later(tmp_path, monkeypatch) -> None:
    tries = []
    popen = subprocess.Popen

    def short_of_memory(*args, **how):
        tries.append(args)
        if len(tries) == 2:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return popen(*args, **how)

    monkeypatch.setattr("service.keeper.LONGEST_PAUSE", 0.1)
    monkeypatch.setattr("service.keeper.subprocess.Popen", short_of_memory)
    keeper = WorkerKeeper(Settings(tmp_path), (sys.executable, "-c", "pass"))
    keeper.start()
    try:
        wait_until(lambda: len(tries) > 2, 10)
    finally:
        keeper.stop()
