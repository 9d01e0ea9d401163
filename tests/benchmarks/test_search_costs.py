"""What a search adds to a strategy's bill; a second of the machine costs 0.001 dollars."""

from dataclasses import replace

import pytest
from test_summary import run_record, summary_of, track

from benchmarks.records import RECORD, OutcomeRecord
from benchmarks.spending import refresh_seconds
from corpora.task import Needs, Search

USAGE = {"prompt": 300_000, "cached": 100_000, "completion": 5_000}
"""0.2 + 0.01 + 0.01 = 0.22 dollars at 1, 0.1 and 2 dollars a million."""
SEARCH = (
    {"top_k": 3, "validation_score": 0.4, "rows": 20.0, "seconds": 30.0},
    {"top_k": 1, "validation_score": 0.3, "rows": 16.0, "seconds": 10.0, "dropped": "behind"},
    {"top_k": 5, "validation_score": 0.6, "rows": 20.0, "seconds": 40.0, "chosen": 1.0},
)


def searching(run, *names, needs=None):
    facts = [
        each.model_copy(update={"searches": each.id in names, "family": "rag"})
        for each in run.strategies
    ]
    return run.model_copy(update={"strategies": tuple(facts), "needs": needs or run.needs})


def searched(name, **training):
    """20 right answers in 2 s after a setup of 100 s."""
    rows = track(name, [1.0] * 20, setup=100.0, retrieved=3)
    return [rows[0].model_copy(update={"training": training}), *rows[1:]]


def test_tokens_asked_of_a_hosted_model_while_preparing_are_money():
    run = run_record("zero", hosted=True)
    records = searched("zero", usage=USAGE)
    (row,) = summary_of(run, *records).strategies
    each = (60 * 1 + 40 * 0.1 + 10 * 2) / 1e6
    assert row.cost.setup_usd == pytest.approx(0.1 + 0.22)
    assert row.cost.horizon_usd == pytest.approx(0.1 + 0.22 + 12 * 1000 * each)
    spent = summary_of(run, *records).spent_usd
    assert spent == pytest.approx((100 + 2 + 1.83) * 0.001 + 83 * each + 0.22)


def test_a_local_model_is_charged_its_seconds_alone():
    records = searched("zero", usage=USAGE)
    summary = summary_of(run_record("zero"), *records)
    assert summary.strategies[0].cost.setup_usd == pytest.approx(0.1)
    assert summary.spent_usd == pytest.approx((100 + 2 + 1.83) * 0.001)


def test_the_break_even_counts_the_tokens_of_the_search():
    """Equal scores; the searched one asks nothing of the prompt and repays 0.32 dollars."""
    run = run_record("zero", "lora", hosted=True)
    cheap = [
        replace(row, prompt_tokens=0, cached_tokens=0) if isinstance(row, OutcomeRecord) else row
        for row in searched("lora", usage=USAGE)
    ]
    (line,) = summary_of(run, *track("zero", [1.0] * 20), *cheap).break_even
    assert (line.from_, line.to) == ("zero", "lora")
    saved = (60 * 1 + 40 * 0.1) / 1e6
    assert line.requests == pytest.approx((0.32 - 0.001) / (12 * saved))


@pytest.mark.parametrize(
    ("family", "index", "search", "seconds"),
    [
        ("rag", [5, 6], (), 100),  # one that does not search indexes in its whole setup
        ("rag", [5, 6], SEARCH, 6),
        ("rag", [], SEARCH, 60),  # less the 40 s of what was given up
        ("rag", [70, 5], SEARCH, 60),
        ("combined", [5, 6], SEARCH, 6),
        ("combined", [], SEARCH, 60),
    ],
)
def test_a_refresh_keeps_what_the_search_found(family, index, search, seconds):
    assert refresh_seconds(family, 100, True, index, search) == seconds
    assert refresh_seconds(family, 100, False, index, search) == 0


def test_a_refresh_is_charged_as_one_indexing_and_asks_nothing_again():
    """12 refreshes of 7 s, as long as the plain retrieval strategy takes to set up."""
    needs = Needs(requests_per_month=1000, documents_change="monthly")
    run = searching(run_record("rag.x", "lora", hosted=True), "lora", needs=needs)
    plain = track("rag.x", [1.0] * 20, setup=7.0, retrieved=3)
    rows = summary_of(run, *plain, *searched("lora", search=SEARCH, usage=USAGE)).strategies
    each = (60 * 1 + 40 * 0.1 + 10 * 2) / 1e6
    requests = 12 * 1000 * each
    assert rows[0].cost.horizon_usd == pytest.approx(0.007 + 12 * 0.007 + requests)
    assert rows[1].cost.horizon_usd == pytest.approx(0.1 + 0.22 + 12 * 0.007 + requests)


def test_the_budget_stands_in_the_results_of_those_that_search():
    run = searching(run_record("rag.x", "lora"), "lora")
    budget = Search(trials=5, seconds=60)
    told = run.model_copy(update={"task": run.task.model_copy(update={"search": budget})})
    records = [*track("rag.x", [1.0] * 4), *track("lora", [1.0] * 4)]
    assert [row.search_budget for row in summary_of(told, *records).strategies] == [None, budget]


def test_a_record_from_before_there_was_a_search_still_reads():
    old = run_record("zero").model_dump(mode="json")
    del old["task"]["search"]
    del old["strategies"][0]["searches"]
    assert RECORD.validate_python(old) == run_record("zero")
