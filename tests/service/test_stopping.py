"""How work ends early: cancelled in mid-training, or handed back by a worker that is stopped."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from serving import client_of, environment, finished, start, submit, wait_until

from benchmarks.errors import Cancelled
from service.at_hand import MAX_ATTEMPTS, Worker
from service.orders import Order
from service.storage import ComparisonRow

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
            start(client, task, strategies=["baseline.majority", "lora"]) for _ in range(2)
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
        row = client.app.state.services.store.comparison(stopped.rsplit("/", 1)[-1], None)
        assert (row.state, row.attempts) == ("queued", 0)
        kept = (tmp_path / "comparisons" / row.id / "outcomes.jsonl").read_text().splitlines()
        answered = [json.loads(line) for line in kept if '"record":"outcome"' in line]
        assert len(answered) == 4  # what was done before the training is kept


@pytest.fixture
def order(tmp_path) -> Iterator[tuple[Any, str]]:
    """The application's services, and the key of a queued comparison."""
    with client_of(tmp_path) as client:
        address = start(client, submit(client))
        yield client.app.state.services, address.rsplit("/", 1)[-1]


def computing(at: Any, compute: Callable[[Order], None], key: str) -> Worker:
    """A worker that computes the comparison in a thread; returns once it is at it."""
    begun = threading.Event()

    def noted(order: Order) -> None:
        begun.set()
        compute(order)

    worker = Worker(at.settings, at.store, noted, lambda _: None)
    threading.Thread(target=worker.run, args=(key,), daemon=True).start()
    assert begun.wait(5)
    wait_until(lambda: worker.running is not None, 5)
    return worker


def obedient(order: Order) -> None:
    while not order.cancelled():
        time.sleep(0.01)
    raise Cancelled("told to stop")


def deaf(order: Order) -> None:
    time.sleep(30)


@pytest.mark.parametrize("compute", [obedient, deaf])
def test_work_goes_back_to_the_queue_as_if_it_had_not_begun(order, compute) -> None:
    at, key = order
    worker = computing(at, compute, key)
    assert at.store.comparison(key, None).attempts == 1
    worker.hand_back(seconds=0.5)
    row = at.store.comparison(key, None)
    assert (row.state, row.attempts, row.finished_at) == ("queued", 0, None)


def test_work_that_was_told_to_stop_is_cancelled_and_not_handed_back(order) -> None:
    at, key = order
    worker = computing(at, deaf, key)
    at.store.cancel(key, ComparisonRow, None)
    worker.hand_back(seconds=0.1)
    assert at.store.comparison(key, None).state == "cancelled"


def test_work_that_ends_meanwhile_is_not_handed_back(order) -> None:
    at, key = order
    worker = computing(at, lambda order: time.sleep(0.3), key)
    worker.hand_back(seconds=5)
    assert at.store.comparison(key, None).state == "completed"


def test_a_worker_that_is_stopped_begins_nothing_more(order) -> None:
    at, key = order
    worked: list[Order] = []
    worker = Worker(at.settings, at.store, worked.append, lambda _: None)
    worker.hand_back()
    job = threading.Thread(target=worker.run, args=(key,), daemon=True)
    job.start()
    job.join(0.5)
    assert job.is_alive()  # a job that returned would count as done
    assert (at.store.comparison(key, None).state, worked) == ("queued", [])


def test_being_stopped_however_often_is_no_failed_attempt(order) -> None:
    at, key = order
    for _ in range(MAX_ATTEMPTS + 2):
        at.store.start(key)
        at.store.hand_back(key)
    worked: list[Order] = []
    Worker(at.settings, at.store, worked.append, lambda _: None).run(key)
    assert at.store.comparison(key, None).state == "completed"
    assert len(worked) == 1


def test_work_without_room_for_its_folder_fails_with_the_reason(order) -> None:
    at, key = order
    (at.settings.data / "comparisons").write_text("no folder")
    Worker(at.settings, at.store, lambda _: None, lambda _: None).run(key)
    row = at.store.comparison(key, None)
    assert row.state == "failed"
    assert "NotADirectoryError" in row.error["detail"] or "FileExistsError" in row.error["detail"]


def test_a_journal_that_cannot_be_counted_ends_no_worker(order) -> None:
    at, key = order

    def spoil(order: Order) -> None:
        (order.folder / "outcomes.jsonl").write_bytes(b"no record\n")
        time.sleep(0.3)

    worker = computing(at, spoil, key)
    wait_until(lambda: (at.settings.comparison_folder(key) / "outcomes.jsonl").exists())
    worker.tick()
    wait_until(lambda: at.store.comparison(key, None).state == "completed")
