"""The part `polling`: many clients poll and watch while a model trains on the same machine.

`python -m service.reliability.polling` starts the API and a worker on a database of its own
(SQLite) and prints one JSON object. All clients live in one process beside them.
"""

import argparse
import asyncio
import json
import math
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.speed.checks import BenchCheck, at_most
from benchmarks.speed.sheet import Measurement
from service.reliability.bench import Bench
from service.reliability.server import serving, working
from service.shapes import API

NAME, SIDE = "polling", "service"
COVERS = "clients that poll and watch beside a training: time to a reply, errors, lateness"
CLIENTS, STREAMS, SECONDS = 500, 200, 90.0
QUICK_CLIENTS, QUICK_STREAMS, QUICK_SECONDS = 100, 40, 15.0
MOST_MS, MOST_LATE_SECONDS = 250.0, 2.0
WARM_SECONDS, START_SECONDS = 3.0, 180.0
TRAINER = (sys.executable, "-m", "service.reliability.trainer")


@dataclass(frozen=True)
class Polled:
    """Of all requests and events. Milliseconds count from when a request was due, and lateness
    from when the worker noted what an event tells to its receipt."""

    requests: int
    poll_errors: int
    poll_p50_ms: float
    poll_p99_ms: float
    poll_most_ms: float
    events: int
    stream_errors: int
    progress_late_p99_s: float
    progress_late_s: float
    api_mb: float
    worker_mb: float
    database_mb: float


@dataclass
class Heard:
    """What the clients saw; nothing counts before `since` (on the monotonic clock)."""

    since: float
    until: float
    ms: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    poll_errors: int = 0
    stream_errors: int = 0


def measure(bench: Bench) -> None:
    """Once, unless the sheet has it."""
    if bench.sheet.has(NAME, SIDE, 0):
        return
    clients, streams, seconds = CLIENTS, STREAMS, SECONDS
    if bench.quick:
        clients, streams, seconds = QUICK_CLIENTS, QUICK_STREAMS, QUICK_SECONDS
    place = bench.place / NAME
    place.mkdir()
    found = polled(place, clients=clients, streams=streams, seconds=seconds)
    facts = {"clients": clients, "streams": streams, **asdict(found)}
    bench.sheet.add(Measurement(NAME, SIDE, 0, seconds, facts))


def checks(rows: Sequence[Measurement], *, quick: bool) -> list[BenchCheck]:
    """The same targets in small."""
    [facts] = [row.facts for row in rows]
    errors = facts["poll_errors"] + facts["stream_errors"]
    return [
        at_most("poll_p99_ms", facts["poll_p99_ms"], "ms", MOST_MS),
        at_most("poll_errors", errors, "requests", 0),
        at_most("progress_late_s", facts["progress_late_s"], "s", MOST_LATE_SECONDS),
    ]


def polled(place: Path, *, clients: int, streams: int, seconds: float) -> Polled:
    """Serve from `place`, train there, and ask for so many seconds."""
    from benchmarks.speed.tiny import write_tiny

    allow_many_files()
    model = write_tiny(place / "tiny")
    data, command = place / "data", (*TRAINER, str(model))
    with serving(data) as api, working(data, log=place / "worker.log", command=command) as worker:
        comparison = asyncio.run(begin(api.port))
        heard = asyncio.run(ask(api.port, comparison, clients, streams, seconds))
        memory = [api.megabytes(), worker.megabytes()]
    database = sum(path.stat().st_size for path in data.glob("tuneworth.db*")) / 1e6
    return Polled(
        requests=len(heard.ms),
        poll_errors=heard.poll_errors,
        poll_p50_ms=nearest_rank(heard.ms, 0.5),
        poll_p99_ms=nearest_rank(heard.ms, 0.99),
        poll_most_ms=nearest_rank(heard.ms, 1.0),
        events=len(heard.late),
        stream_errors=heard.stream_errors,
        progress_late_p99_s=nearest_rank(heard.late, 0.99),
        progress_late_s=nearest_rank(heard.late, 1.0),
        api_mb=round(memory[0], 1),
        worker_mb=round(memory[1], 1),
        database_mb=round(database, 2),
    )


class Connection:
    """HTTP/1.1 on one connection that stays open: the least that a client must do."""

    reader: asyncio.StreamReader

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, method: str, path: str, body: bytes = b"") -> Mapping[bytes, bytes]:
        """The headers of the reply, with its status as b"status"."""
        if self._writer is None:
            self.reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        self._writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
        status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
        headers = dict(line.lower().split(b": ", 1) for line in lines)
        return {**headers, b"status": status.split(b" ")[1]}

    async def fetch(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        """The status and the JSON of the reply."""
        headers = await self.send(method, path, body)
        data = await self.reader.readexactly(int(headers.get(b"content-length", b"0")))
        return int(headers[b"status"]), json.loads(data or b"null")

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


async def begin(port: int) -> str:
    """Start a comparison and wait until it trains; its address."""
    asking = Connection(port)
    _, task = await asking.fetch("POST", f"{API}/tasks", json.dumps(spec()).encode())
    _, made = await asking.fetch("POST", f"{API}/tasks/{task['id']}/comparisons")
    address: str = made["links"]["self"]
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        _, shown = await asking.fetch("GET", address)
        if any("epoch" in row["message"] for row in shown["progress"]["strategies"]):
            asking.close()
            return address
        await asyncio.sleep(0.2)
    raise TimeoutError(f"nothing trains after {START_SECONDS:.0f} s: {shown}")


def spec() -> dict[str, Any]:
    """A task of 300 rows."""
    rows = [
        {"id": str(n), "input": f"Order {n}: paint {n * 7919}, please.", "output": "ab"[n % 2]}
        | {"split": "test" if n < 10 else "validation" if n < 20 else "train"}
        for n in range(300)
    ]
    told = "Name the colour that the customer asks for."
    return {"name": "polled", "kind": "classification", "instruction": told, "examples": rows}


async def ask(port: int, address: str, clients: int, streams: int, seconds: float) -> Heard:
    """All clients at once; what they see in the first seconds is not counted."""
    now = time.monotonic()
    heard = Heard(now + WARM_SECONDS, now + WARM_SECONDS + seconds)
    asking = [poll(port, address, now + n / clients, heard) for n in range(clients)]
    watching = [watch(port, address, heard) for _ in range(streams)]
    await asyncio.gather(*asking, *watching)
    return heard


async def poll(port: int, address: str, due: float, heard: Heard) -> None:
    """Once a second from `due` on, however long the last reply took."""
    connection = Connection(port)
    while due < heard.until:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        try:
            status, shown = await connection.fetch("GET", address)
            wrong = status != 200 or shown["state"] != "running"
        except (OSError, EOFError, ValueError, KeyError):
            wrong, connection = True, Connection(port)
        if due >= heard.since:
            heard.ms.append((time.monotonic() - due) * 1000)
            heard.poll_errors += wrong
        due += 1.0
    connection.close()


async def watch(port: int, address: str, heard: Heard) -> None:
    """How late each new progress comes, until the end of the measurement."""
    connection, last = Connection(port), None
    try:
        async with asyncio.timeout(heard.until - time.monotonic()):
            await connection.send("GET", f"{address}/events")
            while True:
                line = await connection.reader.readuntil(b"\n")
                if not line.startswith(b"data: "):
                    continue
                at = json.loads(line[6:])["progress"]["at"]
                if at != last and last is not None and time.monotonic() >= heard.since:
                    then = datetime.fromisoformat(at)
                    heard.late.append((datetime.now(UTC) - then).total_seconds())
                last = at
    except TimeoutError:
        connection.close()
    except (OSError, EOFError, ValueError, KeyError):
        heard.stream_errors += 1


def nearest_rank(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share of them does not exceed."""
    if not values:
        return math.inf
    return round(sorted(values)[math.ceil(share * len(values)) - 1], 3)


def allow_many_files() -> None:
    """As many open connections as this machine allows, here and in what is started."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--streams", type=int, default=STREAMS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        found = polled(
            Path(place), clients=given.clients, streams=given.streams, seconds=given.seconds
        )
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
