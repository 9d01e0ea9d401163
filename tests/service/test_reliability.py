"""`tuneworth bench reliability`: its parts, its figures, and the requests it makes up."""

import json
import signal
import zipfile
from collections import Counter

import pytest
from click.testing import CliRunner

from benchmarks.code import code_of
from benchmarks.environment import read_environment
from benchmarks.speed.sheet import Measurement, Sheet
from service.cli import cli
from service.database import open_database
from service.reliability import fuzzing, secrets
from service.reliability.attacks.registry import ATTACKS
from service.reliability.bench import PARTS, SCHEMA, Bench, measure_parts, part_named
from service.reliability.mutating import FAULTS, VALID, body_of
from service.settings import Settings
from service.specs import check_spec
from service.store import Store


def tuneworth(*arguments):
    return CliRunner().invoke(cli, ["bench", "reliability", *map(str, arguments)])


def whole_sheet(path, *, quick):
    """As `--only attacks` leaves it."""
    code = {"quick": quick, "digest": code_of("corpora", "strategies", "benchmarks", "service")}
    sheet = Sheet(path, {**read_environment().model_dump(), "code": code}, schema=SCHEMA)
    facts = {"refused": True, "gets_through_without": True}
    for name in ATTACKS:
        sheet.add(Measurement("attacks", name, 0, 1.0, facts))
    return sheet


def test_every_part_says_what_it_covers_and_stands_in_the_help() -> None:
    told = tuneworth("--help").output
    for name in PARTS:
        assert part_named(name).COVERS
        assert f"{name}:" in told


def test_a_finished_part_is_shown_again_without_any_work(tmp_path) -> None:
    path = tmp_path / "sheet.jsonl"
    whole_sheet(path, quick=True)
    before = path.read_text()
    ran = tuneworth("--only", "attacks", "--quick", "--out", path, "--json")
    assert ran.exit_code == 0, ran.output
    last = json.loads(ran.output.splitlines()[-1])
    assert (last["bench"], len(last["checks"])) == ("reliability", 3)
    assert path.read_text() == before


def test_a_file_of_the_other_size_is_refused(tmp_path) -> None:
    path = tmp_path / "sheet.jsonl"
    whole_sheet(path, quick=False)
    ran = tuneworth("--only", "attacks", "--quick", "--out", path)
    assert ran.exit_code == 2
    assert "another code" in " ".join(ran.output.split())


def test_an_unknown_part_is_refused_before_any_work(tmp_path) -> None:
    ran = tuneworth("--only", "attacks,floods", "--out", tmp_path / "sheet.jsonl")
    assert ran.exit_code == 2
    assert "'floods' is unknown" in ran.output
    assert not (tmp_path / "sheet.jsonl").exists()


def test_parts_see_their_own_measurements_only(tmp_path) -> None:
    sheet = whole_sheet(tmp_path / "sheet.jsonl", quick=True)
    sheet.add(Measurement("another", "one", 0, 1.0, {}))
    bench = Bench(tmp_path, True, sheet, lambda line: None)
    assert [one.value for one in measure_parts(["attacks"], bench)] == [len(ATTACKS)] * 3


def test_one_that_is_told_to_end_tidies_up_first(tmp_path, monkeypatch) -> None:
    tidied, before = [], signal.getsignal(signal.SIGTERM)

    def measure(bench):
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            tidied.append(bench.place)

    monkeypatch.setattr(fuzzing, "measure", measure)
    ran = tuneworth("--only", "fuzzing", "--quick", "--out", tmp_path / "sheet.jsonl")
    assert ran.exit_code == 128 + signal.SIGTERM
    assert [place.exists() for place in tidied] == [False]
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_body_is_told_by_its_number() -> None:
    assert [body_of(n) for n in range(50)] == [body_of(n) for n in range(50)]
    assert body_of(3, seed=1) != body_of(3)


def test_bodies_have_every_fault_and_most_can_be_read() -> None:
    bodies = [body_of(number) for number in range(600)]
    faults = Counter(fault for body in bodies for fault in body.faults)
    assert {fault.__name__ for fault in FAULTS} | {"cut", "flip", "insert"} == set(faults)
    assert {body.operation for body in bodies} == {"tasks", "comparisons", "forecasts"}
    assert max(len(body.content) for body in bodies) < 33 * 2**20
    readable = 0
    for body in bodies:
        try:
            json.loads(body.content)
        except (ValueError, RecursionError):
            continue
        readable += 1
    assert readable > 400


@pytest.mark.parametrize(
    "number", [n for n, (operation, _) in enumerate(VALID) if operation == "tasks"]
)
def test_a_body_without_faults_is_in_order(number) -> None:
    assert check_spec(VALID[number][1])["n_examples"] == 12


def test_the_figures_of_fuzzing_count_both_sides() -> None:
    ours = {"sent": 10_000, "errors": 0, "hangs": 1, "grown_mb": 80.0}
    theirs = {"errors": 2, "hangs": 0}
    rows = [
        Measurement("fuzzing", "mutated", 0, 1.0, ours),
        Measurement("fuzzing", "schemathesis", 0, 1.0, theirs),
    ]
    found = {one.name: (one.value, one.met) for one in fuzzing.checks(rows, quick=False)}
    assert found == {
        "mutated_bodies": (10_000, True),
        "server_errors": (2, False),
        "hangs": (1, False),
        "memory_growth_mb": (80.0, False),
    }


def test_files_archives_and_rows_are_searched(tmp_path) -> None:
    data = tmp_path / "data"
    store = Store(open_database(Settings(data).database_url))
    with store.begin() as session:
        store.add_task(session, {"name": "hidden in a row"}, {}, None)
    with zipfile.ZipFile(data / "artefact.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("prompt.json", "hidden in an archive " * 50)
    (tmp_path / "worker.log").write_text("hidden in a log")
    found = secrets.written(tmp_path, Settings(data).database_url)
    assert b"hidden in a row" in found["table tasks"]
    assert b"hidden in an archive" in found["artefact.zip/prompt.json"]
    assert b"hidden in a log" in found["worker.log"]


def test_the_figures_of_secrets_need_something_found() -> None:
    facts = {"places": 9, "found": {"file": ["worker.log", "table tasks"]}, "task_found": 2}
    rows = [Measurement("secrets", "planted", 0, 1.0, facts)]
    found = {one.name: (one.value, one.met) for one in secrets.checks(rows, quick=False)}
    assert found == {"secrets_found": (2, False), "task_found": (2, False)}
