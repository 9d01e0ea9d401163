"""The speed benchmark without its work: order, file, processes and figures."""

import json
import sys

import pytest

from benchmarks.speed.errors import SideFailed
from benchmarks.speed.pieces import NAMES, Piece, Places, Turn, check_places, every_piece, pieces
from benchmarks.speed.sheet import Measurement, Sheet
from benchmarks.speed.turns import can_import, measure_speed, order, processes, result_line
from corpora.errors import InvalidInput

HEAD = {"model": "tiny", "cpu": "any", "cores": 2, "torch": "2", "versions": {}}
PLAN = [
    Piece(
        "first",
        "all of it",
        (
            Turn("peer", lambda round: ["peer", str(round)]),
            Turn("ours", lambda round: ["ours", str(round)]),
            Turn("reference", lambda round: ["plain"], once=True),
        ),
    ),
    Piece("second", "half", (Turn("ours", lambda round: ["second", str(round)]),)),
]


class Sides:
    """Answers commands with made-up seconds, and keeps which came; may break at one of them."""

    def __init__(self, breaks_at=None):
        self.commands = []
        self.breaks_at = breaks_at

    def __call__(self, piece, side, command):
        if command == self.breaks_at:
            raise SideFailed(piece, side, 1, "out of luck")
        self.commands.append(command)
        return {"seconds": float(len(self.commands)), "quality": {"acc": 0.5}}


def silent(line):
    pass


def values(checks):
    return {check.name: check.value for check in checks}


def met(checks):
    return {check.name: check.met for check in checks if check.met is not None}


def test_sides_take_turns_round_by_round_and_what_is_done_once_comes_last():
    found = [(piece.name, turn.side, round) for piece, turn, round in order(PLAN, 2)]
    one = [("first", "peer"), ("first", "ours"), ("second", "ours")]
    expected = [(*each, round) for round in (1, 2) for each in one]
    assert found == [*expected, ("first", "reference", 0)]


def test_each_measurement_is_on_the_disk_and_a_rerun_continues(tmp_path):
    path = tmp_path / "deep" / "speed.jsonl"
    broken = Sides(breaks_at=["peer", "2"])
    with pytest.raises(SideFailed, match=r"first: .*'peer'.*code 1"):
        measure_speed(PLAN, rounds=2, sheet=Sheet(path, HEAD), run=broken, say=silent)
    assert len(path.read_text().splitlines()) == 1 + 3
    with path.open("a") as file:
        file.write('{"piece": "first", "side": "pe')  # cut short by a stop

    rest = Sides()
    sheet = Sheet(path, HEAD)
    found = measure_speed(PLAN, rounds=2, sheet=sheet, run=rest, say=silent)
    assert rest.commands == [["peer", "2"], ["ours", "2"], ["second", "2"], ["plain"]]
    assert Sheet(path, HEAD).measurements == found
    assert found[0] == Measurement("first", "peer", 1, 1.0, {"quality": {"acc": 0.5}})
    idle = Sides()
    assert measure_speed(PLAN, rounds=2, sheet=sheet, run=idle, say=silent) == found
    assert idle.commands == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps({"schema": "tuneworth.speed/1", **HEAD, "model": "other"}), "another model"),
        (json.dumps({"schema": "tuneworth.speed/1", **HEAD, "cores": 64}), "another cores"),
        ('{"record": "run"}', "no speed benchmark"),
        ("[1]", "no speed benchmark"),
        ("not JSON", "no JSON"),
    ],
)
def test_a_file_of_something_else_is_refused_with_the_fix(tmp_path, text, says):
    path = tmp_path / "speed.jsonl"
    path.write_text(text + "\n")
    with pytest.raises(InvalidInput, match=says) as caught:
        Sheet(path, HEAD)
    assert caught.value.field == "--out"
    assert "another --out" in caught.value.fix


def test_the_result_is_the_last_line_with_seconds():
    said = 'loading\n{"seconds": 1}\n{"peer": "x", "seconds": 2.5}\n{"broken\n{"n": 1}\n'
    assert result_line(said) == {"peer": "x", "seconds": 2.5}
    assert result_line("nothing\n") is None


def test_a_process_tells_its_result_or_its_last_words(tmp_path):
    run = processes(Places(model=tmp_path, datasets=tmp_path))
    code = 'import os; print(\'{"seconds": 1, "model": "%s"}\' % os.environ[\'PEER_MODEL\'])'
    assert run("any", "peer", [sys.executable, "-c", code]) == {
        "seconds": 1,
        "model": str(tmp_path),
    }
    with pytest.raises(SideFailed, match="no weights here"):
        run("any", "peer", [sys.executable, "-c", "import sys; sys.exit('no weights here')"])
    with pytest.raises(SideFailed, match="it said nothing"):
        run("any", "peer", [sys.executable, "-c", "print('no result')"])


def test_what_can_be_imported_is_asked_of_the_other_python(tmp_path):
    assert can_import("json", tmp_path.__class__(sys.executable))
    assert not can_import("json_of_another_world", tmp_path.__class__(sys.executable))
    assert not can_import("json", None)
    assert not can_import("json", tmp_path / "python")


@pytest.fixture
def places(tmp_path):
    """All that the pieces need, as empty files."""
    for name in (
        *("data/banking77-10/examples.jsonl", "data/xquad/examples.jsonl"),
        *("data/xquad/documents.jsonl", "peers/lm_eval_choice.py", "peers/hf_generate_qa.py"),
        *("peers/trl_lora.py", "python", "weights.gguf"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return Places(
        model=tmp_path / "model",
        datasets=tmp_path / "data",
        peers=tmp_path / "peers",
        peers_python=tmp_path / "python",
        gguf=tmp_path / "weights.gguf",
    )


@pytest.mark.parametrize(
    ("missing", "names", "field", "says"),
    [
        ("data/xquad/documents.jsonl", ["latency"], "--datasets", "xquad/documents.jsonl"),
        ("peers/trl_lora.py", ["lora", "growth"], "--peers", "trl_lora.py"),
        ("python", ["rag"], "--peers-python", "Python"),
        ("weights.gguf", ["latency_llama_cpp"], "--gguf", "GGUF"),
    ],
)
def test_a_missing_place_is_named_with_its_fix(places, missing, names, field, says):
    check_places(names, places)
    (places.datasets.parent / missing).unlink()
    with pytest.raises(InvalidInput) as caught:
        check_places(names, places)
    assert caught.value.field == field
    assert says in caught.value.fix
    assert "--only" in caught.value.fix


def test_growth_needs_no_place():
    check_places(["growth"], Places())


def test_commands_name_the_work_the_model_and_the_round(places):
    plan = {piece.name: piece for piece in every_piece(places)}
    assert tuple(plan) == NAMES
    peer, ours = plan["lora"].turns
    assert peer.command(2)[1:] == [
        str(places.peers / "trl_lora.py"),
        *("--weights", "bfloat16", "--n-test", "300", "--seed", "2"),
    ]
    assert ours.command(2)[3:5] == ["benchmarks.speed.ours", "lora"]
    assert ours.command(2)[-2:] == ["--seed", "2"]
    assert [turn.side for turn in plan["rag"].turns if turn.once] == [
        "reference",
        "exact",
        "ours exact",
    ]
    depth = {turn.side: turn.command(2) for turn in plan["lora_depth"].turns}
    assert depth["full depth"][3:5] == ours.command(2)[3:5]
    assert {side: command[-5:] for side, command in depth.items()} == {
        "full depth": ["--seed", "2", "--again", "--upper", "1"],
        "upper half": ["--seed", "2", "--again", "--upper", "2"],
        "upper third": ["--seed", "2", "--again", "--upper", "3"],
    }
    check_places(["lora_depth"], Places(datasets=places.datasets))
    assert plan["growth"].turns[-1].command(1)[-2:] == ["--rows", "10000"]
    assert [piece.name for piece in pieces(["growth", "rag"], places)] == ["rag", "growth"]
