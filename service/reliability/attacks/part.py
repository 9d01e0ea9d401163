"""The part `attacks`: each attack is tried with its guard, and with its guard replaced."""

from collections.abc import Sequence

from benchmarks.speed.checks import BenchCheck, at_least, stated
from benchmarks.speed.sheet import Measurement
from service.reliability.attacks.registry import ATTACKS
from service.reliability.attacks.trying import try_attack
from service.reliability.bench import Bench

NAME = "attacks"
COVERS = f"{len(ATTACKS)} attacks, each with its guard and without"


def measure(bench: Bench) -> None:
    for name in ATTACKS:
        if bench.sheet.has(NAME, name, 0):
            continue
        with_guard, without = (try_attack(name, guarded=guarded) for guarded in (True, False))
        facts = {
            "refused": not with_guard.through,
            "how": with_guard.how,
            "gets_through_without": without.through,
            "how_without": without.how,
        }
        seconds = with_guard.seconds + without.seconds
        bench.sheet.add(Measurement(NAME, name, 0, seconds, facts))
        end = "got through" if with_guard.through else "refused"
        shown = "" if without.through else ", and refused without its guard too"
        bench.say(f"  {name}: {end}{shown}")


def checks(rows: Sequence[Measurement], *, quick: bool) -> list[BenchCheck]:
    """`guards_shown` counts the attacks that get through once their guard is replaced: a guard
    without which an attack is refused all the same proves nothing."""
    refused = sum(row.facts["refused"] for row in rows)
    shown = sum(row.facts["gets_through_without"] for row in rows)
    return [
        stated("attacks_tried", len(rows), "attacks"),
        at_least("attacks_refused", refused, "attacks", len(ATTACKS)),
        at_least("guards_shown", shown, "attacks", len(ATTACKS)),
    ]
