"""The one boundary at which a strategy may break without harm to the others."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from benchmarks.errors import BenchmarkError, StorageFull

Result = TypeVar("Result")
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Errors of a disk that takes nothing just now."""
OS_ERROR = re.compile(r".*\((?P<code>os error (?P<number>\d{1,5}))\).*", re.DOTALL)


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


def refused_by_disk(error: BaseException) -> str | None:
    """What the system said of the disk, through an error of its own or of a library in Rust.

    Words alone prove nothing: texts come from the data and from hosted models, too.
    """
    for one in _with_causes(error):
        number = one.errno if isinstance(one, OSError) else _number_in(one)
        if number in DISK:
            return os.strerror(number)
    return None


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that led to it, the latest first."""
    one: BaseException | None = error
    seen: set[int] = set()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _number_in(error: BaseException) -> int | None:
    """The system's number, where libraries in Rust have put it into the text of an error."""
    told = OS_ERROR.fullmatch(str(error))
    if told is None:
        return None
    kind, number = type(error), int(told["number"])
    of_safetensors = kind.__module__.split(".")[0] == "safetensors"
    # tokenizers has no type of its own, and adds nothing to the system's words
    of_tokenizers = kind is Exception and str(error) == f"{os.strerror(number)} ({told['code']})"
    return number if of_safetensors or of_tokenizers else None
