"""Files in a store: whole or not at all, below their keys alone, with clear errors."""

import errno
import io
import os
import secrets
import sys
from pathlib import Path

import pytest
from stores import FileServer, Trouble

from benchmarks.errors import StorageFull
from corpora.errors import InvalidInput
from service.errors import StoreAway
from service.files import Files, key_of
from service.settings import Settings

KEY = key_of("comparisons", "0123", "report.json")
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(params=["folder", "file://", "memory://", "server://"])
def url(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "store")
    if request.param == "file://":
        return f"file://{tmp_path}/store"
    return request.param + secrets.token_hex(8)


@pytest.fixture
def files(url, tmp_path):
    return Files(url, tmp_path / "data")


def in_trouble(monkeypatch, error) -> None:
    monkeypatch.setattr(FileServer, "trouble", error)


def test_what_is_put_is_found_by_every_process_that_looks(files, url, tmp_path) -> None:
    assert not files.exists(KEY)
    with pytest.raises(FileNotFoundError):
        files.get(KEY)
    files.put(KEY, b"one")
    files.put(KEY, b"three")
    (tmp_path / "given").write_bytes(b"zip")
    files.put_file(key_of("comparisons", "0123", "artifacts/2-1/lora.zip"), tmp_path / "given")
    other = Files(url)
    assert other.get(KEY) == b"three"
    assert other.info(KEY)["size"] == 5
    other.fetch(KEY, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"three"
    assert other.names("comparisons/0123") == ["comparisons/0123/artifacts/2-1/lora.zip", KEY]
    assert other.names("comparisons/012") == []
    assert not other.exists("comparisons/0123"), "what is no file is not there"


def test_nothing_is_left_of_what_is_removed(files) -> None:
    other = key_of("comparisons", "01234", "report.json")
    for key in (KEY, key_of("comparisons", "0123", "artifacts/2-1/lora.zip"), other):
        files.put(key, b"some")
    files.remove("comparisons/0123")
    assert files.names("comparisons") == [other]
    files.remove("comparisons/0123")
    files.remove(other)
    assert files.names("comparisons") == []


@pytest.mark.parametrize(
    "key", ["../report.json", "a/../../b", "/etc/passwd", "a//b", "", ".", "a\\..\\b", "a\0b"]
)
def test_no_key_leads_out_of_the_store(tmp_path, key) -> None:
    files = Files(tmp_path / "store")
    (tmp_path / "report.json").write_text("outside")
    for use in (files.get, files.remove, files.names, lambda each: files.put(each, b"")):
        with pytest.raises(ValueError, match="no key"):
            use(key)
    assert (tmp_path / "report.json").read_text() == "outside"


def test_half_a_file_is_never_seen(monkeypatch) -> None:
    root = "server://" + secrets.token_hex(8)
    files = Files(root)
    files.put(KEY, b"whole")
    in_trouble(monkeypatch, FULL)
    with pytest.raises(StoreAway, match="No space left on device") as caught:
        files.put(KEY, b"another one")
    assert isinstance(caught.value, StorageFull), "work waits for the cause to go"
    assert caught.value.reason == "No space left on device"
    in_trouble(monkeypatch, None)
    assert files.get(KEY) == b"whole"
    assert files.names("comparisons") == [KEY]
    mine = [name for name in FileServer.store if name.startswith(root)]
    assert mine == [f"{root}/{KEY}"]


def test_half_a_file_is_never_seen_in_a_folder(tmp_path) -> None:
    files = Files(tmp_path)
    files.put(KEY, b"whole")
    place = (tmp_path / KEY).parent
    (place / ".report.json.0011.part").write_text("of a process that was killed")
    assert files.names("comparisons") == [KEY]
    with pytest.raises(StoreAway):
        files.put_file(KEY, tmp_path / "nothing")
    assert files.get(KEY) == b"whole"
    assert len(list(place.iterdir())) == 2


def test_half_a_file_is_never_fetched(monkeypatch, tmp_path) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
            return super().read(10)

    files = Files("server://" + secrets.token_hex(8))
    files.put(KEY, b"more than ten bytes")
    monkeypatch.setattr(FileServer, "open", lambda *_: Breaking(b"more than ten bytes"))
    with pytest.raises(StoreAway, match="Connection reset by peer"):
        files.fetch(KEY, tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


def test_the_texts_of_libraries_are_not_told(monkeypatch, tmp_path) -> None:
    files = Files("server://" + secrets.token_hex(8))
    files.put(KEY, b"some")
    in_trouble(monkeypatch, Trouble("GET https://user:password@host/bucket"))
    for use in (files.get, files.exists, files.names, lambda key: files.fetch(key, tmp_path / "f")):
        with pytest.raises(StoreAway, match=r": Trouble\.$"):
            use(KEY)
    assert not (tmp_path / "f").exists()


def test_a_folder_that_takes_nothing(tmp_path) -> None:
    (tmp_path / "comparisons").write_text("a file in the way of a folder")
    with pytest.raises(StoreAway, match=r"Not a directory|File exists"):
        Files(tmp_path).put(KEY, b"some")


def test_what_was_there_before_the_store_is_still_read_and_removed(url, tmp_path) -> None:
    Files(tmp_path / "data").put(KEY, b"old")
    files = Files(url, tmp_path / "data")
    assert files.get(KEY) == b"old"
    assert files.directory("comparisons/0123") == tmp_path / "data/comparisons/0123"
    files.put(KEY, b"new")
    assert files.get(KEY) == b"new"
    assert (tmp_path / "data" / KEY).read_bytes() == b"old"
    files.remove("comparisons/0123")
    assert not files.exists(KEY)
    assert not (tmp_path / "data/comparisons/0123").exists()


def test_a_store_that_is_not_known_is_bad_input(monkeypatch) -> None:
    with pytest.raises(InvalidInput, match=r"ftq://\.\.\.'\. Give a folder") as caught:
        Files("ftq://ada:secret@host/reports")
    assert "secret" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as where it is not installed
    with pytest.raises(InvalidInput, match="Install s3fs to access S3") as caught:
        Files("s3://ada:secret@bucket/reports")
    assert "secret" not in str(caught.value)


def test_the_setting_is_a_url_or_a_folder_and_a_worker_is_given_the_same(tmp_path) -> None:
    told = {"TUNEWORTH_DATA": str(tmp_path), "TUNEWORTH_STORE": "s3://ada:secret@bucket/reports"}
    settings = Settings.from_environment(told)
    assert settings.store == told["TUNEWORTH_STORE"]
    assert Settings.from_environment(settings.for_worker()) == settings
    assert "secret" not in repr(settings)
    below = Settings.from_environment(told | {"TUNEWORTH_STORE": "shared/reports"})
    assert below.store == str(Path("shared/reports").absolute())
    none = Settings.from_environment(told | {"TUNEWORTH_STORE": ""})
    assert none.store is None
    assert Settings.from_environment(none.for_worker()) == none
