"""The file a run is stored in: append-only, one JSON record a line, safe to be killed over.

Records that belong together (the answers of one batch and its time) are written with one call
and flushed to the disk. A write that was cut short leaves a tail that is no whole batch; it is
cut off when the journal is opened, so a batch is in the journal entirely or not at all.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from benchmarks.errors import DamagedJournal, StorageFull
from benchmarks.records import RECORD, OutcomeRecord, Record

JOURNAL = "outcomes.jsonl"


class Journal:
    """Read the whole, append at the end. One process at a time (the runner holds the lock)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Record]:
        """Every record in order. A torn tail is left out, the file is left as it is.

        Raises DamagedJournal for a complete line that is no record.
        """
        return [record for record, _ in self._whole()]

    def mend(self) -> list[Record]:
        """Every record in order, after cutting a torn tail off the file."""
        whole = self._whole()
        end = whole[-1][1] if whole else 0
        if self.path.exists() and self.path.stat().st_size > end:
            os.truncate(self.path, end)
        return [record for record, _ in whole]

    def append(self, records: Sequence[Record]) -> None:
        """Write all records or none, and see them onto the disk.

        Raises StorageFull where the disk takes no more.
        """
        data = "".join(record.model_dump_json() + "\n" for record in records).encode()
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise StorageFull(self.path, str(error.strerror)) from error
        try:
            size = os.fstat(handle).st_size
            try:
                if os.write(handle, data) != len(data):
                    raise OSError(errno.ENOSPC, "the disk took only a part")
                os.fsync(handle)
            except OSError as error:
                os.ftruncate(handle, size)
                raise StorageFull(self.path, str(error.strerror)) from error
        finally:
            os.close(handle)

    def _whole(self) -> list[tuple[Record, int]]:
        """Records with the byte at which each ends, without the torn tail."""
        if not self.path.exists():
            return []
        found: list[tuple[Record, int]] = []
        end = 0
        for number, line in enumerate(self.path.read_bytes().splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                break
            end += len(line)
            try:
                found.append((RECORD.validate_json(line), end))
            except ValidationError as error:
                raise DamagedJournal(self.path, number) from error
        while found and isinstance(found[-1][0], OutcomeRecord):
            found.pop()
        return found


def publish_records(records: Sequence[Record]) -> list[Record]:
    """The records without any text of the data: ids, scores and times only."""
    return [without_texts(record) for record in records]


def without_texts(record: Record) -> Record:
    if isinstance(record, OutcomeRecord):
        texts = {"text": None, "input": None, "reference": None, "alternatives": ()}
        return record.model_copy(update=texts)
    return record
