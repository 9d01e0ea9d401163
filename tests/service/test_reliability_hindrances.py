"""The part `hindrances` of the benchmark: what it causes, what it takes for told, its figures."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from benchmarks.speed.sheet import Measurement
from service.alive import SILENT_SECONDS
from service.reliability import causing, hindrances
from service.reliability.causing import CannotCause, full, own_clock, read_only, small_disk
from service.reliability.hindrances import HINDRANCES, given_again
from service.reliability.shown import Seen
from service.worker import LOOK_SECONDS

FINE = {"told": True, "passed": True, "recovered_s": 1.5}


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    try:
        with small_disk(folder):
            yield folder
    except CannotCause as why:
        pytest.skip(str(why))


def test_a_disk_is_full_for_a_while_and_keeps_what_it_holds(disk) -> None:
    (disk / "before").write_bytes(b"x" * 100_000)
    with full(disk):
        with pytest.raises(OSError, match="No space left"):
            (disk / "more").write_bytes(b"x" * 100_000)
        assert len((disk / "before").read_bytes()) == 100_000
    (disk / "after").write_bytes(b"x" * 100_000)


def test_a_disk_that_is_being_written_to_gets_full_too(disk, monkeypatch) -> None:
    used, asked = causing.used_on, []

    def too_little_at_first(place):
        asked.append(place)
        if len(asked) == 1:
            (place / "meanwhile").write_bytes(b"x" * 100_000)
            return 4096
        return used(place)

    monkeypatch.setattr(causing, "used_on", too_little_at_first)
    with full(disk), pytest.raises(OSError, match="No space left"):
        (disk / "more").write_bytes(b"x" * 100_000)
    assert len(asked) == 2


def test_a_folder_takes_nothing_new_for_a_while_and_what_is_open_goes_on(disk) -> None:
    with (disk / "open").open("w") as file:
        with read_only(disk):
            with pytest.raises(OSError, match="Read-only"):
                (disk / "more").write_text("x")
            file.write("goes on")
            file.flush()
        (disk / "after").write_text("x")
    assert (disk / "open").read_text() == "goes on"


def test_a_clock_jumps_for_the_programs_that_are_given_it() -> None:
    shows = "import time; print(time.time(), time.monotonic())"

    def shown(environment):
        told = {**os.environ, **environment}
        said = subprocess.run([sys.executable, "-c", shows], env=told, capture_output=True)
        return [float(part) for part in said.stdout.split()]

    try:
        with own_clock() as clock:
            with clock.moved(3600):
                wall, steady = shown(clock.environment)
                assert wall - time.time() == pytest.approx(3600, abs=5)
                assert steady == pytest.approx(time.monotonic(), abs=5)
            assert shown(clock.environment)[0] == pytest.approx(time.time(), abs=5)
    except CannotCause as why:
        pytest.skip(str(why))


@pytest.mark.parametrize(
    ("name", "seen", "told"),
    [
        ("disk full", Seen({"waiting: No space left on device (x)"}, ready={"data"}), True),
        ("disk full", Seen({"waiting: No space left on device (x)"}), False),
        ("disk full", Seen({"loading tiny"}, ready={"data"}), False),
        ("read-only folder", Seen({"waiting: Read-only file system"}, ready={"data"}), True),
        ("read-only folder", Seen({"waiting: No space left on device"}, ready={"data"}), False),
        ("disk full, SQLite", Seen(states={"running"}, ready={"data"}), True),
        ("disk full, SQLite", Seen(states={"running", "failed"}, ready={"data"}), False),
        ("disk full, SQLite", Seen(ready={"data"}), False),
        ("database away", Seen(problems={"urn:x:database-away"}, ready={"database"}), True),
        ("database away", Seen(problems={"urn:x:unexpected"}, ready={"database"}), False),
        ("clock jump", Seen(states={"running"}), True),
        ("clock jump", Seen(states={"running"}, reasons={"its worker was not heard of"}), False),
        ("clock jump", Seen(states={"running"}, ready={"worker"}), False),
        ("clock jump", Seen(states={"failed"}), False),
    ],
)
def test_what_is_told_names_its_cause(name, seen, told) -> None:
    assert HINDRANCES[name].told(seen) is told


def test_a_clock_stays_moved_until_every_worker_has_looked_twice() -> None:
    jump = HINDRANCES["clock jump"]
    assert jump.jumps
    assert jump.workers > 1
    assert jump.least > SILENT_SECONDS + 2 * LOOK_SECONDS


PART = {"part": "strategy", "strategy": "lora", "attempts": 1, "reason": None}


@pytest.mark.parametrize(
    ("unit", "reasons", "before", "found"),
    [
        (PART, set(), set(), []),
        ({**PART, "attempts": 2}, set(), set(), ["lora, begun 2 times: None"]),
        ({**PART, "reason": "gone"}, set(), set(), ["lora, begun 1 times: gone"]),
        (PART, {"None"}, set(), ["None"]),  # given out again, unclaimed, and done since
        (PART, set(), {"gone"}, ["gone"]),
    ],
)
def test_a_part_that_was_given_out_again_is_found_at_the_end(unit, reasons, before, found) -> None:
    reply = SimpleNamespace(json=lambda: {"units": [unit]})
    watch = SimpleNamespace(
        service=SimpleNamespace(asked=lambda method, address: reply),
        address="comparisons/1",
        seen=Seen(reasons=before),
        reasons=lambda: reasons,
    )
    assert given_again(watch) == found


def figures(facts):
    rows = [
        Measurement("hindrances", name, 0, 1.0, one)
        for name, one in zip(HINDRANCES, facts, strict=True)
    ]
    found = hindrances.checks(rows, quick=False)
    return [(one.name.removeprefix("hindrances_"), one.value, one.met) for one in found]


def test_the_figures_need_every_hindrance() -> None:
    few = len(HINDRANCES) - 1
    assert figures([FINE] * (few + 1)) == [
        ("told", few + 1, True),
        ("passed", few + 1, True),
        ("recovered_s", 1.5, True),
    ]
    hung = {"told": True, "passed": False, "recovered_s": None}
    late = {**FINE, "told": False, "recovered_s": 16.0}
    found = figures([hung, late, *[FINE] * (few - 1)])
    assert found == [("told", few, False), ("passed", few, False), ("recovered_s", 16.0, False)]
    cannot = {"told": False, "passed": False, "cannot": "no root"}
    assert figures([cannot] * (few + 1)) == [
        ("told", 0, False),
        ("passed", 0, False),
        ("recovered_s", None, False),
    ]
