"""The user's cache: where it lies, how large, how it is seen and cleared, what a report says."""

import json

import pytest
from click.testing import CliRunner
from example_run import example_records

from benchmarks.costs import read_prices
from benchmarks.records import BatchRecord, SetupRecord
from corpora.errors import InvalidInput
from corpora.reading import read_dataset
from service.caching import default_cache
from service.cli import cli
from service.comparing import cached_where_known, compare
from service.html import as_html
from service.markdown import as_markdown
from service.report import Report, build_report
from service.verify import verify
from strategies.cache import Cache, Entry, key_of
from strategies.models.scripted import ScriptedModel


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWORTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TUNEWORTH_CACHE_GB")
    return tmp_path / "cache" / "results"


def tuneworth(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def test_it_lies_in_the_cache_folder_and_is_bounded(here, monkeypatch):
    cache = default_cache()
    assert (cache.folder, cache.limit_bytes) == (here, 2_000_000_000)
    monkeypatch.setenv("TUNEWORTH_CACHE_GB", "0.5")
    assert default_cache().limit_bytes == 500_000_000
    monkeypatch.setenv("TUNEWORTH_CACHE_GB", "0")
    assert default_cache() is None


@pytest.mark.parametrize("said", ["much", "-1", "nan", "inf"])
def test_a_bound_that_is_none_is_bad_input(here, monkeypatch, said):
    monkeypatch.setenv("TUNEWORTH_CACHE_GB", said)
    with pytest.raises(InvalidInput, match="TUNEWORTH_CACHE_GB"):
        default_cache()
    assert tuneworth("cache").exit_code == 2


def test_the_command_shows_and_clears(here):
    cache = default_cache()
    for number in range(3):
        cache.put(key_of({"n": number}), Entry("embedding", 1.0, b"x" * 1000))
    shown = json.loads(tuneworth("cache", "--json").stdout)
    assert (shown["entries"], shown["folder"], shown["cleared"]) == (3, str(here), False)
    assert 3000 < shown["bytes"] < shown["limit_bytes"]
    assert "3 results" in tuneworth("cache").stdout
    assert "Removed: 3 results" in tuneworth("cache", "--clear").stdout
    assert json.loads(tuneworth("cache", "--json").stdout)["entries"] == 0


def test_the_command_without_a_cache(here, monkeypatch):
    monkeypatch.setenv("TUNEWORTH_CACHE_GB", "0")
    assert "no cache" in tuneworth("cache").stdout
    assert json.loads(tuneworth("cache", "--json").stdout)["folder"] is None


def compared(tmp_path, name, *more):
    """A comparison of the simplest baseline in a folder of its own; its report."""
    rows = [
        {"id": f"r{n}", "input": f"Order {n}: paint {n * 7919}.", "output": ("red", "blue")[n % 2]}
        for n in range(60)
    ]
    spec = {
        "name": "colours",
        "kind": "classification",
        "instruction": "Name the colour that the customer asks for.",
        "examples": rows,
    }
    (tmp_path / "task.json").write_text(json.dumps(spec))
    options = ("--strategies", "baseline.majority", "--out", tmp_path / name, *more)
    said = tuneworth("compare", tmp_path / "task.json", *options)
    assert said.exit_code == 0, said.output
    assert verify(tmp_path / name) == []
    return Report.model_validate_json((tmp_path / name / "report.json").read_text())


def test_the_command_line_reuses_unless_told_not_to(here, tmp_path):
    first = compared(tmp_path, "one")
    assert first.strategies[0].reused is None
    eager = Cache(here, worth_seconds=0.0)  # keeps what the user's cache finds too quick
    compare(
        read_dataset(str(tmp_path / "task.json")),
        out=tmp_path / "two",
        strategies=["baseline.majority"],
        prices=read_prices(None),
        cache=eager,
    )
    third = compared(tmp_path, "three")
    assert third.strategies[0].reused.setup_seconds == third.strategies[0].cost.setup_seconds
    assert third.strategies[0].quality == first.strategies[0].quality
    assert compared(tmp_path, "four", "--no-cache").strategies[0].reused is None


def test_only_a_model_whose_weights_are_at_hand_is_wrapped(tiny_model):
    scripted = ScriptedModel(lambda prompt: "red")
    assert cached_where_known(scripted) is scripted
    scripted.trainable = True  # says so, but is no model of ours
    assert cached_where_known(scripted) is scripted
    assert cached_where_known(tiny_model).info == tiny_model.info


def test_a_report_says_what_was_computed_earlier():
    records = list(example_records())
    plain = build_report(records)
    for place, record in enumerate(records):
        if isinstance(record, SetupRecord) and record.strategy == "lora":
            records[place] = record.model_copy(update={"reused_seconds": record.seconds})
    last = max(
        place
        for place, record in enumerate(records)
        if isinstance(record, BatchRecord) and record.strategy == "lora"
    )
    records[last] = records[last].model_copy(update={"reused": True})
    told = build_report(records)
    assert "Computed earlier" not in as_markdown(plain)
    for text in (as_markdown(told), as_html(told)):
        assert "Computed earlier" in text
        assert "of setup and 10 answers" in text
    before, after = (
        next(row for row in report.strategies if row.id == "lora") for report in (plain, told)
    )
    assert after.quality == before.quality
    assert after.cost.setup_usd == before.cost.setup_usd
    assert (after.reused.setup_seconds, after.reused.answers) == (after.cost.setup_seconds, 10)
    spent = [report.environment.spent_usd for report in (plain, told)]
    assert spent[1] == pytest.approx(spent[0], rel=0.01)
