"""A server in a process of its own, without a worker, for parts that send it requests."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from service.settings import Settings

START_SECONDS = 60.0
EMPTY: Mapping[str, str] = {}


def apart(data: Path) -> dict[str, str]:
    """The variables of a service with a data folder and a SQLite file of its own on loopback,
    whatever the caller's own service is told."""
    alone = {"TUNEWORTH_HOST": "", "TUNEWORTH_HOSTS": "", "TUNEWORTH_PORT": "0"}
    return {**Settings(data).for_worker(), **alone}


@dataclass(frozen=True)
class Server:
    """`log` is what it wrote on its standard output and error."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def megabytes(self) -> float:
        """The memory it holds."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6


@contextmanager
def serving(data: Path, environment: Mapping[str, str] = EMPTY) -> Iterator[Server]:
    """The application on a data folder, at a free port of this machine."""
    data.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = data.with_suffix(".log")
    command = [sys.executable, "-m", "uvicorn", "--factory", "service.app:app"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            env={**os.environ, **apart(data), **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            server = Server(f"http://127.0.0.1:{port}", process, log)
            _await(server)
            yield server
        finally:
            process.kill()
            process.wait()


def _await(server: Server) -> None:
    end = time.monotonic() + START_SECONDS
    while server.process.poll() is None and time.monotonic() < end:
        try:
            httpx.get(f"{server.address}/health", timeout=1.0)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {server.log.read_text()[-500:]}")
