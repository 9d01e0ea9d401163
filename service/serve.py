"""`tuneworth serve` and `tuneworth worker`: the processes and how they end."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import uvicorn

from corpora.errors import InvalidInput
from service.app import create_app
from service.database import open_database
from service.guarding import check_exposed
from service.keys import Keyring, Keys
from service.settings import Settings
from service.store import Store
from service.worker import work

__all__ = ["serve", "work"]

STOP_SECONDS = 5
MOST_CONNECTIONS = 2000
WORKER = (sys.executable, "-m", "service.worker")


def serve(settings: Settings, worker: Sequence[str] = WORKER) -> None:
    """Serve requests here and keep one worker process alive, until SIGTERM or SIGINT.

    `worker` is the command of the worker; this process's id is added to it. Raises
    InvalidInput where the port is taken, or where others could connect and no key is in force,
    and as `open_database` before anything starts.
    """
    listener = _listen(settings)
    engine = open_database(settings.database_url)
    # the application asks for keys too, but only once it has been started
    check_exposed(settings, Keyring(Keys(Store(engine).begin).rows()))
    engine.dispose()
    server: uvicorn.Server
    app = create_app(settings, is_stopping=lambda: server.should_exit)
    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=STOP_SECONDS,
        access_log=False,
        limit_concurrency=MOST_CONNECTIONS,
        proxy_headers=False,  # nothing here depends on the address of a client
        server_header=False,
    )
    server = uvicorn.Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal once more after its own shutdown: then the worker is next
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    keeper = WorkerKeeper(settings, worker)
    keeper.start()
    host, port = listener.getsockname()[:2]
    place = f"[{host}]" if ":" in host else host
    print(f"Tuneworth listens on http://{place}:{port} (stop with Ctrl-C)", flush=True)
    try:
        server.run(sockets=[listener])
    finally:
        keeper.stop()


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        fix = f"{error.strerror}: stop what listens there, or set another port."
        raise InvalidInput("TUNEWORTH_PORT", settings.port, fix) from error
    listener.listen(2048)  # from here on a client can connect, and waits
    return listener


class WorkerKeeper:
    """Starts the worker process, and again when it dies, waiting longer each time."""

    def __init__(self, settings: Settings, command: Sequence[str]) -> None:
        self._environment = {**os.environ, **settings.for_worker()}
        self._command = [*command, str(os.getpid())]
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="worker-keeper", daemon=True)

    def start(self) -> None:
        self._process = self._spawn()
        self._thread.start()

    def stop(self) -> None:
        """Ask the worker to end, and end it after five seconds; a later one continues."""
        self._stopping.set()
        self._thread.join()
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, env=self._environment, stdin=subprocess.DEVNULL)

    def _keep(self) -> None:
        pause, began = 1.0, time.monotonic()
        while not self._stopping.wait(0.2):
            assert self._process is not None
            if self._process.poll() is None:
                continue
            pause = 1.0 if time.monotonic() - began > 60 else min(pause * 2, 30.0)
            print(f"The worker ended; it starts again in {pause:.0f} s.", file=sys.stderr)
            if self._stopping.wait(pause):
                return
            self._process, began = self._spawn(), time.monotonic()
