"""Files of the store that nobody will ask for go; what anybody may ask for stays."""

import os
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import stores  # noqa: F401 - makes server:// known
from leftovers import ENDED, LONG, NAMED, REPORTS, before, ended, left, put, tell

from service.files import Files
from service.orphans import LOOK_AGAIN, SECONDS, Orphans
from service.removing import REMEMBERED_DAYS, remove_task, remove_work, sweep
from service.services import Services
from service.settings import Settings
from service.storage import ComparisonRow, ForecastRow, RemovalRow, new_id

OLD = "artifacts/lora+rag"


@pytest.fixture(params=["data", "folder", "server", "memory"])
def at(request, tmp_path):
    """The services with a store of each kind."""
    store = {
        "data": None,
        "folder": str(tmp_path / "store"),
        "server": f"server://{secrets.token_hex(8)}",
        "memory": f"memory://{secrets.token_hex(8)}",
    }[request.param]
    found = Services.start(Settings(tmp_path / "data", store=store))
    yield found
    found.stop()


@pytest.mark.parametrize("state", ENDED)
def test_artefacts_that_no_record_names_go_once_the_comparison_has_ended(at, state) -> None:
    work = ended(at, state)
    tell(at, work, NAMED)
    orphans = ("artifacts/3-1/lora.zip", "artifacts/3-2/rag.zip", "artifacts/1-4/rag.zip")
    put(at, work, f"{NAMED}.zip", *orphans, *REPORTS)
    Orphans(at).clear()
    assert left(at, work) == {f"{NAMED}.zip", *REPORTS}
    assert (
        at.files.folder is None
        or not (at.files.folder / "comparisons" / work / "artifacts" / "3-1").exists()
    )


def test_of_a_comparison_that_failed_before_any_record_all_artefacts_go(at) -> None:
    work = ended(at, "failed")
    put(at, work, "artifacts/3-1/lora.zip")
    Orphans(at).clear()
    assert left(at, work) == set()


def test_of_a_comparison_that_goes_on_nothing_goes(at) -> None:
    work = ended(at, "running")
    names = {"artifacts/3-1/lora.zip", "artifacts/3-1/.lora.zip.00112233.part"}
    put(at, work, *names)
    Orphans(at).clear()
    assert left(at, work) == names


def test_folders_of_older_versions_stay_where_a_record_names_them(at) -> None:
    told, untold = ended(at, "completed"), ended(at, "completed")
    tell(at, told, OLD)
    for work in (told, untold):
        put(at, work, f"{OLD}/index/rows", f"{OLD}/weights", f"{OLD}.zip", "artifacts/lora/rows")
    Orphans(at).clear()
    assert left(at, told) == {f"{OLD}/index/rows", f"{OLD}/weights", f"{OLD}.zip"}
    assert len(left(at, untold)) == 4, "its records may lie on another machine"


@pytest.mark.parametrize("kind", ["comparisons", "forecasts"])
def test_half_written_files_go_once_nobody_writes_them_any_more(at, kind) -> None:
    table = {"comparisons": ComparisonRow, "forecasts": ForecastRow}[kind]
    work = ended(at, "completed", table)
    lately = ended(at, "completed", table, ago=SECONDS - 60)
    for each in (work, lately):
        put(at, each, ".report.html.00112233.part", "report.html", kind=kind)
    if at.files.folder is not None:
        then = time.time() - LONG
        old = at.files.folder / kind / work / ".report.html.00112233.part"
        Orphans(at).clear()
        assert old.exists(), "it was changed just now"
        os.utime(old, (then, then))
    Orphans(at).clear()
    assert left(at, work, kind) == {"report.html"}
    assert len(left(at, lately, kind)) == 2


@pytest.mark.parametrize("how", ["work", "task"])
def test_what_is_stored_of_a_comparison_that_was_removed_goes(at, how) -> None:
    work = ended(at, "completed")
    put(at, work, *REPORTS)
    if how == "work":
        remove_work(at, work, ComparisonRow, None)
    else:
        remove_task(at, at.store.comparison(work, None).task, None)
    assert left(at, work) == set()
    for _ in range(2):  # by ones who were given up
        put(at, work, "artifacts/3-1/lora.zip", "report.json")
        Orphans(at).clear()
        assert left(at, work) == set()
        again = before(LOOK_AGAIN.total_seconds() + 60)
        with at.store.begin() as session:
            session.execute(sa.update(RemovalRow).values(looked_at=again))


def test_what_this_database_never_removed_stays(at) -> None:
    strange = {new_id(): REPORTS, "a-folder": ("data",), "A" * 22: ("data",)}
    removed = ended(at, "failed")
    remove_work(at, removed, ComparisonRow, None)
    for work, names in strange.items():
        put(at, work, *names, ".data.00112233.part")
    put(at, removed, "data", kind="elsewhere")
    put(at, removed, "forecast.json", kind="forecasts")
    Orphans(at).clear()
    for work, names in strange.items():
        assert left(at, work) == {*names, ".data.00112233.part"}
    assert left(at, removed, "elsewhere") == {"data"}
    assert left(at, removed, "forecasts") == {"forecast.json"}


@pytest.mark.parametrize(("days", "remembered"), [(-1, True), (1, False)])
def test_removals_are_remembered_for_a_while(at, days, remembered) -> None:
    work = ended(at, "failed")
    remove_work(at, work, ComparisonRow, None)
    then = datetime.now(UTC) - timedelta(days=REMEMBERED_DAYS + days)
    with at.store.begin() as session:
        session.execute(sa.update(RemovalRow).values(removed_at=then.isoformat()))
    sweep(at)
    assert at.store.removals(ComparisonRow, before(0)) == ([work] if remembered else [])


def test_what_lies_where_there_was_no_store_yet_goes_too(tmp_path) -> None:
    at = Services.start(Settings(tmp_path / "data", store=str(tmp_path / "store")))
    work = ended(at, "cancelled")
    put(at, work, "report.json")
    Files(tmp_path / "data").put(f"comparisons/{work}/artifacts/3-1/lora.zip", b"some")
    Orphans(at).clear()
    assert list((tmp_path / "data").rglob("*.zip")) == []
    at.stop()


@pytest.mark.parametrize("how", ["removed", "ended"])
def test_each_machine_clears_its_own_old_files(tmp_path, how) -> None:
    """Whatever another one has marked: it sees the store and its own folder alone."""
    one, second = (
        Services.start(Settings(tmp_path / name, store=str(tmp_path / "store")))
        for name in ("one", "other")
    )
    other = replace(second, store=one.store)
    work, goes_on = ended(one, "completed"), ended(one, "running")
    tell(one, work, NAMED)
    put(one, work, f"{NAMED}.zip")
    files = Files(tmp_path / "other")
    names = ("report.json", "artifacts/3-1/lora.zip")
    for key in (f"comparisons/{each}/{name}" for each in (work, goes_on) for name in names):
        files.put(key, b"some")
    files.put("comparisons/a-folder/data", b"some")
    if how == "removed":
        remove_work(one, work, ComparisonRow, None)
    Orphans(one).clear()
    assert one.store.untidied(ComparisonRow, before(0)) == []
    Orphans(other).clear()
    kept = ["report.json"] if how == "ended" else []
    assert files.names(f"comparisons/{work}") == [f"comparisons/{work}/{name}" for name in kept]
    assert len(files.names("comparisons")) == 3 + len(kept)
    for each in (one, second):
        each.stop()
