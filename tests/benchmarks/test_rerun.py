"""A run in a folder that holds one: what goes on, what is done again, and what is refused."""

from itertools import pairwise

import pytest
from filelock import FileLock
from running import of, run
from tinystrategies import Tiny, right

from benchmarks.errors import Cancelled, RunLocked, RunMismatch
from benchmarks.journal import Journal
from benchmarks.records import EndRecord, OutcomeRecord, RunRecord, SetupRecord
from benchmarks.summary import summarise
from corpora.task import Deployment


def test_a_finished_run_does_nothing_again(dataset, prices, tmp_path):
    first = run(dataset, prices, tmp_path, Tiny(right), Tiny(right, name="no", excuse="no"))
    again = Tiny(right)
    second = run(dataset, prices, tmp_path, again, Tiny(right, name="no", excuse="no"))
    assert again.log == []
    assert second == first


@pytest.mark.parametrize(("stop", "answered", "asked"), [(3, 2, [1] * 61), (63, 32, [8])])
def test_a_cancelled_run_goes_on_where_it_was(dataset, prices, tmp_path, stop, answered, asked):
    polls = iter(range(1000))
    tiny = Tiny(right)
    with pytest.raises(Cancelled):
        run(dataset, prices, tmp_path, tiny, cancelled=lambda: next(polls) == stop)
    stopped = Journal(tmp_path / "outcomes.jsonl").read()
    assert len(of(stopped, OutcomeRecord)) == answered
    again = Tiny(right)
    records = run(dataset, prices, tmp_path, again)
    assert again.log == ["load"]
    assert [len(batch) for batch in again.speaker.asked][: len(asked)] == asked
    names = [row.example for row in of(records, OutcomeRecord)]
    assert names == [row.id for row in dataset.test]


def test_cancelling_while_preparing_is_no_failure(dataset, prices, tmp_path):
    polls = iter([False, True])
    with pytest.raises(Cancelled):
        run(dataset, prices, tmp_path, Tiny(right), cancelled=lambda: next(polls))
    assert of(Journal(tmp_path / "outcomes.jsonl").read(), SetupRecord) == []


def test_a_missing_artefact_is_prepared_again(dataset, prices, tmp_path):
    polls = iter(range(1000))
    with pytest.raises(Cancelled):
        run(dataset, prices, tmp_path, Tiny(right), cancelled=lambda: next(polls) == 3)
    (tmp_path / "artifacts" / "tiny" / "note.txt").unlink()
    (tmp_path / "artifacts" / "tiny").rmdir()
    again = Tiny(right)
    run(dataset, prices, tmp_path, again)
    assert again.log == ["prepare"]


def test_a_failed_strategy_is_tried_again_by_a_rerun(dataset, prices, tmp_path):
    def breaks(text):
        raise RuntimeError("no network")

    run(dataset, prices, tmp_path, Tiny(breaks))
    records = run(dataset, prices, tmp_path, Tiny(right))
    (row,) = summarise(records).strategies
    assert (row.status, row.quality.value) == ("completed", 1.0)
    assert len(of(records, EndRecord)) == 2
    assert all(a.seconds < b.seconds for a, b in pairwise(of(records, EndRecord)))


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"seed": 1}, "seed"),
        ({"strategies": [Tiny(right, name="other")]}, "choice of strategies"),
        ({"test": 39}, "number of rows"),
        ({"settings": True}, "content of the data, settings of the strategies or version"),
    ],
)
def test_another_run_in_the_same_folder_is_refused(dataset, prices, tmp_path, change, differs):
    run(dataset, prices, tmp_path, Tiny(right))
    strategies = change.get("strategies", [Tiny(right)])
    if "settings" in change:
        strategies[0].top_k = 5
    if "test" in change:
        dataset = dataset.model_copy(update={"test": dataset.test[:39]})
    with pytest.raises(RunMismatch, match=differs) as caught:
        run(dataset, prices, tmp_path, *strategies, seed=change.get("seed", 0))
    assert "--fresh" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_new_prices_and_needs_need_no_new_run(dataset, prices, tmp_path):
    first = summarise(run(dataset, prices, tmp_path, Tiny(right)))
    machines = {
        name: machine.model_copy(update={"usd_per_hour": 2 * machine.usd_per_hour})
        for name, machine in prices.machines.items()
    }
    again = Tiny(right)
    records = run(dataset, prices.model_copy(update={"machines": machines}), tmp_path, again)
    assert again.log == []
    assert len(of(records, RunRecord)) == 2
    dearer, cheaper = summarise(records).strategies[0].cost, first.strategies[0].cost
    assert dearer.setup_usd == pytest.approx(2 * cheaper.setup_usd)


def test_two_processes_cannot_share_a_folder(dataset, prices, tmp_path):
    with FileLock(tmp_path / ".lock"), pytest.raises(RunLocked, match="another process"):
        run(dataset, prices, tmp_path, Tiny(right))


def test_a_deployment_that_is_stated_later_needs_no_new_run(dataset, prices, tmp_path):
    first = summarise(run(dataset, prices, tmp_path, Tiny(right)))
    placed = Deployment(machine="gpu", peak_requests_per_second=1)
    task = dataset.task.model_copy(update={"deployment": placed})
    again = Tiny(right)
    records = run(dataset.model_copy(update={"task": task}), prices, tmp_path, again)
    assert again.log == []
    later = [record for record in records if isinstance(record, RunRecord)][-1]
    assert later.deployment == placed
    assert later.prices["host"]["usd_per_hour"] == prices.machines["gpu"].usd_per_hour
    (row,) = summarise(records).strategies
    assert first.strategies[0].under_load is None
    assert row.under_load.replicas == 1
    hours = 24 * 365.25 / 12
    assert row.cost.monthly_usd == pytest.approx(hours * prices.machines["gpu"].usd_per_hour)
