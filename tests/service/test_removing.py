"""What is removed is gone from every table, folder and cache, at once or by the next sweep."""

import os
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from serving import API, client_of, finished, spec, start, submit, wait_until, worker_on

from service.caching import task_cache
from service.errors import Conflict
from service.removing import remove_task, remove_work, sweep
from service.services import Services
from service.settings import Settings
from service.storage import (
    AgreedRow,
    ComparisonRow,
    ForecastRow,
    PaymentRow,
    RecordsRow,
    SpentRow,
    TaskRow,
    UnitRow,
)
from strategies.cache import Cache, Entry, key_of

MARKER = "Xyzzy-4711"


def everything_stored(at: Services) -> dict[str, str]:
    """Each table of ours and of the jobs, as one text."""
    found = {}
    with at.store.engine.connect() as connection:
        inspector = sa.inspect(connection)
        for schema in inspector.get_schema_names():
            if schema in ("information_schema", "pg_catalog"):
                continue
            for name in inspector.get_table_names(schema=schema):
                rows = connection.execute(
                    sa.select(sa.text("*")).select_from(sa.table(name, schema=schema))
                )
                found[f"{schema}.{name}"] = "\n".join(str(tuple(row)) for row in rows)
    return found


def everything_on_disk(settings: Settings) -> dict[str, bytes]:
    """The name and the content of each file of the data folder, the database's own too."""
    found = {}
    for folder, _, names in os.walk(settings.data):  # which goes on where a worker removes a folder
        for path in (Path(folder) / name for name in names):
            with suppress(FileNotFoundError):  # a worker removes it just now
                found[str(path)] = str(path).encode() + path.read_bytes()
    return found


def holding(text: str, at: Services) -> list[str]:
    """The tables and the files in which it stands. An id, which tells nothing, is remembered for a
    while, and may be left in pages of the database that its other users freed."""
    tables, files = everything_stored(at), everything_on_disk(at.settings)
    if text != MARKER:
        tables = {name: rows for name, rows in tables.items() if not name.endswith(".removals")}
        files = {name: data for name, data in files.items() if "tuneworth.db" not in name}
    return [name for name, rows in tables.items() if text in rows] + [
        name for name, data in files.items() if text.encode() in data
    ]


def leave_traces(at: Services, task: str, comparison: str) -> None:
    """An artefact, records and a payment of a unit, and a result kept for the next comparison of
    the task."""
    folder = at.settings.comparison_folder(comparison) / "artifacts" / "lora"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "examples.json").write_text(MARKER)
    cache = task_cache(at.settings.results_folder(task), {})
    cache.put(key_of({"text": MARKER}), Entry("embedding", 1.0, MARKER.encode()))
    mine = {"work": comparison, "unit": 7}
    unit = {"kind": "comparisons", "flow": "f", "queue": "cpu", "band": 1, "tag": 0}
    paid = {"model": "m", "state": "settled", "usd": 0.1, "tokens": 1, "kept": {"text": MARKER}}
    with at.store.begin() as session:
        session.add(UnitRow(work=comparison, position=7, name=MARKER, state="done", **unit))
        session.add_all(RecordsRow(**mine, lines=MARKER) for _ in range(5))
        session.add_all(PaymentRow(**mine, **paid) for _ in range(5))
        session.add(SpentRow(work=comparison, usd=0.5, tokens=5))


def test_a_deleted_task_leaves_nothing(settings) -> None:
    key = {"Idempotency-Key": "again"}
    with client_of(settings) as client, worker_on(settings):
        at = client.app.state.services
        other = submit(client, "2 steps")
        kept = start(client, other)
        sent = spec("2 steps", instruction=f"Sort the mails of {MARKER}.")
        task = client.post(f"{API}/tasks", json=sent, headers=key).headers["Location"]
        comparison = client.post(f"{task}/comparisons", headers=key).headers["Location"]
        forecast = client.post(f"{task}/forecasts", headers=key).headers["Location"]
        for each in (kept, comparison, forecast):
            assert finished(client, each)["state"] == "completed"
        ids = [each.rsplit("/", 1)[-1] for each in (task, comparison, forecast)]
        assert any("/results/" in place for place in holding(MARKER, at))
        leave_traces(at, ids[0], ids[1])
        assert len(holding(MARKER, at)) >= 4  # the spec, the artefact, two kept results
        for each in ids:
            assert holding(each, at), each
        assert client.delete(task).status_code == 204
        for text in (MARKER, *ids):
            assert holding(text, at) == [], text
        assert client.get(f"{kept}/report.json").status_code == 200
        anew = client.post(f"{API}/tasks", json=sent, headers=key)
        assert anew.headers["Location"] != task


def test_a_deleted_comparison_leaves_its_task_alone(settings) -> None:
    key = {"Idempotency-Key": "again"}
    with client_of(settings) as client:
        at = client.app.state.services
        task = submit(client)
        comparison = client.post(f"{task}/comparisons", headers=key).headers["Location"]
        id_ = comparison.rsplit("/", 1)[-1]
        assert client.delete(comparison).status_code == 202
        assert len(holding(id_, at)) >= 3  # our row, the kept reply, the job
        assert client.delete(comparison).status_code == 204
        assert holding(id_, at) == []
        assert client.get(task).status_code == 200
        assert client.post(f"{task}/comparisons", headers=key).json()["id"] != id_


@pytest.fixture
def at(settings):
    found = Services.start(settings)
    yield found
    found.stop()


def stored(at: Services) -> tuple[str, str]:
    """A task, and a cancelled comparison of it."""
    with at.store.begin() as session:
        task = at.store.add_task(session, {}, {"instruction": MARKER}, None).id
        row = at.store.add_work(session, task, {}, at.units.open, ComparisonRow, None)
    at.store.cancel(row.id, ComparisonRow, None)
    leave_traces(at, task, row.id)
    return task, row.id


def test_what_a_crash_left_is_cleared_by_the_next_sweep(at, monkeypatch) -> None:
    monkeypatch.setattr("service.removing.AT_A_TIME", 2)
    task, comparison = stored(at)
    at.store.remove_task(task, None)  # and then the process was killed
    assert holding(MARKER, at) != []
    sweep(at)
    for text in (MARKER, task, comparison):
        assert holding(text, at) == [], text


def test_what_another_has_stored_stays(at) -> None:
    _, comparison = stored(at)
    other = at.store.work(stored(at)[1], ComparisonRow, None).id
    remove_work(at, comparison, ComparisonRow, None)
    with at.store.begin() as session:
        for table in (UnitRow, RecordsRow, PaymentRow, SpentRow):
            left = set(session.scalars(sa.select(table.work)))
            assert left == {other}, table


def test_what_was_agreed_to_is_forgotten_after_more_than_a_year(at) -> None:
    days = {"old": 401, "kept": 399}
    for key, ago in days.items():
        then = (datetime.now(UTC) - timedelta(days=ago)).isoformat(timespec="milliseconds")
        with at.store.begin() as session:
            session.add(AgreedRow(id=key, owner="ada", usd=1.0, created_at=then))
    sweep(at)
    with at.store.begin() as session:
        assert list(session.scalars(sa.select(AgreedRow.id))) == ["kept"]


def test_a_worker_sweeps_when_it_starts(at) -> None:
    task, _ = stored(at)
    at.store.remove_task(task, None)
    ended = stored(at)[1]
    age(at, ComparisonRow, ended, 1)
    orphan = f"comparisons/{ended}/artifacts/3-1/lora.zip"
    at.files.put(orphan, b"of a start that was killed")
    with worker_on(at.settings):
        wait_until(lambda: not holding(task, at) and not at.files.exists(orphan), 60)


def test_unfinished_work_is_not_removed(at) -> None:
    with at.store.begin() as session:
        task = at.store.add_task(session, {}, {}, None).id
        key = at.store.add_work(session, task, {}, at.units.open, ForecastRow, None).id
    with pytest.raises(Conflict):
        at.store.remove_task(task, None)
    with pytest.raises(Conflict):
        at.store.remove_work(key, ForecastRow, None)
    assert at.store.work(key, ForecastRow, None).state == "queued"


def age(at: Services, table: type, key: str, days: float) -> None:
    """Let it have been made, and ended, so many days ago."""
    then = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    values = {"created_at": then}
    if table is not TaskRow:
        values["finished_at"] = then
    with at.store.begin() as session:
        session.execute(sa.update(table).where(table.id == key).values(**values))


@pytest.mark.parametrize(
    ("keep", "task_days", "work_days", "left"),
    [
        (None, 90, 90, "both"),
        (30, 90, 29.9, "both"),
        (30, 90, 30.1, "nothing"),
        (30, 29.9, 30.1, "task"),
    ],
)
def test_old_work_goes_and_then_its_task(at, keep, task_days, work_days, left) -> None:
    task, comparison = stored(at)
    age(at, TaskRow, task, task_days)
    age(at, ComparisonRow, comparison, work_days)
    sweep(replace(at, settings=Settings(at.settings.data, keep_days=keep)))
    there = {"both": [True, True], "task": [True, False], "nothing": [False, False]}[left]
    assert [bool(holding(each, at)) for each in (task, comparison)] == there


def test_what_a_machine_keeps_for_a_task_that_another_one_removed_goes(at, tmp_path) -> None:
    task, _ = stored(at)
    here = replace(at, settings=replace(at.settings, data=tmp_path / "elsewhere"))
    kept, other = (here.settings.results_folder(key) for key in (task, "limits"))
    for folder in (kept, other):
        folder.mkdir(parents=True)
        (folder / "00.entry").write_text(MARKER)
    sweep(here)
    assert kept.exists()
    remove_task(at, task, None)
    assert kept.exists()
    sweep(here)
    assert (kept.exists(), other.exists()) == (False, True)


def test_queued_work_is_never_old(at) -> None:
    with at.store.begin() as session:
        task = at.store.add_task(session, {}, {}, None).id
        key = at.store.add_work(session, task, {}, at.units.open, ComparisonRow, None).id
    age(at, TaskRow, task, 90)
    sweep(replace(at, settings=Settings(at.settings.data, keep_days=1)))
    assert at.store.comparison(key, None).state == "queued"


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "soon", "99999999"])
def test_days_that_are_none_are_refused(days: str) -> None:
    with pytest.raises(Exception, match="TUNEWORTH_KEEP_DAYS"):
        Settings.from_environment({"TUNEWORTH_KEEP_DAYS": days})


def test_no_task_is_given_what_was_computed_for_another(tmp_path) -> None:
    one, two = (task_cache(tmp_path / "results" / name, {}) for name in ("a" * 22, "b" * 22))
    key = key_of({"text": "the same"})
    one.put(key, Entry("embedding", 1.0, b"first"))
    assert two.get(key) is None
    two.put(key, Entry("embedding", 1.0, b"second"))
    assert (one.get(key).payload, two.get(key).payload) == (b"first", b"second")
    assert one.contents().entries == 2  # the limit holds for all tasks together
    small = Cache(tmp_path / "results", part="c" * 22, limit_bytes=400)
    small.put(key, Entry("embedding", 1.0, b"third"))
    assert (one.get(key), small.get(key).payload) == (None, b"third")
    assert task_cache(tmp_path / "results" / "a", {"TUNEWORTH_CACHE_GB": "0"}) is None
