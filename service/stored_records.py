"""The records of a comparison in the database: what its units store, and what is read of them.

The records that are stored together are one row. They are read by the unit that stored them, in
the order of the run, and within a unit as they were stored: the same, whoever was quicker.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain, count, islice
from pathlib import Path

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.orm import Session

from benchmarks.journal import JOURNAL, Journal, line_of
from benchmarks.records import (
    RECORD,
    OutcomeRecord,
    Record,
    RunRecord,
    SetupRecord,
)
from service.counting import Counting, Counts
from service.database import patiently
from service.errors import DamagedRecords
from service.settings import Settings
from service.storage import RecordsRow, UnitRow
from service.store import Store

PAGE = 100
"""Rows that are read at a time: a row holds a batch of answers, so a few MB at most."""
TAKEN_OVER = 500
"""Records of a file that come into one row."""
SETUP = '"record":"setup"'
"""How the few rows are found that tell of a setup; in a text the quotes would be escaped."""
Stored = sa.Row[int, int, str]
"""The unit, the id and the lines of a row."""
Begin = Callable[[], AbstractContextManager[Session]]
Fetch = Callable[[sa.Select[int, int, str]], Sequence[Stored]]
Guard = Callable[[Session], None]
"""Raises where the unit is another worker's by now, and keeps it until the transaction ends."""


class StoredRecords:
    """The records that one unit reads and appends to: `benchmarks.journal.Records`.

    `seen` are the positions of the units whose records it reads; None for all. `counts` is of what
    this unit stored, from the first reading on; another thread may read it. While the database is
    away every method waits. Where another worker has the unit, append raises what `guard` does.
    """

    def __init__(
        self,
        begin: Begin,
        guard: Guard,
        work: str,
        position: int,
        seen: Collection[int] | None = None,
    ) -> None:
        self._begin = begin
        self._guard = guard
        self._work = work
        self._position = position
        self._seen = seen
        self._counting: Counting | None = None
        self._newest = 0
        self._fruitful = False
        self.counts = Counts()

    def __iter__(self) -> Iterator[Record]:
        """The records that `read` returns, one after the other, none of them kept."""
        return (record for row in self._rows() for record in _records(self._work, row))

    def mend(self) -> list[Record]:
        """As `read`: nothing is ever stored by half."""
        return self.read()

    def read(self) -> list[Record]:
        """Every record that is seen, in order. Raises DamagedRecords."""
        counting, newest = Counting(), 0
        found: list[Record] = []
        for row in self._rows():
            records = _records(self._work, row)
            found.extend(records)
            if row.unit == self._position:
                newest = row.id
                for record in records:
                    counting.take(record)
            else:
                for record in records:
                    if isinstance(record, RunRecord):
                        counting.price(record)
        self._counting, self._newest, self.counts = counting, newest, counting.counts()
        return found

    def append(self, records: Sequence[Record]) -> None:
        """Store all of them or none; they are safe once it returns."""
        if not records:
            return
        if self._counting is None:
            self.read()
        assert self._counting is not None
        found = any(isinstance(one, OutcomeRecord) and one.state == "ok" for one in records)
        first = found and not self._fruitful
        lines, tries = _lines_of(records), count()
        self._newest = patiently(
            lambda: self._store(lines, fruitful=first, once_more=next(tries) > 0)
        )
        self._fruitful = self._fruitful or found
        for record in records:
            self._counting.take(record)
        self.counts = self._counting.counts()

    def take_over(self, path: Path) -> None:
        """Store what an older version left in a file, unless it was taken over before: as this
        unit's, which every other one sees, in the order in which it was done.

        Raises DamagedJournal.
        """
        if path.exists():
            patiently(lambda: self._take_over(Journal(path)))
            self._counting = None  # to be read anew

    def _rows(self) -> Iterator[Stored]:
        return _rows(
            lambda query: patiently(lambda: _fetch(self._begin, query)), self._work, self._seen
        )

    def _store(self, lines: str, *, fruitful: bool, once_more: bool) -> int:
        """The id of the new row; where it is tried `once_more`, of the one that an earlier try has
        stored, if only its answer was lost. With `fruitful` earlier starts are no longer counted
        against the unit."""
        with self._begin() as session:
            self._guard(session)
            newer = (
                RecordsRow.work == self._work,
                RecordsRow.unit == self._position,
                RecordsRow.id > self._newest,
                RecordsRow.lines == lines,
            )
            stored = sa.select(RecordsRow.id).where(*newer)
            if once_more and (before := session.scalar(stored)) is not None:
                return before
            if fruitful:
                mine = (UnitRow.work == self._work, UnitRow.position == self._position)
                session.execute(sa.update(UnitRow).where(*mine).values(fruitless=0))
            return self._add(session, lines)

    def _take_over(self, journal: Journal) -> None:
        with self._begin() as session:
            self._guard(session)
            if session.scalar(sa.select(sa.exists().where(RecordsRow.work == self._work))):
                return
            for lines in _parts(journal):
                self._add(session, lines)

    def _add(self, session: Session, lines: str) -> int:
        row = sa.insert(RecordsRow).values(work=self._work, unit=self._position, lines=lines)
        return session.connection().execute(row.returning(RecordsRow.id)).scalar_one()


def records_of(store: Store, settings: Settings, comparison: str) -> list[Record]:
    """All records of a comparison; those in its folder where an older version made it.

    Empty where there are none. Raises DamagedRecords, and DamagedJournal of a file.
    """
    rows = _rows(lambda query: _fetch(store.begin, query), comparison)
    found = [record for row in rows for record in _records(comparison, row)]
    return found or _file_of(settings, comparison).read()


def lines_of(store: Store, settings: Settings, comparison: str) -> Iterator[str]:
    """The lines of the journal that the records of a comparison make, a page at a time; no
    transaction stays open in between. What is stored after the first page is left out, so that
    nothing is there without all that came before it.

    Raises NotFound where the comparison was removed meanwhile, and DamagedJournal of a file.
    """
    newest = _newest(store, comparison)
    if newest is None:
        yield from _parts(_file_of(settings, comparison))
    else:
        query = _ordered(comparison).where(RecordsRow.id <= newest)
        for page in _pages(lambda query: _fetch(store.begin, query), query):
            yield "".join(row.lines for row in page)
    store.comparison(comparison, None)  # else a part would look like the whole


def setup_of(
    store: Store, settings: Settings, comparison: str, strategy: str
) -> SetupRecord | None:
    """The last setup of a strategy. Raises as `setups_of`."""
    mine = [one for one in setups_of(store, settings, comparison) if one.strategy == strategy]
    return mine[-1] if mine else None


def setups_of(store: Store, settings: Settings, comparison: str) -> list[SetupRecord]:
    """All setups in order, found without reading the answers. Raises as `records_of`."""
    tells = _ordered(comparison).where(RecordsRow.lines.contains(SETUP, autoescape=True))
    told: Iterable[Record] = [
        record for row in _fetch(store.begin, tells) for record in _records(comparison, row)
    ] or _file_of(settings, comparison)
    return [one for one in told if isinstance(one, SetupRecord)]


def _file_of(settings: Settings, comparison: str) -> Journal:
    return Journal(settings.comparison_folder(comparison) / JOURNAL)


def _newest(store: Store, comparison: str) -> int | None:
    """The id of the row that was stored last."""
    query = sa.select(sa.func.max(RecordsRow.id)).where(RecordsRow.work == comparison)
    with store.begin() as session:
        return session.scalar(query)


def _parts(journal: Journal) -> Iterator[str]:
    """The lines of a file, as many at a time as come into one row. Raises DamagedJournal."""
    records = iter(journal)
    while part := list(islice(records, TAKEN_OVER)):
        yield _lines_of(part)


def _lines_of(records: Sequence[Record]) -> str:
    return b"".join(map(line_of, records)).decode()


def _ordered(work: str) -> sa.Select[int, int, str]:
    query = sa.select(RecordsRow.unit, RecordsRow.id, RecordsRow.lines)
    return query.where(RecordsRow.work == work).order_by(RecordsRow.unit, RecordsRow.id)


def _rows(fetch: Fetch, work: str, seen: Collection[int] | None = None) -> Iterator[Stored]:
    query = _ordered(work)
    if seen is not None:
        query = query.where(RecordsRow.unit.in_(seen))
    return chain.from_iterable(_pages(fetch, query))


def _pages(fetch: Fetch, query: sa.Select[int, int, str]) -> Iterator[Sequence[Stored]]:
    """The rows in order, a page at a time: no transaction stays open between two of them."""
    query = query.limit(PAGE)
    page = fetch(query)
    while page:
        yield page
        last = sa.tuple_(sa.literal(page[-1].unit), sa.literal(page[-1].id))
        page = fetch(query.where(sa.tuple_(RecordsRow.unit, RecordsRow.id) > last))


def _fetch(begin: Begin, query: sa.Select[int, int, str]) -> Sequence[Stored]:
    with begin() as session:
        return session.execute(query).all()


def _records(work: str, row: Stored) -> list[Record]:
    try:
        return [RECORD.validate_json(line) for line in row.lines.split("\n") if line]
    except ValidationError as error:
        raise DamagedRecords(work, row.id) from error
