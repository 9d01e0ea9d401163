"""A PostgreSQL server that can be killed: on loopback, in a folder of its own, gone in the end."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg

from benchmarks.errors import BenchmarkError

USER = "tuneworth"
PASSWORD = "s3cret/+pw"
"""With signs that a URL must quote."""
QUOTED = "s3cret%2F%2Bpw"
SPEED = ("fsync=off", "full_page_writes=off")
"""No machine crashes here; what a server has written outlives the server by these, too."""


class NoPostgres(BenchmarkError):
    """The message says what to install."""


class Cluster:
    """One server. Nobody but its own user may read its folder, so as root it runs as postgres.
    `environment` is added to that of its processes."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = {**os.environ, **(environment or {})}
        self._programs = programs()
        self._as: dict[str, Any] = {}
        if os.getuid() == 0:
            self._as = {"user": "postgres", "group": "postgres", "extra_groups": []}
        self.folder = Path(tempfile.mkdtemp(prefix="tuneworth-postgres-", dir="/tmp"))
        if os.getuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        options = ("-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8")
        try:
            self._run("initdb", "-D", str(self.data), "--locale=C", "--no-sync", *options)
            self.start()
        except BaseException:
            self.remove()
            raise

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}:{QUOTED}@127.0.0.1:{self.port}/{database}"

    def new_database(self, like: str = "template0") -> str:
        """The URL of a copy of the database `like`; an empty one without."""
        if self._process is None:  # who failed has left it so
            self.start()
        self._made += 1
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE made_{self._made} TEMPLATE {like}")
        return self.url(f"made_{self._made}")

    def start(self) -> None:
        """Returns once it takes connections."""
        options = ["-h", "127.0.0.1", "-k", "", *(f"--{setting}" for setting in SPEED)]
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self.data, "-p", str(self.port), *options],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
            **self._as,
        )
        end = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to all of its processes: one that is left would keep the next from starting."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        everyone = [server, *server.children(recursive=True)]
        for process in everyone:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        psutil.wait_procs(everyone, timeout=10)
        self._process = None

    def remove(self) -> None:
        """End it, and leave nothing."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self.folder,
            check=True,
            capture_output=True,
            **self._as,
        )


def programs() -> Path:
    """The folder of the newest installed server; raises NoPostgres."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    elsewhere = shutil.which("initdb")
    if found:
        return found[-1].parent
    if elsewhere:
        return Path(elsewhere).resolve().parent
    raise NoPostgres("initdb is missing: install PostgreSQL (apt-get install postgresql)")
