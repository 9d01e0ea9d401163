"""`tuneworth check`: facts and findings, every row that is wrong, and the deep checks."""

import json

import pytest
from click.testing import CliRunner

from service.cli import cli
from strategies.embedding import HashingEmbedder

LABELS = ("red", "green", "blue")


def tuneworth(*arguments):
    """Run the command line in this process."""
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def flat(text):
    """Without the line breaks that a narrow terminal makes."""
    return " ".join(text.split())


@pytest.fixture
def task(tmp_path):
    """Writes a task folder of 60 rows, with `changes` to its spec and to its first row."""

    def write(first=None, **changes):
        rows = [
            {"id": f"r{n}", "input": f"Order {n}: paint {n * 7919} in {LABELS[n % 3]}, please."}
            | {"output": LABELS[n % 3]}
            for n in range(60)
        ]
        rows[0] |= first or {}
        folder = tmp_path / "colours"
        folder.mkdir(exist_ok=True)
        text = "\n".join(json.dumps(row) for row in rows) + "\n"
        (folder / "examples.jsonl").write_text(text)
        spec = {
            "name": "colours",
            "kind": "classification",
            "instruction": "Name the colour that the customer asks for.",
            "examples": "examples.jsonl",
        }
        (folder / "task.json").write_text(json.dumps(spec | changes))
        return folder

    return write


def test_it_tells_facts_and_findings(task):
    said = tuneworth("check", task())
    assert said.exit_code == 0
    assert "30 training, 6 validation and 24 test examples, 3 labels" in said.stdout
    assert "Data checks: 1 warning." in said.stdout


def test_it_ends_with_2_for_an_error(task):
    folder = task(instruction="make it better")
    assert tuneworth("check", folder).exit_code == 2
    said = tuneworth("check", folder, "--json")
    assert said.exit_code == 2
    found = json.loads(said.stdout)
    assert found["ok"] is False
    assert "vague-instruction" in [row["check"] for row in found["checks"]]


def test_it_names_every_row_that_a_comparison_refuses(task):
    folder = task(labels=["red", "green"])
    said = tuneworth("check", folder, "--json")
    assert said.exit_code == 2
    [error] = [row for row in json.loads(said.stdout)["checks"] if row["severity"] == "error"]
    assert error["check"] == "unknown-labels"
    assert error["message"].startswith("20 rows have an output that is no label of the task")
    assert len({int(name[1:]) % 3 for name in error["examples"]}) == 1
    assert "line 3" in flat(tuneworth("compare", folder).stderr)


def test_a_deep_check_reads_embeddings(task, monkeypatch):
    folder = task(first={"output": "blue"})

    def findings(*options):
        said = json.loads(tuneworth("check", folder, "--json", *options).stdout)
        return {row["check"]: row["examples"] for row in said["checks"]}

    monkeypatch.setattr("strategies.embedding.default_embedder", HashingEmbedder)
    assert findings("--deep")["suspect-labels"] == ["r0"]
    assert "suspect-labels" not in findings()


def test_a_deep_check_without_the_embedder_names_the_command(task, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWORTH_CACHE", str(tmp_path / "empty"))
    said = tuneworth("check", task(), "--deep")
    assert said.exit_code != 0
    assert "tuneworth models pull all-minilm-l6-v2" in flat(said.stderr)
