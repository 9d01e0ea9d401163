"""Artefacts that any worker finds: zips in a store, one for each dispatch that kept one."""

import io
import logging
import zipfile
from dataclasses import replace

import pytest
from stores import FileServer, Trouble

from benchmarks.errors import StorageFull
from service.errors import StoreAway
from service.files import Files
from service.shelf import StoreShelf

NAME = "lora@hub%2Fmodel"
PLACE = "comparisons/0123/artifacts"


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path / "store", tmp_path / "data")


@pytest.fixture
def worker(tmp_path, files):
    """The shelf of a worker that has a dispatch of a unit: each with a folder of its own."""

    def shelf(position: int, dispatch: int) -> StoreShelf:
        shelves.append(tmp_path / f"scratch-{len(shelves)}")
        shelves[-1].mkdir()
        return StoreShelf(shelves[-1], files, "0123", position, dispatch, lambda: None)

    shelves: list = []
    return shelf


def written(shelf, text, name=NAME):
    draft = shelf.draft(name)
    (draft / "index").mkdir(parents=True)
    (draft / "index" / "weights").write_text(text)
    return draft


def held(shelf, name=NAME):
    place = shelf.find(name)
    return place and (place / "index" / "weights").read_text()


def test_what_one_worker_keeps_another_finds(worker, files) -> None:
    first = worker(3, 1)
    draft = written(first, "one")
    assert held(first) is None
    assert first.keep(NAME, draft) == f"artifacts/3-1/{NAME}"
    assert not draft.exists()
    assert held(first) == "one"
    second = worker(3, 2)
    assert held(second) == "one"
    place = second.find(NAME)
    files.remove(PLACE)
    assert second.find(NAME) == place, "it is fetched once"
    assert sorted(path.name for path in place.parent.iterdir()) == [NAME]


def test_it_is_a_zip_as_users_take_it_away(worker, files) -> None:
    shelf = worker(3, 1)
    draft = written(shelf, "one")
    (draft / "link").symlink_to("/etc/passwd")
    shelf.keep(NAME, draft)
    assert files.names(PLACE) == [f"{PLACE}/3-1/{NAME}.zip"]
    with zipfile.ZipFile(io.BytesIO(files.get(f"{PLACE}/3-1/{NAME}.zip"))) as archive:
        assert archive.namelist() == ["index/weights"]


def test_a_worker_that_was_given_up_takes_nothing_from_the_next(worker) -> None:
    given_up, next_one = worker(3, 1), worker(3, 2)
    draft = written(given_up, "of the one given up")
    next_one.keep(NAME, written(next_one, "of the next"))
    given_up.keep(NAME, draft)
    assert held(worker(3, 2)) == "of the next"
    assert held(worker(3, 3)) == "of the next"


def test_what_a_race_prepared_is_found_by_the_unit_of_the_strategy(worker) -> None:
    race = worker(1, 12)
    race.keep(NAME, written(race, "in the race"))
    assert held(worker(3, 1)) == "in the race"
    assert held(worker(1, 11)) is None, "an earlier dispatch of the race"
    own = worker(3, 2)
    own.keep(NAME, written(own, "anew"))
    assert held(worker(3, 2)) == "anew"
    assert held(worker(1, 12)) == "in the race"


def test_names_that_begin_alike_are_apart(worker) -> None:
    shelf = worker(2, 1)
    for name in ("lora", "lora.optimized", "lora+rag"):
        shelf.keep(name, written(shelf, name, name))
    other = worker(2, 1)
    other.drop("lora")
    assert held(other, "lora") is None
    assert [held(other, name) for name in ("lora.optimized", "lora+rag")] == [
        *("lora.optimized", "lora+rag")
    ]


def test_what_is_dropped_is_gone_here_and_in_the_store(worker, files) -> None:
    race, own = worker(1, 1), worker(3, 1)
    for shelf in (race, own):
        shelf.keep(NAME, written(shelf, "some"))
    own.drop(NAME)
    assert held(own) is None
    assert files.names(PLACE) == []
    own.drop(NAME)


def test_a_broken_archive_is_prepared_again(worker, files, caplog) -> None:
    files.put(f"{PLACE}/3-1/{NAME}.zip", b"no archive")
    shelf = worker(3, 2)
    with caplog.at_level(logging.WARNING):
        assert held(shelf) is None
    assert "is not used: it cannot be read" in caplog.text
    outside = io.BytesIO()
    with zipfile.ZipFile(outside, "w") as archive:
        archive.writestr("../../outside", "code")
    files.put(f"{PLACE}/3-1/{NAME}.zip", outside.getvalue())
    assert held(shelf) is None
    assert not shelf.draft(NAME).exists()
    assert [path for path in shelf.folder.rglob("*") if path.is_file()] == []


def test_what_an_older_version_left_in_its_folder_is_found(worker, tmp_path) -> None:
    left = tmp_path / "data" / PLACE / NAME
    (left / "index").mkdir(parents=True)
    (left / "index" / "weights").write_text("old")
    shelf = worker(3, 1)
    assert held(shelf) == "old"
    shelf.keep(NAME, written(shelf, "new"))
    assert held(worker(3, 1)) == "new"


def test_a_store_that_is_away_is_no_fault_of_the_strategy(worker, monkeypatch) -> None:
    shelf = replace(worker(3, 1), files=Files("server://shelves"))
    draft = written(shelf, "one")
    monkeypatch.setattr(FileServer, "trouble", Trouble("away"))
    for use in (lambda: shelf.keep(NAME, draft), lambda: held(shelf), lambda: shelf.drop(NAME)):
        with pytest.raises(StoreAway):
            use()
    monkeypatch.setattr(FileServer, "trouble", None)
    shelf.keep(NAME, draft)
    assert held(shelf) == "one"


def test_a_disk_that_takes_nothing_is_no_fault_of_the_strategy(worker) -> None:
    kept = worker(3, 1)
    kept.keep(NAME, written(kept, "one"))
    shelf = worker(3, 2)
    (shelf.folder / "artifacts").write_text("a file in the way of a folder")
    with pytest.raises(StorageFull):
        shelf.find(NAME)
