"""Hindered work goes on behind what it had, and the last progress that is noted is stored."""

import errno
import threading
import time
from pathlib import Path

import pytest
from in_process import NAME, ONE, key_of, queued, services_of, units_of
from serving import client_of, start, submit, wait_until

from benchmarks.progress import ProgressEvent
from service import at_hand
from service.at_hand import Worker
from service.errors import StoreAway
from service.forecasting.defaults import FINDINGS
from service.forms import FORECAST_FILES
from service.orders import Next, Order

HEAD, OLD, NEW = "head\n", "1\n", "2\n"


@pytest.fixture
def forecast(tmp_path, monkeypatch):
    """The application's services, and the key of a forecast that waits; findings of an earlier
    attempt are in the store."""
    monkeypatch.setattr(at_hand, "FIRST_PAUSE", 0.02)
    with client_of(tmp_path) as client:
        reply = client.post(f"{submit(client)}/forecasts", json={})
        at, key = services_of(client), key_of(reply.headers["Location"])
        at.files.put(f"forecasts/{key}/{FINDINGS}", (HEAD + OLD).encode())
        yield at, key


def write_forms(order: Order) -> Next:
    for name in FORECAST_FILES:
        (order.folder / name).write_text("{}")
    return Next()


def test_a_hindered_forecast_goes_on_behind_what_it_found_since(forecast) -> None:
    at, key = forecast
    found: list[str] = []

    def compute(order: Order) -> Next:
        path = order.folder / FINDINGS
        found.append(path.read_text())
        if len(found) == 1:
            path.write_text(HEAD + OLD + NEW)
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_forms(order)

    Worker(at, NAME, compute).run(queued(at, key)[0].id)
    assert found == [HEAD + OLD, HEAD + OLD + NEW]
    assert [unit.state for unit in units_of(at, key)] == ["done"]


def test_findings_are_seen_whole_or_not_at_all(forecast, monkeypatch) -> None:
    """The main thread puts into the store what it finds there."""
    at, key = forecast
    fetch, seen, tries = type(at.files).fetch, [], []

    def broken_at_first(self, name: str, target: Path) -> None:
        tries.append(name)
        if len(tries) == 1:
            target.write_text(HEAD + OLD + OLD + OLD)
            seen.append((target.parent / FINDINGS).exists())
            target.unlink()
            raise StoreAway(name, "Timeout")
        fetch(self, name, target)

    def compute(order: Order) -> Next:
        assert (order.folder / FINDINGS).read_text() == HEAD + OLD
        return write_forms(order)

    monkeypatch.setattr(type(at.files), "fetch", broken_at_first)
    Worker(at, NAME, compute).run(queued(at, key)[0].id)
    assert (seen, len(tries)) == ([False], 2)
    assert [unit.state for unit in units_of(at, key)] == ["done"]


def test_the_last_progress_is_stored_though_it_is_looked_at_just_then(tmp_path) -> None:
    ended = threading.Event()

    def compute(order: Order) -> Next:
        if order.name != "a":
            return ONE
        order.board.note(ProgressEvent("a", "done", 1.0, 0.0, 1, 1))
        assert ended.wait(5)
        return Next()

    with client_of(tmp_path) as client:
        at, key = services_of(client), key_of(start(client, submit(client)))
        worker = Worker(at, NAME, compute)
        worker.run(queued(at, key)[0].id)
        threading.Thread(target=worker.run, args=(queued(at, key)[0].id,), daemon=True).start()
        board = wait_until(lambda: worker.running, 5).board
        wait_until(lambda: board._changed, 5)
        changes = board.changes

        def slowly() -> object:
            found = changes()
            if not ended.is_set():  # the unit ends between the look and the storing of it
                ended.set()
                time.sleep(0.5)
            return found

        board.changes = slowly
        worker.tick()
        wait_until(lambda: worker.running is None, 5)
        assert units_of(at, key)[1].state == "done"
        assert at.store.comparison(key, None).progress["fraction"] == 1.0
