"""What clients watch: one task asks the database for all of it and hands out ready bytes.

However many clients poll or keep a stream open, the database is asked once every 0.25 s for the
revisions of everything that is watched, and then for the rows that changed.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
from litestar.concurrency import sync_to_thread
from sqlalchemy.exc import SQLAlchemyError

from service.errors import NotFound, StoreAway
from service.storage import FINISHED, State, Work
from service.store import WORDS, Store

PAUSE_SECONDS = 0.25
HEARTBEAT_SECONDS = 10.0
LINGER_SECONDS = 10.0
"""What was asked for once is kept up to date so long: a client that polls finds it in memory."""
STALE_SECONDS = 1.0
"""Where the last look is longer ago, the database is asked, and its error told."""
logger = logging.getLogger("tuneworth.watching")
Key = tuple[type[Work], str]
Render = Callable[[Work], bytes]


@dataclass(frozen=True)
class Shown:
    """A revision of a comparison or forecast, as JSON that is ready to be sent."""

    revision: int
    state: State
    body: bytes
    owner: str | None


@dataclass
class Watched:
    """What is known of one piece of work, and who waits for more.

    `changed` is set, and replaced, with each change. `stale`: this process changed the row.
    """

    shown: Shown
    stale: bool = False
    gone: bool = False
    streams: int = 0
    wanted_at: float = field(default_factory=time.monotonic)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Hub:
    """Lives on the event loop; `forget` alone is called from other threads.

    `renders` makes the JSON of a row, for each table whose rows can be watched.
    """

    def __init__(
        self,
        store: Store,
        renders: Mapping[type[Work], Render],
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._store = store
        self._renders = renders
        self._heartbeat_seconds = heartbeat_seconds
        self._watched: dict[Key, Watched] = {}
        self._reading: dict[Key, asyncio.Task[Shown]] = {}
        self._looking: set[asyncio.Task[None]] = set()
        self._looked_at = float("-inf")
        self._is_down = False
        # of its own: handlers that wait for a slow database must not hold it up
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hub")
        self._loop: asyncio.AbstractEventLoop | None = None
        self.stopping = False

    @property
    def streams(self) -> int:
        """Open streams."""
        return sum(one.streams for one in self._watched.values())

    @asynccontextmanager
    async def awake(self, is_stopping: Callable[[], bool]) -> AsyncIterator[None]:
        """Look again and again; once `is_stopping` says so, streams end."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._run(is_stopping))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task, *self._looking}, timeout=2)
            self._thread.shutdown(wait=False)

    async def shown(self, table: type[Work], key: str, owner: str | None = None) -> Shown:
        """The newest state, at most a quarter of a second old; raises NotFound.

        With an `owner`, only what is theirs.
        """
        found = await self._known(table, key)
        if owner is not None and found.owner != owner:
            raise NotFound(WORDS[table], key)
        return found

    async def _known(self, table: type[Work], key: str) -> Shown:
        now, watched = time.monotonic(), self._watched.get((table, key))
        if watched is not None:
            watched.wanted_at = now
            if not (watched.stale or watched.gone) and now - self._looked_at < STALE_SECONDS:
                return watched.shown
        return await self._read((table, key))

    async def changes(
        self, table: type[Work], key: str, seen: int
    ) -> AsyncGenerator[Shown | None, None]:
        """What is newer than revision `seen`, until the work or the server ends.

        None where nothing happened for a while. Of several revisions at once the last is told.
        A database that does not answer is waited for.
        """
        first = await self.shown(table, key)
        watched = self._watched.setdefault((table, key), Watched(first, stale=True))
        watched.streams += 1
        try:
            while not (watched.gone or self.stopping):
                changed, shown = watched.changed, watched.shown
                if shown.revision > seen:
                    seen = shown.revision
                    yield shown
                    continue
                if shown.state in FINISHED:
                    return
                try:
                    await asyncio.wait_for(changed.wait(), self._heartbeat_seconds)
                except TimeoutError:
                    yield None
        finally:
            watched.streams -= 1

    def forget(self, table: type[Work], key: str) -> None:
        """After a change by this process: whoever asks next is told of it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._forget, (table, key))

    def _forget(self, key: Key) -> None:
        self._reading.pop(key, None)
        watched = self._watched.get(key)
        if watched is not None:
            watched.stale = True

    async def _read(self, key: Key) -> Shown:
        """From the database, once for all who ask at the same moment."""
        task = self._reading.get(key)
        if task is None:
            task = asyncio.create_task(self._read_now(key))
            self._reading[key] = task
            task.add_done_callback(lambda done: self._end_reading(key, done))
        return await asyncio.shield(task)

    async def _read_now(self, key: Key) -> Shown:
        table, name = key

        def read() -> Shown:
            return self._show(self._store.work(name, table, None))

        return await sync_to_thread(read)

    def _end_reading(self, key: Key, task: asyncio.Task[Shown]) -> None:
        """Take in what was read, unless the row was changed meanwhile (`forget`)."""
        if self._reading.get(key) is not task or task.cancelled():
            return
        del self._reading[key]
        error = task.exception()
        if error is None:
            self._take(key, task.result(), is_read=True)
        elif isinstance(error, NotFound):
            self._take(key, None)

    async def _run(self, is_stopping: Callable[[], bool]) -> None:
        while not is_stopping():
            if not self._looking:  # a slow database is not asked twice
                looking = asyncio.create_task(self._look())
                self._looking.add(looking)
                looking.add_done_callback(self._looking.discard)
            await asyncio.sleep(PAUSE_SECONDS)
        self.stopping = True  # streams end, and the server can
        for watched in self._watched.values():
            watched.tell()

    async def _look(self) -> None:
        began = time.monotonic()
        self._watched = {
            key: one
            for key, one in self._watched.items()
            if one.streams or began - one.wanted_at < LINGER_SECONDS
        }
        known = {key: one.shown.revision for key, one in self._watched.items() if not one.gone}
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._thread, self._find, known)
        except SQLAlchemyError as error:
            if not self._is_down:
                said = getattr(error, "orig", error)
                logger.error("the database is away, and streams wait for it: %s", said)
            self._is_down = True
            return
        if self._is_down:
            logger.info("the database is back")
        self._is_down, self._looked_at = False, began
        for key, shown in found.items():
            self._take(key, shown)

    def _find(self, known: Mapping[Key, int]) -> dict[Key, Shown | None]:
        """What has another revision than is known; None for what is gone."""
        found: dict[Key, Shown | None] = {}
        with self._store.begin() as session:
            for table in {table for table, _ in known}:
                ids = [key for kind, key in known if kind is table]
                revisions = sa.select(table.id, table.revision).where(table.id.in_(ids))
                now = dict(session.execute(revisions).tuples().all())
                found |= {(table, key): None for key in ids if key not in now}
                newer = [key for key, revision in now.items() if known[table, key] != revision]
                rows = sa.select(table).where(table.id.in_(newer))
                for row in session.scalars(rows) if newer else ():
                    try:
                        found[table, row.id] = self._show(row)
                    except (
                        ValueError,
                        OSError,
                        StoreAway,
                    ):  # one row that cannot be shown hinders no other
                        logger.exception("%s cannot be shown", row.id)
        return found

    def _show(self, row: Work) -> Shown:
        return Shown(row.revision, row.state, self._renders[type(row)](row), row.owner)

    def _take(self, key: Key, shown: Shown | None, *, is_read: bool = False) -> None:
        """`is_read`: it was read after the last change by this process."""
        watched = self._watched.get(key)
        if shown is None:
            if watched is not None:
                watched.gone = True
                watched.tell()
            return
        if watched is None:
            if is_read:
                self._watched[key] = Watched(shown)
            return
        watched.stale = watched.stale and not is_read
        if shown.revision > watched.shown.revision:
            watched.shown = shown
            watched.tell()
