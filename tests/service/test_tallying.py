"""What comparisons answered and spent, summed over them."""

import pytest
from serving import change

from service.database import open_database
from service.storage import ComparisonRow
from service.store import Store
from service.tallying import Tally


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
    change(store, key, state="running")
    return key


def look(tally: Tally, store: Store) -> dict[str, float]:
    with store.begin() as session:
        tally.look(session)
    return {name: tally.total[name] for name in ("samples", "usd")}


def test_totals_grow_over_comparisons_restarts_and_removals(store) -> None:
    before = begun(store)
    change(store, before, progress={"counts": {"samples": 100, "usd": 5.0}})
    tally = Tally(store)
    assert look(tally, store) == {"samples": 0, "usd": 0}  # that was before this process
    change(store, before, progress={"counts": {"samples": 110, "usd": 5.5}})
    one = begun(store)
    change(store, one, progress={"counts": {"samples": 7, "usd": 0.25}})
    assert look(tally, store) == {"samples": 17, "usd": 0.75}
    change(store, one, state="queued")
    assert look(tally, store) == {"samples": 17, "usd": 0.75}
    change(store, one, state="running")
    change(store, one, progress={"counts": {"samples": 0}})  # a worker that has not read it yet
    assert look(tally, store) == {"samples": 17, "usd": 0.75}
    change(store, one, progress={"counts": {"samples": 9, "usd": 0.25}})
    change(store, one, state="completed")
    assert look(tally, store) == look(tally, store) == {"samples": 19, "usd": 0.75}
    store.remove_work(one, ComparisonRow, None)
    assert look(tally, store) == {"samples": 19, "usd": 0.75}


def test_failed_work_is_counted_by_its_problem(store) -> None:
    tally = Tally(store)
    error = {"type": "urn:tuneworth:problem:invalid-input"}
    change(store, begun(store), state="failed", error=error)
    change(store, begun(store), state="failed", error={"title": "Given up"})
    change(store, begun(store), state="completed")
    for _ in range(2):
        look(tally, store)
    assert tally.errors == {"invalid-input": 1, "unexpected": 1}
