"""The benchmark of several workers, its figures; and the processes that such benchmarks start."""

import json
import sys
import time

import psutil
import psycopg
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.speed.sheet import Measurement
from service.reliability import workers
from service.reliability.server import Program, Server, serving
from service.reliability.supervised import Supervised
from service.reliability.workers import CHANGING, MANY_SIDE, ONE_SIDE, checks, finish, is_at_work

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def rows(one, many, **facts):
    told = {"lost": 0, "doubled": 0, "unfinished": [], **facts}
    return [
        *(Measurement("workers", ONE_SIDE, n, s, {}) for n, s in enumerate(one, start=1)),
        *(Measurement("workers", MANY_SIDE, n, s, {}) for n, s in enumerate(many, start=1)),
        Measurement("workers", CHANGING, 0, 50.0, told),
    ]


def test_medians_are_held_against_each_other() -> None:
    found = {
        one.name: (one.value, one.met)
        for one in checks(rows([95, 40, 96], [25, 24, 90]), quick=True)
    }
    assert found == {
        "workers_one_s": (95, None),
        "workers_many_s": (25, None),
        "workers_speedup": (3.8, True),
        "workers_lost": (0, True),
    }


def test_what_is_missing_or_twice_there_is_counted() -> None:
    sheet = rows([35.0], [10.0], lost=1, doubled=2, unfinished=["unit c lora: queued"])
    found = {one.name: (one.value, one.met) for one in checks(sheet, quick=False)}
    assert found["workers_speedup"] == (3.5, False)
    assert found["workers_lost"] == (4, False)


class Scripted:
    def __init__(self, **states):
        self.states = {name: iter(found) for name, found in states.items()}

    def state_of(self, address):
        state = next(self.states[address])
        return state and {"state": state}


def test_it_waits_until_all_have_completed(monkeypatch) -> None:
    monkeypatch.setattr(workers, "LOOKS_S", 0.0)
    service = Scripted(a=["queued", None, "completed"], b=["running", "completed"])
    finish(service, ["a", "b"])
    assert [list(left) for left in service.states.values()] == [[], []]
    with pytest.raises(BenchmarkError, match="'failed'"):
        finish(Scripted(a=["running", "failed"]), ["a"])


def line(message, unit="prompt.zero-shot"):
    return json.dumps({"message": message, "unit": unit}) + "\n"


def test_a_worker_is_at_work_while_a_strategy_is() -> None:
    begun, ended = line("begun"), line("ended")
    assert not is_at_work("")
    assert not is_at_work(line("begun", ":begin"))
    assert is_at_work(begun + "no JSON\n" + line("tried again"))
    assert not is_at_work(begun + ended)
    assert is_at_work(begun + ended + begun)


def test_a_killed_program_takes_all_that_it_started_along(tmp_path) -> None:
    log = tmp_path / "log"
    program = Program([sys.executable, "-c", PARENT], tmp_path / "data", {"TOLD": "yes"}, log)
    program.start()
    end = time.monotonic() + 20
    while not (log.exists() and log.read_text().strip()) and time.monotonic() < end:
        time.sleep(0.02)
    child = psutil.Process(int(log.read_text()))
    assert child.environ()["TOLD"] == "yes"
    assert child.environ()["TUNEWORTH_DATA"] == str(tmp_path / "data")
    program.kill()
    assert not program.is_alive
    assert not child.is_running()
    assert program.everyone() == []


def test_a_server_that_cannot_start_says_why(tmp_path) -> None:
    environment = {"TUNEWORTH_KEEP_DAYS": "never"}
    server = Server(tmp_path, environment, tmp_path / "api.log")
    server.start()
    with pytest.raises(BenchmarkError, match="TUNEWORTH_KEEP_DAYS"):
        server.await_health()
    assert not server.is_alive


def test_a_server_comes_back_where_it_was(tmp_path) -> None:
    with serving(tmp_path / "data") as server:
        address = server.address
        server.kill()
        server.start()
        server.await_health()
        assert server.address == address
        assert server.megabytes() > 10


def test_a_killed_database_comes_back_with_what_it_held(cluster) -> None:
    url = cluster.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    cluster.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)
    cluster.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]


def test_what_ended_by_itself_is_started_again(tmp_path, cluster) -> None:
    service = Supervised(tmp_path / "service", cluster, {}, workers=0)
    try:
        service.api.process.kill()
        service.api.process.wait()
        assert service.state_of("/api/v1/comparisons/c") is None
        service.look_after()
        service.api.await_health()
        assert dict(service.ended_by_itself) == {"api": 1}
        assert service.asked("GET", "/health").status_code == 200
        with pytest.raises(BenchmarkError, match="404"):
            service.asked("GET", "/api/v1/comparisons/c")
        assert service.left_processes(0.1) == [f"process {service.api.process.pid}"]
    finally:
        service.end()
    assert service.left_processes() == []
