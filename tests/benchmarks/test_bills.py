"""Bills over the horizon in exact dollars; a second of the machine costs 0.001 dollars."""

import pytest
from test_summary import run_record, summary_of, track

from benchmarks.labels import SHOTS, rows_used
from benchmarks.records import SetupRecord, StrategyFacts
from corpora.task import Deployment, Needs
from strategies.few_shot import FewShot
from strategies.rag import Bm25Rag

HOST = {
    "machine": "box",
    "usd_per_hour": 2.0,
    "memory_gb": 4,
    "source": "made up",
    "as_of": "2026-01",
}
HOURS = 24 * 365.25 / 12
EACH = (60 * 1 + 40 * 0.1 + 10 * 2) / 1e6
"""Dollars of a hosted request."""
SEARCH = (
    {"rank": 8, "validation_score": 0.4, "seconds": 30.0},
    {"rank": 16, "validation_score": 0.6, "seconds": 40.0, "chosen": 1.0},
    {"rank": 32, "validation_score": 0.3, "seconds": 10.0},
)


def run_of(*names, deployment=None, hosted=False, host=HOST, **needs):
    """A run of 1,000 requests a month over a year, from 1 January 2026."""
    run = run_record(*names, hosted=hosted)
    facts = [each.model_copy(update={"searches": each.name == "lora"}) for each in run.strategies]
    prices = {**run.prices, "host": host} if deployment else run.prices
    stated = {"requests_per_month": 1000, **needs}
    return run.model_copy(
        update={
            "needs": Needs(**stated),
            "deployment": deployment,
            "prices": prices,
            "strategies": tuple(facts),
        }
    )


def trained(name="lora", setup=100.0, index_bytes=None, **fields):
    """20 answers in 2 s after a setup of 100 s with a search, of which 40 s were given up."""
    training = {"epochs": 3, "search": SEARCH}
    rows = track(name, [1.0] * 20, setup=setup, **fields)
    first = rows[0].model_copy(update={"training": training, "index_bytes": index_bytes})
    return [first, *rows[1:]]


def costs(run, *records):
    return {row.id: row.cost for row in summary_of(run, *records).strategies}


def bill(run, *records, of="lora"):
    return costs(run, *records)[of].parts


def test_without_anything_stated_a_bill_is_setup_and_requests():
    found = bill(run_of("lora"), *trained())
    assert found.model_dump() == {
        "setup": pytest.approx(0.1),
        "retraining": 0.0,
        "labels": None,
        "refresh": 0.0,
        "requests": pytest.approx(12 * 1000 * 0.0001),
        "hosting": None,
        "engineering": None,
    }
    assert costs(run_of("lora", requests_per_month=None), *trained())["lora"].parts is None


@pytest.mark.parametrize(
    ("pace", "months", "times"),
    [
        ("never", 12, 0),
        ("yearly", 12, 1),
        ("yearly", 5, 0),
        ("quarterly", 12, 4),
        ("monthly", 24, 24),
    ],
)
def test_a_change_of_behaviour_repeats_training_and_trials(pace, months, times):
    run = run_of("lora", "zero", behaviour_changes=pace, horizon_months=months)
    records = [*trained(), *track("zero", [1.0] * 20, setup=50.0)]
    assert bill(run, *records).retraining == pytest.approx(times * 0.1)
    assert bill(run, *records, of="zero").retraining == 0.0


def test_what_a_search_asked_of_a_hosted_model_is_asked_again():
    """100 s of setup and 1 dollar of tokens, twice more."""
    run = run_of("zero", hosted=True, behaviour_changes="yearly", horizon_months=24)
    rows = track("zero", [1.0] * 20, setup=100.0)
    usage = {"prompt": 1_000_000, "cached": 0, "completion": 0}
    rows[0] = rows[0].model_copy(update={"training": {"search": SEARCH, "usage": usage}})
    found = bill(run, *rows, of="zero")
    assert found.setup == pytest.approx(1.1)
    assert found.retraining == pytest.approx(2 * 1.1)


@pytest.mark.parametrize(
    ("day", "months", "times"),
    [
        ("2026-07-01", 12, 1),
        ("2026-12-31", 12, 1),
        ("2027-06-01", 12, 0),
        ("2027-06-01", 24, 1),
        ("2025-06-01", 12, 1),
        (None, 12, 0),
    ],
)
def test_the_end_of_the_base_model_trains_once_more(day, months, times):
    run = run_of("lora", "zero", model_retires=day, horizon_months=months)
    records = [*trained(), *track("zero", [1.0] * 20)]
    assert bill(run, *records).retraining == pytest.approx(times * 0.1)
    assert bill(run, *records, of="zero").retraining == 0.0


def test_new_documents_retrain_only_where_that_is_stated():
    """12 changes: an index of 7 s, or training anew without the 40 s that were given up."""
    records = [*trained(retrieved=3), *track("rag.x", [1.0] * 20, setup=7.0, retrieved=3)]
    kept = bill(run_of("lora", "rag.x", documents_change="monthly"), *records)
    assert (kept.refresh, kept.retraining) == (pytest.approx(12 * 0.007), 0.0)
    run = run_of("lora", "rag.x", documents_change="monthly", retrain_on_documents=True)
    again = bill(run, *records)
    assert (again.refresh, again.retraining) == (0.0, pytest.approx(12 * 0.060))
    plain = bill(run, *records, of="rag.x")
    assert (plain.refresh, plain.retraining) == (pytest.approx(12 * 0.007), 0.0)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("prompt.zero-shot", 0),
        ("baseline.passage", 0),
        ("incumbent", 0),
        ("rag.bm25", 3),
        ("prompt.few-shot", 5),
        ("prompt.nearest", 5),
        ("baseline.copy", 2),
        ("baseline.linear", 7),
        ("lora", 7),
        ("somebody.else", 7),
    ],
)
def test_the_labels_that_a_strategy_needs(name, rows):
    facts = StrategyFacts(id=name, name=name, family="baseline", model=None)
    assert rows_used(facts, run_record("zero").task) == rows  # 5 to train on, 2 to validate


def test_so_many_worked_examples_are_the_default():
    assert SHOTS["prompt.few-shot"] == FewShot().shots
    assert SHOTS["rag.bm25"] == Bm25Rag().shots


def test_labels_are_paid_once_and_a_share_of_them_again():
    assert bill(run_of("lora", label_usd=0.5), *trained()).labels == pytest.approx(3.5)
    run = run_of(
        "lora", label_usd=0.5, relabel_share=0.25, behaviour_changes="quarterly", horizon_months=24
    )
    assert bill(run, *trained()).labels == pytest.approx(3.5 * (1 + 0.25 * 8))


def test_whole_machines_carry_the_peak_with_none_busier_than_80_percent():
    """Single requests take 1 to 60 ms, 30.5 on average: 100 a second keep 3.05 machines busy,
    which takes 4."""
    run = run_of("lora", deployment=Deployment(peak_requests_per_second=100))
    (row,) = summary_of(run, *trained()).strategies
    assert (row.under_load.replicas, row.under_load.busy) == (4, pytest.approx(3.05 / 4))
    assert row.under_load.p95 > row.latency_ms.p95
    assert row.counted_p95 == row.under_load.p95
    month = 4 * HOURS * 2.0
    assert row.cost.monthly_usd == pytest.approx(month)
    assert row.cost.per_1k_requests_usd == pytest.approx(month)
    assert row.cost.parts.hosting == pytest.approx(12 * month)
    assert row.cost.parts.requests == 0.0
    assert row.cost.horizon_usd == pytest.approx(0.1 + 12 * month)


@pytest.mark.parametrize(
    ("stated", "replicas", "hours"),
    [
        ({"replicas": 6, "peak_requests_per_second": 100}, 6, 24),
        ({"hours_per_day": 8, "peak_requests_per_second": 100}, 4, 8),
        ({}, 1, 24),
        ({"hours_per_day": 0.01}, 3, 0.01),
    ],
)
def test_idle_hours_are_paid_and_the_average_stands_in_for_the_peak(stated, replicas, hours):
    """A million requests in 1,096 seconds a month are 913 a second: 27.8 machines, not 1."""
    volume = 60_000 if hours < 1 else 1000
    run = run_of("lora", deployment=Deployment(**stated), requests_per_month=volume)
    month = costs(run, *trained())["lora"].monthly_usd
    assert month == pytest.approx(replicas * hours / 24 * HOURS * 2.0)


def test_an_index_that_no_machine_can_hold_takes_several():
    """9 GB on machines of 4 GB: 3 for each replica."""
    placed = Deployment(replicas=2)
    run = run_of("lora", deployment=placed)
    month = costs(run, *trained(index_bytes=9_000_000_000))["lora"].monthly_usd
    assert month == pytest.approx(2 * 3 * HOURS * 2.0)
    roomy = run_of("lora", deployment=placed, host={**HOST, "memory_gb": None})
    month = costs(roomy, *trained(index_bytes=9_000_000_000))["lora"].monthly_usd
    assert month == pytest.approx(2 * HOURS * 2.0)


def test_without_a_volume_a_request_is_charged_as_on_a_busy_machine():
    run = run_of("lora", deployment=Deployment(), requests_per_month=None)
    (row,) = summary_of(run, *trained()).strategies
    assert row.cost.per_1k_requests_usd == pytest.approx(0.1)
    assert (row.cost.horizon_usd, row.under_load) == (None, None)


def test_a_hosted_model_has_no_machine_and_a_discount_for_what_can_wait():
    run = run_of("zero", hosted=True, deployment=Deployment(batch_share=0.5))
    price = {**run.prices["models"]["m"], "batch_discount": 0.4}
    run = run.model_copy(update={"prices": {**run.prices, "models": {"m": price}}})
    (row,) = summary_of(run, *track("zero", [1.0] * 20)).strategies
    assert row.cost.parts.hosting is None
    assert row.under_load is None
    assert row.cost.parts.requests == pytest.approx(12 * 1000 * EACH * 0.8)


def test_people_are_charged_by_id_then_name_then_family():
    run = run_of(
        "lora",
        "zero",
        "rag.x",
        engineer_usd_per_hour=80,
        engineer_hours_per_month={"fine-tuning": 6, "prompting": 9, "zero": 0.5},
    )
    records = [*trained(), *track("zero", [1.0] * 20), *track("rag.x", [1.0] * 20)]
    found = costs(run, *records)
    assert found["lora"].parts.engineering == 12 * 480
    assert found["zero"].parts.engineering == 12 * 40
    assert found["rag.x"].parts.engineering is None
    assert found["zero"].monthly_usd == pytest.approx(40 + 1000 * 0.0001)
    assert found["zero"].per_1k_requests_usd == pytest.approx(0.1)


def test_a_whole_bill_to_the_cent():
    """Setup 0.10; 4 changes and the model's end: 0.50; 7 labels at 2 dollars and a tenth of them
    again 4 times: 19.60; 4 machines of 2 dollars for 730.5 hours over 12 months: 70,128; people:
    6 hours at 80 dollars over 12 months: 5,760."""
    run = run_of(
        "lora",
        deployment=Deployment(peak_requests_per_second=100),
        behaviour_changes="quarterly",
        model_retires="2026-10-01",
        label_usd=2.0,
        relabel_share=0.1,
        engineer_usd_per_hour=80,
        engineer_hours_per_month={"lora": 6},
    )
    cost = costs(run, *trained())["lora"]
    assert {name: value and round(value, 6) for name, value in cost.parts} == {
        "setup": 0.1,
        "retraining": 0.5,
        "labels": 19.6,
        "refresh": 0.0,
        "requests": 0.0,
        "hosting": 70_128.0,
        "engineering": 5_760.0,
    }
    assert cost.horizon_usd == pytest.approx(75_908.2)
    assert cost.monthly_usd == pytest.approx(70_128 / 12 + 480)


def test_the_index_is_told_where_the_record_tells_it():
    rows = summary_of(run_of("lora", "zero"), *trained(index_bytes=123), *track("zero", [1.0] * 4))
    assert [row.index_bytes for row in rows.strategies] == [123, None]
    assert "index_bytes" not in SetupRecord(strategy="s", status="completed").model_dump()
