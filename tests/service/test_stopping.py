"""How work ends early: cancelled in mid-training, or handed back by a worker that is stopped."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from in_process import (
    NAME,
    begun,
    do_all,
    idle,
    key_of,
    queued,
    services_of,
    stored,
    units_of,
)
from serving import client_of, environment, finished, start, submit, wait_until

from benchmarks.errors import Cancelled
from benchmarks.records import OutcomeRecord
from service.at_hand import Worker
from service.dispatch import LAST_POSITION, MAX_ATTEMPTS
from service.orders import Compute, Next, Order
from service.place import scratch_of
from service.services import Services
from service.storage import ComparisonRow, UnitRow

TRAINING = Path(__file__).with_name("training_worker.py")
MANY = [
    {
        "id": f"r{n}",
        "input": f"Order {n}: paint {n * 7919}, please.",
        "output": ("red", "blue")[n % 2],
    }
    | {"split": "test" if n < 4 else "validation" if n < 8 else "train"}
    for n in range(1600)
]
"""So many that training takes longer than the test."""


@contextmanager
def trainer_on(data: Path, model: Path) -> Iterator[subprocess.Popen[bytes]]:
    told = environment(data, TINY_MODEL=str(model), OMP_NUM_THREADS="1")
    process = subprocess.Popen([sys.executable, str(TRAINING)], env=told)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def training(client, comparison: str) -> bool:
    """Whether an adapter has learned for some steps."""
    rows = client.get(comparison).json()["progress"]["strategies"]
    return any("epoch" in row["message"] and row["fraction"] > 0 for row in rows)


def test_training_is_cancelled_and_handed_back_within_seconds(tmp_path, tiny_folder) -> None:
    with client_of(tmp_path) as client:
        task = submit(client, "trained", examples=MANY)
        cancelled, stopped = (
            start(client, task, strategies=["baseline.majority", "lora"], probes=False)
            for _ in range(2)
        )
        with trainer_on(tmp_path, tiny_folder) as worker:
            wait_until(lambda: training(client, cancelled), 90)
            began = time.monotonic()
            assert client.delete(cancelled).status_code == 202
            assert finished(client, cancelled)["state"] == "cancelled"
            assert time.monotonic() - began < 3
            wait_until(lambda: training(client, stopped), 60)
            began = time.monotonic()
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(20) == 0
            assert time.monotonic() - began < 5
        at, key = services_of(client), key_of(stopped)
        row = at.store.comparison(key, None)
        assert (row.state, row.attempts) == ("queued", 0)
        [waits] = [unit for unit in units_of(at, key) if unit.state == "queued"]
        assert (waits.name, waits.dispatch, waits.attempts, waits.fruitless) == ("lora", 2, 0, 0)
        assert waits.seconds > 0
        answered = [one for one in stored(at, key) if isinstance(one, OutcomeRecord)]
        assert len(answered) == 4  # what was done before the training is kept


@pytest.fixture
def begun_work(tmp_path) -> Iterator[tuple[Services, str]]:
    """The application's services, and the key of a comparison with one strategy that waits."""
    with client_of(tmp_path) as client:
        at, key = services_of(client), key_of(start(client, submit(client)))
        begun(at, key)
        yield at, key


def computing(at: Services, compute: Compute, key: str) -> Worker:
    """A worker that computes the strategy in a thread; returns once it is at it."""
    at_it = threading.Event()

    def noted(order: Order) -> Next:
        at_it.set()
        return compute(order)

    worker = Worker(at, NAME, noted)
    [job] = queued(at, key)
    threading.Thread(target=worker.run, args=(job.id,), daemon=True).start()
    assert at_it.wait(5)
    return worker


def obedient(order: Order) -> Next:
    while not order.cancelled():
        time.sleep(0.01)
    raise Cancelled("told to stop")


def deaf(order: Order) -> Next:
    time.sleep(30)
    return Next()


def brief(order: Order) -> Next:
    time.sleep(0.3)
    return Next()


def strategy_of(at: Services, key: str) -> UnitRow:
    return units_of(at, key)[1]


@pytest.mark.parametrize("compute", [obedient, deaf])
def test_work_goes_back_to_the_queue_as_if_it_had_not_begun(begun_work, compute) -> None:
    at, key = begun_work
    worker = computing(at, compute, key)
    assert (strategy_of(at, key).state, strategy_of(at, key).attempts) == ("running", 1)
    worker.hand_back(seconds=0.5)
    row, unit = at.store.comparison(key, None), strategy_of(at, key)
    assert (row.state, row.attempts, row.finished_at) == ("queued", 0, None)
    assert (unit.state, unit.dispatch, unit.attempts, unit.reason) == ("queued", 2, 0, None)


def test_work_that_was_told_to_stop_is_cancelled_and_not_handed_back(begun_work) -> None:
    at, key = begun_work
    worker = computing(at, deaf, key)
    at.store.cancel(key, ComparisonRow, None)
    worker.hand_back(seconds=0.1)
    assert at.store.comparison(key, None).state == "cancelled"


def test_work_that_ends_meanwhile_is_not_handed_back(begun_work) -> None:
    at, key = begun_work
    worker = computing(at, brief, key)
    worker.hand_back(seconds=5)
    assert [unit.state for unit in units_of(at, key)] == ["done", "done", "queued"]
    assert [job.position for job in queued(at, key)] == [LAST_POSITION]


def test_a_worker_that_is_stopped_begins_nothing_more(begun_work) -> None:
    at, key = begun_work
    worked: list[str] = []
    worker = Worker(at, NAME, lambda order: worked.append(order.name) or Next())
    worker.hand_back()
    thread = threading.Thread(target=worker.run, args=(queued(at, key)[0].id,), daemon=True)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive()  # a job that returned would make room for the next one
    assert (strategy_of(at, key).state, worked) == ("queued", [])


def test_being_stopped_however_often_is_no_failed_attempt(begun_work) -> None:
    at, key = begun_work
    for _ in range(MAX_ATTEMPTS + 2):
        computing(at, deaf, key).hand_back(seconds=0)
    assert strategy_of(at, key).fruitless == 0
    do_all(at, key, idle)
    assert at.store.comparison(key, None).state == "completed"


def test_who_was_given_up_stops_and_stores_nothing_more(begun_work) -> None:
    at, key = begun_work
    done = threading.Event()

    def unheard(order: Order) -> Next:
        while not order.cancelled():
            time.sleep(0.01)
        done.set()
        return Next()

    worker = computing(at, unheard, key)
    at.units.bury(NAME, "its worker was not heard of any more")
    worker.tick()
    assert done.wait(5)
    wait_until(lambda: worker.running is None, 5)
    unit = strategy_of(at, key)
    assert (unit.state, unit.dispatch) == ("queued", 2)
    assert unit.reason == "its worker was not heard of any more"


def test_a_folder_that_is_none_fails_the_work_with_the_reason(begun_work) -> None:
    at, key = begun_work
    place = scratch_of(at.settings, NAME)
    place.rmdir()
    place.write_text("no folder")
    do_all(at, key, idle)
    row = at.store.comparison(key, None)
    assert row.state == "failed"
    assert "NotADirectoryError" in row.error["detail"] or "FileExistsError" in row.error["detail"]
