"""What the tests of the service share: a task to send, a worker process, waiting."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from litestar import Litestar
from litestar.testing import TestClient

from benchmarks.records import BatchRecord
from service.app import create_app
from service.keys import Limits, open_keys
from service.settings import Settings
from service.storage import FINISHED, ComparisonRow, Work, now
from service.store import Store
from service.stored_records import records_of

SCRIPT = Path(__file__).with_name("scripted_worker.py")
STEP = "step "
"""How the strategy of a step's record begins, which the scripted worker stores."""
API = "/api/v1"


def spec(name: str = "3 steps", **fields: Any) -> dict[str, Any]:
    """A valid task; the scripted worker acts by its name."""
    rows = [
        {"id": str(number), "input": f"mail number {number}", "output": ("billing", "other")[odd]}
        for number in range(12)
        for odd in (number % 2,)
    ]
    return {
        "name": name,
        "kind": "classification",
        "instruction": "Classify the customer's mail into exactly one category.",
        "examples": rows,
        **fields,
    }


@contextmanager
def client_of(data: Path | Settings, **settings: Any) -> Iterator[TestClient[Litestar]]:
    """The real application on a data folder, or by its settings."""
    app = create_app(replace(as_settings(data), **settings))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def key_for(
    data: Path | Settings,
    name: str = "ada",
    scopes: Collection[str] = ("read", "run"),
    **limits: Any,
) -> dict[str, str]:
    """A new key in the database, as the header that presents it."""
    with open_keys(as_settings(data)) as keys:
        _, text = keys.add(name, scopes, Limits(**limits))
    return {"Authorization": f"Bearer {text}"}


def as_settings(data: Path | Settings) -> Settings:
    return data if isinstance(data, Settings) else Settings(data)


def environment(data: Path | Settings, **more: str) -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {**os.environ, **as_settings(data).for_worker(), "PYTHONPATH": root, **more}


def start_worker(
    data: Path | Settings, command: tuple[str, ...] = (str(SCRIPT),)
) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *command], env=environment(data))


@contextmanager
def worker_on(
    data: Path | Settings, command: tuple[str, ...] = (str(SCRIPT),)
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process, scripted unless `command` says otherwise, ended afterwards."""
    process = start_worker(data, command)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(test: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first true result of `test`, asked again and again; fails after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing within {seconds} s")


def change(store: Store, key: str, table: type[Work] = ComparisonRow, **values: Any) -> None:
    """Let work be otherwise than it is, as watchers would see it."""
    if values.get("state") in FINISHED:
        values["finished_at"] = now()
    query = sa.update(table).where(table.id == key)
    with store.begin() as session:
        session.execute(query.values(revision=table.revision + 1, **values))


def submit(client: TestClient[Litestar], name: str = "3 steps", **fields: Any) -> str:
    """Send a task; its address."""
    reply = client.post(f"{API}/tasks", json=spec(name, **fields))
    assert reply.status_code == 201, reply.text
    return reply.headers["Location"]


def start(client: TestClient[Litestar], task: str, **options: Any) -> str:
    """Start a comparison; its address."""
    reply = client.post(f"{task}/comparisons", json=options)
    assert reply.status_code == 202, reply.text
    return reply.headers["Location"]


def finished(client: TestClient[Litestar], comparison: str) -> dict[str, Any]:
    """The comparison once it has ended."""
    result: dict[str, Any] = wait_until(lambda: ended(client, comparison))
    return result


def ended(client: TestClient[Litestar], comparison: str) -> dict[str, Any] | None:
    """The comparison where it has ended."""
    found: dict[str, Any] = client.get(comparison).json()
    return found if found["state"] in FINISHED else None


def steps(client: TestClient[Litestar], comparison: str) -> list[tuple[int, float]]:
    """The steps that the scripted worker has done, and when (seconds of the epoch)."""
    at = client.app.state.services
    found = records_of(at.store, at.settings, comparison.rsplit("/", 1)[-1])
    mine = [one for one in found if isinstance(one, BatchRecord) and one.strategy.startswith(STEP)]
    return [(int(one.strategy.removeprefix(STEP)), one.seconds) for one in mine]


def numbers(client: TestClient[Litestar], comparison: str) -> list[int]:
    """The steps that it has done, in order."""
    return [number for number, _ in steps(client, comparison)]
