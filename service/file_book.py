"""Bookings in a file of lines, or in memory: the book of one process at a time."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.errors import DamagedJournal
from benchmarks.journal import append_whole
from service.ledger import Booking, Fits, Sum, kept_from
from strategies.models.account import Kept

PAID = "paid.jsonl"


@dataclass(frozen=True)
class Settled:
    """A booking, what was billed for it, and the reply where that is kept."""

    booking: Booking
    bill: Sum
    kept: Kept | None


@dataclass
class Written:
    """What the lines of a file say: the bookings that are `settled`, those still `open` by name,
    how many there were in all, and at which byte the last whole line `end`s."""

    settled: list[Settled] = field(default_factory=list)
    open: dict[str, Booking] = field(default_factory=dict)
    booked: int = 0
    end: int = 0

    def take(self, line: dict[str, Any]) -> None:
        """Take up one line."""
        if "booked" in line:
            booking = Booking(line["key"], line["model"], Sum(**line["most"]))
            self.open[line["booked"]] = booking
            self.booked += 1
        elif "settled" in line:
            kept = line["kept"] and kept_from(line["kept"])
            bill = Sum(line["usd"], line["tokens"])
            self.settled.append(Settled(self.open.pop(line["settled"]), bill, kept))
        else:
            del self.open[line["released"]]


class FileBook:
    """Its bookings are lines of the file at `path`; without one they end with the process. The file
    is read at the first request, by whoever holds its folder."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._spent = Sum()
        self._open: dict[str, Booking] = {}
        self._kept: dict[str, Kept] = {}
        self._booked = 0
        self._is_read = path is None

    @property
    def spent(self) -> Sum:
        with self._lock:
            self._read()
            return self._spent

    def recall(self, key: str) -> Kept | None:
        with self._lock:
            self._read()
            return self._kept.get(key)

    def book(self, booking: Booking, fits: Fits | None) -> str | None:
        with self._lock:
            self._read()
            if fits is not None:
                held = sum((each.most for each in self._open.values()), Sum())
                if not fits(self._spent, held):
                    return None
            name = str(self._booked)
            self._write({"booked": name, **asdict(booking)})
            self._booked += 1
            self._open[name] = booking
            return name

    def settle(self, name: str, bill: Sum, kept: Kept | None) -> None:
        with self._lock:
            self._write({"settled": name, **asdict(bill), "kept": kept and asdict(kept)})
            self._count(Settled(self._open.pop(name), bill, kept))

    def release(self, name: str) -> None:
        with self._lock:
            self._write({"released": name})
            del self._open[name]

    def _count(self, settled: Settled) -> None:
        self._spent += settled.bill
        if settled.kept is not None and settled.booking.key is not None:
            self._kept[settled.booking.key] = settled.kept

    def _write(self, line: dict[str, Any]) -> None:
        if self.path is not None:
            append_whole(self.path, json.dumps(line).encode() + b"\n")

    def _read(self) -> None:
        """Take up what the file holds, once."""
        if self._is_read or self.path is None:
            return
        found = written(self.path)
        if self.path.exists() and self.path.stat().st_size > found.end:
            os.truncate(self.path, found.end)
        for settled in [*found.settled, *in_full(found)]:
            self._count(settled)
        self._booked = found.booked
        self._is_read = True


def written(path: Path) -> Written:
    """What the file says, without a torn line at its end; raises DamagedJournal for another."""
    found = Written()
    for number, line in enumerate(whole_lines(path), start=1):
        try:
            found.take(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedJournal(path, number) from error
        found.end += len(line)
    return found


def in_full(found: Written) -> list[Settled]:
    """The bookings that a killed process left open, each at the most that it can have cost."""
    return [Settled(booking, booking.most, None) for booking in found.open.values()]


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines of the file, without a torn one at its end."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield line
