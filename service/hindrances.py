"""What keeps work from going on for now, and passes: a full disk, a database that is away."""

import errno
from pathlib import Path

from benchmarks.errors import StorageFull
from benchmarks.guard import DISK
from service.database import is_away, is_cancelled

PASSES = (*DISK, errno.EACCES, errno.EPERM)
"""Errors of the system that end once somebody has freed space, or opened a folder again."""


def hindrance(error: BaseException) -> str | None:
    """Why it cannot go on just now, in words for whoever waits for it; None where waiting would be
    in vain. Neither a folder nor the database's address is in it."""
    if isinstance(error, StorageFull):
        return said(error.reason, error.path)
    if isinstance(error, OSError) and error.errno in PASSES:
        return said(str(error.strerror), error.filename)
    if is_away(error) and not is_cancelled(error):  # what asks the database again bears with that
        return "the database does not answer"
    return None


def said(reason: str, path: object) -> str:
    name = Path(str(path)).name if path else ""
    return f"{reason} ({name})" if name else reason
