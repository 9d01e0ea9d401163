"""A what-if leaves nothing out that the comparison knew, and bears any number that it is sent."""

import pytest
from curve_run import curve_records
from example_run import example_records
from test_what_if import records_with

from benchmarks.costs import read_prices
from benchmarks.records import APART, OutcomeRecord, SentinelRecord
from benchmarks.summary import summarise
from corpora.errors import InvalidInput
from corpora.task import Deployment, Needs
from service.report import Report, build_report
from service.what_if import stored_of, what_if

HUGE = 1e308


def leaking(named: bool):
    """The example's records with a leak into training; of old, without the names of its rows."""
    records = example_records()
    tested = [row.example for row in records if isinstance(row, OutcomeRecord)]
    leak = SentinelRecord(
        name=APART, passed=False, message="leaked", examples=tuple(tested[:7]) if named else ()
    )
    kept = [r for r in records if not (isinstance(r, SentinelRecord) and r.name == APART)]
    return [*kept[:1], leak, *kept[1:]]


@pytest.mark.parametrize(
    "records",
    [
        leaking(named=True),
        leaking(named=False),
        curve_records(Needs(requests_per_month=40_000.0)),
    ],
    ids=["a leak", "a leak of old", "learning curves"],
)
def test_a_report_read_again_gives_the_summary_that_it_was_made_from(records):
    report = build_report(records)
    stored = stored_of(records, Report.model_validate_json(report.as_json()))
    apart = {"strategies", "comparisons"}  # a report has them in an order of its own
    apart |= {"disagreements"}  # which hold texts of the data
    found, made = (one.model_dump(exclude=apart) for one in (stored.summary, summarise(records)))
    assert found == made
    assert stored.answer == report.recommendation


def test_the_examples_above_hold_what_could_be_left_out():
    assert summarise(leaking(named=True)).leak.rows == 7
    assert summarise(leaking(named=False)).leak.rows is None
    assert [curve.strategy for curve in summarise(curve_records()).curves] == ["lora"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"requests_per_month": HUGE}, "requests_per_month"),
        ({"horizon_months": HUGE}, "horizon_months"),
        ({"label_usd": HUGE}, "label_usd"),
        ({"deployment": {"hours_per_day": 1e-300}}, "deployment.hours_per_day"),
        ({"prices": {"usd_per_hour": HUGE}}, "prices.usd_per_hour"),
        ({"prices": {"usd_per_hour": float("nan")}}, "prices.usd_per_hour"),
        (
            {"engineer_usd_per_hour": HUGE, "engineer_hours_per_month": {"rag": 1}},
            "engineer_usd_per_hour",
        ),
    ],
)
def test_a_number_beyond_all_bills_is_refused(changes, field):
    with pytest.raises(InvalidInput) as caught:
        what_if(stored_of(example_records()), changes, read_prices())
    assert caught.value.field == field


def test_the_largest_numbers_that_are_taken_still_make_a_bill():
    """A million million requests in 18 minutes a month: far more machines than requests that are
    replayed, so that nobody waits."""
    stored = stored_of(records_with(Deployment()))
    changes = {
        "requests_per_month": 1e12,
        "horizon_months": 1200,
        "label_usd": 1e9,
        "engineer_usd_per_hour": 1e9,
        "engineer_hours_per_month": {"prompting": 1e6},
        "documents_change": "daily",
        "behaviour_changes": "monthly",
        "relabel_share": 1,
        "deployment": {"hours_per_day": 0.01},
        "prices": {"usd_per_hour": 1e9},
    }
    found = what_if(stored, changes, read_prices())
    row = next(row for row in found.costs if row.strategy == "prompt.nearest")
    assert row.load_after.p95 == pytest.approx(629, abs=20)
    assert row.after.horizon_usd == pytest.approx(row.after.parts.total())
