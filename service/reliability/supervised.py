"""A whole service of this product's own commands on PostgreSQL, with a supervisor that starts again
at once what ended, and a client that bears it."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import psutil
import sqlalchemy as sa

from benchmarks.errors import BenchmarkError
from service.reliability.attacks.serving import TASKS
from service.reliability.left import unfinished
from service.reliability.moments import ANY, Progressing
from service.reliability.postgres import Cluster
from service.reliability.server import WORK, Program, Server
from service.settings import Settings

Victim = Literal["worker", "api", "postgres"]
READY_SECONDS = 120.0
ENDED = ("completed", "failed", "cancelled")
LOOKS_S, TRIES_S = 0.05, 0.25
HUNG_S = 300.0
UNSEEN = "unseen"


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
        try:
            self.api.await_health()
            for _ in range(workers):
                self.add_worker()
        except BaseException:
            self.end()
            raise

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


@dataclass
class Watch:
    """Looks at one comparison again and again. `phase` is that of the last look that was answered;
    UNSEEN while the API is away."""

    service: Supervised
    address: str
    shown: dict[str, Any] = field(default_factory=dict)
    phase: str = "queued"
    progressing: Progressing = field(default_factory=Progressing)

    @property
    def id(self) -> str:
        return self.address.rsplit("/", 1)[-1]

    @property
    def state(self) -> str:
        return str(self.shown.get("state", "queued"))

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    def until_seen(self) -> None:
        """Look until the API answers, and not forever."""
        end = time.monotonic() + HUNG_S
        while self.phase == UNSEEN and time.monotonic() < end:
            self.next_look()

    def until(self, due: float, phases: frozenset[str] = ANY) -> bool:
        """Look until `due`, or with `phases` until it is in one of them. False where it has ended.

        Raises BenchmarkError where it does not end.
        """
        hung = time.monotonic() + HUNG_S
        while not self.has_ended:
            if self.phase in phases or (not phases and time.monotonic() >= due):
                return True
            if time.monotonic() > hung:
                units = unfinished(self.service.engine)
                raise BenchmarkError(f"{self.shown} does not end: {units}")
            self.next_look()
        return False

    def next_look(self) -> None:
        time.sleep(LOOKS_S)
        self.service.look_after()
        shown = self.service.state_of(self.address)
        if shown is None:
            self.phase = UNSEEN
            return
        self.shown, self.phase = shown, self.progressing.phase(shown)

    def kill(self, victim: Victim) -> None:
        if victim == "worker":
            self.progressing.worker_died()
        self.service.kill(victim)
        self.phase = UNSEEN
