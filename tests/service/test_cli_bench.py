"""`tuneworth bench`: its help, its refusals, its figures and its exit codes."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from benchmarks.environment import read_environment
from benchmarks.parity.rows import TASKS, pieces
from benchmarks.simulation.cells import cells
from benchmarks.simulation.measure import code_tested, times
from benchmarks.speed.pieces import SIZES
from benchmarks.speed.sheet import PARITY_SCHEMA, STATISTICS_SCHEMA, Measurement, Sheet
from service.cli import cli
from service.planted import measure as planted
from service.planted.situations import BY_NAME


def tuneworth(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def flat(text):
    return " ".join(text.split())


@pytest.fixture
def finished(tmp_path):
    """Writes the file of a benchmark of growth that is done: seconds by rows."""

    def write(exponent, rounds=3):
        path = tmp_path / "speed.jsonl"
        head = {"model": "smollm2-135m-q4", **read_environment().model_dump()}
        sheet = Sheet(path, head)
        for round in range(1, rounds + 1):
            for rows in SIZES:
                facts = {"rows": rows, "rows_mb": 0.0, "peak_mb": 500.0}
                seconds = (rows / 100) ** exponent
                sheet.add(Measurement("growth", f"{rows} rows", round, seconds, facts))
        return path

    return write


def test_help_names_the_benchmarks_and_loads_no_torch():
    code = (
        "import sys; from service.cli import cli\n"
        "cli.main(['bench', '--help'], standalone_mode=False)\n"
        "print('torch' in sys.modules, 'benchmarks.speed' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert "speed" in said.stdout
    assert "retrieval" in said.stdout
    assert "parity" in said.stdout
    assert "statistics" in said.stdout
    assert said.stdout.splitlines()[-1] == "False False"


def test_a_gpu_that_is_not_there_is_an_error_of_its_option(tmp_path):
    for name in ("banking77-10/examples", "xquad/examples", "xquad/documents"):
        path = tmp_path / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    ran = tuneworth("bench", "gpu", "--datasets", tmp_path, "--device", "cuda:99")
    assert ran.exit_code == 2
    assert "--device" in flat(ran.output)
    assert "cuda:99" in flat(ran.output)
    missing = tuneworth("bench", "gpu", "--device", "cuda:99")
    assert missing.exit_code == 2
    assert "--datasets" in flat(missing.output)


def test_a_finished_benchmark_is_shown_again_without_any_work(finished):
    path = finished(1.0)
    before = path.read_text()
    ran = tuneworth("bench", "speed", "--only", "growth", "--out", path, "--json")
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout.splitlines()[-1])
    assert said["bench"] == "speed"
    assert said["environment"]["model"] == "smollm2-135m-q4"
    checks = {check["name"]: check for check in said["checks"]}
    assert checks["growth_exponent"]["value"] == pytest.approx(1.0)
    assert checks["growth_exponent"]["met"] is True
    assert checks["memory_growth"]["target"] == 1.1
    assert path.read_text() == before


def test_a_missed_target_ends_with_1(finished):
    ran = tuneworth("bench", "speed", "--only", "growth", "--out", finished(1.4))
    assert ran.exit_code == 1
    assert "missed" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "growht"], "Did you mean growth?"),
        (["--only", "lora"], "--datasets is wrong"),
        ([], "latency_llama_cpp is left out: no --gguf"),
    ],
)
def test_what_is_missing_is_named(tmp_path, arguments, says):
    out = tmp_path / "speed.jsonl"
    ran = tuneworth("bench", "speed", *arguments, "--out", out)
    assert ran.exit_code == 2
    assert says in flat(ran.stderr)
    assert not out.exists()


def test_a_file_of_another_machine_is_refused(finished):
    path = finished(1.0)
    path.write_text(path.read_text().replace('"cores": ', '"cores": 9'))
    ran = tuneworth("bench", "speed", "--only", "growth", "--out", path)
    assert ran.exit_code == 2
    assert "another cores" in flat(ran.stderr)
    assert "another --out" in flat(ran.stderr)


def write_parity(path, points):
    """The file of a parity benchmark that is done: so many points between all scores."""
    head = {"model": "smollm2-135m-q4", **read_environment().model_dump()}
    sheet = Sheet(path, head, schema=PARITY_SCHEMA)
    for piece in pieces(quick=False):
        facts = {"task": piece.task, "shots": piece.shots, "rows": piece.rows, "prompts": ["p"]}
        ours = {**facts, "accuracy": 0.5, "ended_accuracy": 0.5, "chosen": [0], "ended": [0]}
        theirs = {**facts, "accuracy": 0.5 + points / 100, "chosen": [0]}
        sheet.add(Measurement(piece.name, "ours", 0, 1.0, ours))
        sheet.add(Measurement(piece.name, "harness", 0, 1.0, theirs))


@pytest.mark.parametrize(("points", "code"), [(2, 0), (4, 1)])
def test_parity_tells_points_and_ends_with_1_where_they_are_too_many(tmp_path, points, code):
    peers, model, out = tmp_path / "peers", tmp_path / "smollm2-135m-q4", tmp_path / "parity.jsonl"
    for folder in (peers / "bin", model, *(tmp_path / "datasets" / name for name in TASKS)):
        folder.mkdir(parents=True)
    (peers / "bin" / "python").touch()
    write_parity(out, points)
    asked = ("--peers", peers, "--only", "harness", "--model", model, "--out", out, "--json")
    ran = tuneworth("bench", "parity", *asked)
    assert ran.exit_code == code, ran.output
    said = json.loads(ran.stdout.splitlines()[-1])
    assert said["bench"] == "parity"
    checks = {check["name"]: check for check in said["checks"]}
    assert checks["scicite_10_shot_points"] == {
        "name": "scicite_10_shot_points",
        "value": points,
        "unit": "points",
        "target": 3.0,
        "met": points <= 3,
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "harnes"], "Did you mean harness?"),
        (["--only", "hosted"], "--datasets"),
        (["--only", "harness", "--datasets", "."], "scicite"),
    ],
)
def test_what_parity_lacks_is_named(tmp_path, arguments, says):
    out = tmp_path / "parity.jsonl"
    ran = tuneworth("bench", "parity", *arguments, "--out", out)
    assert ran.exit_code == 2
    assert says in flat(ran.stderr)
    assert not out.exists()


def write_statistics(path, covered):
    """The file of quick simulations that are done: so many of 100 intervals held the truth."""
    head = {"versions": read_environment().versions}
    sheet = Sheet(path, head, schema=STATISTICS_SCHEMA)
    for cell in cells(quick=True):
        draws = times(cell, 100)
        wrong = 5 * draws // 100 if cell.equal else None
        facts = {
            "code": code_tested(),
            "simulations": draws,
            "covered": covered * draws // 100,
            "different": wrong,
            "rejected": wrong,
        }
        sheet.add(Measurement(cell.name, "simulated", draws, 1.0, facts))


def write_decisions(path):
    """The file of the quick decisions that are done: one wrong in the first situation."""
    sheet = Sheet(path, planted.head_of(0), schema=planted.SCHEMA)
    draws, races = planted.QUICK_DRAWS, planted.QUICK_RACES
    runs = draws * planted.EQUAL_RUNS // planted.DRAWS
    for piece in planted.pieces(draws, runs, BY_NAME, races):
        wrong = [[0, "yes"]] if piece.name == next(iter(BY_NAME)) else []
        facts = {"draws": piece.count, "right": piece.count - len(wrong), "answers": {}}
        facts["wrong"] = wrong
        if piece.name == planted.EQUAL:
            facts = {"draws": piece.count, "runs": {"10": piece.count}, "different": {"10": 2}}
        if piece.name == planted.RACED:
            facts = {"draws": piece.count, "same": piece.count, "stopped": 0, "other": []}
        sheet.add(Measurement(piece.name, planted.SIDE, piece.number, 1.0, facts))


@pytest.mark.parametrize(("covered", "code"), [(95, 0), (75, 1)])
def test_statistics_tell_coverage_and_end_with_1_where_it_is_too_low(tmp_path, covered, code):
    out = tmp_path / "statistics.jsonl"
    write_statistics(out, covered)
    decisions = tmp_path / "statistics-decisions.jsonl"
    write_decisions(decisions)
    before, decided = out.read_text(), decisions.read_text()
    asked = ("--quick", "--simulations", 100, "--out", out, "--json")
    ran = tuneworth("bench", "statistics", *asked)
    assert ran.exit_code == code, ran.output
    said = json.loads(ran.stdout.splitlines()[-1])
    assert said["bench"] == "statistics"
    assert said["environment"]["versions"]
    checks = {check["name"]: check for check in said["checks"]}
    assert checks["coverage_worst_cell"]["value"] == covered / 100
    assert checks["coverage_mean"]["met"] is (code == 0)
    assert checks["type_one_max"]["value"] == 0.05
    assert checks["planted_truths_right"]["value"] == 0.8
    assert checks["equals_called_different"]["value"] == 6 / 250
    assert checks["what_if_ms"]["value"] > 0
    assert checks["what_if_ms"]["target"] == 50
    assert out.read_text() == before
    assert decisions.read_text() == decided


def test_statistics_refuse_the_file_of_another_benchmark(finished):
    ran = tuneworth("bench", "statistics", "--quick", "--out", finished(1.0))
    assert ran.exit_code == 2
    assert "holds no statistics benchmark" in flat(ran.stderr)


def test_only_some_cells_are_simulated_where_that_is_asked(tmp_path):
    out = tmp_path / "statistics.jsonl"
    asked = (
        "--only",
        "score: mixed, in uneven groups, 50 rows",
        "--simulations",
        "20",
        "--jobs",
        "1",
    )
    ran = tuneworth("bench", "statistics", *asked, "--out", str(out), "--json")
    said = json.loads(ran.stdout.splitlines()[-1])
    figures = {check["name"]: check["value"] for check in said["checks"]}
    assert (figures["cells"], figures["simulations"]) == (1, 20)
    assert {name for name in figures if name.startswith("coverage_")} == {
        *("coverage_mean", "coverage_worst_cell", "coverage_score")
    }
    assert [path.name for path in tmp_path.iterdir()] == ["statistics.jsonl"]


def test_a_name_that_no_cell_has_is_bad_input():
    ran = tuneworth("bench", "statistics", "--only", "moon")
    assert ran.exit_code == 2
    assert "--only moon: no cell has a name that holds it." in ran.stderr
