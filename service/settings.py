"""What the environment decides: the data folder, the database, the address, and how logs look."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

import sqlalchemy as sa
from platformdirs import user_data_path

from corpora.errors import InvalidInput
from service.hosts import LOOPBACK, is_loopback, read_hosts
from service.logs import LogStyle

MOST_DAYS = 36_500
DAYS_FIX = f"Give a whole number of days, 1 to {MOST_DAYS}, or unset it to keep everything."
MOST_JOBS = 256
JOBS_FIX = f"Give a whole number of worker processes, 1 to {MOST_JOBS}."
QueueChoice = Literal["auto", "cpu", "gpu"]
POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
"""How the URL of a database may begin."""


@dataclass(frozen=True)
class Settings:
    """`data` holds the files of every comparison; port 0 takes a free one. `store` is the folder or
    URL of reports and artefacts, where they do not lie in `data`; a URL may hold a password.

    `postgres` is the URL of the database, which may hold a password; without it the database is a
    file in `data`. What ended more than `keep_days` ago is removed; None keeps it. `hosts` are the
    names by which others call this server, where any may. `log`: JSON lines or text; auto is text
    on a terminal. `jobs` are the worker processes to keep. `queue` is what they take: auto is gpu
    for as many of them as the machine has GPUs.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    log: LogStyle = "auto"
    postgres: str | None = field(default=None, repr=False)
    keep_days: int | None = None
    hosts: tuple[str, ...] = ()
    jobs: int = 1
    queue: QueueChoice = "auto"
    store: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            is_loopback(self.host)
        except ValueError:
            fix = "Give an address of this machine, such as 127.0.0.1 or 0.0.0.0."
            raise InvalidInput("TUNEWORTH_HOST", self.host, fix) from None
        if self.host in ("0.0.0.0", "::") and not self.hosts:
            fix = "State the names by which others call this server, between commas."
            raise InvalidInput("TUNEWORTH_HOSTS", "", fix)
        if not 0 <= self.port <= 65535:
            raise InvalidInput("TUNEWORTH_PORT", self.port, "Give a number from 0 to 65535.")
        if not 1 <= self.jobs <= MOST_JOBS:
            raise InvalidInput("TUNEWORTH_JOBS", self.jobs, JOBS_FIX)
        if self.queue not in get_args(QueueChoice):
            raise InvalidInput("TUNEWORTH_QUEUE", self.queue, "Use cpu, gpu or auto.")
        if self.log not in get_args(LogStyle):
            raise InvalidInput("TUNEWORTH_LOG", self.log, "Use json, text or auto.")
        if self.postgres is not None:
            _check_postgres(self.postgres)
        if self.keep_days is not None and not 1 <= self.keep_days <= MOST_DAYS:
            raise InvalidInput("TUNEWORTH_KEEP_DAYS", self.keep_days, DAYS_FIX)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """From TUNEWORTH_DATA, _DATABASE_URL, _STORE, _HOST, _HOSTS, _PORT, _KEEP_DAYS, _LOG, _JOBS
        and _QUEUE; raises InvalidInput."""
        port = environ.get("TUNEWORTH_PORT") or "8000"
        if not (port.isascii() and port.isdigit()):
            raise InvalidInput("TUNEWORTH_PORT", port, "Give a number from 0 to 65535.")
        days = environ.get("TUNEWORTH_KEEP_DAYS")
        if days and not (days.isascii() and days.isdigit()):
            raise InvalidInput("TUNEWORTH_KEEP_DAYS", days, DAYS_FIX)
        jobs = environ.get("TUNEWORTH_JOBS") or "1"
        if not (jobs.isascii() and jobs.isdigit()):
            raise InvalidInput("TUNEWORTH_JOBS", jobs, JOBS_FIX)
        data, store = environ.get("TUNEWORTH_DATA"), environ.get("TUNEWORTH_STORE")
        if store and "://" not in store:
            store = str(Path(store).expanduser().absolute())
        return cls(
            data=Path(data).expanduser().absolute() if data else user_data_path("tuneworth"),
            host=environ.get("TUNEWORTH_HOST") or "127.0.0.1",
            port=int(port),
            log=cast("LogStyle", environ.get("TUNEWORTH_LOG") or "auto"),  # checked when made
            postgres=environ.get("TUNEWORTH_DATABASE_URL") or None,
            keep_days=int(days) if days else None,
            hosts=read_hosts(environ.get("TUNEWORTH_HOSTS") or ""),
            jobs=int(jobs),
            queue=cast("QueueChoice", environ.get("TUNEWORTH_QUEUE") or "auto"),  # as the logs'
            store=store or None,
        )

    def for_worker(self) -> dict[str, str]:
        """The variables that give a worker process the same data."""
        return {
            "TUNEWORTH_DATA": str(self.data),
            "TUNEWORTH_DATABASE_URL": self.postgres or "",
            "TUNEWORTH_STORE": self.store or "",
            "TUNEWORTH_KEEP_DAYS": "" if self.keep_days is None else str(self.keep_days),
            "TUNEWORTH_LOG": self.log,
            "TUNEWORTH_JOBS": str(self.jobs),
            "TUNEWORTH_QUEUE": self.queue,
        }

    @property
    def exposed(self) -> bool:
        """Whether others than this machine may connect, perhaps through a proxy on it."""
        return bool(self.hosts) or not is_loopback(self.host)

    @property
    def names(self) -> tuple[str, ...]:
        """What a request may call this server: this machine's names, the address, and `hosts`."""
        return tuple(dict.fromkeys((*LOOPBACK, self.host, *self.hosts)))

    @property
    def database_url(self) -> str:
        """As SQLAlchemy and the job engine take it, its password included."""
        if self.postgres is None:
            return f"sqlite:///{self.data / 'tuneworth.db'}"
        url = sa.make_url(self.postgres).set(drivername="postgresql+psycopg")
        return url.render_as_string(hide_password=False)

    def comparison_folder(self, comparison: str) -> Path:
        """Where the journal, the artefacts and the report of a comparison lie."""
        return self.folder_of("comparisons", comparison)

    def forecast_folder(self, forecast: str) -> Path:
        """Where the findings and the three forms of a forecast lie."""
        return self.folder_of("forecasts", forecast)

    def results_folder(self, task: str) -> Path:
        """Where results lie that later comparisons of a task may reuse."""
        return self.folder_of("results", task)

    def folder_of(self, kind: str, key: str) -> Path:
        return self.data / kind / key


def _check_postgres(url: str) -> None:
    """Raise InvalidInput, which shows nothing of the URL but how it begins: it may hold a
    password anywhere."""
    try:
        found = sa.make_url(url)
        good = found.drivername in POSTGRES and bool(found.database)
    except (sa.exc.ArgumentError, ValueError):  # the latter: a port that is no number
        good = False
    if not good:
        scheme = re.match(r"[A-Za-z0-9+]{1,30}(?=://)", url)
        raise InvalidInput(
            "TUNEWORTH_DATABASE_URL",
            f"{scheme[0]}://..." if scheme else "no URL",
            "Give postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or unset it for a file in the"
            " data folder.",
        )
