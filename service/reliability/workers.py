"""The part `workers`: four workers on one PostgreSQL against one, with trials that mostly wait; and
workers that come and go in the midst of their work.

The trials ask a hosted model that answers after a fixed time, one request at a time.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from benchmarks.errors import BenchmarkError
from benchmarks.speed.checks import BenchCheck, at_least, at_most, stated
from benchmarks.speed.sheet import Measurement
from service.reliability.bench import Bench
from service.reliability.left import records_in, samples, unfinished
from service.reliability.made_up import made_up
from service.reliability.misbehaving import Misbehaving, misbehaving
from service.reliability.server import Program
from service.reliability.supervised import ENDED, Supervised, supervised
from service.storage import WorkerRow

NAME = "workers"
COVERS = "4 workers against 1 with trials that wait, and workers that come and go"
MANY = 4
ONE_SIDE, MANY_SIDE, CHANGING = "1 worker", f"{MANY} workers", "changing"
ROUNDS, QUICK_ROUNDS = 3, 1
COMPARISONS = 4
"""Of two strategies each: a multiple of the workers, so that none is without work in the end."""
STRATEGIES = ("prompt.zero-shot", "prompt.few-shot")
SIZES = {"train": 12, "test": 24}
TAKES_S = 0.1
LEAST_SPEEDUP = 3.6
MODEL = "waits"
PRICE = {"input": 1.0, "cached": 1.0, "output": 1.0, "source": "made up", "as_of": "now"}
START_SECONDS, HUNG_SECONDS = 120.0, 900.0
LOOKS_S = 0.1


CHANGES: tuple[int | None, ...] = (None, None, 0, None, 1, None)
"""Each a worker that is added (None), or the number of one that is killed for good once it is at
work. The last three live on."""


def measure(bench: Bench) -> None:
    """Do what the sheet does not have yet; one and many take turns."""
    for turn in range(1, 1 + (QUICK_ROUNDS if bench.quick else ROUNDS)):
        for side, workers in ((ONE_SIDE, 1), (MANY_SIDE, MANY)):
            if not bench.sheet.has(NAME, side, turn):
                place = bench.place / f"{NAME}-{turn}-{workers}"
                with waiting(place, workers) as (service, endpoint):
                    row = throughput(service, endpoint, side, turn)
                bench.sheet.add(row)
                bench.say(f"  {side}: {COMPARISONS} comparisons in {row.seconds:.1f} s")
    if not bench.sheet.has(NAME, CHANGING, 0):
        with waiting(bench.place / CHANGING, 1) as (service, endpoint):
            row = changing(service, endpoint)
        bench.sheet.add(row)
        facts = row.facts
        bench.say(f"  workers come and go: {facts['lost']} lost, {facts['doubled']} done twice")


def checks(rows: Sequence[Measurement], *, quick: bool) -> list[BenchCheck]:
    """Medians of the rounds. `workers_lost` counts what is missing, is there twice, or did not end
    where workers came and went."""
    seconds = {
        side: statistics.median(row.seconds for row in rows if row.side == side)
        for side in (ONE_SIDE, MANY_SIDE)
    }
    [facts] = [row.facts for row in rows if row.side == CHANGING]
    wrong = facts["lost"] + facts["doubled"] + len(facts["unfinished"])
    return [
        stated("workers_one_s", seconds[ONE_SIDE], "s"),
        stated("workers_many_s", seconds[MANY_SIDE], "s"),
        at_least("workers_speedup", seconds[ONE_SIDE] / seconds[MANY_SIDE], "x", LEAST_SPEEDUP),
        at_most("workers_lost", wrong, "samples", 0),
    ]


@contextmanager
def waiting(place: Path, workers: int) -> Iterator[tuple[Supervised, Misbehaving]]:
    """A service with so many workers, all of them ready, and the endpoint that their trials ask."""
    place.mkdir()
    with misbehaving(say=lambda text: "red") as endpoint:
        models, prices = place / "models.yaml", place / "prices.yaml"
        entry = {"base_url": endpoint.url, "model": MODEL, "concurrency": 1}
        models.write_text(json.dumps({MODEL: entry}))
        prices.write_text(json.dumps({"models": {MODEL: PRICE}}))
        told = {"TUNEWORTH_MODELS": str(models), "TUNEWORTH_PRICES": str(prices)}
        with supervised(place / "service", told, workers) as service:
            service.await_ready()
            await_workers(service, workers)
            yield service, endpoint


def await_workers(service: Supervised, number: int) -> None:
    """Until so many have said that they are there. Raises BenchmarkError."""
    end = time.monotonic() + START_SECONDS
    while True:
        with service.engine.connect() as connection:
            there = connection.scalar(sa.select(sa.func.count()).select_from(WorkerRow)) or 0
        if there >= number:
            return
        if time.monotonic() > end:
            raise BenchmarkError(f"{there} of {number} workers: {service.workers[0].last_words()}")
        time.sleep(LOOKS_S)


def begin(service: Supervised, names: Sequence[str]) -> list[str]:
    """The addresses of comparisons of these names, whose tasks differ in nothing else."""
    return [
        service.begin(name, made_up(name, MODEL, STRATEGIES, SIZES), accept_cost_usd=1e6)
        for name in names
    ]


def finish(service: Supervised, addresses: Sequence[str]) -> None:
    """Until all have completed. Raises BenchmarkError where one ends otherwise, or not at all."""
    end = time.monotonic() + HUNG_SECONDS
    open_ones = list(addresses)
    while open_ones:
        shown = service.state_of(open_ones[0])
        if shown is not None and shown["state"] in ENDED:
            if shown["state"] != "completed":
                raise BenchmarkError(f"a comparison did not complete: {shown}")
            open_ones.pop(0)
            continue
        if time.monotonic() > end:
            raise BenchmarkError(f"a comparison does not end: {shown}")
        time.sleep(LOOKS_S)


def warmed_up(service: Supervised, endpoint: Misbehaving, number: int) -> str:
    """Let every worker load what it needs, with an endpoint that answers at once; the id of one of
    those comparisons. From then on the endpoint takes its time."""
    addresses = begin(service, [f"warm up {n}" for n in range(number)])
    finish(service, addresses)
    endpoint.takes_s = TAKES_S
    return id_of(addresses[0])


def throughput(service: Supervised, endpoint: Misbehaving, side: str, turn: int) -> Measurement:
    """The time from the first comparison's beginning to the last one's end."""
    warmed_up(service, endpoint, 2 * len(service.workers))
    asked, began = endpoint.asked, time.monotonic()
    finish(service, begin(service, [f"measured {n}" for n in range(COMPARISONS)]))
    facts = {"comparisons": COMPARISONS, "requests": endpoint.asked - asked}
    return Measurement(NAME, side, turn, time.monotonic() - began, facts)


def changing(service: Supervised, endpoint: Misbehaving) -> Measurement:
    """The same work while workers are added and killed; every sample has to be there once."""
    whole = samples(records_in(service.engine, warmed_up(service, endpoint, 2)))
    asked, began = endpoint.asked, time.monotonic()
    addresses = begin(service, [f"changing {n}" for n in range(COMPARISONS)])
    for killed in CHANGES:
        if killed is None:
            service.add_worker()
        else:
            await_work(service.workers[killed])
            service.workers[killed].kill()
    finish(service, addresses)
    found = [samples(records_in(service.engine, id_of(address))) for address in addresses]
    facts = {
        "killed": sum(killed is not None for killed in CHANGES),
        "lost": sum((whole - one).total() for one in found),
        "doubled": sum((one - whole).total() for one in found),
        "unfinished": unfinished(service.engine),
        "requests": endpoint.asked - asked,
    }
    return Measurement(NAME, CHANGING, 0, time.monotonic() - began, facts)


def await_work(worker: Program) -> None:
    """Until it is at a strategy, so that killing it costs something. Raises BenchmarkError."""
    end = time.monotonic() + START_SECONDS
    while not is_at_work(worker.log.read_text(encoding="utf-8")):
        if time.monotonic() > end:
            raise BenchmarkError(f"a worker that was added does nothing: {worker.last_words()}")
        time.sleep(LOOKS_S)


def is_at_work(log: str) -> bool:
    """Whether the last that a worker's log says of a unit is that a strategy has begun."""
    lines = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    units = [line for line in lines if "unit" in line and line["message"] in ("begun", "ended")]
    return bool(units) and units[-1]["message"] == "begun" and units[-1]["unit"][0] != ":"


def id_of(address: str) -> str:
    return address.rsplit("/", 1)[-1]
