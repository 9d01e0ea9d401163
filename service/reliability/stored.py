"""The part `stored`: a database with a million samples, and how soon it is read.

The server is one that a user finds: started after the machine has let go of the pages of its files,
and said to be ready SETTLE_SECONDS ago. Each request is sent to it once, a what-if before all
others, and then again and again; the slowest counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.errors import BenchmarkError
from benchmarks.speed.checks import BenchCheck, at_least, at_most, stated
from benchmarks.speed.sheet import Measurement
from service.reliability.attacks.serving import TASKS
from service.reliability.bench import Bench
from service.reliability.filling import Filling, fill
from service.reliability.postgres import Cluster
from service.reliability.server import serving
from service.settings import Settings
from service.shapes import API

NAME = "stored"
COVERS = "a million stored samples: listing, a comparison, its report and what-if within a second"
FILLING = Filling(large=200_000, small=2_000, copies=400)
QUICK_FILLING = Filling(large=4_000, small=400, copies=40)
SIDES = ("sqlite", "postgres")
AGAIN = 5
SETTLE_SECONDS = 5.0
"""From the first answer of `/ready` to the first request."""
MOST_SECONDS = 1.0
Asked = Callable[[httpx.Client, str, int], httpx.Response]


ASKED: Mapping[str, Asked] = {
    "what_if": lambda client, key, n: client.post(
        f"{API}/comparisons/{key}/what-if", json={"requests_per_month": 10_000 * (n + 1)}
    ),
    "listing": lambda client, key, n: client.get(TASKS, params={"limit": 100}),
    "comparison": lambda client, key, n: client.get(f"{API}/comparisons/{key}"),
    "report": lambda client, key, n: client.get(f"{API}/comparisons/{key}/report.json"),
    "page": lambda client, key, n: client.get(f"{API}/comparisons/{key}/report.html"),
    "metrics": lambda client, key, n: client.get("/metrics"),
}
"""Requests in their order, given the large comparison's id and how often each was sent before."""


def measure(bench: Bench) -> None:
    for side in SIDES:
        if bench.sheet.has(NAME, side, 0):
            continue
        began = time.monotonic()
        filling = QUICK_FILLING if bench.quick else FILLING
        with database(side, bench.place / f"{NAME}-{side}") as (settings, folders):
            large = fill(settings, filling, settings.data.with_name("worker.log"))
            let_go(folders)
            with serving(settings.data, settings.for_worker()) as server:
                settle(server.address)
                taken = timed(server.address, large)
            facts = {"samples": filling.samples, "megabytes": megabytes(folders), **taken}
        bench.sheet.add(Measurement(NAME, side, 0, time.monotonic() - began, facts))
        seconds, name = max((s, name) for name, s in slowest_of([facts]).items())
        bench.say(f"  {side}: {filling.samples:,} samples; the slowest: {name}, {seconds:.2f} s")


def checks(rows: Sequence[Measurement], *, quick: bool) -> list[BenchCheck]:
    """The slowest of each, first or later, whatever the database."""
    facts = [row.facts for row in rows]
    slowest = slowest_of(facts)
    wanted = (QUICK_FILLING if quick else FILLING).samples
    return [
        at_least("stored_samples", min(one["samples"] for one in facts), "samples", wanted),
        *(at_most(f"{name}_s", slowest[name], "s", MOST_SECONDS) for name in ASKED),
        stated("settle_s", SETTLE_SECONDS, "s"),
        stated("stored_mb", max(one["megabytes"] for one in facts), "MB"),
    ]


def slowest_of(facts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {
        name: max(max(one["first"][name], *one["again"][name]) for one in facts) for name in ASKED
    }


@contextmanager
def database(side: str, place: Path) -> Iterator[tuple[Settings, list[Path]]]:
    """An empty one, and the folders in which all is stored."""
    place.mkdir()
    data = place / "data"
    if side == "sqlite":
        yield Settings(data), [data]
        return
    cluster = Cluster()
    try:
        yield Settings(data, postgres=cluster.new_database()), [data, cluster.data]
    finally:
        cluster.remove()


def let_go(folders: Sequence[Path]) -> None:
    """Have the machine read the files from the disk again."""
    for path in files_in(folders):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def megabytes(folders: Sequence[Path]) -> float:
    return round(sum(path.stat().st_size for path in files_in(folders)) / 1e6, 1)


def files_in(folders: Sequence[Path]) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def settle(address: str) -> None:
    """Until the server has answered that it is ready, or that it lacks but a worker, and then a
    while. Raises BenchmarkError where it lacks anything else."""
    reply = httpx.get(f"{address}/ready", timeout=60.0)
    lacks = [one["field"] for one in reply.json().get("errors", ())]
    if reply.status_code != 200 and lacks != ["worker"]:
        raise BenchmarkError(f"ready: {reply.status_code} {reply.text[:300]}")
    time.sleep(SETTLE_SECONDS)


def timed(address: str, comparison: str) -> dict[str, Any]:
    """Seconds of each request: of the first, and of those that follow."""
    first: dict[str, float] = {}
    again: dict[str, list[float]] = {name: [] for name in ASKED}
    with httpx.Client(base_url=address, timeout=120.0) as client:
        for number in range(AGAIN + 1):
            for name in ASKED:
                seconds = took(client, name, comparison, number)
                if number:
                    again[name].append(seconds)
                else:
                    first[name] = seconds
    return {"first": first, "again": again}


def took(client: httpx.Client, name: str, comparison: str, number: int) -> float:
    """Seconds until the whole reply is there. Raises BenchmarkError where it is a refusal."""
    began = time.perf_counter()
    reply = ASKED[name](client, comparison, number)
    seconds = time.perf_counter() - began
    if reply.status_code != 200:
        raise BenchmarkError(f"{name}: {reply.status_code} {reply.text[:300]}")
    return seconds
