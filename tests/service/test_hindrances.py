"""What hinders work for a while: it waits with the reason, and goes on by itself."""

import errno
import os
import threading
import time
from collections.abc import Callable
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
    units_of,
)
from serving import client_of, start, submit, wait_until

from benchmarks.errors import StorageFull
from service import at_hand
from service.at_hand import Worker
from service.errors import StoreAway
from service.hindrances import hindrance
from service.orders import FINISH, Next, Order
from service.services import Services
from service.storage import ComparisonRow, UnitRow

FULL = os.strerror(errno.ENOSPC)


@pytest.fixture
def at_work(tmp_path, monkeypatch):
    """The application's services, and the key of a comparison with one strategy that waits."""
    monkeypatch.setattr(at_hand, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(at_hand, "LONGEST_PAUSE", 0.1)
    with client_of(tmp_path) as client:
        at, key = services_of(client), key_of(start(client, submit(client)))
        begun(at, key)
        yield at, key


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, FULL, "/data/scratch/a.bin"), f"{FULL} (a.bin)"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), os.strerror(errno.EROFS)),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), "Permission denied (x)"),
        (StorageFull(Path("/data/work/outcomes.jsonl"), FULL), f"{FULL} (outcomes.jsonl)"),
        (StoreAway("comparisons/1/report.json", "Timeout"), "Timeout (report.json)"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/data/x"), None),
        (ValueError("nonsense"), None),
    ],
)
def test_what_passes_is_told_from_what_does_not_without_any_path(error, says) -> None:
    assert hindrance(error) == says


def strategy_of(at: Services, key: str) -> UnitRow:
    return units_of(at, key)[1]


def hindered(at: Services, key: str, compute: Callable[[Order], Next]) -> Worker:
    """A worker that has begun the strategy in a thread, and whose progress is stored."""
    worker = Worker(at, NAME, compute)
    threading.Thread(target=worker.run, args=(queued(at, key)[0].id,), daemon=True).start()

    def waits() -> bool:
        worker.tick()
        return str(at.store.comparison(key, None).progress.get("message")).startswith("waiting")

    wait_until(waits, 5)
    return worker


@pytest.mark.parametrize("place", ["computing", "report"])
def test_a_full_disk_is_waited_for_with_the_reason(at_work, place, monkeypatch) -> None:
    at, key = at_work
    full = threading.Event()
    full.set()
    put_file = at.files.put_file

    def full_store(name: str, source: Path) -> None:
        if full.is_set():
            raise StoreAway(name, FULL)
        put_file(name, source)

    def compute(order: Order) -> Next:
        if full.is_set() and place == "computing":
            raise OSError(errno.ENOSPC, FULL, str(order.folder / "adapter.bin"))
        return idle(order)

    file = "adapter.bin"
    if place == "report":
        Worker(at, NAME, idle).run(queued(at, key)[0].id)
        monkeypatch.setattr(type(at.files), "put_file", lambda self, *args: full_store(*args))
        file = "report.json"
    worker = hindered(at, key, compute)
    row, unit = at.store.comparison(key, None), units_of(at, key)[1 if place == "computing" else 2]
    assert (row.state, row.progress["message"]) == ("running", f"waiting: {FULL} ({file})")
    assert (unit.state, unit.reason, unit.attempts) == ("running", f"waiting: {FULL} ({file})", 1)
    full.clear()
    wait_until(lambda: worker.running is None, 5)
    do_all(at, key, compute)
    assert at.store.comparison(key, None).state == "completed"
    assert {each.reason for each in units_of(at, key)} == {None}
    assert {each.dispatch for each in units_of(at, key)} == {1}
    assert units_of(at, key)[-1].name == FINISH


def full_for_good(order: Order) -> Next:
    raise OSError(errno.ENOSPC, FULL)


def test_what_waits_can_be_cancelled(at_work) -> None:
    at, key = at_work
    worker = hindered(at, key, full_for_good)
    at.store.cancel(key, ComparisonRow, None)
    worker.tick()
    wait_until(lambda: at.store.comparison(key, None).state == "cancelled", 5)


def test_what_waits_is_handed_back_at_once(at_work) -> None:
    at, key = at_work
    worker = hindered(at, key, full_for_good)
    began = time.monotonic()
    worker.hand_back()
    assert time.monotonic() - began < 2
    unit = strategy_of(at, key)
    assert (unit.state, unit.dispatch, unit.fruitless) == ("queued", 2, 0)


def test_waiting_is_no_computing(at_work) -> None:
    at, key = at_work
    worker = hindered(at, key, full_for_good)
    time.sleep(0.5)
    worker.tick()
    worker.hand_back()
    assert strategy_of(at, key).seconds < 0.3
