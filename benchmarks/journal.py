"""The file a run is stored in: append-only, one JSON record a line, safe to be killed over.

Records that belong together (the answers of one batch and its time) are written with one call
and flushed to the disk. A write that was cut short leaves a tail that is no whole batch; it is
cut off when the journal is opened, so a batch is in the journal entirely or not at all.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from benchmarks.errors import DamagedJournal, StorageFull
from benchmarks.records import RECORD, OutcomeRecord, Record

JOURNAL = "outcomes.jsonl"


class Records(Protocol):
    """What a run stores its records in, and reads them from: a Journal is one.

    Of what several processes store, each has to see what it goes on from, in the order in which it
    was stored.
    """

    def read(self) -> list[Record]:
        """Every record in order."""
        ...

    def __iter__(self) -> Iterator[Record]:
        """The records that `read` returns, one after the other."""
        ...

    def mend(self) -> list[Record]:
        """Every record in order, once nothing half-written is left: before a process appends."""
        ...

    def append(self, records: Sequence[Record]) -> None:
        """Store all of them or none; they are safe once it returns."""
        ...


class Journal:
    """Read the whole, append at the end. One process at a time (the runner holds the lock)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Record]:
        """Every record in order. A torn tail is left out, the file is left as it is.

        Raises DamagedJournal for a complete line that is no record.
        """
        return list(self)

    def __iter__(self) -> Iterator[Record]:
        """The records that `read` returns, one after the other, none of them kept."""
        return (record for record, _ in self._whole())

    def mend(self) -> list[Record]:
        """Every record in order, after cutting a torn tail off the file."""
        whole = list(self._whole())
        end = whole[-1][1] if whole else 0
        if self.path.exists() and self.path.stat().st_size > end:
            os.truncate(self.path, end)
        return [record for record, _ in whole]

    def append(self, records: Sequence[Record]) -> None:
        """Write all records or none, and see them onto the disk.

        Raises StorageFull where the disk takes no more.
        """
        append_whole(self.path, b"".join(map(line_of, records)))

    def _whole(self) -> Iterator[tuple[Record, int]]:
        """Records with the byte at which each ends, without the torn tail."""
        if not self.path.exists():
            return
        waiting: list[tuple[Record, int]] = []
        end = 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    return
                end += len(line)
                try:
                    record = RECORD.validate_json(line)
                except ValidationError as error:
                    raise DamagedJournal(self.path, number) from error
                waiting.append((record, end))
                if not isinstance(record, OutcomeRecord):
                    yield from waiting
                    waiting.clear()


def append_whole(path: Path, data: bytes) -> None:
    """Write all of it behind what the file holds, or nothing, and see it onto the disk.

    Raises StorageFull where the disk takes no more.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageFull(path, str(error.strerror)) from error
    try:
        size = os.fstat(handle).st_size
        try:
            if os.write(handle, data) != len(data):
                raise OSError(errno.ENOSPC, "the disk took only a part")
            os.fsync(handle)
        except OSError as error:
            os.ftruncate(handle, size)
            raise StorageFull(path, str(error.strerror)) from error
    finally:
        os.close(handle)


def line_of(record: Record) -> bytes:
    """A record as its line of the journal."""
    return RECORD.dump_json(record) + b"\n"


def publish_records(records: Sequence[Record]) -> list[Record]:
    """The records without any text of the data: ids, scores and times only."""
    return [without_texts(record) for record in records]


def without_texts(record: Record) -> Record:
    if isinstance(record, OutcomeRecord):
        return replace(record, text=None, input=None, reference=None, alternatives=())
    return record
