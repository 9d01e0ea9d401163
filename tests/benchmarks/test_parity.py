"""The parity benchmark's pure parts: rows and shots, the harness's task, figures."""

import json
import sys

import pytest

from benchmarks.parity import harness
from benchmarks.parity.figures import BESIDE, BOTH, HARNESS, OURS, parity_checks
from benchmarks.parity.measure import Places, check_parts, measure_parity, python_in
from benchmarks.parity.rows import Piece, job_of, pieces, prepare, prompts_of, read_rows
from benchmarks.parity.scoring import score_by_harness, score_ours
from benchmarks.speed.errors import SideFailed
from benchmarks.speed.sheet import PARITY_SCHEMA, Measurement, Sheet
from corpora.errors import InvalidInput
from strategies.models.base import Choice

LABELS = ("card", "charge", "order")


@pytest.fixture
def datasets(tmp_path):
    folder = tmp_path / "datasets" / "words"
    folder.mkdir(parents=True)
    spec = {
        "name": "words",
        "kind": "classification",
        "instruction": "Name the thing that the message asks about.",
        "labels": list(LABELS),
        "examples": "examples.jsonl",
    }
    (folder / "task.json").write_text(json.dumps(spec))
    rows = [
        {
            "input": f"{split} message {number} of my {LABELS[number % 3]}, please {number * 7}",
            "output": LABELS[number % 3],
            "split": split,
        }
        for split, count in (("train", 18), ("validation", 6), ("test", 12))
        for number in range(count)
    ]
    (folder / "examples.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return folder.parent


def test_shots_are_training_rows_and_the_harness_gets_what_ours_uses(datasets, tiny_model):
    dataset = read_rows(datasets, "words", 6)
    prepared = prepare(dataset, tiny_model, 4)
    job = job_of(prepared, dataset.test, model=datasets, dtype="float32")
    assert len(job["rows"]) == 6
    assert len(job["shots"]) == 4
    assert all(shot["text"].startswith("train ") for shot in job["shots"])
    asked = prompts_of(prepared, dataset.test)[0].messages
    assert asked[0].content == job["system"]
    assert [turn.content for turn in asked[1:-1:2]] == [shot["text"] for shot in job["shots"]]
    assert [turn.content for turn in asked[2:-1:2]] == [shot["label"] for shot in job["shots"]]
    assert asked[-1].content == job["rows"][0]["text"]
    assert job_of(prepare(dataset, tiny_model, 0), (), model=datasets, dtype="")["shots"] == []


JOB = {
    "labels": ["a", "b"],
    "rows": [{"text": "x", "label": "b"}],
    "shots": [{"text": "y", "label": "a"}],
}


def test_the_task_of_the_harness_shows_the_shots_in_their_order():
    assert harness.documents(JOB) == {
        "test": [{"text": "x", "choices": ["a", "b"], "gold": 1}],
        "shots": [{"text": "y", "choices": ["a", "b"], "gold": 0}],
    }
    task = harness.task_of(JOB)
    assert (task["fewshot_split"], task["fewshot_config"]) == ("shots", {"sampler": "first_n"})
    bare = {**JOB, "shots": []}
    assert set(harness.documents(bare)) == {"test"}
    assert "fewshot_split" not in harness.task_of(bare)


def sample(row, replies, prompt):
    arguments = {"gen_args_0": {"arg_0": prompt, "arg_1": "a"}}
    return {"doc_id": row, "filtered_resps": replies, "arguments": arguments}


def test_choices_and_prompts_come_in_the_order_of_the_rows():
    samples = [
        sample(1, [("-1.5", "False"), ("-0.5", "True")], "second"),
        sample(0, [(-1.0, False), (-2.0, False)], "first"),
    ]
    assert harness.chosen(samples) == [0, 1]
    assert harness.prompts(samples) == [harness.digest("first"), harness.digest("second")]
    assert harness.first_argument([("as a pair", "a")]) == "as a pair"


def test_a_python_without_the_harness_is_told_what_it_lacks():
    with pytest.raises(SideFailed, match="Python in which lm-eval and accelerate are installed"):
        score_by_harness("a piece", sys.executable, JOB)


class Weighing:
    """Without the end of turn the first label is the likeliest, with it the second."""

    def __init__(self, model):
        self.model = model
        self.chat, self.tokenizer = model.chat, model.tokenizer

    def __getattr__(self, name):
        return getattr(self.model, name)

    def choose(self, prompts, choices):
        [ids] = self.chat.encode_choices(["x"])
        place = 1 if ids[-1] == self.model.chat.end_token else 0
        return [Choice({one: float(one == choices[place]) for one in choices}) for _ in prompts]


def test_ours_is_scored_with_and_without_the_end_of_turn(datasets, tiny_model):
    model = Weighing(tiny_model)
    dataset = read_rows(datasets, "words", 12)
    found = score_ours(prepare(dataset, model, 0), model, dataset.test)
    assert (found["chosen"], found["ended"]) == ([0] * 12, [1] * 12)
    assert (found["accuracy"], found["ended_accuracy"]) == (pytest.approx(1 / 3),) * 2
    assert model.chat is tiny_model.chat
    assert len(set(found["prompts"])) == 12


def pair(*, rows=150, ours=0.5, ended=0.5, theirs=0.5, prompts=("p",)):
    piece = Piece("words", 10, rows)
    facts = {"task": "words", "shots": 10, "rows": rows}
    mine = {"accuracy": ours, "ended_accuracy": ended, "chosen": [0], "ended": [1]}
    return [
        Measurement(piece.name, OURS, 0, 1.0, {**facts, **mine, "prompts": ["p"]}),
        Measurement(
            piece.name,
            HARNESS,
            0,
            1.0,
            {**facts, "accuracy": theirs, "chosen": [1], "prompts": list(prompts)},
        ),
    ]


def by_name(measurements):
    return {check.name: check for check in parity_checks(measurements)}


@pytest.mark.parametrize(("ours", "met"), [(0.53, True), (0.47, True), (0.535, False)])
def test_three_points_either_way_are_met(ours, met):
    checks = by_name(pair(ours=ours, ended=0.3))
    points = checks["words_10_shot_points"]
    assert (points.value, points.target, points.met) == (
        pytest.approx(100 * abs(ours - 0.5)),
        3.0,
        met,
    )
    ended = checks["words_10_shot_points_ended"]
    assert (ended.value, ended.met) == (pytest.approx(20.0), None)
    assert checks["words_10_shot_same_choices"].value == 0


def test_few_rows_count_for_no_target_but_other_prompts_do():
    checks = by_name(pair(rows=12, ours=0.9, prompts=("q",)))
    assert checks["words_10_shot_points"].met is None
    assert checks["words_10_shot_same_prompts"].met is False
    assert parity_checks(pair()[:1]) == []


BOOKED = {
    "n": 4,
    "errors": 0,
    "same": 4,
    "as_reported": 4,
    "as_counted": 4,
    "usd_per_1k_booked": 0.3,
    "usd_per_1k_expected": 0.1 + 0.2,
}


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        (None, {}),
        ("answers_same", {"same": 3}),
        ("tokens_equal", {"as_reported": 3}),
        ("tokens_equal_local", {"as_counted": 3}),
        ("hosted_errors", {"errors": 1}),
        ("cost_equal", {"usd_per_1k_booked": 0.3000001}),
    ],
)
def test_one_row_or_a_ten_thousandth_of_a_cent_is_missed(name, changed):
    facts = {**BOOKED, **changed}
    checks = parity_checks([Measurement(f"{BESIDE}, 4 rows", BOTH, 0, 1.0, facts)])
    assert [check.name for check in checks if check.met is False] == ([name] if name else [])


def test_a_part_without_what_it_needs_names_the_option(tmp_path):
    with pytest.raises(InvalidInput, match="dstc9-faq"):
        check_parts(("hosted",), tmp_path, None)
    for task in ("banking77-10", "scicite"):
        (tmp_path / task).mkdir()
    with pytest.raises(InvalidInput, match="--peers-python"):
        check_parts(("harness",), tmp_path, tmp_path / "python")


def test_the_python_of_the_peers_is_found_in_their_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert python_in(None) is None
    for folder in ("peers-venv", "peers/peers-venv", "peers"):
        python = tmp_path / folder / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.touch()
        assert python_in(tmp_path / "peers") == python
    assert python_in(None) == tmp_path / "peers-venv" / "bin" / "python"


def test_what_is_stored_is_not_done_again(tmp_path):
    sheet = Sheet(tmp_path / "parity.jsonl", {"model": "m"}, schema=PARITY_SCHEMA)
    for piece in pieces(quick=True):
        for side in (OURS, HARNESS):
            sheet.add(Measurement(piece.name, side, 0, 1.0, {}))
    nowhere = Places(tmp_path / "no-model", tmp_path / "no-data")
    found = measure_parity(nowhere, ("harness",), quick=True, sheet=sheet, say=print)
    assert len(found) == 8
    with pytest.raises(InvalidInput, match="no speed benchmark"):
        Sheet(tmp_path / "parity.jsonl", {"model": "m"})
