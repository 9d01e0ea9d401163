"""A worker whose comparison is scripted by the name of the task: run as a process by the tests.

It writes one line a step into steps.txt, so that a test sees what was done, and done again.
"""

import json
import os
import sys
import time

from benchmarks.errors import Cancelled
from benchmarks.journal import Journal
from benchmarks.progress import ProgressEvent
from benchmarks.records import BatchRecord, OutcomeRecord, SetupRecord
from corpora.errors import InvalidInput
from service.orders import ForecastOrder, Order
from service.settings import Settings
from service.worker import work

SECONDS = 0.05


def scripted(order: Order) -> None:
    """The task "N steps" takes N steps, and "N busy steps" computes meanwhile; "broken" and "bad"
    raise; "deadly" kills the process."""
    name = order.spec["name"]
    if name == "broken":
        raise RuntimeError("the model caught fire")
    if name == "bad":
        raise InvalidInput("examples", "3 rows", "Add rows.")
    if name == "deadly":
        os._exit(9)
    steps = int(name.split()[0])
    order.board.note(ProgressEvent(None, "loading", 0.0, None, 1, 2, "tiny model"))
    done = order.folder / "steps.txt"
    begun = len(done.read_text().splitlines()) if done.exists() else 0
    for step in range(begun, steps):
        if order.cancelled():
            raise Cancelled("told to stop")
        take(SECONDS, busy="busy" in name)
        with done.open("a") as file:
            file.write(f"{step}\n")
        left = SECONDS * (steps - step - 1)
        event = ProgressEvent("prompt.nearest", "answering", (step + 1) / steps, left, 1, 2)
        order.board.note(event)
    order.board.note(ProgressEvent("prompt.nearest", "done", 1.0, 0.0, 1, 2))
    order.board.note(ProgressEvent("lora", "done", 1.0, 0.0, 2, 2, "skipped: too few rows"))
    write_results(order)


def foretold(order: ForecastOrder) -> None:
    """As the comparison of that name: a step is something that is looked at."""
    name = order.spec["name"]
    if name == "broken":
        raise RuntimeError("the model caught fire")
    steps = int(name.split()[0])
    done = order.folder / "steps.txt"
    begun = len(done.read_text().splitlines()) if done.exists() else 0
    for step in range(begun, steps):
        if order.cancelled():
            raise Cancelled("told to stop")
        time.sleep(SECONDS)
        with done.open("a") as file:
            file.write(f"{step}\n")
        order.board.note(f"step {step + 1}", (step + 1) / (2 * steps))  # half the budget in all
    options = {name: getattr(order, name) for name in ("strategies", "seed", "budget_seconds")}
    told = {"schema": "tuneworth.forecast/1", "confidence": order.confidence, **options}
    (order.folder / "forecast.json").write_text(json.dumps(told))
    (order.folder / "forecast.md").write_text("# Forecast\n")
    (order.folder / "forecast.html").write_text("<!doctype html><title>Forecast</title>")


def take(seconds: float, *, busy: bool) -> None:
    """Let time pass, on the processor where `busy`."""
    if not busy:
        time.sleep(seconds)
        return
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))


def write_results(order: Order) -> None:
    assert order.results is not None
    kept = order.results / "00" / "00.entry"  # as a cache would keep it
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(order.spec["instruction"])
    artifact = order.folder / "artifacts" / "lora+rag"
    artifact.mkdir(parents=True, exist_ok=True)
    (artifact / "adapter.json").write_text('{"rank": 16}')
    record = SetupRecord(strategy="lora+rag", status="completed", artifact="artifacts/lora+rag")
    tokens = {"prompt_tokens": 15, "completion_tokens": 2}
    answers = [
        OutcomeRecord(strategy="lora+rag", example="1", state="ok", **tokens),
        OutcomeRecord(strategy="lora+rag", example="2", state="error", error="refused", **tokens),
    ]
    batch = BatchRecord(strategy="lora+rag", n=2, seconds=0.1)
    Journal(order.folder / "outcomes.jsonl").append([record, *answers, batch])
    options = {"limit": order.limit, "train_limit": order.train_limit, "seed": order.seed}
    options |= {"race": order.race, "probes": order.probes}
    report = {"schema": "tuneworth.report/1", "strategies": order.strategies, **options}
    (order.folder / "report.json").write_text(json.dumps(report))
    (order.folder / "report.md").write_text("# Report\n")
    (order.folder / "report.html").write_text("<!doctype html><title>Report</title>")


if __name__ == "__main__":
    parent = int(sys.argv[1]) if sys.argv[1:] else None
    work(Settings.from_environment(), scripted, parent, foretold)
