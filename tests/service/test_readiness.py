"""Readiness names its cause."""

import asyncio
import time

import pytest
from serving import client_of

from service.database import open_database
from service.readiness import Readiness, folder_faults, main, worker_faults
from service.storage import WorkerRow
from service.store import Store


@pytest.fixture
def store(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'tuneworth.db'}")
    yield Store(engine)
    engine.dispose()


def test_a_worker_that_was_never_heard_of(tmp_path) -> None:
    with client_of(tmp_path) as client:
        reply = client.get("/ready")
        assert reply.status_code == 503
        assert reply.json()["errors"] == [
            {
                "field": "worker",
                "value": "'never heard of'",
                "fix": "Start one (tuneworth worker); what is queued waits.",
            }
        ]
        assert "never heard of" in reply.json()["detail"]
        assert client.get("/health").status_code == 200
        client.app.state.services.store.beat()
        assert client.get("/ready").json() == {"status": "ready"}


def test_a_worker_that_fell_silent(store) -> None:
    with store.begin() as session:
        session.merge(WorkerRow(name="worker", beat=time.time() - 31))
    [fault] = worker_faults(store)
    assert fault["field"] == "worker"
    assert "silent for 31 s" in fault["value"]


def test_a_database_that_refuses(store) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE workers")
    [fault] = worker_faults(store)
    assert fault["field"] == "database"
    assert "no such table" in fault["value"]


def test_a_database_that_hangs_holds_up_nothing(tmp_path) -> None:
    class Hanging:
        def silence(self) -> float:
            time.sleep(3)
            return 0.0

    async def ask() -> list[list[dict[str, str]]]:
        ready = Readiness(Hanging(), tmp_path)  # type: ignore[arg-type]
        asked = [await ready.faults()]
        asked += await asyncio.gather(*(ready.faults() for _ in range(20)))
        ready.close()
        return asked

    began = time.monotonic()
    for faults in asyncio.run(ask()):
        assert [fault["field"] for fault in faults] == ["database"]
        assert "no answer within 2 s" in faults[0]["value"]
    assert time.monotonic() - began < 9


def test_a_folder_that_is_gone_or_full(tmp_path) -> None:
    assert folder_faults(tmp_path, least=0) == []
    [gone] = folder_faults(tmp_path / "nothing")
    assert gone["field"] == "data"
    assert "No such file" in gone["value"]
    [full] = folder_faults(tmp_path, least=1 << 60)
    assert "MB are free" in full["value"]
    assert list(tmp_path.iterdir()) == []


def test_the_command_for_a_container_says_it_by_its_exit_code(
    tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("TUNEWORTH_DATA", str(tmp_path))
    assert main() == 1
    assert "never heard of" in capsys.readouterr().err
    Store(open_database(f"sqlite:///{tmp_path / 'tuneworth.db'}")).beat()
    assert main() == 0
