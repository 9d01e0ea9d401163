"""What owners agreed to pay hosted models this month, held against the limit of their key.

What counts is `spend_at_most_usd` of all work that was quoted at something, or `accept_cost_usd`
where no such limit is set: the most that was agreed to and not what was billed, which is known only
later and may be less. So starting much at once finds no more room than there is, and removing work
gives nothing back.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from service.errors import OverBudget
from service.keys import Caller
from service.shapes import NewComparison, NewForecast
from service.storage import AgreedRow, KeyRow, Work, now

ROUNDING = 1e-9
Asked = TypeVar("Asked", NewComparison, NewForecast)


def agree(session: Session, caller: Caller, work: str, usd: float) -> None:
    """Book `usd` for a new piece of work; raises OverBudget. Nothing is booked without a key."""
    if caller.owner is None or caller.limits is None or usd <= 0:
        return
    # a write, so that two requests at once do not both find room for one
    mine = sa.update(KeyRow).where(KeyRow.name == caller.owner).values(name=KeyRow.name)
    session.execute(mine)
    agreed = agreed_this_month(session, caller.owner)
    if agreed + usd > caller.limits.usd_per_month + ROUNDING:
        raise OverBudget(usd, agreed, caller.limits.usd_per_month)
    session.add(AgreedRow(id=work, owner=caller.owner, usd=usd, created_at=now()))


def at_most(quoted: float, options: NewComparison | NewForecast) -> float:
    """US dollars that work quoted at `quoted` may cost by what its options agree to."""
    if options.spend_at_most_usd is not None:
        return options.spend_at_most_usd
    return max(quoted, options.accept_cost_usd or 0.0)


def bounded(quoted: float, options: Asked, caller: Caller) -> Asked:
    """The options with a limit where the caller's key has one: a quote may prove too low."""
    if not quoted or caller.limits is None:
        return options
    return options.model_copy(update={"spend_at_most_usd": at_most(quoted, options)})


def agreed_this_month(session: Session, owner: str) -> float:
    """US dollars since the month began, in UTC."""
    month = datetime.now(UTC).strftime("%Y-%m")
    query = sa.select(sa.func.sum(AgreedRow.usd)).where(
        AgreedRow.owner == owner, AgreedRow.created_at >= month
    )
    return float(session.scalar(query) or 0.0)


def give_back(begin: Callable[[], AbstractContextManager[Session]], row: Work) -> None:
    """Where work was cancelled before it began, nothing was spent."""
    if row.state == "cancelled" and row.started_at is None:
        with begin() as session:
            session.execute(sa.delete(AgreedRow).where(AgreedRow.id == row.id))
