"""What a comparison answered and spent, counted from its journal, and summed over comparisons."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.counting import Counts, JournalCount
from service.database import open_database
from service.storage import ComparisonRow
from service.store import Store
from service.tallying import Tally

PRICE = {"input": 2.0, "cached": 1.0, "output": 10.0, "source": "a test", "as_of": "today"}
RUN = {
    "record": "run",
    "strategies": [
        {"id": "prompt.zero-shot", "model": "team"},
        {"id": "lora", "model": "small"},
        {"id": "baseline.majority", "model": None},
    ],
    "prices": {
        "machine": "one",
        "usd_per_hour": 1.0,
        "source": "a test",
        "as_of": "today",
        "models": {"team": PRICE},
    },
}


def outcome(strategy: str, state: str = "ok", **tokens: int) -> dict[str, Any]:
    return {"record": "outcome", "strategy": strategy, "example": "1", "state": state, **tokens}


def write(path: Path, *records: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def test_answers_tokens_and_dollars_are_counted_as_the_journal_grows(tmp_path) -> None:
    path = tmp_path / "outcomes.jsonl"
    counted = JournalCount(path)
    assert counted.read() == Counts()
    tokens = {"prompt_tokens": 1000, "cached_tokens": 400, "completion_tokens": 100}
    write(path, RUN, outcome("prompt.zero-shot", **tokens), outcome("lora", **tokens))
    first = Counts(
        samples=2, prompt_tokens=2000, cached_tokens=800, completion_tokens=200, usd=0.0026
    )
    assert counted.read() == first
    write(path, outcome("baseline.majority", state="error"))
    write(path, {"record": "setup", "strategy": "rag.bm25", "status": "failed"})
    write(path, {"record": "failure", "strategy": "lora", "reason": "broke"})
    expected = first.model_copy(update={"samples": 3, "errors": 1, "failures": 2})
    assert counted.read() == counted.read() == expected


def test_a_line_that_is_being_written_waits(tmp_path) -> None:
    path = tmp_path / "outcomes.jsonl"
    whole = json.dumps(outcome("lora")) + "\n"
    path.write_text(whole + whole[:20])
    counted = JournalCount(path)
    assert counted.read().samples == 1
    path.write_text(whole + whole)
    assert counted.read().samples == 2


def test_a_journal_that_was_cut_is_counted_again(tmp_path) -> None:
    path = tmp_path / "outcomes.jsonl"
    write(path, *[outcome("lora")] * 5)
    counted = JournalCount(path)
    assert counted.read().samples == 5
    path.write_text("")
    write(path, *[outcome("lora")] * 3)
    assert counted.read().samples == 3


@pytest.fixture
def store(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'tuneworth.db'}")
    yield Store(engine)
    engine.dispose()


def begun(store: Store) -> str:
    with store.begin() as session:
        task = store.add_task(session, {}, {}, None).id
    with store.begin() as session:
        key = store.add_work(session, task, {}, lambda _, __: None, ComparisonRow, None).id
    store.start(key)
    return key


def look(tally: Tally, store: Store) -> dict[str, float]:
    with store.begin() as session:
        tally.look(session)
    return {name: tally.total[name] for name in ("samples", "usd")}


def test_totals_grow_over_comparisons_restarts_and_removals(store) -> None:
    before = begun(store)
    store.save_progress(before, {"counts": {"samples": 100, "usd": 5.0}})
    tally = Tally(store)
    assert look(tally, store) == {"samples": 0, "usd": 0}  # that was before this process
    store.save_progress(before, {"counts": {"samples": 110, "usd": 5.5}})
    one = begun(store)
    store.save_progress(one, {"counts": {"samples": 7, "usd": 0.25}})
    assert look(tally, store) == {"samples": 17, "usd": 0.75}
    store.hand_back(one)
    assert look(tally, store) == {"samples": 17, "usd": 0.75}
    store.start(one)
    store.save_progress(one, {"counts": {"samples": 0}})  # a worker that has not read it yet
    assert look(tally, store) == {"samples": 17, "usd": 0.75}
    store.save_progress(one, {"counts": {"samples": 9, "usd": 0.25}})
    store.finish(one, "completed")
    assert look(tally, store) == look(tally, store) == {"samples": 19, "usd": 0.75}
    store.remove_work(one, ComparisonRow, None)
    assert look(tally, store) == {"samples": 19, "usd": 0.75}


def test_failed_work_is_counted_by_its_problem(store) -> None:
    tally = Tally(store)
    store.finish(begun(store), "failed", {"type": "urn:tuneworth:problem:invalid-input"})
    store.finish(begun(store), "failed", {"title": "Given up"})
    store.finish(begun(store), "completed")
    for _ in range(2):
        look(tally, store)
    assert tally.errors == {"invalid-input": 1, "unexpected": 1}
