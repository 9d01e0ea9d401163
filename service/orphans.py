"""Files that nobody will ask for: what a killed or given up dispatch left of a comparison that has
ended, and what a worker that was given up has stored of work that was removed meanwhile.

Only folders of work are looked at that this database knows to have ended, and each of them once;
or that it remembers to have removed (`storage.RemovalRow`): the same store may hold what another
one knows, or one that was restored or put in this one's place.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from benchmarks.errors import DamagedJournal
from benchmarks.placing import ARTIFACTS
from service.alive import clock
from service.database import is_cancelled, reason_of
from service.errors import DamagedRecords, StoreAway
from service.files import OUR_ERRORS, PART, key_of
from service.services import Services
from service.shelf import ENDING, PLACE
from service.storage import ComparisonRow, Work
from service.store import AT_A_TIME, ID, WORDS
from service.stored_records import setups_of

SECONDS = 3600.0
"""Who was given up when work ended has stored by then what it was about to; and a half-written file
that was not changed for so long is not being written any more."""
LOOK_AGAIN = timedelta(days=1)
"""How often it is looked after the files of what was removed."""
TOLD = (OSError, StoreAway, DamagedJournal, DamagedRecords)
"""What one piece of work may give of which a line of the log says all. `OUR_ERRORS` are mistakes of
the code, or come of a name that others gave a file in its folder."""
logger = logging.getLogger("tuneworth")


class Orphans:
    """Clears them away, as often as it is told to. Workers may do so at once: each removes what it
    has found itself, and nobody minds what is gone.

    The database says of which work somebody has looked through the store. What lies beside a store
    in the data folder of this machine is seen from here alone: each worker looks after that itself,
    and remembers of what has ended, as long as it lives, that it has.
    """

    def __init__(self, at: Services) -> None:
        self._at = at
        self._troubles: set[str] = set()
        self._tidied_here: set[str] = set()
        self._last: dict[str, str] = {}

    def clear(self, stop: threading.Event | None = None) -> None:
        """At most `AT_A_TIME` pieces of each kind of work, and none after `stop`. What cannot be
        cleared now is left to the next time, and told once. Raises what the database does, but
        where it cancels the statements of one piece of work."""
        with self._at.store.begin() as session:
            long_ago = clock(session) - SECONDS
        lately = (datetime.now(UTC) - LOOK_AGAIN).isoformat(timespec="milliseconds")
        for table in WORDS:
            here = self._here(table)
            self._clear_removed(table, here, lately, stop)
            self._clear_ended(table, here, long_ago, stop)

    def _here(self, table: type[Work]) -> list[str]:
        """The work of which something lies in the data folder, where the store is elsewhere."""
        if self._at.files.folder == self._at.settings.data.absolute():
            return []
        try:
            names = os.listdir(self._at.settings.data / table.__tablename__)
        except FileNotFoundError:
            return []
        return [name for name in names if ID.fullmatch(name)]

    def _clear_removed(
        self, table: type[Work], here: list[str], lately: str, stop: threading.Event | None
    ) -> None:
        """All files of what was removed, and not looked after since `lately`, or lies here."""
        store, queue = self._at.store, f"removed {table.__tablename__}"
        works = store.removals(table, lately, self._last.get(queue, ""))

        def clear(work: str) -> None:
            key = f"{table.__tablename__}/{work}"
            self._at.files.remove(key)
            self._at.files.require(key)
            store.looked_after(table, work)

        self._each(queue, [*works, *store.removed_among(table, here)], clear, stop)

    def _clear_ended(
        self, table: type[Work], here: list[str], long_ago: float, stop: threading.Event | None
    ) -> None:
        """What nobody asks for of work that ended before `long_ago` (seconds of the epoch)."""
        store, queue = self._at.store, f"ended {table.__tablename__}"
        before = datetime.fromtimestamp(long_ago, UTC).isoformat(timespec="milliseconds")
        here = [work for work in here if work not in self._tidied_here]
        # asked before anything of it is listed or read: what has ended never goes on, so that its
        # records are final
        works = store.untidied(table, before, self._last.get(queue, ""))

        def clear(work: str) -> None:
            if self._tidy(table, work, long_ago):
                self._at.files.require(f"{table.__tablename__}/{work}")
                store.tidied(table, work)
                self._tidied_here.add(work)

        self._each(queue, [*works, *store.ended_among(table, here, before)], clear, stop)

    def _each(
        self,
        queue: str,
        works: Iterable[str],
        clear: Callable[[str], None],
        stop: threading.Event | None,
    ) -> None:
        """Clear one after another, until the store is away; those behind the last one of the time
        before come first, so that one that makes trouble holds up no other."""
        last = self._last.get(queue, "")
        for work in sorted(set(works), key=lambda one: (one <= last, one))[:AT_A_TIME]:
            if stop is not None and stop.is_set():
                return
            self._last[queue] = work
            try:
                clear(work)
                self._troubles.discard(work)
            except Exception as error:
                if not isinstance(error, (*TOLD, *OUR_ERRORS)) and not is_cancelled(error):
                    raise
                if work not in self._troubles:
                    traced = isinstance(error, OUR_ERRORS)
                    message = "%s is not tidied yet: %s."
                    logger.warning(message, work, reason_of(error), exc_info=traced)
                self._troubles.add(work)
                if isinstance(error, StoreAway):
                    return

    def _tidy(self, table: type[Work], work: str, long_ago: float) -> bool:
        """Remove what is no part of work that ended `long_ago`; whether nothing is left that may
        have to go."""
        start = key_of(table.__tablename__, work, f"{ARTIFACTS}/")
        files = self._at.files.below(f"{table.__tablename__}/{work}")
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
