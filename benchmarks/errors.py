"""Errors of the measuring layer.

BenchmarkError
├── RunMismatch     the folder holds a run of something else
├── RunLocked       another process is working in the folder
├── DamagedJournal  a line in the middle of the journal cannot be read
├── StorageFull     the disk took no more; what was written is whole
├── Cancelled       the caller asked to stop; a rerun continues
├── SpendingLimit   no request may be sent any more to a hosted model
├── BadPriceFile    a field of the price file is wrong or missing
└── UnknownMetric   no metric has that name
"""

from __future__ import annotations

from pathlib import Path


class BenchmarkError(Exception):
    """Base of everything this package raises on purpose."""


class RunMismatch(BenchmarkError):
    """A folder with records of another comparison; `differs` says in what."""

    def __init__(self, folder: Path, differs: str) -> None:
        self.folder = folder
        self.differs = differs
        super().__init__(
            f"{folder} holds a run with another {differs}. "
            "Choose another folder with --out, or start over in this one with --fresh."
        )


class RunLocked(BenchmarkError):
    """Two processes would write one journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"{folder} is in use by another process. Wait for it, or choose another --out."
        )


class DamagedJournal(BenchmarkError):
    """A complete line that is no record: somebody edited the file, or the disk is ill."""

    def __init__(self, path: Path, line: int) -> None:
        self.path = path
        self.line = line
        super().__init__(
            f"{path}, line {line}: not a record of a run. "
            "Start over with --fresh, or choose another --out."
        )


class SpendingLimit(BenchmarkError):
    """What is spent leaves too little for one more request; the message is that of the account."""


class StorageFull(BenchmarkError):
    """Nothing half-written is left behind, so a rerun continues."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}. Free some space and run again; the run continues.")


class SourcesChanged(BenchmarkError):
    """Files of the code were changed while a process measured: which of them it runs is unknown."""


class Cancelled(BenchmarkError):
    """The caller asked to stop. Everything done so far is stored."""


class BadPriceFile(BenchmarkError):
    """A price that is missing or wrong: names the file, the field and the fix."""

    def __init__(self, path: Path | str, field: str, fix: str) -> None:
        self.path = path
        self.field = field
        super().__init__(f"{path}: {field}: {fix}")


class UnknownMetric(BenchmarkError):
    """A metric name that nothing is registered under, or that another kind of task uses."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.name = name
        self.known = known
        super().__init__(f"metric: {name!r} does not fit. Choose one of: {', '.join(known)}.")
