"""The product's own commands, each a process of its own: the API on loopback, and workers.

Each is told nothing of the caller's own service. One that was killed can be started again, as a
supervisor would.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.errors import BenchmarkError
from service.settings import Settings

COMMAND = (sys.executable, "-c", "from service.cli import main; main()")
SERVE = (*COMMAND, "serve", "--no-worker")
WORK = (*COMMAND, "worker")
START_SECONDS, END_SECONDS = 60.0, 30.0
EMPTY: Mapping[str, str] = {}


def apart(data: Path) -> dict[str, str]:
    """The variables of a service with a data folder and a SQLite file of its own on loopback,
    whatever the caller's own service is told."""
    alone = {"TUNEWORTH_HOST": "", "TUNEWORTH_HOSTS": "", "TUNEWORTH_PORT": "0"}
    return {**Settings(data).for_worker(), **alone}


class Program:
    """A command on a data folder. `log` is what it wrote on its standard output and error, at every
    start; `environment` is added to that of a service apart."""

    process: subprocess.Popen[bytes]

    def __init__(
        self, command: Sequence[str], data: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        self.command = tuple(command)
        self.environment = {**apart(data), **environment}
        self.log = log

    def start(self) -> None:
        """Returns at once."""
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL to it and to all that it started, as where a machine or a container ends."""
        everyone = self.everyone()
        for process in everyone:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        psutil.wait_procs(everyone, timeout=END_SECONDS)

    def end(self) -> None:
        """Ask it to end, and kill it where it does not."""
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def everyone(self) -> list[psutil.Process]:
        """It and all that it started, the ones that ended left out."""
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        return []

    def megabytes(self) -> float:
        """The memory it holds."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-500:]


class Server(Program):
    """The API on a data folder, at a free port of this machine, the same at every start."""

    def __init__(self, data: Path, environment: Mapping[str, str], log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        super().__init__(SERVE, data, {**environment, "TUNEWORTH_PORT": str(self.port)}, log)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def await_health(self) -> None:
        """Until it answers. Raises BenchmarkError where it has ended, or takes too long."""
        end = time.monotonic() + START_SECONDS
        while self.is_alive and time.monotonic() < end:
            try:
                httpx.get(f"{self.address}/health", timeout=1.0)
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise BenchmarkError(f"the server did not start: {self.last_words()}")


@contextmanager
def serving(data: Path, environment: Mapping[str, str] = EMPTY) -> Iterator[Server]:
    """The API, without a worker, until the context ends; its log lies beside the data folder."""
    data.mkdir(parents=True, exist_ok=True)
    server = Server(data, environment, data.with_suffix(".log"))
    server.start()
    try:
        server.await_health()
        yield server
    finally:
        server.end()


@contextmanager
def working(
    data: Path,
    environment: Mapping[str, str] = EMPTY,
    *,
    log: Path,
    command: Sequence[str] = WORK,
) -> Iterator[Program]:
    """A worker on the data folder, until the context ends."""
    worker = Program(command, data, environment, log)
    worker.start()
    try:
        yield worker
    finally:
        worker.end()
