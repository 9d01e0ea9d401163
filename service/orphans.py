"""Files that nobody will ask for: what a killed or given up dispatch left of a comparison that has
ended, and what a worker that was given up has stored of work that was removed meanwhile.

Only folders of work are looked at that this database knows to have ended, and each of them once;
or that it remembers to have removed (`storage.RemovalRow`): the same store may hold what another
one knows, or one that was restored or put in this one's place.
"""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from benchmarks.errors import DamagedJournal
from benchmarks.placing import ARTIFACTS
from service.alive import clock
from service.database import reason_of
from service.errors import DamagedRecords, StoreAway
from service.files import OUR_ERRORS, PART, key_of
from service.services import Services
from service.shelf import ENDING, PLACE
from service.storage import ComparisonRow, Work
from service.store import WORDS
from service.stored_records import setups_of

SECONDS = 3600.0
"""Who was given up when work ended has stored by then what it was about to; and a half-written file
that was not changed for so long is not being written any more."""
LOOK_AGAIN = timedelta(days=1)
"""How often it is looked after the files of what was removed."""
TROUBLES = (OSError, StoreAway, DamagedJournal, DamagedRecords, *OUR_ERRORS)
"""What one piece of work may give: what others put into its folder may have any name."""
logger = logging.getLogger("tuneworth")


class Orphans:
    """Clears them away, as often as it is told to. Workers may do so at once: each removes what it
    has found itself, and nobody minds what is gone."""

    def __init__(self, at: Services) -> None:
        self._at = at
        self._troubles: set[str] = set()

    def clear(self) -> None:
        """What cannot be cleared now is left to the next time, and told once. Raises what the
        database does."""
        with self._at.store.begin() as session:
            long_ago = clock(session) - SECONDS
        before = datetime.fromtimestamp(long_ago, UTC).isoformat(timespec="milliseconds")
        lately = (datetime.now(UTC) - LOOK_AGAIN).isoformat(timespec="milliseconds")
        for table in WORDS:
            removed = self._at.store.removals(table, lately)
            # asked before anything of it is listed or read: what has ended never goes on, so that
            # its records are final
            ended = self._at.store.untidied(table, before)
            # those that made trouble come last, and hold up no other
            for work in sorted([*removed, *ended], key=self._troubles.__contains__):
                try:
                    if work in removed:
                        self._at.files.remove(f"{table.__tablename__}/{work}")
                        self._at.store.looked_after(table, work)
                    elif self._tidy(table, work, long_ago):
                        self._at.store.tidied(table, work)
                    self._troubles.discard(work)
                except TROUBLES as error:
                    if work not in self._troubles:
                        logger.warning("%s is not tidied yet: %s.", work, reason_of(error))
                    self._troubles.add(work)
                    if isinstance(error, StoreAway):
                        break

    def _tidy(self, table: type[Work], work: str, long_ago: float) -> bool:
        """Remove what is no part of work that ended `long_ago` (seconds of the epoch); whether
        nothing is left that may have to go."""
        start = key_of(table.__tablename__, work, f"{ARTIFACTS}/")
        files = list(self._at.files.below(f"{table.__tablename__}/{work}"))
        parts = [one for one in files if one.key.endswith(PART)]
        old = [one for one in parts if one.changed is None or one.changed < long_ago]
        for one in old:
            self._at.files.remove_file(one.key)
        if table is ComparisonRow:
            whole = (one.key for one in files if not one.key.endswith(PART))
            there = [key for key in whole if key.startswith(start)]
            for key in self._unnamed(work, there, start) if there else ():
                self._at.files.remove_file(key)
        return len(old) == len(parts)

    def _unnamed(self, work: str, there: list[str], start: str) -> list[str]:
        """Those of the keys, all below `start`, that no record of the comparison names."""
        setups = setups_of(self._at.store, self._at.settings, work)
        named = {
            key_of(ComparisonRow.__tablename__, work, one.artifact)
            for one in setups
            if one.artifact is not None
        }
        return [
            key
            for key in there
            if not _is_named(key, named)
            # only records tell what older versions left there, whose names have no numbers
            and (setups or PLACE.fullmatch(key.removeprefix(start).split("/")[0]))
        ]


def _is_named(key: str, named: set[str]) -> bool:
    """Whether it is the zip of an artefact, or lies in the folder of one."""
    return key.removesuffix(ENDING) in named or any(
        str(folder) in named for folder in PurePosixPath(key).parents
    )
