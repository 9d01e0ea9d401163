"""The store of results: bounded, checked, safe under writers, and never the end of a run."""

import errno
import logging
import os
import subprocess
import sys

import pytest

from strategies.cache import Cache, Contents, Entry, key_of, packed

KEYS = [key_of({"number": number}) for number in range(40)]


def entry(text="hello", seconds=1.0, **facts):
    return Entry("embedding", seconds, text.encode(), facts)


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]


def test_what_is_put_comes_back_whole(tmp_path):
    cache = Cache(tmp_path / "results")
    payload = bytes(range(256)) + b"\n\n"
    cache.put(
        KEYS[0], Entry("prepared", 126.99999999999999, payload, {"training": {"a": [1, None]}})
    )
    found = Cache(tmp_path / "results").get(KEYS[0])
    assert found == Entry("prepared", 126.99999999999999, payload, {"training": {"a": [1, None]}})
    assert cache.get(KEYS[1]) is None
    assert (tmp_path / "results").stat().st_mode & 0o777 == 0o700


def test_a_key_stands_for_every_part_in_any_order():
    one = key_of({"a": [1, "x"], "b": {"c": None}})
    assert one == key_of({"b": {"c": None}, "a": [1, "x"]})
    others = [{"a": [1, "x"]}, {"a": ["x", 1], "b": {"c": None}}, {"a": [1, "x"], "b": {"c": 0}}]
    assert len({one, *(key_of(each) for each in others)}) == 4
    assert key_of({"text": "\ud800"}) != key_of({"text": "\ud801"})  # what a file may hold


def test_nothing_quick_is_kept(tmp_path):
    cache = Cache(tmp_path)
    cache.put(KEYS[0], entry(seconds=0.01))
    assert cache.get(KEYS[0]) is None


@pytest.mark.parametrize("place", [0, 63, 64, 70, 120, -3, -1])
def test_a_damaged_entry_counts_as_missing_and_is_removed(tmp_path, place):
    cache = Cache(tmp_path)
    cache.put(KEYS[0], entry())
    (path,) = files(tmp_path)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert cache.get(KEYS[0]) is None
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 10, packed(KEYS[1], entry())])
def test_what_is_not_this_entry_counts_as_missing(tmp_path, content):
    cache = Cache(tmp_path)
    cache.put(KEYS[0], entry())
    (path,) = files(tmp_path)
    path.write_bytes(content)
    assert cache.get(KEYS[0]) is None


def test_half_an_entry_counts_as_missing(tmp_path):
    cache = Cache(tmp_path)
    cache.put(KEYS[0], entry("x" * 1000))
    (path,) = files(tmp_path)
    os.truncate(path, 600)
    assert cache.get(KEYS[0]) is None


def test_the_longest_unused_make_room(tmp_path):
    size = len(packed(KEYS[0], entry("x" * 1000)))
    cache = Cache(tmp_path, limit_bytes=3 * size + 50)
    for age, key in enumerate(KEYS[:3]):
        cache.put(key, entry("x" * 1000))
        os.utime(cache._path(key), (age, age))
    assert cache.get(KEYS[0])  # used now, so the second is the oldest
    cache.put(KEYS[3], entry("x" * 1000))
    assert [cache.get(key) is not None for key in KEYS[:4]] == [True, False, True, True]
    assert cache.contents() == Contents(3, 3 * size)


def test_the_bound_holds_at_every_moment(tmp_path):
    cache = Cache(tmp_path, limit_bytes=5000)
    for number, key in enumerate(KEYS):
        cache.put(key, entry("x" * (100 * number)))
        assert sum(path.stat().st_size for path in files(tmp_path)) <= 5000
    cache.put(key_of({"huge": True}), entry("x" * 6000))
    assert cache.get(key_of({"huge": True})) is None
    assert cache.contents().entries > 0


def test_what_a_killed_writer_left_is_removed(tmp_path):
    cache = Cache(tmp_path)
    cache.put(KEYS[0], entry())
    left = cache._path(KEYS[0]).with_name("left.tmp")
    left.write_bytes(b"half")
    cache.put(KEYS[1], entry())
    assert not left.exists()
    assert cache.contents().entries == 2


def test_clearing_removes_everything(tmp_path):
    cache = Cache(tmp_path / "results")
    assert cache.clear() == Contents(0, 0)
    for key in KEYS[:3]:
        cache.put(key, entry())
    held = cache.contents()
    assert held.entries == 3
    assert cache.clear() == held
    assert cache.contents() == Contents(0, 0)


@pytest.mark.parametrize("place", ["file/results", "/proc/results"])
def test_a_folder_that_cannot_be_made_is_told_once(tmp_path, caplog, place):
    (tmp_path / "file").write_text("not a folder")
    cache = Cache(tmp_path / place)
    with caplog.at_level(logging.WARNING):
        for key in KEYS[:3]:
            cache.put(key, entry())
            assert cache.get(key) is None
    assert [record.name for record in caplog.records] == ["tuneworth.cache"]
    assert str(cache.folder) in caplog.text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_takes_nothing_is_told_once_and_still_read(tmp_path, caplog, number):
    class Refusing(Cache):
        def _lock(self):
            raise OSError(number, os.strerror(number))

    Cache(tmp_path).put(KEYS[0], entry())
    cache = Refusing(tmp_path)
    with caplog.at_level(logging.WARNING):
        for key in KEYS[1:4]:
            cache.put(key, entry())
    assert len(caplog.records) == 1
    assert os.strerror(number) in caplog.text
    assert cache.get(KEYS[0]) == entry()


WRITER = """
import sys
from pathlib import Path
from strategies.cache import Cache, Entry, key_of
cache = Cache(Path(sys.argv[1]), limit_bytes=40_000)
for turn in range(60):
    for number in (turn % 20, int(sys.argv[2]) + turn):  # one that both write, one of its own
        key = key_of({"number": number})
        cache.put(key, Entry("embedding", 1.0, (f"{number} " * 500).encode()))
        found = cache.get(key)
        assert found is None or found.payload == (f"{number} " * 500).encode(), number
"""


def test_two_processes_write_at_once(tmp_path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(start)])
        for start in (100, 200)
    ]
    seen = []
    while any(writer.poll() is None for writer in writers):
        with Cache(tmp_path)._lock():  # a sum over files that come and go would count too many
            seen.append(Cache(tmp_path).contents().bytes)
    assert [writer.wait() for writer in writers] == [0, 0]
    assert max(seen) <= 40_000
    cache = Cache(tmp_path)
    whole = [cache.get(key_of({"number": number})) for number in range(260)]
    assert sum(found is not None for found in whole) == cache.contents().entries > 10
