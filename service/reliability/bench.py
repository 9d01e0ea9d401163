"""The parts of `tuneworth bench reliability`, and what each is handed."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from benchmarks.speed.checks import BenchCheck
from benchmarks.speed.sheet import Measurement, Sheet
from strategies.errors import UnknownName

SCHEMA = "tuneworth.reliability/1"


@dataclass(frozen=True)
class Bench:
    """`place` is an empty folder that is removed afterwards. What `sheet` has is not done again:
    a benchmark that was stopped goes on. `quick` is for CI: the same in small. `say` tells a
    person how far it is."""

    place: Path
    quick: bool
    sheet: Sheet
    say: Callable[[str], None]


class Part(Protocol):
    """A module with these names is a part. Its measurements bear the part's name as `piece`."""

    COVERS: str

    def measure(self, bench: Bench) -> None:
        """Do what the sheet does not have yet."""
        ...

    def checks(self, rows: Sequence[Measurement], *, quick: bool) -> list[BenchCheck]:
        """The figures of its measurements."""
        ...


PARTS: dict[str, str] = {
    "attacks": "service.reliability.attacks.part",
    "endpoint": "service.reliability.endpoint",
    "fuzzing": "service.reliability.fuzzing",
    "hindrances": "service.reliability.hindrances",
    "kills": "service.reliability.kills",
    "polling": "service.reliability.polling",
    "secrets": "service.reliability.secrets",
    "stored": "service.reliability.stored",
    "workers": "service.reliability.workers",
}
"""Name and module of each part, in the order they are done; it loads when it is asked for."""


def part_named(name: str) -> Part:
    """Raises UnknownName."""
    if name not in PARTS:
        raise UnknownName("part of the benchmark", name, list(PARTS))
    return cast(Part, import_module(PARTS[name]))


def measure_parts(names: Sequence[str], bench: Bench) -> list[BenchCheck]:
    """Do the parts one after the other; the figures of all of them."""
    parts = {name: part_named(name) for name in names}
    found: list[BenchCheck] = []
    for name, part in parts.items():
        bench.say(f"{name}: {part.COVERS}")
        part.measure(bench)
        rows = [row for row in bench.sheet.measurements if row.piece == name]
        found += part.checks(rows, quick=bench.quick)
    return found


@contextmanager
def ended_when_told() -> Iterator[None]:
    """SIGTERM ends what runs in the context as an error would: what was started for it, or mounted,
    goes with it."""

    def end(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
