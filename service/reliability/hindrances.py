"""The part `hindrances`: a full disk, a folder that may not be written, a database that is away, a
clock that jumps. Each has to be told while it lasts, and the work has to go on by itself.

The disk is a small one of its own (tmpfs, mounted as root); a folder is mounted read-only over
itself; PostgreSQL is killed and started again later; and a library that is loaded into the API, the
worker and PostgreSQL moves their time of day.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.records import Record
from benchmarks.speed.checks import BenchCheck, at_least, at_most, unmeasured
from benchmarks.speed.sheet import Measurement
from service.alive import SILENT_SECONDS
from service.reliability.bench import Bench
from service.reliability.causing import CannotCause, Clock, full, own_clock, read_only, small_disk
from service.reliability.left import against, records_in
from service.reliability.made_up import made_up
from service.reliability.postgres import Cluster
from service.reliability.shown import LOOKS_S, Seen, Watch
from service.reliability.supervised import Supervised
from service.specs import ALLOW_MODELS
from service.worker import LOOK_SECONDS

NAME = "hindrances"
COVERS = "a full disk, a closed folder, no database, a clock that jumps: told, and gone on after"
SECONDS, QUICK_SECONDS = 30.0, 5.0
TOLD_SECONDS = 60.0
"""So long it lasts at most until it is told."""
MOST_RECOVERY_S = 15.0
"""Work that is hindered is tried again every ten seconds at least."""
JUMP_SECONDS = 3600
"""How far the clock jumps forward, and then back."""
JUMPED_SECONDS = SILENT_SECONDS + 3 * LOOK_SECONDS
"""So long it stays moved, and is watched after that: each time every worker has looked after the
others more than twice, and would have given up who had seemed silent since the jump."""
STRATEGIES = ("baseline.majority", "prompt.zero-shot", "prompt.few-shot", "lora")
SIZES = {"train": 24, "validation": 4, "test": 72}


@dataclass(frozen=True)
class World:
    """A service, its database (None: a file in the data folder), and the clock of all of them."""

    service: Supervised
    cluster: Cluster | None
    clock: Clock | None


@dataclass(frozen=True)
class Hindrance:
    """`cause` lasts as long as it is entered, `least` seconds at least; `told` says whether what
    was seen tells of it. `disk`: the data lie on a small one. With `workers` that measure beside
    each other the report is another one, and the samples alone have to be the same. `jumps`: the
    clock does; the workers are kept busy, also for `least` seconds after it, and none may be given
    up.
    """

    cause: Callable[[World], AbstractContextManager[None]]
    told: Callable[[Seen], bool]
    disk: bool = False
    sqlite: bool = False
    jumps: bool = False
    workers: int = 1
    least: float = 0.0


@contextmanager
def away(world: World) -> Iterator[None]:
    assert world.cluster is not None
    world.cluster.kill()
    try:
        yield
    finally:
        world.cluster.start()


def jump(world: World) -> AbstractContextManager[None]:
    assert world.clock is not None
    return world.clock.moved(JUMP_SECONDS)


HINDRANCES: Mapping[str, Hindrance] = {
    "disk full": Hindrance(
        cause=lambda world: full(world.service.data),
        told=lambda seen: seen.waits_for("No space left") and "data" in seen.ready,
        disk=True,
    ),
    "disk full, SQLite": Hindrance(
        cause=lambda world: full(world.service.data),
        told=lambda seen: "data" in seen.ready and seen.states == {"running"},
        disk=True,
        sqlite=True,
    ),
    "read-only folder": Hindrance(
        cause=lambda world: read_only(world.service.data),
        told=lambda seen: seen.waits_for("Read-only") and "data" in seen.ready,
    ),
    "database away": Hindrance(
        cause=away,
        told=lambda seen: (
            "database" in seen.ready and any(one.endswith("database-away") for one in seen.problems)
        ),
    ),
    "clock jump": Hindrance(
        cause=jump,
        # nothing waits, and no worker is taken for dead
        told=lambda seen: (
            seen.states <= {"queued", "running", "completed"}
            and not seen.reasons
            and "worker" not in seen.ready
        ),
        jumps=True,
        workers=2,
        least=JUMPED_SECONDS,
    ),
}


def measure(bench: Bench) -> None:
    """Do what the sheet does not have yet; the undisturbed comparison is done at each start."""
    names = [name for name in HINDRANCES if not bench.sheet.has(NAME, name, 0)]
    if not names:
        return
    from benchmarks.speed.tiny import write_tiny

    place = bench.place / NAME
    place.mkdir()
    tiny = str(write_tiny(place / "tiny"))
    with world_in(place / "undisturbed", tiny, HINDRANCES["database away"]) as world:
        whole = undisturbed(world.service, tiny)
    for number, name in enumerate(names):
        began = time.monotonic()
        hindrance, seconds = HINDRANCES[name], QUICK_SECONDS if bench.quick else SECONDS
        seconds = max(seconds, hindrance.least)
        try:
            with world_in(place / str(number), tiny, hindrance) as world:
                facts = hindered(world, tiny, hindrance, seconds, whole)
        except CannotCause as why:
            facts = {"told": False, "passed": False, "cannot": str(why)}
        bench.sheet.add(Measurement(NAME, name, 0, time.monotonic() - began, facts))
        bench.say(f"  {name}: {in_words(facts)}")


def checks(rows: Sequence[Measurement], *, quick: bool) -> list[BenchCheck]:
    """What cannot be caused on this machine counts as not told."""
    facts = [row.facts for row in rows]
    recovered = [one["recovered_s"] for one in facts if one.get("recovered_s") is not None]
    told, passed = (sum(one[what] for one in facts) for what in ("told", "passed"))
    slowest = "hindrances_recovered_s"
    return [
        at_least("hindrances_told", told, "hindrances", len(HINDRANCES)),
        at_least("hindrances_passed", passed, "hindrances", len(HINDRANCES)),
        at_most(slowest, max(recovered), "s", MOST_RECOVERY_S)
        if recovered
        else unmeasured(slowest, "s", MOST_RECOVERY_S),
    ]


def in_words(facts: Mapping[str, Any]) -> str:
    if "cannot" in facts:
        return f"not tried: {facts['cannot']}"
    told = "told" if facts["told"] else f"NOT told: {facts['seen']}"
    end = "went on by itself" if facts["passed"] else f"did NOT end as it should: {facts['why']}"
    return f"{told}; {end} within {facts['recovered_s'] or 0:.1f} s"


@contextmanager
def world_in(place: Path, tiny: str, hindrance: Hindrance) -> Iterator[World]:
    """A service that is ready, for that hindrance. Raises CannotCause."""
    with ExitStack() as stack:
        if hindrance.disk:
            stack.enter_context(small_disk(place / "data"))
        clock = stack.enter_context(own_clock()) if hindrance.jumps else None
        told = {ALLOW_MODELS: tiny, **(clock.environment if clock else {})}
        cluster = None
        if not hindrance.sqlite:
            cluster = Cluster(clock.environment if clock else None)
            stack.callback(cluster.remove)
        service = Supervised(place, cluster, told, hindrance.workers)
        stack.callback(service.end)
        service.await_ready()
        yield World(service, cluster, clock)


def undisturbed(service: Supervised, tiny: str) -> list[Record]:
    """The records of a comparison that nothing hinders. Raises BenchmarkError."""
    address = begin(service, tiny)
    found = Watch(service, address)
    found.until_ended()
    if found.shown.get("state") != "completed":
        raise BenchmarkError(f"nothing hindered it, and yet: {found.shown}")
    return records_in(service.engine, found.id)


def begin(service: Supervised, tiny: str, number: int = 0) -> str:
    return service.begin(f"hindered-{number}", made_up("orders", tiny, STRATEGIES, SIZES))


def hindered(
    world: World, tiny: str, hindrance: Hindrance, seconds: float, whole: Sequence[Record]
) -> dict[str, Any]:
    """Let the cause last so long in the midst of a comparison, and longer until it is told."""
    works = [Watch(world.service, begin(world.service, tiny))]
    works[0].until_computing()
    works[0].look(closely=True)  # who asks whether it is ready has asked before
    seen = works[0].seen = Seen()

    def look() -> None:
        if hindrance.jumps and works[-1].has_ended:  # the workers are to have something to lose
            address = begin(world.service, tiny, len(works))
            works.append(Watch(world.service, address, seen=seen))
        works[-1].look(closely=True)
        time.sleep(LOOKS_S)

    began = time.monotonic()
    with hindrance.cause(world):
        while (lasted := time.monotonic() - began) < seconds or (
            lasted < TOLD_SECONDS and not hindrance.told(seen)
        ):
            look()
    told = hindrance.told(seen)
    facts_seen = {name: sorted(found) for name, found in vars(seen).items()}
    recovered, why = None, ""
    try:
        recovered = works[-1].until_it_goes_on()
        settled = time.monotonic() + hindrance.least
        while time.monotonic() < settled:
            look()
        works[-1].until_ended()
        wrong = (wrong_in(one, whole, hindrance) for one in works)
        why = next(filter(None, wrong), "")
        if hindrance.jumps and not hindrance.told(seen) and not why:
            why = f"once it was moved back: {seen}"
    except BenchmarkError as error:
        why = str(error)
    return {
        "lasted_s": lasted,
        "comparisons": len(works),
        "told": told,
        "seen": facts_seen,
        "passed": not why,
        "why": why,
        "recovered_s": recovered,
    }


def wrong_in(watch: Watch, whole: Sequence[Record], hindrance: Hindrance) -> str:
    """What is not as in the undisturbed comparison; empty where all is."""
    if watch.shown["state"] != "completed":
        return f"it ended as {watch.shown['state']}: {watch.shown['error']}"
    if hindrance.jumps and (again := given_again(watch)):
        return f"given out again: {again}"
    report = watch.service.asked("GET", f"{watch.address}/report.json").json()
    held = against(whole, records_in(watch.service.engine, watch.id), report)
    if held.lost or held.doubled or (hindrance.workers == 1 and held.different):
        return f"{held.lost} lost, {held.doubled} done twice, {held.different[:2]} differ"
    return ""


def given_again(watch: Watch) -> list[str]:
    """Parts of an ended comparison that were given to a worker more than once, or have a reason for
    it, and reasons that only the database tells."""
    shown = watch.service.asked("GET", watch.address).json()
    parts = [
        f"{unit['strategy'] or unit['part']}, begun {unit['attempts']} times: {unit['reason']}"
        for unit in shown["units"]
        if unit["attempts"] != 1 or unit["reason"] is not None
    ]
    return [*parts, *sorted(watch.reasons() | watch.seen.reasons)]
