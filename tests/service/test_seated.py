"""What is said of strategies that were measured on another machine, or beside other work."""

import re

import pytest
from example_run import example_records

from benchmarks.journal import JOURNAL, Journal, line_of, publish_records
from benchmarks.records import SeatRecord, SetupRecord
from corpora.errors import InvalidInput
from corpora.task import Needs
from service import view
from service.basis import Basis, basis_of
from service.conditions import facts
from service.html import as_html
from service.markdown import as_markdown
from service.report import Report, build_report
from service.verify import verify
from service.what_if import stored, stored_in, stored_of, what_if

PRICE = {
    "machine": "gpu-l4",
    "usd_per_hour": 0.9,
    "memory_gb": 24.0,
    "source": "a list",
    "as_of": "2026-11",
}
L4 = {"cpu": "AMD EPYC", "cores": 8, "memory_gb": 32.0, "gpu": "NVIDIA L4", "price": PRICE}
T4 = {**L4, "gpu": "NVIDIA T4"}
OWN = {
    "cpu": "Intel Xeon (Sapphire Rapids)",
    "cores": 2,
    "memory_gb": 23.5,
    "gpu": None,
    "price": {**PRICE, "machine": "cpu-2-core"},
}
ELSEWHERE = "another machine than the others (AMD EPYC, 8 cores, 32 GB, NVIDIA L4)"


def seated(*places, beside=0, needs=None):
    """The example's records with these strategies measured on these machines from the start."""
    found = []
    for record in example_records(needs):
        for name, machine in places:
            if isinstance(record, SetupRecord) and record.strategy == name:
                found.append(SeatRecord(strategy=name, beside=beside, **machine))
        found.append(record)
    return found


def told(*places, **more):
    return " ".join(build_report(seated(*places, **more)).recommendation.reasons)


def test_nothing_is_said_where_all_had_the_machine_to_themselves():
    report = build_report(example_records())
    assert not re.search("measured (on|beside)", report.as_json() + as_markdown(report))
    assert "the same model on the same machine." in view.reading_guide(report)[0]
    assert all(row.measured_on is None for row in report.strategies)


def test_one_that_was_measured_elsewhere_is_told_in_the_reasons():
    report = build_report(seated(("lora", L4)))
    (said,) = [text for text in report.recommendation.reasons if "measured on" in text]
    assert said == (
        f"lora was measured on {ELSEWHERE}: its latency and its time of a machine do not compare"
        " with those of the others."
    )
    row = next(row for row in report.strategies if row.id == "lora")
    assert (row.measured_on.apart, row.measured_on.beside) == (True, 0)


def test_the_concern_stands_wherever_costs_decide():
    """What was set up on a dear machine breaks even later: whoever reads that reads why."""
    needs = Needs(requests_per_month=40_000)
    before, after = (
        build_report(records)
        for records in (example_records(needs), seated(("lora", L4), needs=needs))
    )
    costs = [next(r.cost for r in each.strategies if r.id == "lora") for each in (before, after)]
    assert costs[1].setup_usd == pytest.approx(10 * costs[0].setup_usd)
    assert any(ELSEWHERE in text for text in after.recommendation.reasons)


def test_several_are_told_in_one_sentence_and_each_machine_in_its_own():
    said = told(("lora", L4), ("prompt.nearest", L4), ("prompt.few-shot", T4))
    assert f"prompt.nearest and lora were measured on {ELSEWHERE}: their latency" in said
    assert "prompt.few-shot was measured on another machine" in said
    assert "NVIDIA T4" in said


def test_a_strategy_of_several_machines_is_told_so():
    records = seated(("lora", L4))
    place = next(
        at
        for at, record in enumerate(records)
        if getattr(record, "record", "") == "latency" and record.strategy == "lora"
    )
    records.insert(place, SeatRecord(strategy="lora", beside=0, **T4))
    (said,) = [t for t in build_report(records).recommendation.reasons if "measured on" in t]
    assert said.startswith("lora was measured on several machines, one after the other (AMD EPYC")
    assert said.endswith("NVIDIA L4; AMD EPYC, 8 cores, 32 GB, NVIDIA T4): its latency and its time"
        " of a machine do not compare with those of the others, and are charged at the price of the"
        " last.")  # fmt: skip


def test_who_was_not_alone_is_told():
    said = told(("lora", OWN), ("baseline.linear", OWN), beside=1)
    assert (
        "baseline.linear and lora were measured beside one other piece of work on the same machine:"
        " alone they may be quicker and cheaper."
    ) in said
    assert "up to 3 other pieces of work" in told(("lora", OWN), beside=3)
    assert "another machine" not in said


def test_the_guide_no_longer_says_that_all_ran_on_one_machine():
    guide, crowded = (
        view.reading_guide(build_report(records))[0]
        for records in (seated(("lora", L4)), seated(("lora", OWN), beside=1))
    )
    assert guide.endswith("the same model, but not all of them on the same machine.")
    assert crowded.endswith("on the same machine, where other work ran beside some of them.")


def test_the_conditions_name_the_machine_and_its_price():
    found = dict(facts(build_report(seated(("lora", L4)))))
    assert found["Machine"] == "Intel Xeon (Sapphire Rapids), 2 cores, 23.5 GB, no GPU"
    assert found["Measured elsewhere"] == "lora on AMD EPYC, 8 cores, 32 GB, NVIDIA L4"
    assert found["Price of gpu-l4"] == "$0.90 an hour: a list, 2026-11"
    plain = dict(facts(build_report(example_records())))
    assert "Measured elsewhere" not in plain


def test_both_pages_tell_it():
    report = build_report(seated(("lora", L4)))
    for page in (as_markdown(report), as_html(report)):
        assert "lora was measured on another machine" in page
        assert "Price of gpu-l4" in page


def test_reports_of_several_machines_are_verified_read_back_and_published(tmp_path):
    records = seated(("lora", L4))
    report = build_report(records)
    assert Report.model_validate_json(report.as_json()) == report
    Journal(tmp_path / JOURNAL).append(records)
    (tmp_path / "report.json").write_text(report.as_json())
    assert verify(tmp_path) == []
    published = Journal(tmp_path / "published.jsonl")
    published.append(publish_records(records))
    assert build_report(published.read()).recommendation == report.recommendation
    (tmp_path / JOURNAL).write_bytes(b"".join(map(line_of, example_records())))
    assert any("measured_on" in difference.path for difference in verify(tmp_path))


def test_another_price_of_that_machine_can_be_asked_about(tmp_path):
    made = stored_of(seated(("lora", L4)))
    found = what_if(made, {"prices": {"gpu-l4.usd_per_hour": 1.8}})
    bills = {row.strategy: (row.before, row.after) for row in found.costs}
    assert bills["lora"][1].setup_usd == pytest.approx(2 * bills["lora"][0].setup_usd)
    assert bills["prompt.nearest"][0] == bills["prompt.nearest"][1]
    assert [one.what for one in found.changed] == ["prices.machines.gpu-l4.usd_per_hour"]
    assert any(ELSEWHERE in text for text in found.after.reasons)
    with pytest.raises(InvalidInput, match=r"gpu-l4\.usd_per_hour"):
        what_if(made, {"prices": {"gpu-t4.usd_per_hour": 1.8}})
    with pytest.raises(InvalidInput):
        what_if(stored_of(example_records()), {"prices": {"gpu-l4.usd_per_hour": 1.8}})


def test_what_is_kept_of_a_comparison_for_other_prices_keeps_its_machines():
    basis = basis_of(seated(("lora", L4)))
    again = Basis.from_json(basis.as_json())
    assert [track.machine for track in again.tracks if any(track.seats)] == ["gpu-l4"]
    assert what_if(stored(again), {}).costs == what_if(stored(basis), {}).costs


def test_a_deployment_on_that_machine_has_the_price_it_was_measured_at():
    made = stored_of(seated(("lora", L4)))
    found = what_if(made, {"deployment": {"machine": "gpu-l4"}})
    month = {row.strategy: row.after.parts.hosting for row in found.costs}
    assert month["lora"] == pytest.approx(month["baseline.linear"])
    assert month["lora"] == pytest.approx(12 * 0.9 * 24 * 30.4375, rel=1e-3)


def test_no_change_is_the_answer_that_was_given_on_several_machines(tmp_path):
    records = seated(("lora", L4), ("baseline.linear", OWN), beside=2)
    report = build_report(records)
    Journal(tmp_path / JOURNAL).append(records)
    (tmp_path / "report.json").write_text(report.as_json())
    found = what_if(stored_in(tmp_path), {})
    assert (found.changed, found.before, found.after) == (
        (),
        report.recommendation,
        report.recommendation,
    )
