"""The one function behind the command line and the worker, on hand-made data without a model."""

import json

import pytest

from benchmarks.costs import read_prices
from benchmarks.errors import Cancelled, RunMismatch
from benchmarks.journal import JOURNAL, Journal
from benchmarks.runner import run_comparison
from corpora.errors import InvalidInput
from corpora.task import Dataset, Example, Task
from service.comparing import (
    chosen_strategies,
    compare,
    forget,
    load_named,
    plan,
    quoted_model,
    with_models,
)
from service.report import build_report
from strategies.errors import NotFetched, StrategyError, UnknownName

LABELS = ("red", "green", "blue")
MAJORITY = "baseline.majority"


def rows(split, count):
    return tuple(
        Example(id=f"{split}{n}", input=f"{split} order {n}: {LABELS[n % 3]}", output=LABELS[n % 3])
        for n in range(count)
    )


@pytest.fixture
def dataset():
    task = Task(
        name="colours",
        kind="classification",
        instruction="Name the colour that the customer asks for.",
        labels=LABELS,
        metric="accuracy",
    )
    return Dataset(
        task=task, train=rows("train", 10), validation=rows("valid", 4), test=rows("test", 30)
    )


@pytest.fixture(scope="module")
def prices():
    return read_prices()


@pytest.fixture
def broken_plug_in(tmp_path, monkeypatch):
    """An installed package "acme" whose strategy "acme.broken" cannot be imported."""
    info = tmp_path / "site" / "acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    entry = "[tuneworth.strategies]\nacme.broken = acme_that_is_not_there:Broken\n"
    (info / "entry_points.txt").write_text(entry)
    monkeypatch.syspath_prepend(info.parent)


REASON = (
    "acme.broken (acme_that_is_not_there:Broken) of the package acme cannot be used:"
    " ModuleNotFoundError: No module named 'acme_that_is_not_there'."
    " Correct or uninstall the package that brings it."
)


def test_a_comparison_writes_the_three_reports(dataset, prices, tmp_path):
    report = compare(dataset, out=tmp_path, strategies=["baseline.majority"], prices=prices)
    (row,) = report.strategies
    assert (row.id, row.status) == ("baseline.majority", "completed")
    assert row.quality.value == pytest.approx(1 / 3)
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(report.as_json())
    assert {"report.html", "report.md"} <= {path.name for path in tmp_path.iterdir()}


def test_one_that_does_not_fit_is_skipped_with_its_reason(dataset, prices, tmp_path):
    names = ["baseline.majority", "baseline.passage"]
    report = compare(dataset, out=tmp_path, strategies=names, prices=prices)
    found = {row.id: (row.status, row.reason) for row in report.strategies}
    assert found["baseline.majority"] == ("completed", None)
    assert found["baseline.passage"][0] == "skipped"
    assert "documents" in found["baseline.passage"][1]


def test_the_strategies_of_the_task_are_the_default(dataset, prices, tmp_path):
    task = dataset.task.model_copy(update={"strategies": ("baseline.majority",)})
    report = compare(dataset.model_copy(update={"task": task}), out=tmp_path, prices=prices)
    assert [row.id for row in report.strategies] == ["baseline.majority"]


def test_a_cancelled_one_continues(dataset, prices, tmp_path):
    asked = []

    def soon():
        asked.append(1)
        return len(asked) > 2

    options = {"out": tmp_path, "strategies": ["baseline.majority"], "prices": prices}
    with pytest.raises(Cancelled):
        compare(dataset, **options, cancelled=soon)
    kept = (tmp_path / JOURNAL).read_text()
    assert kept
    report = compare(dataset, **options)
    assert (tmp_path / JOURNAL).read_text().startswith(kept)
    assert report.strategies[0].quality.n == 30


def test_forgetting_leaves_foreign_files(dataset, prices, tmp_path):
    options = {"out": tmp_path, "strategies": ["baseline.majority"], "prices": prices}
    compare(dataset, **options)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunMismatch):
        compare(dataset, **options, seed=1)
    forget(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {"notes.txt", ".lock"}
    assert compare(dataset, **options, seed=1).strategies[0].status == "completed"


def test_forgetting_a_folder_of_something_else_does_nothing(tmp_path):
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "report.json").write_text("{}")
    forget(tmp_path)
    assert (tmp_path / "artifacts").is_dir()
    assert (tmp_path / "report.json").exists()


def test_unknown_names_are_told_before_anything_runs(dataset, prices, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UnknownName, match="strategy"):
        compare(dataset, out=out, strategies=["baseline.majorty"], prices=prices)
    other = with_models(dataset, ["gpt-nothing"])
    with pytest.raises(UnknownName, match="model"):
        compare(other, out=out, strategies=["prompt.zero-shot"], prices=prices)
    assert not out.exists()


@pytest.mark.usefixtures("broken_plug_in")
def test_a_broken_plug_in_is_one_failed_row(dataset, prices, tmp_path):
    chosen = [
        one for one in chosen_strategies(dataset.task) if one.name in ("acme.broken", MAJORITY)
    ]
    records = run_comparison(
        dataset, strategies=chosen, models={}, folder=tmp_path / "out", prices=prices
    )
    report = build_report(records)
    found = {row.id: (row.status, row.family, row.reason) for row in report.strategies}
    assert found == {
        MAJORITY: ("completed", "baseline", None),
        "acme.broken": ("failed", "unknown", f"StrategyError: {REASON}"),
    }


@pytest.mark.usefixtures("broken_plug_in")
def test_a_broken_plug_in_is_foretold_and_refused_where_it_is_named(dataset, prices, tmp_path):
    local = with_models(dataset, [str(tmp_path)])
    found = {row.id: row.skipped for row in plan(local, strategies=None, prices=prices).quote.rows}
    assert found["acme.broken"] == f"StrategyError: {REASON}"
    assert found[MAJORITY] is None
    with pytest.raises(StrategyError, match="cannot be used"):
        plan(dataset, strategies=["acme.broken"], prices=prices)


def test_a_model_that_is_not_here_is_told_before_anything_runs(
    dataset, prices, tmp_path, monkeypatch
):
    monkeypatch.setenv("TUNEWORTH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(NotFetched, match="tuneworth models pull"):
        compare(dataset, out=tmp_path / "out", strategies=["prompt.zero-shot"], prices=prices)


def test_a_model_that_no_strategy_uses_need_not_be_here(dataset, prices, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWORTH_CACHE", str(tmp_path / "cache"))
    found = plan(dataset, strategies=["baseline.majority"], prices=prices)
    assert found.ids == ("baseline.majority",)
    assert found.paid_usd == 0


def test_several_models_name_their_rows(dataset, prices, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    models = [str(tmp_path / "one"), str(tmp_path / "two")]
    names = ["baseline.majority", "prompt.zero-shot"]
    found = plan(with_models(dataset, models), strategies=names, prices=prices)
    assert found.ids == ("baseline.majority", *(f"prompt.zero-shot@{each}" for each in models))


def test_a_folder_without_a_model_is_bad_input(tmp_path):
    with pytest.raises(InvalidInput) as caught:
        load_named(str(tmp_path))
    assert caught.value.field == "model"
    assert "config.json" in caught.value.fix


def test_a_quote_goes_by_the_size_of_the_weights(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"0" * 2000)
    assert quoted_model(str(tmp_path)).parameters == 1000
    assert quoted_model("smollm2-135m-q4").parameters == 0


def test_the_report_follows_from_the_journal(dataset, prices, tmp_path):
    report = compare(dataset, out=tmp_path, strategies=["baseline.majority"], prices=prices)
    assert build_report(Journal(tmp_path / JOURNAL).read()) == report


def test_a_quote_is_priced_as_the_machine_that_will_be_charged(dataset, prices, monkeypatch):
    found = {}
    for devices in ([], ["NVIDIA H100"]):
        monkeypatch.setattr("service.comparing.cuda_devices", lambda devices=devices: devices)
        found[bool(devices)] = plan(dataset, strategies=[MAJORITY], prices=prices).quote.machine
    assert prices.machines[found[True]].gpu
    assert not prices.machines[found[False]].gpu
