"""Readiness names its cause."""

import asyncio
import logging
import time

import pytest
from serving import client_of
from stores import FileServer, Trouble

from service.alive import beat
from service.database import open_database
from service.files import Files
from service.readiness import (
    Readiness,
    folder_faults,
    in_full,
    main,
    store_faults,
    worker_faults,
)
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
        client.app.state.services.units.beat("here-0", "cpu", "here")
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
    assert (fault["field"], fault["value"]) == ("database", "'no answer'")
    assert "no such table" in fault["told"]


def test_a_database_that_hangs_holds_up_nothing(tmp_path) -> None:
    class Hanging:
        def silence(self) -> float:
            time.sleep(3)
            return 0.0

    async def ask() -> list[list[dict[str, str]]]:
        ready = Readiness(Hanging(), tmp_path, Files(tmp_path))  # type: ignore[arg-type]
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
    assert (gone["field"], gone["value"]) == ("data", "'takes no files'")
    assert gone["told"] == f"No such file or directory: {tmp_path / 'nothing'}"
    [full] = folder_faults(tmp_path, least=1 << 60)
    assert full["value"] == "'too little room'"
    assert "MB are free" in full["told"]
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_takes_nothing(tmp_path, monkeypatch) -> None:
    data = tmp_path / "data"
    assert store_faults(Files(data), data) == [], "of the data folder its own check tells"
    [gone] = store_faults(Files(tmp_path / "store"), data)
    assert (gone["field"], gone["value"]) == ("store", "'takes no files'")
    (tmp_path / "store").mkdir()
    assert store_faults(Files(tmp_path / "store"), data) == []
    files = Files("server://ready")
    assert store_faults(files, data) == []
    assert files.names("ready") == []
    monkeypatch.setattr(FileServer, "trouble", Trouble("https://user:password@host"))
    [away] = store_faults(files, data)
    assert (away["field"], away["value"]) == ("store", "'takes no files'")
    assert "Trouble" in away["told"]
    assert "password" not in in_full(away)


def test_a_store_is_not_written_to_whenever_somebody_asks(store, tmp_path, monkeypatch) -> None:
    with store.begin() as session:
        beat(session, "here-0", "cpu", "here")
    puts = []
    monkeypatch.setattr(Files, "put", lambda self, key, data: puts.append(key))
    ready = Readiness(store, tmp_path, Files("server://ready"))
    assert [asyncio.run(ready.faults()) for _ in range(20)] == [[]] * 20
    ready.close()
    assert len(puts) == 1


def test_anybody_may_ask_and_learns_no_path_and_no_message(tmp_path, caplog) -> None:
    with client_of(tmp_path) as client, caplog.at_level(logging.INFO, logger="tuneworth"):
        at = client.app.state.services
        at.units.beat("here-0", "cpu", "here")
        assert client.get("/ready").status_code == 200
        with at.store.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE workers RENAME TO others")
        at.readiness._checks["data"] = lambda: folder_faults(tmp_path / "nothing")
        said = client.get("/ready")
        assert client.get("/ready").text == said.text
        assert [one["field"] for one in said.json()["errors"]] == ["data", "database"]
        assert all(set(one) == {"field", "value", "fix"} for one in said.json()["errors"])
        assert str(tmp_path) not in said.text
        assert "no such table" not in said.text
        [logged] = [one.message for one in caplog.records if one.name == "tuneworth"]
        assert f"No such file or directory: {tmp_path / 'nothing'}" in logged
        assert "no such table: workers" in logged
        with at.store.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE others RENAME TO workers")
        at.readiness._checks["data"] = list
        assert client.get("/ready").status_code == 200
        assert [one.message for one in caplog.records if one.name == "tuneworth"][1:] == [
            "Ready again."
        ]


def test_the_command_for_a_container_says_it_by_its_exit_code(
    tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("TUNEWORTH_DATA", str(tmp_path))
    assert main() == 1
    assert "never heard of" in capsys.readouterr().err
    monkeypatch.setenv("TUNEWORTH_STORE", str(tmp_path / "nothing"))
    assert main() == 1
    assert f"No such file or directory: {tmp_path / 'nothing'}" in capsys.readouterr().err
    monkeypatch.delenv("TUNEWORTH_STORE")
    with Store(open_database(f"sqlite:///{tmp_path / 'tuneworth.db'}")).begin() as session:
        beat(session, "here-0", "cpu", "here")
    assert main() == 0
