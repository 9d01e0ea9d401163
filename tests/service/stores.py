"""Stores for tests: a file server without guarantees, and one that fails as it is told."""

from typing import Any

from fsspec import register_implementation
from fsspec.implementations.memory import MemoryFileSystem


class Trouble(Exception):
    """As the libraries of object stores have them: no OSError, and with a text that tells a lot."""


class FileServer(MemoryFileSystem):
    """A file server on which half a file can be seen. With a `trouble` it fails half-way."""

    protocol = "server"
    store: dict[str, Any] = {}  # noqa: RUF012 - of its own, as its base has one
    pseudo_dirs = [""]  # noqa: RUF012
    trouble: Exception | None = None

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        if self.trouble is not None:
            super().pipe_file(path, value[: len(value) // 2])
            raise self.trouble
        super().pipe_file(path, value)

    def info(self, path: str, **kwargs: Any) -> Any:
        if self.trouble is not None:
            raise self.trouble
        return super().info(path, **kwargs)

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        if self.trouble is not None:
            raise self.trouble
        return super().ls(path, detail, **kwargs)


register_implementation("server", FileServer, clobber=True)
