"""Bookings in the database: one book for a whole comparison or forecast, whoever does its units.

What is spent stands in a row of its own. Whoever books where there is a limit has that row to
himself until the booking is stored, so that several workers never pass it together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from benchmarks.errors import Cancelled
from service.database import patiently
from service.file_book import in_full, written
from service.ledger import Booking, Fits, Sum, kept_from
from service.storage import PaymentRow, SpentRow
from strategies.models.account import Kept

Insert = postgresql.Insert | sqlite.Insert
INSERT: dict[str, Callable[[type[SpentRow]], Insert]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}
Result = TypeVar("Result")


class TableBook:
    """The book of one piece of work, as the worker of its `unit` (a position) writes it.

    `guard` is asked before each booking and raises where the unit is another worker's by now. A
    database that is away is waited for, until `cancelled` says to stop; a booking that stays open
    by that, or with a killed worker, is closed by `settle_open`.
    """

    def __init__(
        self,
        begin: Callable[[], AbstractContextManager[Session]],
        guard: Callable[[Session], None],
        work: str,
        unit: int,
        cancelled: Callable[[], bool],
    ) -> None:
        self.work = work
        self.unit = unit
        self._begin = begin
        self._guard = guard
        self._cancelled = cancelled
        self._lock = threading.RLock()
        self._open: set[int] = set()

    @property
    def spent(self) -> Sum:
        return self._stored(lambda session, _: spent(session, self.work))

    def recall(self, key: str) -> Kept | None:
        mine = (PaymentRow.work == self.work, PaymentRow.key == key, PaymentRow.kept.is_not(None))
        query = sa.select(PaymentRow.kept).where(*mine).order_by(PaymentRow.id).limit(1)
        found = self._stored(lambda session, _: session.scalar(query))
        return kept_from(found) if found else None

    def book(self, booking: Booking, fits: Fits | None) -> str | None:
        def open_it(session: Session, tries: int) -> int | None:
            self._guard(session)
            if tries > 1:
                self._strike_unknown(session)
            if fits is not None and not fits(
                add(session, self.work, Sum()), held(session, self.work)
            ):
                return None
            row = sa.insert(PaymentRow).values(
                work=self.work,
                unit=self.unit,
                key=booking.key,
                model=booking.model,
                state="booked",
                usd=booking.most.usd,
                tokens=booking.most.tokens,
            )
            return session.connection().scalar(row.returning(PaymentRow.id))

        with self._lock:
            name = self._stored(open_it)
            if name is None:
                return None
            self._open.add(name)
            return str(name)

    def settle(self, name: str, bill: Sum, kept: Kept | None) -> None:
        """Whatever was counted for it before: one that was given up, and closed in full for that,
        is corrected by the bill that came after all."""

        def close(session: Session, _: int) -> None:
            told = {"state": "settled", "usd": bill.usd, "tokens": bill.tokens}
            told["kept"] = asdict(kept) if kept else None
            mine = sa.update(PaymentRow).where(PaymentRow.id == int(name)).values(told)
            is_open = mine.where(PaymentRow.state == "booked")
            if session.connection().execute(is_open).rowcount:
                add(session, self.work, bill)
                return
            row = session.get(PaymentRow, int(name), with_for_update=True)
            if row is not None:  # else the work is removed
                before = counted(row)
                session.connection().execute(mine)
                add(session, self.work, bill - before)

        self._stored(close)
        self._open.discard(int(name))

    def release(self, name: str) -> None:
        def strike(session: Session, _: int) -> None:
            row = session.get(PaymentRow, int(name), with_for_update=True)
            if row is not None:
                before = counted(row)
                session.delete(row)
                session.flush()
                add(session, self.work, Sum() - before)

        self._stored(strike)
        self._open.discard(int(name))

    def _strike_unknown(self, session: Session) -> None:
        """A booking that was stored, though the word of it was lost on the way: nobody sent what it
        is for."""
        mine = (PaymentRow.work == self.work, PaymentRow.state == "booked")
        unknown = (PaymentRow.unit == self.unit, PaymentRow.id.not_in(self._open))
        session.execute(sa.delete(PaymentRow).where(*mine, *unknown))

    def _stored(self, action: Callable[[Session, int], Result]) -> Result:
        """What the action gives in a transaction of its own; it is told which try this is."""
        tries = 0

        def once() -> Result:
            nonlocal tries
            if tries and self._cancelled():
                raise Cancelled("stopped while the database was away; run again to continue.")
            tries += 1
            with self._begin() as session:
                return action(session, tries)

        with self._lock:
            return patiently(once)


def settle_open(session: Session, work: str, unit: int) -> None:
    """Count in full what the worker that had the unit left open: nobody knows what became of it.

    For the transaction that gives the unit out again, which has its row: nothing is booked for it
    meanwhile.
    """
    mine = (PaymentRow.work == work, PaymentRow.unit == unit, PaymentRow.state == "booked")
    close = sa.update(PaymentRow).where(*mine).values(state="settled")
    closed = session.execute(close.returning(PaymentRow.usd, PaymentRow.tokens)).all()
    if closed:
        add(session, work, sum((Sum(row.usd, row.tokens) for row in closed), Sum()))


def take_over(session: Session, work: str, unit: int, path: Path) -> None:
    """Take up the bookings that an older version left in the file at `path`, once. Raises
    DamagedJournal."""
    if session.get(SpentRow, work) is not None:
        return
    found = written(path)
    whole = [*found.settled, *in_full(found)]
    session.add_all(
        PaymentRow(
            work=work,
            unit=unit,
            key=each.booking.key,
            model=each.booking.model,
            state="settled",
            usd=each.bill.usd,
            tokens=each.bill.tokens,
            kept=each.kept and asdict(each.kept),
        )
        for each in whole
    )
    add(session, work, sum((each.bill for each in whole), Sum()))


def spent(session: Session, work: str) -> Sum:
    """What is settled for a piece of work."""
    row = session.get(SpentRow, work)
    return Sum(row.usd, row.tokens) if row else Sum()


def held(session: Session, work: str) -> Sum:
    """What open bookings hold."""
    sums = sa.func.sum(PaymentRow.usd), sa.func.sum(PaymentRow.tokens)
    mine = (PaymentRow.work == work, PaymentRow.state == "booked")
    usd, tokens = session.execute(sa.select(*sums).where(*mine)).one()
    return Sum(usd or 0.0, tokens or 0)


def add(session: Session, work: str, more: Sum) -> Sum:
    """Add to what is spent, and give it; nobody else adds or books until the transaction ends."""
    row = INSERT[session.get_bind().dialect.name](SpentRow).values(
        work=work, usd=more.usd, tokens=more.tokens
    )
    usd, tokens = SpentRow.usd + row.excluded.usd, SpentRow.tokens + row.excluded.tokens
    grown = row.on_conflict_do_update(
        index_elements=[SpentRow.work], set_={"usd": usd, "tokens": tokens}
    ).returning(SpentRow.usd, SpentRow.tokens)
    return Sum(*session.connection().execute(grown).one())


def counted(row: PaymentRow) -> Sum:
    """What a booking adds to what is spent: nothing while it is open."""
    return Sum(row.usd, row.tokens) if row.state == "settled" else Sum()
