"""Records with the clock stopped: all times the same, and nothing else."""

import json
from dataclasses import replace

from tinystrategies import Tiny, right

from benchmarks.records import RECORD, BatchRecord, OutcomeRecord, SetupRecord, StatedRecord
from benchmarks.runner import run_comparison
from benchmarks.untimed import untimed


def plain(record):
    return json.loads(RECORD.dump_json(record))


def changed(one, other, name=""):
    """The names of the fields that differ, however deep."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return {found for key in one for found in changed(one[key], other[key], key)}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = zip(one, other, strict=True)
        return {found for each, another in pairs for found in changed(each, another, name)}
    return set() if one == other else {name}


def run(dataset, prices, folder):
    return run_comparison(
        dataset, strategies=[Tiny(right)], models={}, folder=folder, prices=prices, probes=True
    )


def test_nothing_but_times_is_replaced(dataset, prices, tmp_path):
    dataset = dataset.model_copy(update={"validation": dataset.validation[:4]})
    records = run(dataset, prices, tmp_path / "a")
    found = untimed(records)
    assert [record.record for record in found] == [record.record for record in records]
    differing = [changed(plain(a), plain(b)) for a, b in zip(records, found, strict=True)]
    assert set().union(*differing) == {"seconds", "ms", "started_at", "artifact"}
    assert untimed(run(dataset, prices, tmp_path / "b")) == found


def test_what_was_reused_and_seconds_of_a_search_are_replaced_too():
    search = ({"validation_score": 0.5, "chosen": 1, "seconds": 3.2}, {"mrr": 0.4})
    record = SetupRecord(
        strategy="s",
        status="completed",
        seconds=9.0,
        reused_seconds=8.0,
        training={"epochs": 2, "search": search},
    )
    batch = BatchRecord(strategy="s", n=4, seconds=0.1, reused=True)
    found, computed = untimed([record, batch])
    assert computed == BatchRecord(strategy="s", n=4, seconds=1.0)
    assert changed(plain(record), plain(found)) == {"seconds", "reused_seconds"}
    assert [row.get("seconds") for row in found.training["search"]] == [1.0, None]
    assert found.artifact is None


def test_what_is_stated_of_today_is_left():
    record = StatedRecord(strategy="incumbent", example="a", usd=0.1, ms=250.0)
    assert untimed([record]) == [record]


def test_a_changed_answer_still_differs(dataset, prices, tmp_path):
    records = run(dataset, prices, tmp_path)
    place, row = next((n, r) for n, r in enumerate(records) if isinstance(r, OutcomeRecord))
    other = [*records[:place], replace(row, text="purple"), *records[place + 1 :]]
    assert untimed(other) != untimed(records)
    assert untimed([*records, row]) != untimed(records)
