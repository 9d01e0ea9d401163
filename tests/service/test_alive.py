"""Which workers are alive, on both databases, and who computes beside whom."""

import pytest
from given_units import unit

from service import alive
from service.orders import FINISH
from service.place import machine, take_place
from service.services import Services
from service.storage import WorkerRow


@pytest.fixture
def at(settings):
    found = Services.start(settings)
    yield found
    found.stop()


def heard(at, *workers, seconds=0.0):
    """Let workers (name, queue, host) have been heard of so long ago."""
    with at.store.begin() as session:
        for name, queue, host in workers:
            last = alive.clock(session) - seconds
            session.add(WorkerRow(name=name, queue=queue, host=host, beat=last))


def asked(at, question, *args):
    with at.store.begin() as session:
        return question(session, *args)


def test_workers_are_counted_by_queue_while_they_are_heard_of(at) -> None:
    assert asked(at, alive.workers) == {}
    assert asked(at, alive.silence) == float("inf")
    heard(at, ("a-0", "cpu", "a"), ("a-1", "cpu", "a"), ("b-0", "gpu", "b"))
    heard(at, ("c-0", "gpu", "c"), seconds=alive.SILENT_SECONDS + 5)
    assert asked(at, alive.workers) == {"cpu": 2, "gpu": 1}
    assert asked(at, alive.living) == {"cpu", "gpu"}
    assert asked(at, alive.silence) == pytest.approx(0, abs=5)


def test_a_clock_that_was_set_back_makes_nobody_alive(at) -> None:
    heard(at, ("a-0", "cpu", "a"), seconds=-3600)
    assert asked(at, alive.workers) == {}
    assert asked(at, alive.silence) == pytest.approx(3600, abs=5)


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_jump_of_the_clock_makes_nobody_silent_who_goes_on(at, jump, monkeypatch) -> None:
    """Until it is heard of again after the jump, and one that died is not alive for any longer."""
    now, clock = 100.0, alive.clock
    monkeypatch.setattr("service.alive.time.monotonic", lambda: now)
    heard(at, ("a-0", "cpu", "a"), ("b-0", "gpu", "b"))
    assert asked(at, alive.living) == {"cpu", "gpu"}
    monkeypatch.setattr("service.alive.clock", lambda session: clock(session) + jump)
    now += 2
    assert asked(at, alive.living) == {"cpu", "gpu"}
    assert asked(at, alive.silence) == pytest.approx(2, abs=1)
    at.units.beat("a-0", "cpu", "a")
    now += alive.SILENT_SECONDS - 1
    at.units.beat("a-0", "cpu", "a")
    assert asked(at, alive.workers) == {"cpu": 1}
    now += 60
    at.units.beat("a-0", "cpu", "a")
    at.units.beat("b-0", "gpu", "b")
    assert asked(at, alive.living) == {"cpu", "gpu"}


def test_a_beat_that_came_before_a_jump_and_after_a_look_was_heard_since_that_look(
    at, monkeypatch
) -> None:
    now, clock = 100.0, alive.clock
    monkeypatch.setattr("service.alive.time.monotonic", lambda: now)
    heard(at, ("a-0", "cpu", "a"), seconds=60)
    assert asked(at, alive.living) == frozenset()
    with at.store.begin() as session:
        alive.beat(session, "a-0", "cpu", "a")
    monkeypatch.setattr("service.alive.clock", lambda session: clock(session) + 3600)
    now += 10
    assert asked(at, alive.silence) == pytest.approx(10)
    assert asked(at, alive.living) == {"cpu"}
    now += alive.SILENT_SECONDS - 9
    assert asked(at, alive.living) == frozenset()


@pytest.mark.parametrize("back", [2.0, alive.SILENT_SECONDS, 60.0])
def test_a_step_back_of_the_clock_revives_nobody(at, back, monkeypatch) -> None:
    now, clock, step = 100.0, alive.clock, 0.0
    monkeypatch.setattr("service.alive.time.monotonic", lambda: now)
    monkeypatch.setattr("service.alive.clock", lambda session: clock(session) + now - 100 - step)
    heard(at, ("a-0", "cpu", "a"))
    assert asked(at, alive.living) == {"cpu"}
    silent = 2 + max(back, alive.SILENT_SECONDS)
    now += silent
    assert asked(at, alive.living) == frozenset()
    step = back + 2
    assert asked(at, alive.living) == frozenset()
    assert asked(at, alive.silence) == pytest.approx(silent, abs=1)


def test_the_last_of_several_to_be_heard_of_tells_the_silence(at) -> None:
    heard(at, ("a-0", "cpu", "a"), seconds=90)
    heard(at, ("a-1", "cpu", "a"), seconds=40)
    assert asked(at, alive.silence) == pytest.approx(40, abs=5)


def test_neighbours_are_units_at_work_on_the_same_machine(at) -> None:
    """Not one's own, not those of other machines or dead workers, not what waits or only ends."""
    heard(at, ("a-0", "cpu", "a"), ("a-1", "cpu", "a"), ("a-2", "gpu", "a"), ("b-0", "cpu", "b"))
    heard(at, ("a-9", "cpu", "a"), seconds=60)
    with at.store.begin() as session:
        session.add_all(
            [
                unit(0, "running", "a-0"),
                unit(1, "running", "a-1"),
                unit(2, "running", "b-0"),
                unit(3, "running", "a-9"),
                unit(4, "queued", "a-2"),
                unit(5, "done", "a-2"),
                unit(6, "running", "a-2", name=FINISH),
            ]
        )
    assert at.units.beat("a-0", "cpu", "a") == 1
    assert at.units.beat("a-1", "cpu", "a") == 1
    assert at.units.beat("a-2", "gpu", "a") == 2
    assert at.units.beat("b-0", "cpu", "b") == 0
    assert at.units.beat("b-1", "cpu", "b") == 1


def test_workers_of_one_machine_tell_the_same_of_it(settings, monkeypatch) -> None:
    """Containers have names of their own, and one kernel."""
    settings.data.mkdir(parents=True, exist_ok=True)
    first = take_place(settings)
    monkeypatch.setattr("socket.gethostname", lambda: "another-container")
    second = take_place(settings)
    assert second.slot == 0
    assert second.name.startswith("another-container-")
    assert first.host == second.host == machine()
    for place in (first, second):
        place.lock.release()
