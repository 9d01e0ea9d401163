"""How the database is opened: a file (SQLite) or PostgreSQL; and what to do while it is away."""

import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from dbos import DBOS
from filelock import FileLock

from service.errors import DatabaseAway, StatementCancelled
from service.migrating import migrate

WAIT_SECONDS = 2.0
"""The longest pause between two tries: soon after a database is back, work goes on."""
START_SECONDS = 30.0
"""How long a starting process waits for a database that starts beside it."""
CANCELLED_TRIES, CANCELLED_SECONDS = 10, 300.0
"""So often in a row, and for so long, the server cancels the same statements before they are given
up: what takes longer than it allows would be cancelled for ever, and what waited for a lock, as of
a migration or a VACUUM FULL, is cancelled with the same code and may succeed later."""
MIGRATING = 1953853287, 1
"""The advisory lock of those who migrate: any two numbers that nobody else takes."""
LIBPQ = {
    "application_name": "tuneworth",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""A server that vanished without a word is noticed within half a minute."""
CANCELLED = "57014"
"""PostgreSQL's code of a statement that a time limit of the server ended, or a person."""
GONE = (
    "08",  # lost connections
    "25006",  # a standby that takes no writes yet
    "25P03",  # ended for standing idle in a transaction
    "25P04",  # ... for a long transaction
    "40001",  # a conflict with another transaction
    "40003",  # nobody knows whether it was done
    "40P01",  # a deadlock
    "53",  # no memory, disk or connections left
    "55P03",  # a lock that another holds
    CANCELLED,
    "57P",  # it shuts down, or starts
    "58030",  # its disk cannot be read or written
)
"""How the codes of PostgreSQL's errors begin that pass: the same statement may succeed later."""
BUSY = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
)
BUSY_MS = 30_000
"""How long a writer waits for another one."""
IDLE_SECONDS = 1.0
"""A connection that was used so shortly before is not asked whether its server is still there.
Where it has just gone, work tries again, and a client is told to."""
logger = logging.getLogger("tuneworth")
Result = TypeVar("Result")


def open_database(url: str) -> sa.Engine:
    """An engine on `url`, the tables of this version in it; waits for a database that starts.

    Raises DatabaseAway, and NewerDatabase where a later version has changed the tables.
    """
    engine = connecting(url)
    try:
        patiently(lambda: _bring_up_to_date(engine, url), seconds=START_SECONDS)
    except sa.exc.SQLAlchemyError as error:
        if not is_away(error):
            raise
        raise DatabaseAway(reason_of(error)) from error
    return engine


def connecting(url: str, **more: Any) -> sa.Engine:
    """An engine on `url` that has not connected yet; `more` goes to SQLAlchemy."""
    place = sa.make_url(url)
    more["hide_parameters"] = True  # no text of a task in a message or a log
    if place.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, **more)
        sa.event.listen(engine, "connect", _prepare_connection)
        return engine
    told = {name: value for name, value in LIBPQ.items() if name not in place.query}
    engine = sa.create_engine(place, connect_args=told, **more)
    sa.event.listen(engine, "checkin", _note_use)
    sa.event.listen(engine, "checkout", _ask_idle)
    return engine


def is_away(error: BaseException) -> bool:
    """Whether the database could not be used just now, and the same may succeed later."""
    if isinstance(error, sa.exc.TimeoutError):  # no connection became free
        return True
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, psycopg.Error):
        code = error.orig.sqlstate
        if code is None:  # it was lost, or never made: the server said nothing
            return isinstance(error.orig, psycopg.OperationalError)
        return code.startswith(GONE)
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in BUSY


def is_cancelled(error: BaseException) -> bool:
    """Whether the server cancelled a statement."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) == CANCELLED


def reason_of(error: BaseException) -> str:
    """What the driver said, in one line."""
    said = str(getattr(error, "orig", None) or error).strip()
    return (said.splitlines() or [type(error).__name__])[0].rstrip(".")


def patiently(
    action: Callable[[], Result], *, seconds: float = math.inf, gives_up: bool = True
) -> Result:
    """What `action` gives, tried again while the database is away, for `seconds` at most.

    An action whose commit was lost on the way is done once more: it must bear that. Raises
    StatementCancelled where it always takes longer than the server allows, if it `gives_up`.
    """
    pause, end, told = 0.1, time.monotonic() + seconds, False
    cancelled, since = 0, 0.0
    while True:
        try:
            return action()
        except sa.exc.SQLAlchemyError as error:
            now = time.monotonic()
            if not is_away(error) or now + pause > end:
                raise
            cancelled = cancelled + 1 if is_cancelled(error) else 0
            since = now if cancelled <= 1 else since
            lasting = cancelled >= CANCELLED_TRIES and now - since >= CANCELLED_SECONDS
            if lasting and gives_up:
                raise StatementCancelled(reason_of(error), cancelled) from error
            if not told:
                logger.warning("The database is away, and waited for: %s.", reason_of(error))
                told = True
        time.sleep(pause)
        pause = min(2 * pause, WAIT_SECONDS)


def forget_pages(engine: sa.Engine) -> None:
    """Empty the write-ahead log of SQLite, where what was deleted stands still; it stays as it is
    while somebody reads for longer than a second."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=1000")
            try:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_MS}")


def _bring_up_to_date(engine: sa.Engine, url: str) -> None:
    """The tables, ours and those of the jobs; server and worker start at the same moment."""
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(*MIGRATING)))
            migrate(connection)
        DBOS.migrate(url)  # takes a lock of its own
        return
    with _file_locked(Path(engine.url.database or "")):
        with engine.connect() as connection:
            # readers never wait for the worker; the file remembers this setting
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # or changes of tables commit one by one
            migrate(connection)
        DBOS.migrate(url)


@contextmanager
def _file_locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        yield


def _prepare_connection(connection: Any, _record: Any) -> None:
    connection.isolation_level = "IMMEDIATE"  # writers wait in line instead of failing half-way
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    connection.execute("PRAGMA synchronous=FULL")  # what was said to be stored survives a blackout
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=ON")  # what is removed is overwritten


def _note_use(_connection: Any, record: Any) -> None:
    record.info["used"] = time.monotonic()


def _ask_idle(connection: Any, record: Any, _proxy: Any) -> None:
    """Let the pool make new connections where the server has gone since this one was used."""
    used = record.info.get("used", math.inf)
    if time.monotonic() - used < IDLE_SECONDS:
        return
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error as error:
        raise sa.exc.InvalidatePoolError(reason_of(error)) from error
