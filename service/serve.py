"""`tuneworth serve`: the server, the workers beside it, and how they end."""

import signal
import socket
from collections.abc import Sequence

import uvicorn

from corpora.errors import InvalidInput
from service.app import create_app
from service.database import open_database
from service.guarding import check_exposed
from service.keeper import WORKER, WorkerKeeper
from service.keys import Keyring, Keys
from service.logs import set_up_logs
from service.settings import Settings
from service.store import Store

REQUEST_SECONDS = 10
"""So long requests in flight may take when the server stops."""
MOST_CONNECTIONS = 2000


def serve(settings: Settings, worker: Sequence[str] | None = WORKER) -> None:
    """Serve requests here and keep worker processes alive, until SIGTERM or SIGINT.

    `worker` is the command of a worker; this process's id is added to it. With None, somebody
    else runs some. At the end streams are told, requests in flight are answered, and the workers
    hand their work back. Raises InvalidInput where the port is taken, or where others could connect
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
        # uvicorn raises the signal once more after its own shutdown: then the workers are next
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
    # with its protocol stated, or the server lets small replies wait for what follows: 40 ms each
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        fix = f"{error.strerror}: stop what listens there, or set another port."
        raise InvalidInput("TUNEWORTH_PORT", settings.port, fix) from error
    listener.listen(2048)  # from here on a client can connect, and waits
    return listener
