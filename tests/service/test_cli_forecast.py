"""`tuneworth forecast` as a user types it: what it prints where, what it writes, its exit codes."""

import json

import pytest
from click.testing import CliRunner
from test_cli import flat, tuneworth

from service.cli import cli

FREE = ("--strategies", "baseline.majority", "--budget-seconds", "60")


def test_it_prints_the_answer_the_table_and_the_trace(task):
    said = tuneworth("forecast", task(), *FREE)
    assert said.exit_code == 0, said.output
    text = flat(said.stdout)
    assert "The comparison is quoted at" in text
    assert "this forecast may take 1 min" in text
    assert "Commit to fine-tuning: not yet" in text
    assert "answer validation rows: baseline.majority" in text


def test_json_stands_alone_on_stdout_and_in_the_file(task, tmp_path):
    out = tmp_path / "new" / "forecast.json"
    said = tuneworth("forecast", task(), *FREE, "--json", "--out", out, "--confidence", "0.8")
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert found["schema"] == "tuneworth.forecast/1"
    assert found["confidence"] == 0.8
    assert found["budget"] == {"seconds": 60.0, "usd": None}
    assert json.loads(out.read_text(encoding="utf-8")) == found


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out", "forecast.pdf"], "--out is wrong"),
        (["--strategies", "baseline.lin"], "Did you mean baseline.linear"),
        (["--strategies", "rag.bm25"], "needs documents"),
        (["--confidence", "1.5"], "1.5"),
        (["--confidence", "nan"], "not a finite number"),
        (["--budget-seconds", "nan"], "not a finite number"),
        (["--budget-usd", "inf"], "not a finite number"),
        (["--spend-at-most", "nan"], "not a finite number"),
    ],
)
def test_bad_input_is_refused_with_the_fix(task, arguments, told):
    said = tuneworth("forecast", task(), *arguments)
    assert said.exit_code == 2
    assert told in flat(said.stderr)
    assert said.stdout == ""


def test_data_with_errors_are_not_foretold(task):
    said = tuneworth("forecast", task(instruction="make it better"), *FREE)
    assert said.exit_code == 2
    assert "does not say what to do" in said.stdout
    assert "The data have one error" in said.stderr


def test_what_cannot_be_written_is_told_all_the_same(task, tmp_path):
    (tmp_path / "file").write_text("in the way")
    said = tuneworth("forecast", task(), *FREE, "--out", tmp_path / "file" / "forecast.json")
    assert said.exit_code != 0
    assert "Commit to fine-tuning: not yet" in flat(said.stdout)
    assert "file" in flat(said.stderr)


def test_interrupted_twice_it_says_that_nothing_is_kept(task, tmp_path, monkeypatch):
    def struck(planned, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("service.forecasting.running.forecast", struck)
    out = tmp_path / "forecast.json"
    said = tuneworth("forecast", task(), *FREE, "--out", out)
    assert said.exit_code == 130
    assert "Nothing that was found is kept" in flat(said.stderr)
    assert "press Ctrl-C only once" in flat(said.stderr)
    assert "the same command continues" not in said.stderr
    assert not out.exists()


def test_help_names_the_options():
    said = CliRunner().invoke(cli, ["forecast", "--help"])
    for option in ("--out", "--budget-seconds", "--budget-usd", "--confidence", "--yes", "--json"):
        assert option in said.output
