"""The part `fuzzing`: thousands of faulty requests, and none may break, hang or fill the server.

Twice over: with bodies of our own that are nearly in order (`mutating`), and with what
schemathesis makes of the OpenAPI description.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from benchmarks.errors import BenchmarkError
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
MOST_SECONDS, QUICK_MOST_SECONDS = 240, 60
"""Requests that schemathesis makes up for each operation, and how long it may take."""
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
    broken: list[dict[str, Any]] = [
        {"number": number, "faults": body_of(number).faults, "status": status, "said": said}
        for number, (status, said) in enumerate(statuses)
        if status == 0 or status >= 500
    ]
    facts: dict[str, Any] = {
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
    """What it makes of the description alone. Left out: /ready, whose 503 is true where no worker
    is, and the streams, which do not end by themselves."""
    began = time.monotonic()
    report = bench.place / "schemathesis.json"
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run"),
            *(f"{server.address}/schema/openapi.json", "--exclude-path-regex", "^/ready$|/events$"),
            *("--checks", "not_a_server_error", "--seed", "1", "--no-color"),
            *("--max-examples", str(QUICK_EXAMPLES if bench.quick else EXAMPLES)),
            *("--max-time", str(QUICK_MOST_SECONDS if bench.quick else MOST_SECONDS)),
            *("--request-timeout", f"{HANG_SECONDS:.0f}", "--suppress-health-check", "all"),
            *("--report-json-path", str(report)),
        ],
        cwd=bench.place,
        capture_output=True,
        text=True,
    )
    if not report.is_file() or not report.stat().st_size:
        said = f"{ran.stdout[-500:]} {ran.stderr[-500:]}"
        raise BenchmarkError(f"schemathesis did not run (pip install 'tuneworth[dev]'): {said}")
    found = json.loads(report.read_text(encoding="utf-8"))
    facts = {
        "sent": found["test_cases"]["generated"],
        "tested": found["operations"]["tested"],
        "errors": sum(one["count"] for one in found["failures"]),
        "hangs": sum(one["count"] for one in found["errors"]),
        "failures": found["failures"][:SHOWN],
        "problems": found["errors"][:SHOWN],
        "stopped": found["stop_reason"],
    }
    bench.say(f"  schemathesis: {facts['sent']:,} requests to {facts['tested']} operations")
    return Measurement(NAME, "schemathesis", 0, time.monotonic() - began, facts)
