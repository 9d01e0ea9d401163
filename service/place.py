"""The one place for a worker at a database, held by a lock that ends with its process."""

from contextlib import suppress
from typing import Protocol

import sqlalchemy as sa
from filelock import FileLock, Timeout

from service.database import connecting, is_away
from service.settings import Settings

LOCK = 1953853287, 2
"""The advisory lock of the worker: any two numbers that nobody else takes."""
SILENCE = ("tcp_keepalives_idle=10", "tcp_keepalives_interval=5", "tcp_keepalives_count=3")
"""By this the server notices within half a minute that the machine of a worker has vanished."""


class Place(Protocol):
    """`name` is what the worker serves, as a person knows it."""

    name: str

    def take(self) -> bool:
        """Whether it was free, and is this worker's now."""

    def keep(self) -> bool:
        """Whether it is still this worker's; False where another one has it."""


def worker_place(settings: Settings) -> Place:
    """The place at the database of `settings`."""
    if settings.postgres is None:
        return FilePlace(settings)
    return ServerPlace(settings)


class FilePlace:
    """By a file in the data folder, as SQLite is for the processes of one machine."""

    def __init__(self, settings: Settings) -> None:
        self.name = str(settings.data)
        self._lock = FileLock(settings.data / "worker.lock")

    def take(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def keep(self) -> bool:
        return self._lock.is_locked


class ServerPlace:
    """By an advisory lock of PostgreSQL, which lasts as long as its connection.

    A pooler that lends connections for single transactions would break it.
    """

    def __init__(self, settings: Settings) -> None:
        self.name = f"the database {sa.make_url(settings.database_url).database}"
        self._engine = connecting(
            settings.database_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
        )
        self._connection: sa.Connection | None = None

    def take(self) -> bool:
        connection = self._engine.connect()
        try:
            for setting in SILENCE:
                connection.exec_driver_sql(f"SET {setting}")
            taken = bool(connection.scalar(sa.select(sa.func.pg_try_advisory_lock(*LOCK))))
        except BaseException:
            connection.close()
            raise
        if taken:
            self._connection = connection
        else:
            connection.close()
        return taken

    def keep(self) -> bool:
        """Taken again where the connection was lost, as when the server was restarted."""
        if self._connection is not None:
            try:
                self._connection.exec_driver_sql("SELECT 1")
            except sa.exc.SQLAlchemyError as error:
                if not is_away(error):
                    raise
                with suppress(sa.exc.SQLAlchemyError):
                    self._connection.close()
                self._connection = None
            else:
                return True
        return self.take()
