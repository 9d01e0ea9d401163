"""The database by one setting, and what the service does while it is away."""

import logging
import sqlite3
import time

import psycopg
import pytest
import sqlalchemy as sa
from in_process import NAME, idle, key_of, queued, services_of, units_of
from serving import API, client_of, finished, numbers, start, submit, wait_until, worker_on

from benchmarks.progress import ProgressEvent
from corpora.errors import InvalidInput
from service.at_hand import Worker
from service.database import is_away, open_database, patiently
from service.errors import DatabaseAway
from service.jobs import Seldom
from service.reliability.postgres import PASSWORD, QUOTED
from service.settings import Settings

SECRET = "hunter2"


def lost() -> sa.exc.OperationalError:
    """The error of a server that nobody hears of."""
    try:
        psycopg.connect("postgresql://nobody@127.0.0.1:1/none", connect_timeout=5)
    except psycopg.OperationalError as error:
        return sa.exc.OperationalError("SELECT 1", {}, error)
    raise AssertionError("somebody listens at port 1")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_the_usual_urls_of_postgresql_are_taken(tmp_path, scheme: str) -> None:
    told = {"TUNEWORTH_DATABASE_URL": f"{scheme}://me:{QUOTED}@db:5432/runs?sslmode=require"}
    settings = Settings.from_environment({**told, "TUNEWORTH_DATA": str(tmp_path)})
    url = sa.make_url(settings.database_url)
    assert url.drivername == "postgresql+psycopg"
    assert (url.password, url.query["sslmode"]) == (PASSWORD, "require")
    assert QUOTED not in repr(settings)
    assert Settings.from_environment(settings.for_worker()) == settings


def test_without_one_the_database_is_a_file_in_the_data_folder(tmp_path) -> None:
    settings = Settings.from_environment({"TUNEWORTH_DATA": str(tmp_path)})
    assert settings.database_url == f"sqlite:///{tmp_path}/tuneworth.db"
    assert Settings.from_environment(settings.for_worker()) == settings


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://me:{SECRET}@db/runs",
        f"postgresql+asyncpg://me:{SECRET}@db/runs",
        f"postgresql://me:{SECRET}@db",  # no database
        f"postgresql://me:{SECRET}@db:port/runs",
        f"host=db password={SECRET}",
        "sqlite:////tmp/other.db",
    ],
)
def test_another_url_is_refused_without_its_password(tmp_path, url: str) -> None:
    with pytest.raises(InvalidInput, match="TUNEWORTH_DATABASE_URL") as caught:
        Settings(tmp_path, postgres=url)
    assert "postgresql://USER:PASSWORD@HOST:PORT/DATABASE" in caught.value.fix
    assert SECRET[:3] not in str(caught.value)


def test_what_passes_is_told_from_what_does_not(settings) -> None:
    engine = open_database(settings.database_url)
    assert is_away(lost())
    with pytest.raises(sa.exc.DBAPIError) as caught, engine.begin() as connection:
        connection.exec_driver_sql("SELECT something FROM nowhere")
    assert not is_away(caught.value)
    engine.dispose()


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        ("08006", True),
        ("25006", True),
        ("25P03", True),
        ("40001", True),
        ("40003", True),
        ("40P01", True),
        ("53100", True),
        ("53300", True),
        ("55P03", True),
        ("57014", True),
        ("57P01", True),
        ("57P03", True),
        ("58030", True),
        ("22001", False),  # a text too long
        ("23505", False),  # a key that is there
        ("25P02", False),  # a statement after one that failed
        ("42P01", False),  # no such table
        ("42501", False),  # not allowed
    ],
)
def test_codes_of_postgresql_that_pass(code, passes) -> None:
    error = psycopg.errors.lookup(code)("said by the server")
    assert is_away(sa.exc.DBAPIError("SELECT 1", {}, error)) is passes


def test_a_full_disk_passes() -> None:
    full = sqlite3.connect(":memory:")
    full.execute("PRAGMA max_page_count=2")
    with pytest.raises(sqlite3.OperationalError) as caught:
        full.executescript("CREATE TABLE a (b); CREATE TABLE c (d); CREATE TABLE e (f);")
    assert is_away(sa.exc.OperationalError("CREATE", {}, caught.value))


def test_patience_ends_with_success_an_unlike_error_or_the_time() -> None:
    tries = []

    def third_time() -> int:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise lost()
        return 7

    assert patiently(third_time) == 7
    assert tries[2] - tries[0] >= 0.3  # 0.1 s and 0.2 s
    with pytest.raises(ZeroDivisionError):
        patiently(lambda: 1 // 0)

    def never() -> None:
        raise lost()

    began = time.monotonic()
    with pytest.raises(sa.exc.OperationalError):
        patiently(never, seconds=0.5)
    assert time.monotonic() - began < 2


def test_a_server_that_does_not_come_is_said_without_a_password(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("service.database.START_SECONDS", 0.2)
    settings = Settings(tmp_path, postgres=f"postgresql://me:{SECRET}@127.0.0.1:1/runs")
    with pytest.raises(DatabaseAway, match=r"127\.0\.0\.1") as caught:
        open_database(settings.database_url)
    assert SECRET not in str(caught.value)


def test_requests_are_told_while_it_is_away_and_served_afterwards(cluster, postgres) -> None:
    with client_of(postgres) as client:
        task = submit(client)
        cluster.kill()
        try:
            for reply in (client.get(task), client.post(f"{task}/comparisons")):
                assert reply.status_code == 503, reply.text
                assert reply.headers["content-type"] == "application/problem+json"
                assert reply.json()["type"] == "urn:tuneworth:problem:database-away"
                assert reply.headers["Retry-After"] == "2"
            assert client.get("/health").status_code == 200
            ready = client.get("/ready")
            assert (ready.status_code, ready.json()["errors"][0]["field"]) == (503, "database")
        finally:
            cluster.start()
        wait_until(lambda: client.get(task).status_code == 200, 5)
        assert client.get(f"{API}/tasks").json()["tasks"][0]["name"] == "3 steps"


def test_a_connection_that_was_idle_is_asked_whether_it_is_still_one(
    cluster, postgres, monkeypatch
) -> None:
    engine = open_database(postgres.database_url)

    def ask() -> int | None:
        with engine.connect() as connection:
            return connection.scalar(sa.select(7))

    ask()
    cluster.kill()
    cluster.start()
    monkeypatch.setattr("service.database.IDLE_SECONDS", 0.0)
    assert ask() == 7
    cluster.kill()
    cluster.start()
    monkeypatch.setattr("service.database.IDLE_SECONDS", 3600.0)
    with pytest.raises(sa.exc.DBAPIError) as caught:
        ask()
    assert is_away(caught.value)
    assert ask() == 7
    engine.dispose()


def test_a_text_that_postgresql_cannot_hold_is_not_found(settings) -> None:
    with client_of(settings) as client:
        assert client.get(f"{API}/tasks/%00").status_code == 404
        key = {"Idempotency-Key": "a"}
        assert client.post(f"{API}/tasks/%00/comparisons", headers=key).status_code == 404


def test_a_worker_goes_on_when_the_database_comes_back(cluster, postgres) -> None:
    with client_of(postgres) as client, worker_on(postgres) as worker:
        comparison = start(client, submit(client, "40 steps"))
        wait_until(lambda: len(numbers(client, comparison)) >= 5)
        cluster.kill()
        time.sleep(3)
        assert worker.poll() is None
        cluster.start()
        assert finished(client, comparison)["state"] == "completed"
        assert client.get(comparison).json()["progress"]["fraction"] == 1.0
        assert numbers(client, comparison) == [*range(40)]
        strategy = units_of(services_of(client), key_of(comparison))[1]
        assert (strategy.attempts, strategy.dispatch) == (1, 1)  # it only waited
        again = start(client, submit(client, "1 steps"))
        assert wait_until(lambda: client.get(again).json()["state"] == "completed", 90)
        assert worker.poll() is None


def test_what_is_said_again_and_again_is_heard_once(caplog) -> None:
    talker = logging.getLogger("test.talker")
    seldom = Seldom()
    talker.addFilter(seldom)
    for _ in range(5):
        talker.warning("the database is away")
    talker.warning("something else")
    talker.removeFilter(seldom)
    assert caplog.messages == ["the database is away", "something else"]


def test_progress_that_could_not_be_stored_is_stored_later(cluster, postgres) -> None:
    with client_of(postgres) as client:
        at, key = services_of(client), key_of(start(client, submit(client)))
        claim = at.units.claim(queued(at, key)[0].id, NAME)
        assert claim is not None
        worker = Worker(at, NAME, idle)
        worker.running = worker.workplace.running(claim)
        worker.running.board.note(ProgressEvent("lora", "done", 1.0, 0.0, 1, 1))
        cluster.kill()
        with pytest.raises(sa.exc.SQLAlchemyError):
            worker.tick()
        cluster.start()
        worker.tick()
        assert at.store.comparison(key, None).progress["fraction"] == 1.0
