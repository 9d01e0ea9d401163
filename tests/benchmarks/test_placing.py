"""Artefacts on a shelf: whole, or not there."""

import pytest

from benchmarks.errors import StorageFull
from benchmarks.placing import FolderShelf

NAME = "lora@hub%2Fmodel"


@pytest.fixture
def shelf(tmp_path):
    return FolderShelf(tmp_path)


def written(shelf, **files):
    draft = shelf.draft(NAME)
    draft.mkdir(parents=True)
    for name, text in files.items():
        (draft / name).write_text(text)
    return draft


def held(shelf):
    place = shelf.find(NAME)
    return place and {path.name: path.read_text() for path in place.iterdir()}


def test_a_folder_shelf_keeps_whole_or_nothing(shelf, tmp_path):
    draft = written(shelf, weights="one")
    assert held(shelf) is None, "what is being written is not there yet"
    assert shelf.keep(NAME, draft) == f"artifacts/{NAME}"
    assert shelf.find(NAME) == tmp_path / "artifacts" / NAME
    assert held(shelf) == {"weights": "one"}
    draft = written(shelf, weights="two", settings="new")
    assert held(shelf) == {"weights": "one"}, "until the next one is whole"
    shelf.keep(NAME, draft)
    assert held(shelf) == {"weights": "two", "settings": "new"}
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == [NAME]
    shelf.drop(NAME)
    assert held(shelf) is None
    shelf.drop(NAME)
    assert list((tmp_path / "artifacts").iterdir()) == []


def test_what_a_killed_process_left_beside_is_in_nobodys_way(shelf, tmp_path):
    shelf.keep(NAME, written(shelf, weights="one"))
    for suffix in (".tmp", ".old.tmp"):
        left = tmp_path / "artifacts" / (NAME + suffix)
        left.mkdir()
        (left / "half").write_text("of it")
    assert held(shelf) == {"weights": "one"}
    assert not shelf.draft(NAME).exists()
    shelf.keep(NAME, written(shelf, weights="two"))
    assert held(shelf) == {"weights": "two"}
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == [NAME]


def test_what_the_disk_does_not_take_is_no_fault_of_the_strategy(shelf):
    with pytest.raises(StorageFull, match="run again"):
        shelf.keep(NAME, shelf.draft(NAME))
    assert held(shelf) is None


def test_what_cannot_be_cleared_away_is_no_fault_of_the_strategy(shelf, tmp_path):
    # a disk that may not be written keeps what an earlier try left; so does this one a file,
    # which cannot be removed as a folder
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / f"{NAME}.tmp").touch()
    with pytest.raises(StorageFull, match="run again"):
        shelf.draft(NAME)
