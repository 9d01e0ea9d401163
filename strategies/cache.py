"""Results kept on disk from one run to the next: a bounded folder of checked entries.

An entry is one file, named by its key: a checksum, a line of JSON, the result's own bytes. It is
written beside its place and moved there, so a reader sees all of it or nothing. Nothing that is
read is ever executed, and what fails its checksum counts as missing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

DEFAULT_BYTES = 2 * 10**9
WORTH_SECONDS = 0.05
"""What is computed sooner is not kept: reading it back would save nothing."""
LOCK_SECONDS = 10.0
FORMAT = 1
logger = logging.getLogger("tuneworth.cache")


@dataclass(frozen=True)
class Entry:
    """A kept result: its bytes, the seconds that computing it took, and further facts (JSON)."""

    kind: str
    seconds: float
    payload: bytes
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Contents:
    """How much a cache holds."""

    entries: int
    bytes: int


def key_of(parts: Mapping[str, Any]) -> str:
    """64 hex digits that stand for everything in `parts` (JSON values), whatever its order."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


class Cache:
    """Entries in `folder`, never more than `limit_bytes`: the longest unused make room.

    With a `part`, the name of a folder within, only entries kept with the same `part` are found;
    the limit, `contents` and `clear` are about all parts together.

    Writers take turns, across processes too; readers wait for nobody. It never raises for a
    disk that is full, read-only or damaged: it then holds nothing, and says so once.
    """

    def __init__(
        self,
        folder: Path,
        *,
        part: str = "",
        limit_bytes: int = DEFAULT_BYTES,
        worth_seconds: float = WORTH_SECONDS,
    ) -> None:
        self.folder = folder
        self.part = part
        self.limit_bytes = limit_bytes
        self.worth_seconds = worth_seconds
        self._writable = True
        self._has_told = False

    def get(self, key: str) -> Entry | None:
        """The entry, now the last to make room; None where there is none, or it is damaged."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._tell(error)
            return None
        entry = unpacked(data, key)
        if entry is None:
            self.drop(key)
            return None
        with suppress(OSError):  # a folder that can only be read
            os.utime(path)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry, unless it is not worth keeping or cannot be kept."""
        if entry.seconds < self.worth_seconds or not self._writable:
            return
        data = packed(key, entry)
        if len(data) > self.limit_bytes:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._lock():
                self._make_room(len(data))
                path = self._path(key)
                path.parent.mkdir(parents=True, exist_ok=True)
                draft = path.with_suffix(".tmp")
                draft.write_bytes(data)
                os.replace(draft, path)
        except Timeout:
            return  # others are writing; it will be computed again
        except (OSError, NotImplementedError) as error:  # the latter: no locks on this disk
            self._writable = False
            self._tell(error)

    def drop(self, key: str) -> None:
        """Forget an entry."""
        with suppress(OSError):
            self._path(key).unlink()

    def contents(self) -> Contents:
        found = self._files()
        return Contents(len(found), sum(size for _, size, _ in found))

    def clear(self) -> Contents:
        """Remove every entry; returns what there was. Raises OSError where that fails."""
        if not self.folder.is_dir():
            return Contents(0, 0)
        with self._lock():
            held = self.contents()
            for _, _, path in self._files():
                path.unlink(missing_ok=True)
        return held

    def _make_room(self, needed: int) -> None:
        """Remove the longest unused entries until `needed` bytes fit. Under the lock."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            # under the lock no draft is at work: one that is seen was left by a killed process
            if path.suffix == ".tmp" or total + needed > self.limit_bytes:
                path.unlink(missing_ok=True)
                total -= size

    def _files(self) -> list[tuple[int, int, Path]]:
        """Time of last use (ns), bytes and path of every file."""
        found = []
        for path in (*self.folder.glob("??/*.*"), *self.folder.glob("*/??/*.*")):
            with suppress(FileNotFoundError):  # removed meanwhile
                facts = path.stat()
                found.append((facts.st_mtime_ns, facts.st_size, path))
        return found

    def _lock(self) -> FileLock:
        return FileLock(self.folder / ".lock", timeout=LOCK_SECONDS)

    def _path(self, key: str) -> Path:
        return self.folder / self.part / key[:2] / f"{key[2:]}.entry"

    def _tell(self, error: Exception) -> None:
        if not self._has_told:
            self._has_told = True
            reason = getattr(error, "strerror", None) or error
            logger.warning("The cache in %s is not used: %s.", self.folder, reason)


def packed(key: str, entry: Entry) -> bytes:
    """An entry as the bytes of its file."""
    header = {
        "format": FORMAT,
        "key": key,
        "kind": entry.kind,
        "seconds": entry.seconds,
        "facts": dict(entry.facts),
    }
    body = json.dumps(header, sort_keys=True).encode() + b"\n" + entry.payload
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def unpacked(data: bytes, key: str) -> Entry | None:
    """The inverse of `packed`; None for anything else, another key's entry included."""
    digest, _, body = data.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        return None
    line, _, payload = body.partition(b"\n")
    try:
        header = json.loads(line)
        if (header["format"], header["key"]) != (FORMAT, key):
            return None
        return Entry(header["kind"], float(header["seconds"]), payload, header["facts"])
    except (ValueError, TypeError, KeyError):
        return None
