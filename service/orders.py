"""What a worker hands to whoever computes: a part of a comparison or a forecast, what it stores its
records in, and where to write; and what it is told that comes next."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.journal import Records
from benchmarks.placing import Shelf
from service.progress import ForecastBoard, ProgressBoard
from strategies.models.account import Account

BEGIN, RACE, FINISH, FORECAST = ":begin", ":race", ":finish", ":forecast"
"""Names of units that are no strategy: no strategy's id begins so."""
Queue = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Planned:
    """A unit that is to be done: a strategy's id, or RACE. `seconds` it is quoted at; `computes`: a
    model runs on the worker's own machine for it."""

    name: str
    seconds: float = 0.0
    computes: bool = False


@dataclass(frozen=True)
class Next:
    """What follows from a unit. `units` in the order of the run, from BEGIN; who is `over`, from
    RACE; and from FINISH who is to be taken `again` before it is done once more."""

    units: tuple[Planned, ...] = ()
    over: frozenset[str] = frozenset()
    again: tuple[str, ...] = ()


@dataclass(frozen=True)
class Order:
    """One unit to be done: `name` says which, of the comparison or forecast with the id `work`,
    whose are the `options`.

    `folder` is an empty folder of this machine that is gone afterwards; the reports and findings
    that are left in it are kept. `seconds` is what was computed for this work so far, in all its
    units. `results` is the folder of what comparisons of the task may reuse; None for computing
    all. `over`: a race stopped this strategy. `beside` counts other units at work on this machine.
    """

    work: str
    name: str
    spec: dict[str, Any]
    options: dict[str, Any]
    folder: Path
    records: Records
    shelf: Shelf
    account: Account
    board: ProgressBoard | ForecastBoard
    cancelled: Callable[[], bool]
    results: Path | None = None
    over: bool = False
    seconds: float = 0.0
    beside: Callable[[], int] = field(default=lambda: 0)


Compute = Callable[[Order], Next]
"""Does the unit, and goes on where an earlier call stopped. FINISH and FORECAST write their three
forms into the folder. Raises benchmarks.errors.Cancelled when told to stop."""
