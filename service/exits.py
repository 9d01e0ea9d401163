"""From an error to what the terminal says and the exit code; the only place that maps them.

0   done; a recommendation stands, even where a strategy failed
1   failed: an error of Tuneworth, an unexpected one, or no strategy completed
2   bad input: names the field, the value and the fix
130 stopped by the user (128 + SIGINT); the same command continues
"""

import difflib
from dataclasses import dataclass

from benchmarks.errors import (
    BadPriceFile,
    BenchmarkError,
    Cancelled,
    DamagedJournal,
    RunLocked,
    RunMismatch,
    UnknownMetric,
)
from corpora.errors import CorpusError, InvalidInput, shorten
from service.errors import ServiceError
from strategies.errors import NotFetched, StrategyError, UnknownName

DONE = 0
FAILED = 1
BAD_INPUT = 2
STOPPED = 130

BAD_INPUTS = (
    CorpusError,
    UnknownName,
    NotFetched,
    RunMismatch,
    RunLocked,
    DamagedJournal,
    BadPriceFile,
    UnknownMetric,
)
"""Errors that the user ends by changing the command or a file."""


@dataclass(frozen=True)
class Refusal:
    """An error as a person reads it: one line, then labelled details such as the fix."""

    code: int
    message: str
    details: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """The command line itself says no: a paid run without consent, data with errors, ..."""

    def __init__(self, message: str, fix: str, code: int = BAD_INPUT) -> None:
        self.message = message
        self.fix = fix
        self.code = code
        super().__init__(f"{message} {fix}")


def refusal(error: BaseException) -> Refusal:
    """What to say of an error and the code to exit with."""
    if isinstance(error, Refused):
        return Refusal(error.code, error.message, (("fix", error.fix),))
    if isinstance(error, InvalidInput):
        details = (("value", shorten(error.value)), ("fix", error.fix))
        return Refusal(BAD_INPUT, f"{error.field} is wrong", details)
    if isinstance(error, UnknownName):
        return _unknown_name(error)
    if isinstance(error, Cancelled | KeyboardInterrupt):
        return Refusal(STOPPED, "Stopped. All that was done is kept; the same command continues.")
    if isinstance(error, BAD_INPUTS):
        return Refusal(BAD_INPUT, str(error))
    if isinstance(error, BenchmarkError | StrategyError | ServiceError):
        return Refusal(FAILED, str(error))
    if isinstance(error, OSError) and error.filename is not None:
        return Refusal(FAILED, f"{error.filename}: {error.strerror}")
    trace = ("fix", "Run it again with --debug for the traceback.")
    return Refusal(
        FAILED, f"Unexpected {type(error).__name__}: {shorten(str(error), 300)}", (trace,)
    )


def _unknown_name(error: UnknownName) -> Refusal:
    """The nearest names first: most unknown names are misspelt ones."""
    near = difflib.get_close_matches(error.name, error.known, n=3, cutoff=0.5)
    near = near or [name for name in error.known if error.name in name][:3]
    details = [("fix", f"Did you mean {' or '.join(near)}?")] if near else []
    details.append(("known", ", ".join(error.known)))
    return Refusal(BAD_INPUT, f"{error.what}: {error.name!r} is unknown", tuple(details))
