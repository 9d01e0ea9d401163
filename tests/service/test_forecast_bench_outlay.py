"""What is still to be measured, and the consent it takes where hosted models are paid."""

from dataclasses import replace

import pytest
from bench_worlds import bench_task, write_measured

from benchmarks.costs import PriceList, TokenPrice, read_prices
from service.cli_forecast_bench import ask_first
from service.comparing import plan
from service.exits import Refused
from service.forecast_bench.measure import Bench, Watching
from service.forecast_bench.outlay import Outlay, outlay_of
from service.forecast_bench.sizes import SMALL

QUALITIES = {"baseline.majority": 0.4, "prompt.nearest": 0.6}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A task on a hosted model that has a price."""
    models = tmp_path / "models.yaml"
    models.write_text("far:\n  base_url: http://127.0.0.1:1/v1\n  model: far\n")
    monkeypatch.setenv("TUNEWORTH_MODELS", str(models))
    price = TokenPrice(input=1.0, cached=0.5, output=2.0, source="contract", as_of="2026")
    prices = PriceList(machines=read_prices().machines, models={"far": price})
    task = bench_task(test=20)
    named = task.dataset.task.model_copy(update={"models": ("far",)})
    task = replace(task, dataset=task.dataset.model_copy(update={"task": named}))
    size = replace(SMALL, strategies=tuple(QUALITIES))
    told = []
    watching = Watching(lambda event: None, told.append, lambda: False)
    return task, Bench(tmp_path / "out", size, prices, watching), told


def quoted(task, bench):
    return plan(
        task.dataset, strategies=bench.size.strategies, prices=bench.prices, probes=False
    ).paid_usd


@pytest.mark.parametrize(("evidence", "comparisons"), [(None, 1), (False, 0), (True, 0)])
def test_evidence_is_quoted_where_it_alone_is_lacking(world, tmp_path, evidence, comparisons):
    task, bench, _ = world
    if evidence is not None:
        write_measured(bench.out, task, {**QUALITIES, "lora": 0.7}, evidence=evidence)
    found = outlay_of([task], ["colours"], bench, shipped=tmp_path)
    assert (found.comparisons, found.evidence) == (comparisons, int(not evidence))
    assert found.usd == pytest.approx((comparisons + (not evidence)) * quoted(task, bench))
    assert quoted(task, bench) > 0


def test_a_record_that_cannot_be_read_is_told_and_the_others_are_quoted(world, tmp_path):
    task, bench, told = world
    broken = replace(task, name="broken")
    path = bench.record("broken")
    path.parent.mkdir(parents=True)
    path.write_text("no record\n")
    found = outlay_of([broken, task], ["colours"], bench, shipped=tmp_path)
    assert found.comparisons == 1
    assert [line for line in told if line.startswith("broken is left out")]


@pytest.mark.parametrize(("evidence", "seeds"), [(True, 0), (False, 1)])
def test_seeds_are_added_to_what_is_copied_for_its_evidence(world, tmp_path, evidence, seeds):
    task, bench, _ = world
    size = replace(bench.size, strategies=(*QUALITIES, "lora"), seeds=(0, 1), repeated=1)
    write_measured(tmp_path, task, {**QUALITIES, "lora": 0.7}, evidence=evidence)
    found = outlay_of([task], ["colours"], replace(bench, size=size), shipped=tmp_path)
    assert (found.evidence, found.seeds) == (int(not evidence), seeds)


def test_nothing_is_paid_without_consent_where_evidence_alone_is_lacking(world):
    task, bench, told = world
    write_measured(bench.out, task, {**QUALITIES, "lora": 0.7}, evidence=False)
    with pytest.raises(Refused, match="of hosted models"):
        ask_first([task], ["colours"], bench, yes=False)
    ask_first([task], ["colours"], bench, yes=True)
    assert "0 comparisons, evidence of 1 tasks" in told[-1]


def test_what_is_whole_is_asked_nothing(world):
    task, bench, told = world
    write_measured(bench.out, task, {**QUALITIES, "lora": 0.7})
    assert outlay_of([task], ["colours"], bench) == Outlay()
    ask_first([task], ["colours"], bench, yes=False)
    assert told == []
