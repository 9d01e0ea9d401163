"""Whose turn it is: owners share the workers by time, whoever came with how much work at once.

Every unit gets a tag when it is queued, and the least tag goes first. It is the time at which the
owner's line has used what the unit is quoted at, on a clock that runs with what is served: so an
owner with one unit waits for one of each other owner, and not for all that they have queued. The
clock stands where the unit stands that was begun last (start-time fair queueing: Goyal, Vin and
Cheng, SIGCOMM 1996; with finish times as tags: Golestani, INFOCOM 1994). Time that nobody else
wanted is not held against anybody: where all is idle, the clock begins anew.
"""

from typing import get_args

import sqlalchemy as sa
from sqlalchemy.orm import Session

from service.orders import Queue
from service.shapes import Priority
from service.storage import UnitRow, Work

BANDS = {name: band for band, name in enumerate(get_args(Priority))}
"""Units of a lower band go first, however long others have waited."""
BAND_SIZE = 700_000_000
"""Tags of a band, in seconds: 22 years. Three bands are what the job engine's priorities hold."""


def band_of(row: Work) -> int:
    """By its option `priority`; work of an older version has none."""
    return BANDS[row.options.get("priority", "normal")]


def flow_of(row: Work) -> str:
    """Whose line it stands in: its owner's, or where there are no owners one of its own."""
    return row.owner or row.id


def cost_of(seconds: float) -> int:
    """What a unit counts, by the seconds it is quoted at: 1 at least, so that lines advance."""
    return int(min(max(1.0, seconds), BAND_SIZE))


def tag_after(begun: int | None, waiting: int | None, mine: int | None, cost: int) -> int:
    """The tag of a new unit: `begun` is the last one begun, `waiting` the first that waits, `mine`
    the last of the same flow; None where there is none."""
    served = begun if begun is not None else waiting or 0
    return min(max(served, mine or 0) + cost, BAND_SIZE - 1)


def next_tag(session: Session, unit: UnitRow) -> int:
    """The tag of a unit that is to be queued, in its queue and band."""
    state, tag = UnitRow.state, UnitRow.tag
    query = sa.select(
        sa.func.max(sa.case((state == "running", tag))),
        sa.func.min(sa.case((state == "queued", tag))),
        sa.func.max(sa.case((UnitRow.flow == unit.flow, tag))),
    ).where(
        state.in_(("queued", "running")), UnitRow.queue == unit.queue, UnitRow.band == unit.band
    )
    begun, waiting, mine = session.execute(query).one()
    return tag_after(begun, waiting, mine, unit.cost)


def rank_of(unit: UnitRow) -> int:
    """Its priority for the job engine, from 1; lower goes first."""
    return 1 + unit.band * BAND_SIZE + unit.tag


def queue_for(computes: bool, living: frozenset[str]) -> Queue:
    """Where a unit waits: what a model runs for goes to a GPU where a worker has one. `living` are
    the queues that workers take from."""
    if "gpu" in living and (computes or "cpu" not in living):
        return "gpu"
    return "cpu"
