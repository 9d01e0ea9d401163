"""`tuneworth serve` and `tuneworth worker`: the processes and how they end."""

import logging
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
from service.at_hand import HAND_BACK_SECONDS
from service.database import open_database
from service.guarding import check_exposed
from service.keys import Keyring, Keys
from service.logs import set_up_logs
from service.settings import Settings
from service.store import Store
from service.worker import work

__all__ = ["serve", "work"]

REQUEST_SECONDS = 10
"""So long requests in flight may take when the server stops."""
MOST_CONNECTIONS = 2000
logger = logging.getLogger("tuneworth.serve")
WORKER = (sys.executable, "-m", "service.worker")


def serve(settings: Settings, worker: Sequence[str] | None = WORKER) -> None:
    """Serve requests here and keep one worker process alive, until SIGTERM or SIGINT.

    `worker` is the command of the worker; this process's id is added to it. With None, somebody
    else runs one. At the end streams are told, requests in flight are answered, and the worker
    hands its work back. Raises InvalidInput where the port is taken, or where others could connect
    and no key is in force, and as `open_database` before anything starts.
    """
    set_up_logs(settings.log)
    listener = _listen(settings)
    engine = open_database(settings.database_url)
    # the application asks for keys too, but only once it has been started
    check_exposed(settings, Keyring(Keys(Store(engine).begin).rows()))
    engine.dispose()
    server: uvicorn.Server
    app = create_app(settings, is_stopping=lambda: server.should_exit)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=REQUEST_SECONDS,
        access_log=False,
        limit_concurrency=MOST_CONNECTIONS,
        proxy_headers=False,  # nothing here depends on the address of a client
        server_header=False,
    )
    server = uvicorn.Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal once more after its own shutdown: then the worker is next
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    keeper = WorkerKeeper(settings, worker) if worker is not None else None
    if keeper is not None:
        keeper.start()
    host, port = listener.getsockname()[:2]
    place = f"[{host}]" if ":" in host else host
    print(f"Tuneworth listens on http://{place}:{port} (stop with Ctrl-C)", flush=True)
    try:
        server.run(sockets=[listener])
    finally:
        if keeper is not None:
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
        """Ask the worker to hand its work back, and end it where it does not."""
        self._stopping.set()
        self._thread.join()
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(HAND_BACK_SECONDS + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, env=self._environment, stdin=subprocess.DEVNULL)

    def _keep(self) -> None:
        pause, began = 1.0, time.monotonic()
        while not self._stopping.wait(0.2):
            assert self._process is not None
            code = self._process.poll()
            if code is None:
                continue
            pause = 1.0 if time.monotonic() - began > 60 else min(pause * 2, 30.0)
            logger.error("the worker ended with code %d; it starts again in %.0f s", code, pause)
            if self._stopping.wait(pause):
                return
            self._process, began = self._spawn(), time.monotonic()
