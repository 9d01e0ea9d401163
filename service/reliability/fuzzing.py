"""The part `fuzzing`: thousands of faulty requests, and none may break, hang or fill the server.

Twice over: with bodies of our own that are nearly in order (`mutating`), and with what
schemathesis makes of the OpenAPI description.
"""

import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from benchmarks.speed.checks import BenchCheck, at_least, at_most
from benchmarks.speed.sheet import Measurement
from service.reliability.attacks.serving import TASKS, spec
from service.reliability.bench import Bench
from service.reliability.mutating import Body, body_of
from service.reliability.server import Server, serving
from service.shapes import API

NAME = "fuzzing"
COVERS = "mutated bodies, and schemathesis over the OpenAPI: no 5xx, no hang, memory back"
BODIES, QUICK_BODIES = 10_000, 500
EXAMPLES, QUICK_EXAMPLES = 200, 10
"""Requests that schemathesis makes for each operation and check."""
WARM_UP = 100
AT_ONCE = 4
HANG_SECONDS = 10.0
REST_SECONDS, QUICK_REST = 60.0, 5.0
MOST_MB = 64.0
SHOWN = 5


def measure(bench: Bench) -> None:
    if not bench.sheet.has(NAME, "mutated", 0):
        with serving(bench.place / "mutated") as server:
            bench.sheet.add(mutated(server, bench))
    if not bench.sheet.has(NAME, "schemathesis", 0):
        with serving(bench.place / "schemathesis") as server:
            bench.sheet.add(by_schemathesis(server, bench))


def checks(rows: Sequence[Measurement], *, quick: bool) -> list[BenchCheck]:
    facts = {row.side: row.facts for row in rows}
    ours, theirs = facts["mutated"], facts["schemathesis"]
    return [
        at_least("mutated_bodies", ours["sent"], "bodies", QUICK_BODIES if quick else BODIES),
        at_most("server_errors", ours["errors"] + theirs["errors"], "replies", 0),
        at_most("hangs", ours["hangs"] + theirs["hangs"], "requests", 0),
        at_most("memory_growth_mb", ours["grown_mb"], "MB", MOST_MB),
    ]


def mutated(server: Server, bench: Bench) -> Measurement:
    """Bodies of our own, four at once. Memory is that of the server after a rest, against what it
    was once it had warmed up with such bodies."""
    bodies = QUICK_BODIES if bench.quick else BODIES
    began = time.monotonic()
    with httpx.Client(base_url=server.address, timeout=HANG_SECONDS) as client:
        task = client.post(TASKS, json=spec()).json()["id"]

        def send(number: int) -> tuple[int, str]:
            return sent(client, task, body_of(number))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(send, range(-WARM_UP, 0)))
            before = server.megabytes()
            statuses = list(pool.map(send, range(bodies)))
    time.sleep(QUICK_REST if bench.quick else REST_SECONDS)
    counts = Counter(status for status, _ in statuses)
    broken = [
        {"number": number, "faults": body_of(number).faults, "status": status, "said": said}
        for number, (status, said) in enumerate(statuses)
        if status == 0 or status >= 500
    ]
    facts = {
        "sent": len(statuses),
        "statuses": {str(status): count for status, count in sorted(counts.items())},
        "errors": sum(one["status"] >= 500 for one in broken),
        "hangs": sum(one["status"] == 0 for one in broken),
        "broken": broken[:SHOWN],
        "before_mb": before,
        "grown_mb": server.megabytes() - before,
    }
    bench.say(f"  mutated: {len(statuses):,} bodies, {facts['statuses']}")
    return Measurement(NAME, "mutated", 0, time.monotonic() - began, facts)


def sent(client: httpx.Client, task: str, body: Body) -> tuple[int, str]:
    """The status and the beginning of the reply; 0 where none came in time."""
    path = TASKS if body.operation == "tasks" else f"{API}/tasks/{task}/{body.operation}"
    headers = {"Content-Type": "application/json"}
    try:
        reply = client.post(path, content=body.content, headers=headers)
    except httpx.TransportError as error:
        return 0, type(error).__name__
    return reply.status_code, reply.text[:200]


def by_schemathesis(server: Server, bench: Bench) -> Measurement:
    """What it finds by the description alone. A reply of 503 that a worker is missing is true."""
    command = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if command is None:
        raise FileNotFoundError("schemathesis is missing: pip install 'tuneworth[dev]'")
    began = time.monotonic()
    ran = subprocess.run(
        [
            *(command, "run", f"{server.address}/schema/openapi.json"),
            *("--checks", "not_a_server_error", "--seed", "1", "--exclude-path", "/ready"),
            *("--max-examples", str(QUICK_EXAMPLES if bench.quick else EXAMPLES)),
            *("--request-timeout", str(HANG_SECONDS), "--no-color"),
        ],
        cwd=bench.place,
        capture_output=True,
        text=True,
    )
    said = ran.stdout + ran.stderr
    facts: dict[str, Any] = {
        "errors": said.count("Server error"),
        "hangs": said.count("Request timed out") + said.count("Response timeout"),
        "code": ran.returncode,
        "said": said[-2_000:],
    }
    if ran.returncode not in (0, 1):
        raise RuntimeError(f"schemathesis did not run: {said[-500:]}")
    if ran.returncode == 1 and not facts["errors"] and not facts["hangs"]:
        facts["errors"] = 1  # it found something, in words that are not known here
    bench.say(f"  schemathesis: {said.strip().splitlines()[-1]}")
    return Measurement(NAME, "schemathesis", 0, time.monotonic() - began, facts)
