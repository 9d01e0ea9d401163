"""Where reports and artefacts lie: a folder, or an object store that several machines share.

What is stored is bytes under a key such as `comparisons/ID/report.json`: nothing that is read from
here is code, or is unpickled.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from corpora.errors import InvalidInput
from service.errors import StoreAway

OBJECT_STORES = frozenset(
    ("memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "oss", "r2")
)
"""Of these nobody sees a file before it is whole. In others it is written beside, then moved."""
OUR_ERRORS = (TypeError, AttributeError, ValueError)
"""Waiting does not mend them. Types of libraries that derive from them may well pass."""
PART = ".part"
BLOCK = 2**20


def key_of(kind: str, work: str, name: str) -> str:
    """The key of a file of a comparison or forecast; `kind` is the name of its table."""
    return f"{kind}/{work}/{name}"


class Files:
    """Files by their keys. `url` is a folder, or what fsspec takes; what is not there is looked for
    in the folder `earlier`, where it was left before there was such a store.

    Whatever the store refuses is StoreAway; what reads raises FileNotFoundError, too.
    """

    def __init__(self, url: str | Path, earlier: Path | None = None) -> None:
        """Raises InvalidInput where the URL is of no store that this installation can use."""
        self._store = _opened(url)
        self._places = [self._store]
        if earlier is not None and self._store.folder != earlier.absolute():
            self._places.append(_opened(earlier))

    @property
    def folder(self) -> Path | None:
        """The folder of this machine in which all is stored; None for a store elsewhere."""
        return self._store.folder

    def put(self, key: str, data: bytes) -> None:
        """Store it under the key, in place of what was there: whole, or not at all."""
        self._store.write(key, lambda path: self._store.system.pipe_file(path, data))

    def put_file(self, key: str, source: Path) -> None:
        """The same of a file of this machine."""
        self._store.write(key, lambda path: self._store.system.put_file(str(source), path))

    def get(self, key: str) -> bytes:
        with self.open(key) as file, _told(key):
            return file.read()

    def fetch(self, key: str, target: Path) -> None:
        """Copy it to a path of this machine, whose folder exists: whole, or not at all."""
        try:
            with self.open(key) as file, target.open("wb") as sink:
                while block := _block_of(file, key):
                    sink.write(block)  # what this machine's disk refuses is not the store's
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def exists(self, key: str) -> bool:
        with suppress(FileNotFoundError):
            self._found(key)
            return True
        return False

    def info(self, key: str) -> dict[str, Any]:
        """Its `type` (file), `size` in bytes and, in a folder, `mtime`."""
        return self._found(key)[1]

    def open(self, key: str, mode: str = "rb", buffering: int = -1) -> IO[bytes]:
        """For reading. `mode` and `buffering` are as the framework states them that sends files."""
        place, _ = self._found(key)
        path = place.path(key)
        with _told(key, reads=True):
            file: IO[bytes] = place.system.open(path, "rb")
            return file

    def names(self, prefix: str) -> list[str]:
        """The keys below, in order."""
        return self._store.names(prefix)

    def below(self, prefix: str) -> list["Found"]:
        """All files below, those of earlier and half-written ones too; in no order. A folder that
        cannot be listed is StoreAway."""
        return [found for place in self._places for found in place.below(prefix)]

    def remove(self, prefix: str) -> None:
        """The file with this key and all below it, if there is any."""
        for place in self._places:
            path = place.path(prefix)
            with _told(prefix), suppress(FileNotFoundError):
                place.system.rm(path, recursive=True)

    def require(self, key: str) -> None:
        """Raises StoreAway where the store's folder is missing or empty, as that of a disk that is
        not mounted: that nothing is found at the key says nothing then."""
        self._store.require(key)

    def remove_file(self, key: str) -> None:
        """The file with this key alone, if there is any; and in a folder of this machine what that
        leaves empty of the folders of its work."""
        for place in self._places:
            path = place.path(key)
            with _told(key), suppress(FileNotFoundError):
                place.system.rm_file(path)
            if place.folder is not None:
                with suppress(OSError):  # something lies there
                    for folder in PurePosixPath(key).parents[:-3]:
                        (place.folder / folder).rmdir()

    def directory(self, key: str) -> Path | None:
        """A folder of this machine in which files with this beginning of their keys lie."""
        local = (place.folder / key for place in self._places if place.folder is not None)
        return next((path for path in local if path.is_dir()), None)

    def _found(self, key: str) -> tuple["_Place", dict[str, Any]]:
        for place in self._places:
            with suppress(FileNotFoundError):
                return place, place.info(key)
        raise FileNotFoundError(key)


@dataclass(frozen=True)
class Found:
    """A file that is there, and when it was last changed, in seconds of the epoch; None where the
    store does not say."""

    key: str
    changed: float | None


@dataclass(frozen=True)
class _Place:
    """A file system, and where in it the keys begin."""

    system: AbstractFileSystem
    root: str

    @property
    def folder(self) -> Path | None:
        return Path(self.root) if isinstance(self.system, LocalFileSystem) else None

    @property
    def is_object_store(self) -> bool:
        protocol = self.system.protocol
        return not OBJECT_STORES.isdisjoint([protocol] if isinstance(protocol, str) else protocol)

    def path(self, key: str) -> str:
        """Raises ValueError for what is no key: one could lead out of the store."""
        if "\\" in key or "\0" in key or any(part in ("", ".", "..") for part in key.split("/")):
            raise ValueError(f"{key!r} is no key of a file")
        return f"{self.root.rstrip('/')}/{key}"

    def info(self, key: str) -> dict[str, Any]:
        path = self.path(key)
        with _told(key, reads=True):
            found = self.system.info(path)
        if found["type"] != "file":
            raise FileNotFoundError(key)
        wanted = ("type", "size", "mtime") if self.folder is not None else ("type", "size")
        return {name: found[name] for name in wanted}

    def write(self, key: str, write: Callable[[str], None]) -> None:
        """`write` is given the path to write to."""
        path = self.path(key)
        with _told(key):
            if self.is_object_store:
                write(path)
                return
            folder, _, name = path.rpartition("/")
            beside = f"{folder}/.{name}.{secrets.token_hex(4)}{PART}"
            try:
                self.system.makedirs(folder, exist_ok=True)
                write(beside)
                if self.folder is None:
                    self.system.mv(beside, path)
                else:
                    _flush(beside)
                    os.replace(beside, path)
                    _flush(folder)
            except BaseException:
                with suppress(OSError):  # it was not begun, or nothing can be done here
                    self.system.rm_file(beside)
                raise

    def require(self, key: str) -> None:
        if self.is_object_store:
            return
        with _told(key), suppress(FileNotFoundError):
            if self.system.ls(self.root, detail=False):
                return
        raise StoreAway(key, "its folder is missing or empty, as where a disk is not mounted")

    def names(self, prefix: str) -> list[str]:
        start = len(self.path(prefix)) - len(prefix)
        names = (info["name"] for info in self._listed(prefix))
        return sorted(name[start:] for name in names if not name.endswith(("/", PART)))

    def below(self, prefix: str) -> list[Found]:
        """Of an object store, which has no folders to go through, with one listing. Elsewhere
        `find` would take a folder that cannot be listed for an empty one."""
        path = self.path(prefix)
        if self.is_object_store:
            with _told(prefix):
                infos = list(self.system.find(path, detail=True).values())
        else:
            infos = list(self._listed(prefix))
        start = len(path) - len(prefix)
        return [
            Found(info["name"][start:], _changed(info))
            for info in infos
            if info["name"].startswith(f"{path}/") and not info["name"].endswith("/")
        ]

    def _listed(self, prefix: str) -> Iterator[dict[str, Any]]:
        """What is told of each file below, folder after folder."""
        left = [self.path(prefix)]
        while left:
            infos: list[dict[str, Any]] = []
            with _told(prefix), suppress(FileNotFoundError):
                infos = self.system.ls(left.pop(), detail=True)
            left += [info["name"] for info in infos if info["type"] == "directory"]
            yield from (info for info in infos if info["type"] != "directory")


def _changed(info: dict[str, Any]) -> float | None:
    """As folders of this machine and most file servers tell it."""
    told = info.get("mtime")
    if isinstance(told, datetime):
        return told.timestamp()
    return told if isinstance(told, int | float) else None


def _opened(url: str | Path) -> _Place:
    try:
        # what another process stored is not to be missed because of an older listing
        return _Place(*url_to_fs(str(url), use_listings_cache=False))
    except Exception as error:
        scheme = re.match(r"[A-Za-z0-9+.-]{1,30}(?=://)", str(url))  # the rest may hold a password
        fix = "Give a folder or a URL that fsspec takes, such as s3://BUCKET/FOLDER."
        if isinstance(error, ImportError):
            fix = f"{error}."  # it names the package
        shown = f"{scheme[0]}://..." if scheme else "no URL"
        raise InvalidInput("TUNEWORTH_STORE", shown, fix) from error


def _block_of(file: IO[bytes], key: str) -> bytes:
    with _told(key):
        return file.read(BLOCK)


def _flush(path: str) -> None:
    """Onto the disk: after a blackout a file that was moved there could be empty, or gone, of which
    the database says that it is there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _told(key: str, *, reads: bool = False) -> Iterator[None]:
    """Raise what a store raises as StoreAway, but that something is not there, for what `reads`.

    The libraries of object stores have errors of their own. Their texts may tell too much, so only
    the kind is told, and the text where it is the system's.
    """
    try:
        yield
    except StoreAway:
        raise
    except Exception as error:
        if (isinstance(error, FileNotFoundError) and reads) or type(error) in OUR_ERRORS:
            raise
        text = error.strerror if isinstance(error, OSError) else None
        raise StoreAway(key, text or type(error).__name__) from error
