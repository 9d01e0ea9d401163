"""The part `kills`: SIGKILL of the worker, the API and PostgreSQL in the midst of comparisons.

Each comparison has to end with the samples and the report of one that nothing disturbed, and
nothing may be left of what was killed.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, get_args

from benchmarks.errors import BenchmarkError
from benchmarks.records import Record
from benchmarks.speed.checks import BenchCheck, at_least, at_most, stated
from benchmarks.speed.sheet import Measurement
from service.reliability.bench import Bench
from service.reliability.left import against, files_below, files_of, records_in, samples, unfinished
from service.reliability.made_up import made_up
from service.reliability.moments import ANY, PHASES, PROBING, RACING, aim, spread
from service.reliability.supervised import Supervised, Victim, Watch, supervised
from service.specs import ALLOW_MODELS

NAME = "kills"
COVERS = "SIGKILL of worker, API and PostgreSQL: the same report, no sample lost or done twice"
KILLS, QUICK_KILLS = 200, 25
LEAST, QUICK_LEAST = 5, 2
"""So often each phase is hit at least."""
APART_S = 6.0
"""Kills are up to so far apart, by chance: about as long as an undisturbed comparison takes."""
AT_ONCE = 0.25
"""The share of kills that do not wait until the API is back from the one before."""
MOST_MISSES = 20
"""In so many comparisons in a row the phases that are aimed at may not be seen; from then on any
moment will do: on a quick machine the API may never tell of one."""
AFTER_S = 0.25
"""Up to so long after the progress told of a phase that is aimed at."""
MODELLED = ("baseline.majority", "prompt.zero-shot", "prompt.few-shot")
TRAIN, TEST = 24, 72
LAYERS = 8
"""Of the model. The worker tells four times a second where it is: with a quicker one, what is short
is seldom seen."""
KINDS: dict[str, tuple[tuple[str, ...], int, dict[str, bool]]] = {
    "plain": ((*MODELLED, "lora"), 4, {}),
    "raced": (("baseline.linear", *MODELLED), 40, {"race": True, "probes": False}),
}
"""Strategies, validation rows and options of the comparisons, which take turns. The probes ask all
of four rows, however quick the machine is; whether a race lets somebody train depends on times."""
MISSING = {"plain": {RACING}, "raced": {PROBING, "checking"}}
"""The phases that no comparison of a kind comes to; of a raced one, too few strategies are left to
check for it to be seen."""


def measure(bench: Bench) -> None:
    """What the sheet has of kills counts; the undisturbed comparison is done at each start."""
    kills = QUICK_KILLS if bench.quick else KILLS
    if len(kills_in(bench.sheet.measurements)) >= kills and bench.sheet.has(NAME, "rest", 0):
        return
    from benchmarks.speed.tiny import write_tiny

    place = bench.place / NAME
    place.mkdir()
    tiny = str(write_tiny(place / "tiny", layers=LAYERS))
    with supervised(place / "service", {ALLOW_MODELS: tiny}) as service:
        service.await_ready()
        wholes = {kind: undisturbed(service, kind, tiny) for kind in KINDS}
        while (done := len(kills_in(bench.sheet.measurements))) < kills:
            row = disturbed(service, wholes, bench, kills - done)
            bench.sheet.add(row)
            bench.say(told(row, done))
        bench.sheet.add(rest(service))


def checks(rows: Sequence[Measurement], *, quick: bool) -> list[BenchCheck]:
    """`reports_equal` counts the comparisons whose report is that of the undisturbed one; where one
    did not complete, all of its samples are lost."""
    kills = kills_in(rows)
    hit = Counter(kill["phase"] for kill in kills)
    facts = [row.facts for row in rows if row.side == "disturbed"]
    last = next(row.facts for row in rows if row.side == "rest")
    orphans = sum(len(one["extra_files"]) for one in facts) + len(last["orphans"])
    return [
        at_least("kills", len(kills), "kills", QUICK_KILLS if quick else KILLS),
        at_least(
            "kills_in_each_phase",
            min(hit[phase] for phase in PHASES),
            "kills",
            QUICK_LEAST if quick else LEAST,
        ),
        at_most("samples_lost", sum(one["lost"] for one in facts), "samples", 0),
        at_most("samples_doubled", sum(one["doubled"] for one in facts), "samples", 0),
        at_most("orphans", orphans, "things", 0),
        at_most("kills_server_errors", broken(last["statuses"]), "replies", 0),
        at_least("reports_equal", sum(one["equal"] for one in facts), "reports", len(facts)),
        stated("kills_slowest_end_s", max(one["recovered_s"] for one in facts), "s"),
    ]


def broken(statuses: Mapping[str, int]) -> int:
    """Replies that are faults of the server. 503 is none: it says that the database is away."""
    return sum(n for status, n in statuses.items() if int(status) >= 500 and status != "503")


def kills_in(rows: Sequence[Measurement]) -> list[dict[str, Any]]:
    """All kills that were measured."""
    return [kill for row in rows if row.piece == NAME for kill in row.facts.get("kills", ())]


@dataclass(frozen=True)
class Whole:
    """A comparison that nothing disturbed: what it was of, what it stored, and its files."""

    kind: str
    task: Mapping[str, Any]
    records: Sequence[Record]
    files: Counter[str]


def undisturbed(service: Supervised, kind: str, tiny: str) -> Whole:
    """Raises BenchmarkError where it does not complete."""
    strategies, validation, options = KINDS[kind]
    sizes = {"train": TRAIN, "validation": validation, "test": TEST}
    task = made_up("orders", tiny, strategies, sizes)
    watch = Watch(service, service.begin(f"undisturbed {kind}", task, **options))
    watch.until(math.inf)
    if watch.state != "completed":
        raise BenchmarkError(f"nothing was killed, and yet: {watch.shown}")
    records = records_in(service.engine, watch.id)
    return Whole(kind, task, records, files_of(service.data, watch.id))


def disturbed(
    service: Supervised, wholes: Mapping[str, Whole], bench: Bench, left: int
) -> Measurement:
    """One comparison, and as many kills as fall into it."""
    before = kills_in(bench.sheet.measurements)
    rows = [row for row in bench.sheet.measurements if row.side == "disturbed"]
    number, aims = 1 + len(rows), may_aim(rows)
    chance = random.Random(f"{NAME}:{number}")
    kills: list[dict[str, Any]] = []

    def next_kill() -> tuple[Victim, frozenset[str]]:
        victim = get_args(Victim)[(len(before) + len(kills)) % 3]
        least = QUICK_LEAST if bench.quick else LEAST
        return victim, aim([*before, *kills], victim, left - len(kills), least) if aims else ANY

    whole = wholes[kind_for(number, next_kill()[1])]
    options = KINDS[whole.kind][-1]
    began = killed = time.monotonic()
    watch = Watch(service, service.begin(f"disturbed {number}", whole.task, **options))
    while len(kills) < left and not watch.has_ended:
        victim, phases = next_kill()
        if chance.random() > AT_ONCE:
            watch.until_seen()
        if not watch.until(time.monotonic() + chance.uniform(0, APART_S), phases):
            continue
        if phases:
            time.sleep(chance.uniform(0, AFTER_S))
        kills.append({"victim": victim, "phase": watch.phase, "s": time.monotonic() - began})
        killed = time.monotonic()
        watch.kill(victim)
    watch.until(math.inf)
    facts = {
        "kind": whole.kind,
        "kills": kills,
        "state": watch.state,
        "recovered_s": time.monotonic() - killed,
        **compared(watch, whole),
    }
    return Measurement(NAME, "disturbed", number, time.monotonic() - began, facts)


def kind_for(number: int, phases: frozenset[str]) -> str:
    """They take turns, unless all that is aimed at is missing in one."""
    kinds = list(KINDS)
    turn = kinds[number % len(kinds)]
    in_vain = phases != ANY and phases <= MISSING[turn]
    return kinds[(number + 1) % len(kinds)] if in_vain else turn


def may_aim(rows: Sequence[Measurement]) -> bool:
    """Whether never so many comparisons in a row saw no kill."""
    misses = (len(list(run)) for hit, run in groupby(rows, _hit) if not hit)
    return max(misses, default=0) < MOST_MISSES


def _hit(row: Measurement) -> bool:
    return bool(row.facts["kills"])


def compared(watch: Watch, whole: Whole) -> dict[str, Any]:
    """What it left against what the undisturbed one did."""
    found = records_in(watch.service.engine, watch.id)
    if watch.state != "completed":
        lost = samples(whole.records).total()
        facts = {"lost": lost, "doubled": 0, "equal": False, "extra_files": []}
        return {**facts, "different": [str(watch.shown)]}
    served = watch.service.asked("GET", f"{watch.address}/report.json").json()
    held = against(whole.records, found, served)
    mine = files_of(watch.service.data, watch.id)
    different = [
        *held.different,
        *(f"no file {name}" for name in sorted((whole.files - mine).elements())),
    ]
    return {
        "lost": held.lost,
        "doubled": held.doubled,
        "equal": not different,
        "different": different,
        "extra_files": sorted((mine - whole.files).elements()),
    }


def rest(service: Supervised) -> Measurement:
    """What is left once all has ended: rows first, then processes and files."""
    began = time.monotonic()
    rows = unfinished(service.engine)
    service.end()
    orphans = [
        *rows,
        *service.left_processes(),
        *files_below(service.data / "scratch", service.temporary),
    ]
    facts = {
        "orphans": orphans,
        "statuses": {str(status): n for status, n in sorted(service.statuses.items())},
        "ended_by_itself": dict(service.ended_by_itself),
    }
    return Measurement(NAME, "rest", 0, time.monotonic() - began, facts)


def told(row: Measurement, before: int) -> str:
    """One line for a person."""
    kills = row.facts["kills"]
    hits = "; ".join(f"{who} {rows}" for who, rows in spread(kills).items()) or "no kill"
    end = "the same report" if row.facts["equal"] else f"another: {row.facts['different'][:1]}"
    return f"  {before + len(kills)} kills: {hits}: {row.facts['state']}, {end}"
