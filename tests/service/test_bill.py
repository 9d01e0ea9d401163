"""The bill in both views, and what is said to be in no figure."""

import json

import pytest
from example_run import example_records
from test_what_if import records_with

from benchmarks.journal import JOURNAL, Journal
from corpora.task import Deployment, Needs
from service import view
from service.bill import bill_table, bytes_text, cost_guide
from service.charts import charts
from service.html import as_html
from service.markdown import as_markdown
from service.report import build_report
from service.verify import verify

TITLE = "What it costs over 12 months"


@pytest.fixture(scope="module")
def served():
    placed = Deployment(peak_requests_per_second=40.0)
    return build_report(records_with(placed, label_usd=0.25, behaviour_changes="yearly"))


def test_the_first_screen_tells_what_a_machine_that_waits_costs(served) -> None:
    told = [each.note for each in view.figures(build_report(example_records())) if each.note]
    assert any("busy time alone, $65.7" in note for note in told)
    assert not any("busy time alone" in each.note for each in view.figures(served))


def test_only_parts_that_are_not_0_are_shown() -> None:
    plain = build_report(example_records())
    head, rows = bill_table(plain)
    assert head == ["strategy", "setup", "requests", "in all"]
    assert len(rows) == 7
    assert f"## {TITLE}" in as_markdown(plain)
    assert TITLE in as_html(plain)


def test_every_stated_part_is_shown_cheapest_first(served) -> None:
    head, rows = bill_table(served)
    assert head == ["strategy", "setup", "retraining", "labels", "machines", "in all"]
    totals = [row.cost.horizon_usd for row in served.strategies if row.cost]
    assert len(rows) == len(totals)
    lora = next(row for row in rows if row[0] == "lora")
    assert lora[3] == "$60.00"  # 240 rows
    assert as_markdown(served).count("| strategy | setup | retraining | labels |") == 1
    assert ">Machines</th>" in as_html(served)


def test_without_a_volume_there_is_no_bill() -> None:
    report = build_report(example_records(Needs()))
    assert bill_table(report)[1] == []
    assert "What it costs over" not in as_markdown(report) + as_html(report)


def test_what_is_in_no_figure() -> None:
    plain = " ".join(cost_guide(build_report(example_records())))
    assert "work by people (labelling, upkeep) is not in any figure." in plain
    people = records_with(
        engineer_usd_per_hour=10, engineer_hours_per_month={"rag": 1}, label_usd=1
    )
    told = " ".join(cost_guide(build_report(people)))
    assert "not in any figure" not in told
    assert "test rows judge all alike and are charged to nobody" in told


def test_latency_under_load_is_said_to_be_computed(served) -> None:
    text = as_markdown(served)
    assert "p95 latency under load: **" in text
    assert "p50 / p95 ms under load (computed) | replicas |" in text
    assert "computed from those times, not measured." in text
    assert "Latency under load is computed from the measured times" in text
    assert "served on a machine as measured, 24 hours a day, 40 requests a second" in text
    assert "Serving machine: $0.090 an hour of cpu-2-core" in text


def test_charts_show_the_latency_that_counts_and_call_only_the_cheapest_cheapest() -> None:
    """baseline.nearest needs 40 labels fewer: 10 dollars in 12 months."""
    placed = Deployment(peak_requests_per_second=4.0)
    report = build_report(records_with(placed, label_usd=0.25))
    _, volume, latency = charts(report)
    load = next(r.under_load for r in report.strategies if r.id == "prompt.nearest")
    assert volume.title == (
        "At 40,000 requests a month, baseline.linear costs $70.75, hardly more than"
        " baseline.nearest"
    )
    assert latency.title.startswith("baseline.linear answers 95% of requests within 20 ms under")
    assert f"prompt.nearest {load.p50:.0f} – {load.p95:.0f} ms" in latency.text
    assert "waiting included (computed)" in latency.text


def test_without_a_peak_the_machines_are_said_to_be_those_of_the_volume(served) -> None:
    text = "the machines are those of the stated volume"
    assert text in " ".join(cost_guide(build_report(records_with(Deployment()))))
    assert text not in " ".join(cost_guide(served))


def test_a_need_is_held_against_the_latency_under_load() -> None:
    """The slow one meets the need alone and misses it under load on one machine."""
    alone = records_with(latency_p95_ms=700.0)
    loaded = records_with(Deployment(peak_requests_per_second=1.8), latency_p95_ms=700.0)
    rows = [
        next(row for row in build_report(records).strategies if row.id == "prompt.nearest")
        for records in (alone, loaded)
    ]
    assert rows[0].counted_p95 < 700 < rows[1].counted_p95
    assert rows[1].latency_ms == rows[0].latency_ms


def test_a_report_without_parts_still_follows_from_its_records(tmp_path) -> None:
    Journal(tmp_path / JOURNAL).append(example_records())
    report = json.loads(build_report(example_records()).as_json())
    path = tmp_path / "report.json"
    costs = [row["cost"] for row in report["strategies"] if row["cost"]]
    costs[0]["parts"]["requests"] += 1
    path.write_text(json.dumps(report))
    assert [found.path for found in verify(tmp_path)] == [
        f"strategies[{report['strategies'][0]['id']}].cost.parts.requests"
    ]
    for cost in costs:
        del cost["parts"]
    path.write_text(json.dumps(report))
    assert verify(tmp_path) == []


@pytest.mark.parametrize(
    ("size", "text"), [(None, ""), (1_234_567, "1.2 MB"), (1_536_000_000, "1.5 GB")]
)
def test_memory_is_told_in_round_numbers(size, text) -> None:
    assert bytes_text(size) == text
