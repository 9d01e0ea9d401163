"""A worker whose units are scripted by the name of the task: run as a process by the tests.

Each step is stored, so that a test sees what was done, and done again (`serving.steps`).
"""

import json
import os
import sys
import time

from serving import STEP

from benchmarks.errors import Cancelled
from benchmarks.progress import ProgressEvent
from benchmarks.records import BatchRecord, OutcomeRecord, SetupRecord
from corpora.errors import InvalidInput
from service.forecasting.defaults import FINDINGS
from service.orders import BEGIN, FINISH, FORECAST, Next, Order, Planned
from service.settings import Settings
from service.worker import work

SECONDS = 0.05


def scripted(order: Order) -> Next:
    """The task "N steps" takes N steps, "N busy steps" computes meanwhile, and "N steps twice" has
    two strategies that do; "broken" and "bad" raise; "deadly" kills the process."""
    name = order.spec["name"]
    if name == "broken":
        raise RuntimeError("the model caught fire")
    if name == "bad":
        raise InvalidInput("examples", "3 rows", "Add rows.")
    if name == "deadly":
        os._exit(9)
    steps = int(name.split()[0])
    if order.name == FORECAST:
        foretell(order, steps)
    elif order.name == BEGIN:
        order.board.note(ProgressEvent(None, "loading", 0.0, None, 1, 2, "tiny model"))
        slow = ("prompt.nearest", "prompt.few-shot") if "twice" in name else ("prompt.nearest",)
        return Next(units=(*map(Planned, slow), Planned("lora", computes=True)))
    elif order.name.startswith("prompt."):
        step_by_step(order, steps, busy="busy" in name)
    elif order.name == "lora":
        keep_artifact(order)
    elif order.name == FINISH:
        report(order)
    return Next()


def step_by_step(order: Order, steps: int, *, busy: bool) -> None:
    """Goes on behind the steps that are stored."""
    done = [one for one in order.records.read() if isinstance(one, BatchRecord)]
    for step in range(len(done), steps):
        if order.cancelled():
            raise Cancelled("told to stop")
        take(SECONDS, busy=busy)
        done_at = time.time()  # in place of what it took
        order.records.append([BatchRecord(strategy=f"{STEP}{step}", n=1, seconds=done_at)])
        left = SECONDS * (steps - step - 1)
        event = ProgressEvent(order.name, "answering", (step + 1) / steps, left, 1, 2)
        order.board.note(event)
    order.board.note(ProgressEvent(order.name, "done", 1.0, 0.0, 1, 2))


def take(seconds: float, *, busy: bool) -> None:
    """Let time pass, on the processor where `busy`."""
    if not busy:
        time.sleep(seconds)
        return
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))


def keep_artifact(order: Order) -> None:
    assert order.results is not None
    kept = order.results / "00" / "00.entry"  # as a cache would keep it
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(order.spec["instruction"])
    draft = order.shelf.draft("lora+rag")
    draft.mkdir(parents=True)
    (draft / "adapter.json").write_text('{"rank": 16}')
    artifact = order.shelf.keep("lora+rag", draft)
    record = SetupRecord(strategy="lora+rag", status="completed", artifact=artifact)
    tokens = {"prompt_tokens": 15, "completion_tokens": 2}
    answers = [
        OutcomeRecord(strategy="lora+rag", example="1", state="ok", **tokens),
        OutcomeRecord(strategy="lora+rag", example="2", state="error", error="refused", **tokens),
    ]
    batch = BatchRecord(strategy="lora+rag", n=2, seconds=0.1)
    order.records.append([record, *answers, batch])
    order.board.note(ProgressEvent("lora", "done", 1.0, 0.0, 2, 2, "skipped: too few rows"))


def report(order: Order) -> None:
    told = {name: order.options.get(name) for name in ("limit", "train_limit", "seed")}
    told |= {name: order.options.get(name) for name in ("race", "probes", "strategies")}
    (order.folder / "report.json").write_text(json.dumps({"schema": "tuneworth.report/1", **told}))
    (order.folder / "report.md").write_text("# Report\n")
    (order.folder / "report.html").write_text("<!doctype html><title>Report</title>")


def foretell(order: Order, steps: int) -> None:
    """As the comparison of that name: a step is something that is found."""
    done = order.folder / FINDINGS
    begun = len(done.read_text().splitlines()) - 1 if done.exists() else 0
    for step in range(begun, steps):
        if order.cancelled():
            raise Cancelled("told to stop")
        time.sleep(SECONDS)
        with done.open("a") as file:
            file.write(f"{step}\n" if step else "head\n0\n")
        order.board.note(f"step {step + 1}", (step + 1) / (2 * steps))  # half the budget in all
    options = {name: order.options[name] for name in ("strategies", "seed", "budget_seconds")}
    told = {"schema": "tuneworth.forecast/1", "confidence": order.options["confidence"], **options}
    (order.folder / "forecast.json").write_text(json.dumps(told))
    (order.folder / "forecast.md").write_text("# Forecast\n")
    (order.folder / "forecast.html").write_text("<!doctype html><title>Forecast</title>")


if __name__ == "__main__":
    work(Settings.from_environment(), scripted, int(sys.argv[1]) if sys.argv[1:] else None)
