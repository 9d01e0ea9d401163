"""The commands as a user types them: what they print where, and their exit codes."""

import json
import os
import signal

import pytest
from click.testing import CliRunner

from service.cli import cli
from service.cli_compare import folder_name, stoppable
from strategies.registry import strategy_names


def tuneworth(*arguments):
    """Run the command line in this process."""
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def flat(text):
    """Without the line breaks that a narrow terminal makes."""
    return " ".join(text.split())


def test_strategies_lists_every_one():
    said = json.loads(tuneworth("strategies", "--json").stdout)
    assert [row["name"] for row in said] == strategy_names()
    assert all(row["summary"] for row in said)


def test_strategies_lists_a_broken_plug_in_with_the_reason(tmp_path, monkeypatch):
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    entry = "[tuneworth.strategies]\nacme.broken = acme_that_is_not_there:Broken\n"
    (info / "entry_points.txt").write_text(entry)
    monkeypatch.syspath_prepend(tmp_path)
    said = tuneworth("strategies")
    assert said.exit_code == 0
    assert "prompt.few-shot" in said.stdout
    rows = {row["name"]: row for row in json.loads(tuneworth("strategies", "--json").stdout)}
    assert "No module named 'acme_that_is_not_there'" in rows["acme.broken"]["error"]
    assert rows["prompt.few-shot"]["error"] is None


def test_tasks_lists_the_built_in_ones():
    said = json.loads(tuneworth("tasks", "--json").stdout)
    assert {"support-triage", "product-manual", "ticket-fields"} <= {row["name"] for row in said}


def test_models_says_which_are_here(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWORTH_CACHE", str(tmp_path))
    said = json.loads(tuneworth("models", "--json").stdout)
    here = {row["name"]: row["fetched"] for row in said["catalogue"]}
    assert here == {"smollm2-135m-q4": False, "all-minilm-l6-v2": False}
    assert "tuneworth models pull smollm2-135m-q4" in tuneworth("models").stdout


def test_pulling_an_unknown_model():
    said = tuneworth("models", "pull", "smollm2")
    assert said.exit_code == 2
    assert "Did you mean smollm2-135m-q4?" in said.stderr


def test_a_wrong_field_is_named_with_value_and_fix(task):
    said = tuneworth("compare", task(kind="clasification"))
    assert said.exit_code == 2
    assert said.stdout == ""
    assert "kind is wrong" in said.stderr
    assert "'clasification'" in said.stderr
    assert "Traceback" not in said.stderr


def test_no_such_task():
    said = tuneworth("compare", "support-triag")
    assert said.exit_code == 2
    assert "support-triage" in said.stderr


def test_data_with_errors_are_not_compared(task, tmp_path):
    out = tmp_path / "out"
    said = tuneworth("compare", task(instruction="make it better"), "--out", out)
    assert said.exit_code == 2
    assert "does not say what to do" in said.stdout
    assert "The data have one error" in said.stderr
    assert not out.exists()


def test_an_unknown_strategy_gets_near_names(task):
    said = tuneworth("compare", task(), "--strategies", "baseline.lin")
    assert said.exit_code == 2
    assert "Did you mean baseline.linear" in said.stderr


def test_an_unknown_model(task):
    said = tuneworth("compare", task(), "--strategies", "prompt.zero-shot", "--model", "smolm2")
    assert said.exit_code == 2
    assert "model: 'smolm2' is unknown" in said.stderr


def test_a_model_not_fetched_names_the_command(task, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWORTH_CACHE", str(tmp_path))
    said = tuneworth("compare", task(), "--strategies", "prompt.zero-shot")
    assert said.exit_code == 2
    assert "tuneworth models pull smollm2-135m-q4" in flat(said.stderr)


def test_a_wrong_price_file_names_the_field(task, tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text("machine: 3\n")
    said = tuneworth("compare", task(), "--prices", prices)
    assert said.exit_code == 2
    assert "machine" in said.stderr


def test_debug_shows_the_error_itself(task):
    said = tuneworth("compare", task(), "--strategies", "nothing", "--debug")
    assert type(said.exception).__name__ == "UnknownName"


def test_a_dry_run_quotes_and_writes_nothing(task, tmp_path):
    out = tmp_path / "out"
    options = ("--strategies", "baseline.majority", "--out", out, "--dry-run")
    said = tuneworth("compare", task(), *options)
    assert said.exit_code == 0
    assert "baseline.majority" in said.stdout
    assert "points" in said.stdout
    assert not out.exists()
    quoted = json.loads(tuneworth("compare", task(), *options, "--json").stdout)
    assert quoted["task"]["n_test"] == 24


def test_a_comparison_ends_with_a_recommendation_that_verify_agrees_with(task, tmp_path):
    out = tmp_path / "out"
    said = tuneworth("compare", task(), "--strategies", "baseline.majority", "--out", out)
    assert said.exit_code == 0, said.output
    assert "baseline.majority: done" in said.stderr
    assert "completed" in said.stdout
    assert "Commit to fine-tuning:" in said.stdout
    assert (out / "report.html").exists()
    agreed = tuneworth("verify", out)
    assert agreed.exit_code == 0, agreed.output
    report = json.loads((out / "report.json").read_text())
    report["strategies"][0]["quality"]["value"] += 0.1
    (out / "report.json").write_text(json.dumps(report))
    differs = tuneworth("verify", out)
    assert differs.exit_code == 1
    assert "strategies[baseline.majority].quality.value" in differs.stdout


def test_json_is_one_document_on_stdout(task, tmp_path):
    out = tmp_path / "out"
    said = tuneworth("compare", task(), "--strategies", "baseline.majority", "--out", out, "--json")
    assert json.loads(said.stdout)["schema"] == "tuneworth.report/1"
    assert "24 test examples" in said.stderr


def test_another_run_in_the_folder_needs_fresh(task, tmp_path):
    out = tmp_path / "out"
    run = ("compare", task(), "--strategies", "baseline.majority", "--out", out)
    assert tuneworth(*run).exit_code == 0
    (out / "mine.txt").write_text("kept")
    other = tuneworth(*run, "--seed", "1")
    assert other.exit_code == 2
    assert "--fresh" in other.stderr
    assert tuneworth(*run, "--seed", "1", "--fresh").exit_code == 0
    assert (out / "mine.txt").read_text() == "kept"


def test_exit_code_1_where_no_strategy_completed(task, tmp_path):
    run = ("compare", task(), "--strategies", "baseline.passage", "--out", tmp_path / "out")
    said = tuneworth(*run)
    assert said.exit_code == 1
    assert "documents" in said.stdout


def test_verify_where_there_is_no_report(tmp_path):
    said = tuneworth("verify", tmp_path)
    assert said.exit_code == 2
    assert "--out folder" in said.stderr


@pytest.fixture
def hosted(tmp_path, monkeypatch):
    """A configured hosted model that nobody could reach, and a file with its price."""
    models = tmp_path / "models.yaml"
    models.write_text("team-gpt: {base_url: 'http://127.0.0.1:9/v1', model: some-model}\n")
    monkeypatch.setenv("TUNEWORTH_MODELS", str(models))
    prices = tmp_path / "prices.yaml"
    price = "{input: 2.5, cached: 1.25, output: 10, source: ours, as_of: today}"
    prices.write_text(f"models: {{team-gpt: {price}}}\n")
    return prices


def test_a_paid_run_without_consent_ends_with_2(task, hosted, tmp_path):
    run = ("compare", task(), "--strategies", "prompt.zero-shot", "--model", "team-gpt")
    said = tuneworth(*run, "--prices", hosted, "--out", tmp_path / "out")
    assert said.exit_code == 2
    assert "costs about $" in said.stderr
    assert "--yes" in said.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture
def before():
    """The handler of SIGINT that a program started in the foreground has; put back at the end."""
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, found)


def test_the_first_sigint_asks_and_the_second_interrupts(before):
    with stoppable() as cancelled:
        assert not cancelled()
        os.kill(os.getpid(), signal.SIGINT)
        assert cancelled()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("name", "folder"),
    [("b77", "b77"), ("Support triage/2", "Support-triage-2"), ("../..", "task"), ("ø å", "ø-å")],
)
def test_the_default_folder_stays_below_out(name, folder):
    assert folder_name(name) == folder


def test_a_learning_curve_is_quoted_before_it_is_trained(task, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWORTH_CACHE", str(tmp_path))
    model = tmp_path / "model"
    model.mkdir()
    options = ("--strategies", "lora", "--model", model, "--dry-run", "--json")

    def quoted(*more, **changes):
        return json.loads(tuneworth("compare", task(**changes), *options, *more).stdout)["quote"]

    plain, curve = quoted(), quoted("--learning-curve")
    spec = quoted(learning_curve=True)
    (row,) = curve["rows"]
    assert spec == curve
    assert plain["rows"][0]["curve_seconds"] == 0.0
    assert row["curve_seconds"] > 0.0
    assert row["seconds"] == pytest.approx(plain["seconds"] + row["curve_seconds"])
    said = flat(tuneworth("compare", task(), *options[:-1], "--learning-curve").stdout)
    assert "Learning curves of lora, trained on parts of the training rows too:" in said
