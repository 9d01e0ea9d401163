"""How much one sweep does, and what one piece of work can do to it."""

import logging
import threading

import psycopg
import pytest
import sqlalchemy as sa
from leftovers import ended, left, put

from service import orphans, removing, store
from service.errors import StoreAway
from service.files import Files
from service.orphans import Orphans
from service.removing import remove_work, sweep
from service.services import Services
from service.settings import Settings
from service.storage import ComparisonRow

ORPHAN = "artifacts/3-1/lora.zip"


@pytest.fixture
def at(settings):
    found = Services.start(settings)
    yield found
    found.stop()


def several(at: Services) -> list[str]:
    works = sorted(ended(at, "failed") for _ in range(5))
    for work in works:
        put(at, work, ORPHAN)
    return works


def database_error(kind: type[psycopg.Error]) -> sa.exc.DBAPIError:
    return sa.exc.OperationalError("SELECT", {}, kind("as the server says it"))


def breaking(monkeypatch, bad: str, error: Exception) -> None:
    setups_of = orphans.setups_of

    def asked(store, settings, work):
        if work == bad:
            raise error
        return setups_of(store, settings, work)

    monkeypatch.setattr(orphans, "setups_of", asked)


def test_one_sweep_does_so_much_and_the_next_goes_on(at, monkeypatch) -> None:
    works = several(at)
    for module in (orphans, store):
        monkeypatch.setattr(module, "AT_A_TIME", 2)
    breaking(monkeypatch, works[0], ValueError("x"))
    sweeper = Orphans(at)
    for done in (works[1:2], works[1:4], works[1:]):
        sweeper.clear()
        assert [work for work in works if not left(at, work)] == done


def test_removed_work_is_looked_after_so_much_at_a_time(at, monkeypatch) -> None:
    works = several(at)
    for work in works:
        remove_work(at, work, ComparisonRow, None)
        put(at, work, ORPHAN)
    for module in (orphans, store):
        monkeypatch.setattr(module, "AT_A_TIME", 2)
    sweeper = Orphans(at)
    for count in (3, 1, 0):
        sweeper.clear()
        assert sum(bool(left(at, work)) for work in works) == count


def test_a_sweep_ends_where_the_worker_does(at, monkeypatch) -> None:
    works = several(at)
    stop = threading.Event()
    below = Files.below

    def stopping(files: Files, prefix: str):
        stop.set()
        return below(files, prefix)

    monkeypatch.setattr(Files, "below", stopping)
    Orphans(at).clear(stop)
    monkeypatch.undo()
    assert [bool(left(at, work)) for work in works] == [False, True, True, True, True]


def test_a_store_that_stays_away_for_some_holds_up_no_other(at, monkeypatch) -> None:
    works = several(at)
    below = Files.below

    def away(files: Files, prefix: str):
        if prefix.endswith((works[0], works[2])):
            raise StoreAway(prefix, "Input/output error")
        return below(files, prefix)

    monkeypatch.setattr(Files, "below", away)
    sweeper = Orphans(at)
    for _ in range(3):
        sweeper.clear()
    monkeypatch.undo()
    assert [bool(left(at, work)) for work in works] == [True, False, True, False, False]


def test_a_statement_that_is_cancelled_for_one_holds_up_no_other(at, monkeypatch, caplog) -> None:
    works = several(at)
    breaking(monkeypatch, works[0], database_error(psycopg.errors.QueryCanceled))
    for _ in range(2):
        Orphans(at).clear()
    assert [bool(left(at, work)) for work in works] == [True, False, False, False, False]
    assert f"{works[0]} is not tidied yet: as the server says it." in caplog.text


def test_a_database_that_is_away_ends_the_sweep(at, monkeypatch) -> None:
    works = several(at)
    breaking(monkeypatch, works[0], database_error(psycopg.errors.AdminShutdown))
    with pytest.raises(sa.exc.OperationalError):
        Orphans(at).clear()
    assert all(left(at, work) for work in works)


@pytest.mark.parametrize(("error", "traced"), [(ValueError("x"), True), (OSError("x"), False)])
def test_a_mistake_of_the_code_is_told_with_its_place_once(
    at, monkeypatch, caplog, error, traced
) -> None:
    works = several(at)
    breaking(monkeypatch, works[0], error)
    sweeper = Orphans(at)
    for _ in range(2):
        sweeper.clear()
    [record] = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert bool(record.exc_info) is traced


def test_cancelled_statements_of_one_removal_hold_up_no_other(at, monkeypatch) -> None:
    works = several(at)
    clear_rows = removing._clear_rows
    error = database_error(psycopg.errors.QueryCanceled)

    def cancelled(store, work) -> None:
        if work == works[0]:
            raise error
        clear_rows(store, work)

    monkeypatch.setattr(removing, "_clear_rows", cancelled)
    for work in works:
        at.store.remove_work(work, ComparisonRow, None)
    sweep(at)
    assert at.store.leftovers() == [("comparisons", works[0])]


def test_work_whose_removal_is_cancelled_holds_up_no_other(tmp_path, monkeypatch) -> None:
    at = Services.start(Settings(tmp_path, keep_days=1))
    works = sorted(ended(at, "failed", ago=2 * 86400) for _ in range(3))
    remove = at.store.remove_work
    error = database_error(psycopg.errors.QueryCanceled)

    def cancelled(key, table, owner) -> None:
        if key == works[0]:
            raise error
        remove(key, table, owner)

    monkeypatch.setattr(at.store, "remove_work", cancelled)
    sweep(at)
    assert at.store.ended_among(ComparisonRow, works, "9") == {works[0]}
    at.stop()


def test_of_what_lies_on_this_machine_one_sweep_looks_through_so_much(
    tmp_path, monkeypatch
) -> None:
    at = Services.start(Settings(tmp_path / "data", store=str(tmp_path / "store")))
    works = several(at)
    Orphans(at).clear()
    old = Files(tmp_path / "data")
    for work in works:
        old.put(f"comparisons/{work}/{ORPHAN}", b"some")
    monkeypatch.setattr(orphans, "AT_A_TIME", 2)
    sweeper = Orphans(at)
    for count in (3, 1, 0):
        sweeper.clear()
        assert len(old.names("comparisons")) == count
    monkeypatch.setattr(Files, "below", lambda *_: pytest.fail("it was looked through"))
    sweeper.clear()
    at.stop()


@pytest.mark.parametrize("removed", [False, True])
def test_a_store_that_is_not_mounted_counts_as_not_looked_at(tmp_path, removed) -> None:
    at = Services.start(Settings(tmp_path / "data", store=str(tmp_path / "store")))
    works = several(at)
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    (tmp_path / "store").mkdir()
    if removed:
        for work in works:
            remove_work(at, work, ComparisonRow, None)
    sweeper = Orphans(at)
    sweeper.clear()
    (tmp_path / "store").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "store")
    assert all(left(at, work) for work in works)
    sweeper.clear()
    assert not any(left(at, work) for work in works)
    at.stop()
