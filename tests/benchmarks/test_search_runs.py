"""A searching strategy in a true run: its budget and its tries are in the records."""

import pytest
from test_runner import run
from tinystrategies import Speaker, Tiny, always_red, right

from benchmarks.errors import RunMismatch
from benchmarks.records import SetupRecord
from benchmarks.summary import summarise
from corpora.task import Search
from strategies.base import no_progress
from strategies.search import Search as Searching


class Searcher(Tiny):
    """Tries two answers on the validation rows."""

    searches = True

    def prepare(
        self, task, train, validation, documents, model, score, *, seed=0, progress=no_progress
    ):
        search = Searching(task.search, validation, score)
        for bold, say in ((0, always_red), (1, right)):
            if search.open:
                search.judge(Speaker(say), {"bold": bold})
        return Speaker(right, training=search.record())


def budgeted(dataset, **budget):
    task = dataset.task.model_copy(update={"search": Search(**budget)})
    return dataset.model_copy(update={"task": task})


def test_the_records_hold_the_budget_and_every_try(dataset, prices, tmp_path):
    data = budgeted(dataset, trials=5, seconds=60)
    records = run(data, prices, tmp_path, Searcher(right, name="searcher"), Tiny(always_red))
    row, plain = summarise(records).strategies
    assert (row.search_budget, plain.search_budget) == (Search(trials=5, seconds=60), None)
    first, second = row.training["search"]
    assert (first["bold"], first["validation_score"], first["rows"]) == (0, 2 / 6, 6)
    assert (second["bold"], second["validation_score"], second["chosen"]) == (1, 1.0, 1.0)
    assert row.training["usage"] == {"prompt": 72, "cached": 24, "completion": 12}
    assert isinstance(records[2], SetupRecord)
    assert records[0].task.search == Search(trials=5, seconds=60)


def test_another_budget_is_another_run_where_one_searches_and_else_the_same(
    dataset, prices, tmp_path
):
    run(budgeted(dataset, trials=5), prices, tmp_path / "one", Searcher(right))
    with pytest.raises(RunMismatch, match="search budget"):
        run(budgeted(dataset, trials=1), prices, tmp_path / "one", Searcher(right))
    run(budgeted(dataset, trials=5), prices, tmp_path / "two", Tiny(right))
    again = Tiny(right)
    run(budgeted(dataset, trials=1), prices, tmp_path / "two", again)
    assert again.log == []
