"""The one boundary at which a strategy may break without harm to the others."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.errors import BenchmarkError, StorageFull

Result = TypeVar("Result")
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Errors of a disk that takes nothing just now."""


class Broken(Exception):
    """A strategy raised; the message says what, for the report."""


def guarded(action: Callable[[], Result], folder: Path) -> Result:
    """The action's result; whatever a strategy raises comes out as Broken.

    Except what is not the strategy's doing: our own errors (Cancelled), and a disk that is full,
    may not be written or is ill.
    """
    try:
        return action()
    except BenchmarkError:
        raise
    except Exception as error:
        if reason := refused_by_disk(error):
            raise StorageFull(folder, reason) from error
        raise Broken(f"{type(error).__name__}: {error}") from error


def refused_by_disk(error: Exception) -> str | None:
    """What the system said of the disk, as its own error or in the words of a library's."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno in DISK else None
    return next((said for said in map(os.strerror, DISK) if said in str(error)), None)
