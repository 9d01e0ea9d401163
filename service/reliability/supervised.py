"""A whole service of this product's own commands on PostgreSQL, with a supervisor that starts again
at once what ended, and a client that bears it."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
import psutil
import sqlalchemy as sa

from benchmarks.errors import BenchmarkError
from service.reliability.attacks.serving import TASKS
from service.reliability.postgres import Cluster
from service.reliability.server import WORK, Program, Server
from service.settings import Settings

Victim = Literal["worker", "api", "postgres"]
READY_SECONDS = 120.0
ENDED = ("completed", "failed", "cancelled")
LOOKS_S, TRIES_S = 0.05, 0.25


class Supervised:
    """The API and its workers on one database: of the cluster, or without one a file in the data
    folder, which may be there already. `statuses` counts what the API replied, and
    `ended_by_itself` what was started again though nobody had killed it."""

    def __init__(
        self,
        place: Path,
        cluster: Cluster | None,
        environment: Mapping[str, str],
        workers: int = 1,
    ) -> None:
        self.place, self.cluster = place, cluster
        self.data, self.temporary = place / "data", place / "tmp"
        for folder in (self.data, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)
        postgres = None if cluster is None else cluster.new_database()
        self.settings = Settings(self.data, postgres=postgres)
        self.environment = {
            **environment,
            "TUNEWORTH_DATABASE_URL": self.settings.postgres or "",
            "TMPDIR": str(self.temporary),
        }
        self.api = Server(self.data, self.environment, place / "api.log")
        self.client = httpx.Client(base_url=self.api.address, timeout=30.0)
        self.engine = sa.create_engine(self.settings.database_url, pool_pre_ping=True)
        self.statuses: Counter[int] = Counter()
        self.ended_by_itself: Counter[str] = Counter()
        self.workers: list[Program] = []
        self.api.start()
        self.api.await_health()
        for _ in range(workers):
            self.add_worker()

    def add_worker(self) -> None:
        """One more. Returns at once."""
        log = self.place / f"worker-{len(self.workers)}.log"
        worker = Program(WORK, self.data, self.environment, log)
        worker.start()
        self.workers.append(worker)

    def kill(self, victim: Victim) -> None:
        """SIGKILL, and started again at once; of workers the first one."""
        if victim == "postgres":
            assert self.cluster is not None
            self.cluster.kill()
            self.cluster.start()
            return
        program = self.api if victim == "api" else self.workers[0]
        program.kill()
        program.start()

    def look_after(self) -> None:
        """Start again what ended by itself."""
        for name, program in (("api", self.api), *(("worker", one) for one in self.workers)):
            if not program.is_alive:
                self.ended_by_itself[name] += 1
                program.start()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        """The reply; None where the API is away, or says that the database is."""
        try:
            reply = self.client.request(method, path, **more)
        except httpx.TransportError:
            return None
        self.statuses[reply.status_code] += 1
        return None if reply.status_code >= 500 else reply

    def asked(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The reply, once there is one. Raises BenchmarkError where it takes too long, or is no."""
        end = time.monotonic() + READY_SECONDS
        while (reply := self.ask(method, path, **more)) is None:
            if time.monotonic() > end:
                raise BenchmarkError(f"{method} {path}: no reply: {self.api.last_words()}")
            self.look_after()
            time.sleep(TRIES_S)
        if reply.is_error:
            raise BenchmarkError(f"{method} {path}: {reply.status_code} {reply.text[:500]}")
        return reply

    def await_ready(self) -> None:
        """Until work would be done."""
        self.asked("GET", "/ready")

    def begin(self, name: str, spec: Mapping[str, Any], **options: Any) -> str:
        """The address of a new comparison of a new task; `name` is of this one alone."""
        told = {"headers": {"Idempotency-Key": name}}
        task = self.asked("POST", TASKS, json=dict(spec), **told).headers["Location"]
        reply = self.asked("POST", f"{task}/comparisons", json=options, **told)
        return str(reply.headers["Location"])

    def state_of(self, address: str) -> dict[str, Any] | None:
        """A comparison as the API shows it, None where the API is away."""
        reply = self.ask("GET", address)
        found: dict[str, Any] | None = None if reply is None else reply.json()
        return found

    def end(self) -> None:
        """Ask all of them to end."""
        self.client.close()
        self.engine.dispose()
        for program in (*self.workers, self.api):
            program.end()

    def left_processes(self, seconds: float = 5.0) -> list[str]:
        """What still runs of it, once all of it has ended and had so long."""
        left = [one for one in psutil.process_iter() if self._is_ours(one)]
        _, alive = psutil.wait_procs(left, timeout=seconds)
        return [f"process {one.pid}" for one in alive]

    def _is_ours(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return bool(process.environ().get("TUNEWORTH_DATA") == str(self.data))
        return False


@contextmanager
def supervised(
    place: Path, environment: Mapping[str, str], workers: int = 1
) -> Iterator[Supervised]:
    """Such a service, with a PostgreSQL server of its own, until the context ends.

    Raises NoPostgres where none is installed.
    """
    cluster = Cluster()
    service: Supervised | None = None
    try:
        service = Supervised(place, cluster, environment, workers)
        yield service
    finally:
        if service is not None:
            service.end()
        cluster.remove()
