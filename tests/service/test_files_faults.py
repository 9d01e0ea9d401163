"""Whose fault it is that a file is not stored or fetched: the store's, this machine's or ours."""

import errno
import os
import secrets

import pytest
from fsspec.implementations.local import LocalFileSystem
from stores import FileServer

from service.errors import StoreAway
from service.files import Files

KEY = "comparisons/0123/report.json"


@pytest.mark.parametrize("error", [TypeError("x"), AttributeError("x"), ValueError("x")])
def test_a_mistake_in_the_code_is_not_waited_for(error, monkeypatch) -> None:
    files = Files("server://" + secrets.token_hex(8))
    monkeypatch.setattr(FileServer, "trouble", error)
    for use in (files.exists, files.names, lambda key: files.put(key, b"some")):
        with pytest.raises(type(error), match="x"):
            use(KEY)


def test_a_full_disk_of_this_machine_is_not_the_stores(tmp_path) -> None:
    files = Files(tmp_path / "store")
    files.put(KEY, b"some")

    class Full(type(tmp_path)):
        def open(self, *args, **kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    with pytest.raises(OSError, match="No space left") as caught:
        files.fetch(KEY, Full(tmp_path / "fetched"))
    assert not isinstance(caught.value, StoreAway)


@pytest.mark.parametrize("store", ["folder", "server"])
@pytest.mark.parametrize("bad", ["comparisons/0123", "comparisons/0123/artifacts/2-1"])
def test_a_folder_that_cannot_be_listed_is_no_empty_one(tmp_path, monkeypatch, store, bad) -> None:
    files = Files(tmp_path if store == "folder" else "server://" + secrets.token_hex(8))
    key = "comparisons/0123/artifacts/2-1/lora.zip"
    files.put(key, b"some")
    system = LocalFileSystem if store == "folder" else FileServer
    ls = system.ls

    def ill(self, path, *args, **kwargs):
        if path.endswith(bad):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return ls(self, path, *args, **kwargs)

    monkeypatch.setattr(system, "ls", ill)
    with pytest.raises(StoreAway, match="Input/output error"):
        files.below("comparisons/0123")
    monkeypatch.undo()
    assert [one.key for one in files.below("comparisons/0123")] == [key]
    assert files.below("comparisons/none") == []


@pytest.mark.parametrize("empty", [True, False])
def test_a_folder_that_is_not_mounted_is_no_empty_store(tmp_path, empty) -> None:
    files = Files(tmp_path / "store", tmp_path / "data")
    files.put(KEY, b"some")
    files.require(KEY)
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    if empty:
        (tmp_path / "store").mkdir()
    with pytest.raises(StoreAway, match="missing or empty"):
        files.require(KEY)
