"""A sweep costs little, loses nothing that is kept meanwhile, and bears whatever it meets."""

import secrets
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from leftovers import NAMED, before, end, ended, left, put, tell
from stores import FileServer, Trouble

from service import orphans
from service.errors import StoreAway
from service.files import Files, Found
from service.orphans import SECONDS, Orphans
from service.removing import remove_work
from service.services import Services
from service.settings import Settings
from service.storage import ComparisonRow, ForecastRow, RecordsRow
from service.store import Store
from service.worker import _sweep


@pytest.fixture
def at(tmp_path):
    found = Services.start(Settings(tmp_path))
    yield found
    found.stop()


def test_after_what_was_removed_it_is_looked_once_a_day(at, monkeypatch) -> None:
    work = ended(at, "failed")
    remove_work(at, work, ComparisonRow, None)
    Orphans(at).clear()
    looked = []
    monkeypatch.setattr(Files, "remove", lambda files, key: looked.append(key))
    Orphans(at).clear()
    assert looked == []
    assert at.store.removals(ComparisonRow, before(0)) == [work]
    assert at.store.removals(ForecastRow, before(0)) == []


def test_records_that_cannot_be_read_cost_nothing(at, caplog) -> None:
    broken, work = ended(at, "completed"), ended(at, "completed")
    with at.store.begin() as session:
        session.add(RecordsRow(work=broken, unit=3, lines='{"record":"setup"'))
    for each in (broken, work):
        put(at, each, "artifacts/3-1/lora.zip")
    sweeper = Orphans(at)
    sweeper.clear()
    assert left(at, broken) == {"artifacts/3-1/lora.zip"}
    assert left(at, work) == set()
    sweeper.clear()
    assert caplog.text.count(f"{broken} is not tidied yet") == 1
    with at.store.begin() as session:
        session.execute(sa.delete(RecordsRow))
    sweeper.clear()
    assert left(at, broken) == set()


def test_a_store_that_is_away_is_looked_at_the_next_time(tmp_path, monkeypatch, caplog) -> None:
    at = Services.start(Settings(tmp_path, store=f"server://{secrets.token_hex(8)}"))
    works = [ended(at, "failed") for _ in range(3)]
    for work in works:
        put(at, work, "artifacts/3-1/lora.zip")
    sweeper = Orphans(at)
    monkeypatch.setattr(FileServer, "trouble", Trouble("away"))
    sweeper.clear()
    assert caplog.text.count("is not tidied yet") == 1, "it is not asked again and again"
    monkeypatch.setattr(FileServer, "trouble", None)
    assert all(left(at, work) for work in works)
    sweeper.clear()
    assert not any(left(at, work) for work in works)
    at.stop()


def test_one_file_that_the_store_keeps_holds_up_no_other_work(at, monkeypatch) -> None:
    stuck, *others = (ended(at, "failed") for _ in range(3))
    for work in (stuck, *others):
        put(at, work, "artifacts/3-1/lora.zip")
    remove_file = Files.remove_file

    def kept(files: Files, key: str) -> None:
        if stuck in key:
            raise StoreAway(key, "Operation not permitted")
        remove_file(files, key)

    monkeypatch.setattr(Files, "remove_file", kept)
    sweeper = Orphans(at)
    for _ in range(2):
        sweeper.clear()
    assert [bool(left(at, work)) for work in (stuck, *others)] == [True, False, False]


@pytest.mark.parametrize("name", ["artifacts/3-1/a\\b.zip", "artifacts/3-1//a.zip"])
def test_an_odd_name_costs_nothing(at, monkeypatch, name, caplog) -> None:
    odd, work = ended(at, "failed"), ended(at, "failed")
    put(at, work, "artifacts/3-1/lora.zip")
    below = Files.below

    def listed(files: Files, prefix: str) -> list[Found]:
        more = [Found(f"{prefix}/{name}", None)] if prefix.endswith(odd) else []
        return [*below(files, prefix), *more]

    monkeypatch.setattr(Files, "below", listed)
    sweeper = Orphans(at)
    sweeper.clear()
    sweeper.clear()
    monkeypatch.undo()
    assert left(at, work) == set()
    assert caplog.text.count(f"{odd} is not tidied yet") == 1


def test_an_odd_time_counts_as_none(tmp_path, monkeypatch) -> None:
    at = Services.start(Settings(tmp_path, store=f"server://{secrets.token_hex(8)}"))
    work = ended(at, "failed")
    put(at, work, ".report.html.00112233.part")
    ls = FileServer.ls

    def dated(server: FileServer, path: str, detail: bool = True, **kwargs):
        found = ls(server, path, detail, **kwargs)
        return [one | {"mtime": "Friday"} for one in found] if detail else found

    monkeypatch.setattr(FileServer, "ls", dated)
    Orphans(at).clear()
    assert left(at, work) == set()
    at.stop()


@pytest.mark.parametrize("table", [ComparisonRow, ForecastRow])
def test_what_has_ended_is_tidied_once_by_whoever_is_first(at, monkeypatch, table) -> None:
    kind = table.__tablename__
    work = ended(at, "completed", table)
    if table is ComparisonRow:
        tell(at, work, NAMED)
    put(at, work, f"{NAMED}.zip", kind=kind)
    Orphans(at).clear()
    listed = []
    monkeypatch.setattr(Files, "below", lambda files, prefix: listed.append(prefix) or [])
    Orphans(at).clear()
    monkeypatch.undo()
    assert listed == []
    assert left(at, work, kind) == {f"{NAMED}.zip"}
    assert at.store.untidied(table, before(0)) == []


def test_nothing_is_looked_at_that_ended_a_moment_ago(at) -> None:
    work = ended(at, "failed", ago=SECONDS - 60)
    put(at, work, "artifacts/3-1/lora.zip")
    Orphans(at).clear()
    assert len(left(at, work)) == 1
    assert at.store.untidied(ComparisonRow, before(0)) == [work]


@pytest.mark.parametrize("place", [(Store, "untidied"), (Files, "below"), (orphans, "setups_of")])
def test_what_is_kept_while_the_sweep_looks_stays(at, monkeypatch, place) -> None:
    """The comparison ends just after the sweep has first asked this of it; its race has left
    something in the folder in which its winner then lies."""
    work = ended(at, "running")
    put(at, work, "artifacts/1-1/broken.zip")
    owner, name = place
    real = getattr(owner, name)

    def ends() -> None:
        if at.store.comparison(work, None).state == "running":
            put(at, work, "artifacts/1-1/lora.zip")
            tell(at, work, "artifacts/1-1/lora")
            end(at, work, "completed", ComparisonRow)

    def asked(*args):
        found = list(real(*args))
        ends()
        return found

    monkeypatch.setattr(owner, name, asked)
    Orphans(at).clear()
    ends()
    assert left(at, work) == {"artifacts/1-1/broken.zip", "artifacts/1-1/lora.zip"}
    Orphans(at).clear()
    assert left(at, work) == {"artifacts/1-1/lora.zip"}


def test_a_file_goes_alone_not_what_came_beside_it_meanwhile(at, monkeypatch) -> None:
    work = ended(at, "completed")
    put(at, work, "artifacts/1-1/broken.zip")
    below = Files.below

    def meanwhile(files: Files, prefix: str) -> list[Found]:
        found = list(below(files, prefix))
        put(at, work, "artifacts/1-1/lora.zip")
        return found

    monkeypatch.setattr(Files, "below", meanwhile)
    Orphans(at).clear()
    monkeypatch.undo()
    assert "artifacts/1-1/lora.zip" in left(at, work)


def test_whatever_breaks_a_sweep_the_next_one_comes(at, monkeypatch, caplog) -> None:
    swept = []

    def breaks(at: Services) -> None:
        swept.append(at)
        raise RuntimeError("a surprise")

    monkeypatch.setattr("service.worker.sweep", breaks)
    turns = iter([False, True])
    _sweep(at, SimpleNamespace(wait=lambda seconds: next(turns)))
    assert swept == [at, at]
    assert "a surprise" in caplog.text
