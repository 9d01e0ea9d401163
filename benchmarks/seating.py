"""Where each strategy was measured, as its records tell it, and whom that sets apart. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmarks.incumbent import INCUMBENT
from benchmarks.records import Hardware, Record, RunRecord, SeatRecord
from benchmarks.results import Seating
from benchmarks.seats import machine_of
from benchmarks.standing import latest_run
from benchmarks.track import Track


def run_in(records: Sequence[Record]) -> RunRecord | None:
    """The run record that holds, with the prices of all machines that measured a strategy."""
    run = latest_run(records)
    found = {row.price["machine"]: row.price for row in records if isinstance(row, SeatRecord)}
    if run is None or found.keys() <= {run.prices.get("machine")}:
        return run
    others = {name: price for name, price in found.items() if name != run.prices.get("machine")}
    return run.model_copy(update={"prices": {**run.prices, "machines": others}})


def seatings(tracks: Iterable[Track], run: RunRecord) -> dict[str, Seating]:
    """Where those were measured that were not on the run's machine alone, by id.

    A machine is the usual one where it measured most of those that were measured on one machine,
    the run's own where that is a draw. Who waits for a hosted model is not slowed by what runs
    beside it.
    """
    own = Hardware.model_validate(run.environment.model_dump(include=set(Hardware.model_fields)))
    measured = [track for track in tracks if track.seats and track.facts.family != INCUMBENT]
    machines = {track.id: machines_of(track, own) for track in measured}
    counts = Counter(machine_of(each[0]) for each in machines.values() if len(each) == 1)
    most = max(counts.values(), default=0)
    mine = machine_of(own)
    usual = mine if counts[mine] == most else counts.most_common(1)[0][0]
    hosted = {model.name for model in run.models if model.hosted}
    found = {}
    for track in measured:
        kinds = [machine_of(each) for each in machines[track.id]]
        beside = 0 if track.facts.model in hosted else beside_of(track)
        if beside or kinds != [mine] or usual != mine:
            apart = kinds != [usual]
            found[track.id] = Seating(machines=machines[track.id], beside=beside, apart=apart)
    return found


def machines_of(track: Track, own: Hardware) -> tuple[Hardware, ...]:
    """The kinds of machine that it was measured on, in their order."""
    seats = [hardware_of(seat) if seat else own for seat in track.seats]
    return tuple({machine_of(each): each for each in seats}.values())


def hardware_of(seat: SeatRecord) -> Hardware:
    return Hardware(cpu=seat.cpu, cores=seat.cores, memory_gb=seat.memory_gb, gpu=seat.gpu)


def beside_of(track: Track) -> int:
    return max((seat.beside for seat in track.seats if seat), default=0)
