"""What is kept for what-ifs gives the same bills as all of the records, and is small."""

from dataclasses import replace

import pytest
from curve_run import curve_records
from example_run import example_records
from test_what_if import records_with

from benchmarks.costs import read_prices
from benchmarks.journal import JOURNAL, Journal
from benchmarks.placing import FolderShelf
from benchmarks.raced import tracks_of
from benchmarks.records import EndRecord, OutcomeRecord, SetupRecord
from benchmarks.summary import summarise
from corpora.task import Deployment
from service.basis import Basis, basis_of, basis_with
from service.computing import finish
from service.forms import BASIS_FILE
from service.orders import FINISH, Order
from service.progress import ProgressBoard
from service.report import Report, build_report
from service.what_if import stored, what_if
from service.workplace import KEPT
from strategies.models.account import Unlimited

READER = "prompt.nearest"
PRICE = {"input": 3.0, "cached": 1.0, "output": 9.0, "batch_discount": 0.5}


def hosted_records():
    """The example's records as if its model were a hosted one, some of whose replies failed."""
    run, *others = records_with(Deployment(batch_share=0.5))
    models = tuple(model.model_copy(update={"hosted": True}) for model in run.models)
    price = {**PRICE, "source": "a test", "as_of": "today"}
    prices = {**run.prices, "models": {model.name: price for model in models}}
    told = {"models": models, "prices": prices}
    for at, one in enumerate(others):
        if isinstance(one, OutcomeRecord) and at % 17 == 0:
            others[at] = replace(one, state="error", error="overloaded", scores={})
        if isinstance(one, SetupRecord) and one.strategy == "prompt.nearest":
            training = {"usage": {"prompt": 5_000, "completion": 100}}
            others[at] = one.model_copy(update={"training": training})
    return [run.model_copy(update=told), *others]


def reading_records():
    """The example's records as if an answer of one strategy rested on documents."""
    records = records_with(documents_change="daily")
    mine = (r for r in records if isinstance(r, OutcomeRecord) and r.strategy == READER)
    one = list(mine)[7]
    return [replace(one, retrieved=3) if record is one else record for record in records]


RUNS = {
    "reading documents": reading_records(),
    "local": records_with(),
    "deployed": records_with(Deployment(), documents_change="daily", label_usd=1.0),
    "hosted": hosted_records(),
    "learning curves": curve_records(),
}
CHANGES = {
    "requests_per_month": 90_000.0,
    "horizon_months": 7,
    "documents_change": "weekly",
    "behaviour_changes": "monthly",
    "retrain_on_documents": True,
    "deployment": {"replicas": 2, "batch_share": 0.9},
    "prices": {"usd_per_hour": 0.3},
}


@pytest.mark.parametrize("records", RUNS.values(), ids=list(RUNS))
def test_bills_are_those_of_all_records(records) -> None:
    basis = Basis.from_json(basis_of(records).as_json())
    assert basis == basis_of(records)
    whole = replace(basis, tracks=tuple(tracks_of(records, basis.run)))
    assert what_if(stored(basis), CHANGES, read_prices()) == what_if(
        stored(whole), CHANGES, read_prices()
    )
    report = build_report(records)
    assert stored(basis).answer == report.recommendation
    assert stored(basis).summary.break_even == summarise(records).break_even
    assert basis_with(report.as_json().encode(), records).tracks == basis.tracks


def test_the_answer_is_kept_that_rests_on_documents() -> None:
    basis = basis_of(RUNS["reading documents"])
    kept = {track.id: [row.retrieved for row in track.outcomes.values()] for track in basis.tracks}
    assert {name: counts for name, counts in kept.items() if counts} == {READER: [3]}
    refresh = {
        row.id: row.cost.parts.refresh for row in stored(basis).summary.strategies if row.cost
    }
    assert {name for name, usd in refresh.items() if usd} == {READER}


@pytest.mark.parametrize("records", RUNS.values(), ids=list(RUNS))
def test_no_text_of_the_data_is_in_it(records) -> None:
    text = basis_of(records).as_json().decode()
    inputs = {row.input for row in records if isinstance(row, OutcomeRecord)} - {None}
    assert not [told for told in inputs if told in text]


def test_only_of_hosted_models_is_every_answer_kept() -> None:
    sizes = {
        name: basis_of(records).as_json().count(b'"outcome"') for name, records in RUNS.items()
    }
    hosted = {s.id for s in RUNS["hosted"][0].strategies if s.model}
    answered = [r for r in RUNS["hosted"] if isinstance(r, OutcomeRecord) and r.strategy in hosted]
    assert sizes == {
        "reading documents": 1,
        "local": 0,
        "deployed": 0,
        "hosted": len(answered),
        "learning curves": 0,
    }


def test_a_report_of_another_version_is_made_anew() -> None:
    records = example_records()
    assert basis_with(b'{"schema": "tuneworth.report/0"}', records) == basis_of(records)


def test_who_ends_a_comparison_leaves_it_with_the_reports(tmp_path) -> None:
    records = [row for row in example_records() if not isinstance(row, EndRecord)]
    journal, folder = Journal(tmp_path / JOURNAL), tmp_path / "scratch"
    journal.append(records)
    folder.mkdir()
    apart = {"shelf": FolderShelf(folder), "account": Unlimited(), "cancelled": lambda: False}
    order = Order("1", FINISH, {}, {}, folder, journal, board=ProgressBoard(), seconds=7.0, **apart)
    finish(order, records)
    assert journal.read() == [*records, EndRecord(seconds=7.0)]
    kept = Basis.from_json((folder / BASIS_FILE).read_bytes())
    report = Report.model_validate_json((folder / "report.json").read_bytes())
    assert stored(kept).answer == report.recommendation
    assert BASIS_FILE in KEPT[FINISH]
