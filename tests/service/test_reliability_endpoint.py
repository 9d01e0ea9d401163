"""The benchmark of hosted models: its figures, and both of its measurements in small."""

import pytest

from benchmarks.speed.sheet import Measurement
from service.reliability.endpoint import (
    BATCH,
    Timetable,
    answer_to,
    checks,
    is_accounted,
    limited,
    question,
    scheduled,
)
from strategies.models.base import Generation


def test_a_limit_holds_while_requests_go_wrong(tmp_path):
    row = limited(tmp_path / "paid.jsonl", samples=150)
    facts = row.facts
    assert (facts["unaccounted"], facts["beyond"]) == (0, 0)
    assert facts["billed_usd"] <= facts["spent_usd"] <= facts["limit_usd"]
    assert 0 < facts["refused"] < 150


def test_every_sample_of_a_schedule_comes_back(tmp_path):
    said = []
    row = scheduled(tmp_path / "paid.jsonl", 8.0, said.append, timeout_s=0.5)
    facts = row.facts
    assert facts["unaccounted"] == 0
    assert facts["samples"] >= BATCH
    assert facts["billed_usd"] <= facts["spent_usd"]
    assert said[0] == "every second request: well"


def test_the_timetable_tells_the_rates_apart():
    now = [0.0]
    table = Timetable(100.0, lambda: now[0])
    for tenth in range(1000):
        now[0] = (tenth + 0.5) / 10
        for number in range(10 if tenth < 100 else 8):
            table.manner(number, "")
    now[0] = 100.0
    assert table.recovered() == pytest.approx(0.8)
    now[0] = 15.0
    assert [table.manner(number, "") for number in range(2)] == ["well", "busy"]


def test_what_is_no_answer_and_no_error_is_not_accounted_for():
    text = question(7).messages[-1].content
    assert is_accounted(Generation(answer_to(text)), 7)
    assert is_accounted(Generation("", error="out of order"), 7)
    assert not is_accounted(Generation(answer_to(text)), 8)
    assert not is_accounted(Generation(""), 7)
    assert not is_accounted(Generation("", error=""), 7)


def test_figures_of_a_made_up_sheet():
    schedule = {"samples": 90, "unaccounted": 1, "recovered": 0.9}
    limit = {"samples": 10, "unaccounted": 0, "beyond": 2}
    rows = [
        Measurement("endpoint", "schedule", 0, 60.0, schedule),
        Measurement("endpoint", "limit", 0, 9.0, limit),
    ]
    found = {one.name: (one.value, one.met) for one in checks(rows, quick=True)}
    assert found == {
        "endpoint_samples": (100, None),
        "samples_unaccounted": (1, False),
        "requests_beyond_limit": (2, False),
        "rate_recovered": (0.9, True),
    }
