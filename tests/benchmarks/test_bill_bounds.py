"""What holds of every bill, and the volumes at which two of them are equal."""

import random
from functools import cache

import pytest
from test_bills import EACH, HOURS, run_of, trained
from test_summary import summary_of, track

from benchmarks.draws import Draws
from benchmarks.pricing import priced
from benchmarks.records import ModelFacts
from benchmarks.track import track_of
from corpora.task import Deployment


def test_the_break_even_of_tokens_and_machines_is_bounded_by_the_timed_requests():
    """4 machines, in a quarter of the resamples 5; a hosted request always costs the same."""
    run = run_of("zero", "lora", hosted=True, deployment=Deployment(peak_requests_per_second=100))
    own = ModelFacts(name="own", parameters=1, dtype="x", fingerprint="own")
    zero, lora = run.strategies
    run = run.model_copy(
        update={
            "models": (*run.models, own),
            "strategies": (zero, lora.model_copy(update={"model": "own"})),
        }
    )
    (line,) = summary_of(run, *track("zero", [1.0] * 20), *trained()).break_even
    assert (line.from_, line.to) == ("zero", "lora")

    def volume(machines):
        return (0.1 - 0.001 + 12 * machines * HOURS * 2.0) / (12 * EACH)

    assert line.requests == pytest.approx(volume(4))
    assert line.low == pytest.approx(volume(4))
    assert line.high == pytest.approx(volume(5))


def test_labels_and_people_move_the_break_even():
    """1 dollar of labels and 2 hours a month at 10 dollars on top of 1.999 dollars of setup."""
    facts = {"label_usd": 1 / 7, "engineer_usd_per_hour": 10.0}
    run = run_of("zero", "lora", engineer_hours_per_month={"lora": 2, "zero": 0}, **facts)
    named = run.strategies[0].model_copy(update={"name": "prompt.zero-shot"})
    run = run.model_copy(update={"strategies": (named, run.strategies[1])})
    dear = [*trained(setup=2000.0, seconds=1.0)]
    (line,) = summary_of(run, *track("zero", [1.0] * 20), *dear).break_even
    assert line.requests == pytest.approx((1.999 + 1 + 12 * 20) / (12 * 0.00005))


def terms_by(dice):
    """Terms drawn at random, the volume left out."""
    needs = {
        "horizon_months": dice.choice([1, 6, 12, 36]),
        "documents_change": dice.choice(["never", "monthly", "weekly", "daily"]),
        "behaviour_changes": dice.choice(["never", "yearly", "quarterly", "monthly"]),
        "retrain_on_documents": dice.random() < 0.5,
        "label_usd": dice.choice([0, 0.07, 3]),
        "model_retires": dice.choice([None, "2026-03-03", "2027-03-03"]),
    }
    if dice.random() < 0.5:
        needs["engineer_usd_per_hour"] = 77.7
        needs["engineer_hours_per_month"] = {"fine-tuning": 1.3, "rag": 0.4}
    placed = None
    if dice.random() < 0.7:
        placed = Deployment(
            replicas=dice.choice([1, 2, 5]),
            hours_per_day=dice.choice([2, 8, 24]),
            peak_requests_per_second=dice.choice([None, 0.5, 300]),
        )
    return needs, placed


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("hosted", [False, True])
def test_parts_add_up_and_more_volume_never_costs_less(seed, hosted):
    needs, placed = terms_by(random.Random(seed))
    measured, tracks = measure(hosted)
    before = {}
    for volume in (0, 10, 1_000, 90_000, 3e6, 8e8):
        stated = {**needs, "requests_per_month": volume}
        run = run_of("lora", "rag.x", hosted=hosted, deployment=placed, **stated)
        for row in priced(measured, tracks, run, Draws()).strategies:
            known = [value for _, value in row.cost.parts if value is not None]
            assert row.cost.horizon_usd == row.cost.parts.total()
            assert row.cost.horizon_usd == pytest.approx(sum(known), rel=1e-12)
            assert all(value >= 0 for value in known)
            assert row.cost.horizon_usd >= before.get(row.id, 0.0)
            before[row.id] = row.cost.horizon_usd


@cache
def measure(hosted):
    run = run_of("lora", "rag.x", hosted=hosted)
    records = [
        *trained(retrieved=3, index_bytes=6_000_000_000),
        *track("rag.x", [1.0] * 20, setup=7.0, retrieved=3),
    ]
    return summary_of(run, *records), [track_of(records, facts) for facts in run.strategies]
