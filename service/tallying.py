"""What workers did since this process started, by the totals that they note in progress.

Workers are other processes. The differences between two looks at their rows are added up here, so
that no counter falls when a comparison is removed, and no table is needed.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from service.storage import UnitRow, Work
from service.store import WORDS, Store

SLACK = timedelta(minutes=1)
"""How far the clock of a worker's machine may be behind."""


class Tally:
    """`total` and `errors` (by kind, of failed work) grow with each look."""

    def __init__(self, store: Store) -> None:
        self.total: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._since = some_time_ago()
        with store.begin() as session:
            self._known = {row.id: counts for row, counts in self._moved(session)}

    def look(self, session: Session) -> None:
        """Take in what changed since the last look."""
        with self._lock:
            since = some_time_ago()
            known: dict[str, Counter[str]] = {}
            for row, counts in self._moved(session):
                before = self._known.get(row.id, Counter())
                # the greater of each: a worker that goes on with a unit counts anew
                known[row.id] = before | counts
                self.total += known[row.id] - before
                if row.state == "failed" and not before["ended"]:
                    self.errors[kind_of(row)] += 1
            self._known, self._since = known, since

    def _moved(self, session: Session) -> Iterator[tuple[Work, Counter[str]]]:
        """What is not finished, or was not at the last look, with its totals."""
        for table in WORDS:
            moved = table.state.in_(("queued", "running")) | (table.finished_at >= self._since)
            again = (
                sa.select(UnitRow.work, sa.func.sum(UnitRow.attempts - 1))
                .join(table, table.id == UnitRow.work)
                .where(moved, UnitRow.attempts > 1)
                .group_by(UnitRow.work)
            )
            retries = dict(session.execute(again).tuples().all())
            for row in session.scalars(sa.select(table).where(moved)):
                yield row, counts_of(row, retries.get(row.id, 0))


def counts_of(row: Work, retries: int) -> Counter[str]:
    """The totals in a row's progress, and how often its units were begun once more; `ended` tells
    an ended one that was seen."""
    seen = Counter(ended=int(row.finished_at is not None), retries=retries)
    return seen + Counter(row.progress.get("counts", {}))


def kind_of(row: Work) -> str:
    """The last word of the problem that a failed row gives as its error."""
    return str((row.error or {}).get("type", "unexpected")).rsplit(":", 1)[-1]


def some_time_ago() -> str:
    return (datetime.now(UTC) - SLACK).isoformat(timespec="milliseconds")
