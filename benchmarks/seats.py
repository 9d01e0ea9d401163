"""Where strategies are measured, noted where that is not the run's own machine alone.

Several workers may share a run, each on a machine of its own or side by side on one. What a
strategy takes is then no longer measured as that of the others, and its records have to say so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

from benchmarks.costs import PriceList
from benchmarks.environment import gpu_name, read_hardware
from benchmarks.journal import Records
from benchmarks.records import (
    BatchRecord,
    Hardware,
    LatencyRecord,
    Record,
    RunRecord,
    SeatRecord,
    SetupRecord,
)

Timed = SetupRecord | BatchRecord | LatencyRecord
Machine = tuple[str, int, str | None]
"""What tells two machines apart: CPU, cores, GPU. Of the same kind they compare."""


def machine_of(hardware: Hardware) -> Machine:
    return hardware.cpu, hardware.cores, hardware.gpu


def is_timed(record: Record) -> bool:
    """Whether time was measured for it: one that does not fit, or broke, took none."""
    return isinstance(record, Timed) and getattr(record, "status", "completed") == "completed"


def as_seen(here: Hardware, run: RunRecord, *, torch: bool) -> Hardware:
    """This machine beside that of a run. Without `torch` nobody sees a GPU, neither here nor where
    a run of hosted models began: it is then taken to be the same."""
    there = run.environment.gpu
    blind = there is None and all(model.hosted for model in run.models)
    return here.model_copy(update={"gpu": there}) if blind or not torch else here


class SeatedRecords:
    """The records of a run that say where they were measured, around whatever stores them.

    `beside` counts the other work on this machine at the moment. It is asked at each `look` and
    before anything is stored; what counts is the most since the strategy's last records.
    """

    def __init__(
        self,
        journal: Records,
        run: RunRecord,
        prices: PriceList,
        beside: Callable[[], int],
        before: Iterable[Record] = (),
    ) -> None:
        self._journal = journal
        self._run = run
        self._prices = prices
        self._beside = beside
        self._most = 0
        self._noted: dict[str, SeatRecord] = {}
        self._note(before)

    def read(self) -> list[Record]:
        return self._journal.read()

    def __iter__(self) -> Iterator[Record]:
        return iter(self._journal)

    def mend(self) -> list[Record]:
        found = self._journal.mend()
        self._note(found)
        return found

    def append(self, records: Sequence[Record]) -> None:
        """Store them, behind the seats that they were measured on where these are news."""
        seats = self._news(records)
        self._journal.append([*seats, *records])
        self._note(seats)

    def look(self) -> None:
        """See what else runs on this machine."""
        self._most = max(self._most, self._beside())

    def _note(self, records: Iterable[Record]) -> None:
        self._noted |= {row.strategy: row for row in records if isinstance(row, SeatRecord)}

    def _news(self, records: Sequence[Record]) -> list[SeatRecord]:
        names = dict.fromkeys(str(row.strategy) for row in records if is_timed(row))  # type: ignore[union-attr]
        if not names:
            return []
        self.look()
        here, beside, self._most = self._here(), self._most, 0
        return [
            self._seat(name, here, beside)
            for name in names
            if self._is_news(self._noted.get(name), here, beside)
        ]

    def _is_news(self, last: SeatRecord | None, here: Hardware, beside: int) -> bool:
        known = last or self._run.environment
        return machine_of(here) != machine_of(known) or beside > (last.beside if last else 0)

    def _seat(self, strategy: str, here: Hardware, beside: int) -> SeatRecord:
        name = self._prices.machine_for(cores=here.cores, gpu=here.gpu is not None)
        price = self._prices.host(name).model_dump(mode="json")
        return SeatRecord(**here.model_dump(), strategy=strategy, beside=beside, price=price)

    def _here(self) -> Hardware:
        here = self._hardware.model_copy(update={"gpu": gpu_name()})
        return as_seen(here, self._run, torch="torch" in sys.modules)

    @cached_property
    def _hardware(self) -> Hardware:
        return read_hardware()
