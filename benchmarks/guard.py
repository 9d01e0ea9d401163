"""The one boundary at which a strategy may break without harm to the others."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.errors import BenchmarkError, StorageFull

Result = TypeVar("Result")


class Broken(Exception):
    """A strategy raised; the message says what, for the report."""


def guarded(action: Callable[[], Result], folder: Path) -> Result:
    """The action's result; whatever a strategy raises comes out as Broken.

    Except what is not the strategy's doing: our own errors (Cancelled), and a full disk.
    """
    try:
        return action()
    except BenchmarkError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(folder, str(error.strerror)) from error
        raise Broken(f"{type(error).__name__}: {error}") from error
