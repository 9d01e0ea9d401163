"""Files that nobody will ask for: what a killed or given up dispatch left of a comparison that has
ended, and what a worker that was given up has stored of work that was removed meanwhile.

What belongs to a row that has ended is told by its setup records, which are final then. What has no
row is touched only where this database remembers that it removed it (`storage.RemovalRow`): the
same store may hold what another one knows, or one that was restored or put in this one's place.
"""

import logging
from datetime import datetime
from pathlib import PurePosixPath

from benchmarks.errors import DamagedJournal
from benchmarks.placing import ARTIFACTS
from service.alive import clock
from service.database import reason_of
from service.errors import DamagedRecords, StoreAway
from service.files import PART, Found, key_of
from service.services import Services
from service.shelf import ENDING, PLACE
from service.storage import ComparisonRow, Work
from service.store import ID, WORDS
from service.stored_records import setups_of

PART_SECONDS = 3600.0
"""A half-written file that was not changed for so long is not being written any more."""
logger = logging.getLogger("tuneworth")


class Orphans:
    """Clears them away, as often as it is told to. It remembers what it found in order, so that
    the records of what has ended are not read each time."""

    def __init__(self, at: Services) -> None:
        self._at = at
        self._in_order: dict[str, frozenset[str]] = {}

    def clear(self) -> None:
        """What cannot be cleared now is left to the next time."""
        in_order: dict[str, frozenset[str]] = {}
        for table in WORDS:
            try:
                found = self._by_work(table)
            except StoreAway as error:
                logger.warning(
                    "What nobody asks for is not cleared away yet: %s.", reason_of(error)
                )
                continue
            ended = self._at.store.ended_among(list(found), table)
            removed = self._at.store.removed_among(list(found), table)
            for work, files in found.items():
                try:
                    if work in removed:
                        self._at.files.remove(f"{table.__tablename__}/{work}")
                    elif work in ended:
                        in_order[work] = self._tidy(table, work, ended[work], files)
                except (OSError, StoreAway, DamagedJournal, DamagedRecords) as error:
                    logger.warning("%s is not tidied: %s.", work, reason_of(error))
        self._in_order = in_order

    def _by_work(self, table: type[Work]) -> dict[str, list[Found]]:
        """What lies in the store and in the data folder, by the id that begins its key."""
        found: dict[str, list[Found]] = {}
        for one in self._at.files.below(table.__tablename__):
            work = one.key.split("/")[1]
            if ID.fullmatch(work):
                found.setdefault(work, []).append(one)
        return found

    def _tidy(self, table: type[Work], work: str, ended: str, files: list[Found]) -> frozenset[str]:
        """Remove what is no part of work that ended then (ISO 8601, UTC); its artefacts that are
        left."""
        with self._at.store.begin() as session:
            long_ago = clock(session) - PART_SECONDS
        for one in files:
            changed = one.changed or datetime.fromisoformat(ended).timestamp()
            if one.key.endswith(PART) and changed < long_ago:
                self._at.files.remove(one.key)
        if table is not ComparisonRow:
            return frozenset()
        start = key_of(table.__tablename__, work, f"{ARTIFACTS}/")
        there = frozenset(
            one.key for one in files if one.key.startswith(start) and not one.key.endswith(PART)
        )
        if not there or self._in_order.get(work) == there:
            return there
        setups = setups_of(self._at.store, self._at.settings, work)
        named = {
            key_of(table.__tablename__, work, one.artifact)
            for one in setups
            if one.artifact is not None
        }
        orphans = {
            key
            for key in there
            if not _is_named(key, named)
            # only records tell what older versions left there, whose names have no numbers
            and (setups or PLACE.fullmatch(key.removeprefix(start).split("/")[0]))
        }
        kept = there - orphans
        for place in {_largest(key, start, kept) for key in orphans}:
            self._at.files.remove(place)
        return kept


def _is_named(key: str, named: set[str]) -> bool:
    """Whether it is the zip of an artefact, or lies in the folder of one."""
    return key.removesuffix(ENDING) in named or any(
        str(folder) in named for folder in PurePosixPath(key).parents
    )


def _largest(key: str, start: str, kept: frozenset[str]) -> str:
    """The folder of a dispatch below `start`, where nothing in it is kept; else the key alone."""
    folder = start + key.removeprefix(start).split("/")[0]
    return key if any(each.startswith(f"{folder}/") for each in kept) else folder
