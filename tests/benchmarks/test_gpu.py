"""The benchmark for GPUs, done here by the CPU with a tiny transformer."""

import json

import pytest
import torch

from benchmarks.speed import gpu, ours, reference
from benchmarks.speed.gpu import EXACT, PIECES, Sides, check_device, gpu_checks, measure_gpu
from benchmarks.speed.pieces import OURS, PEER
from benchmarks.speed.sheet import Measurement, Sheet
from benchmarks.speed.workload import own_passages_prompts, tuned_prompt
from corpora.errors import InvalidInput
from strategies.adapters import InTraining
from strategies.models.local import LocalModel
from strategies.training import TrainingRow, encode_row, mean_loss

LABELS = ("late order", "lost card", "refund")
TEXTS = ("The bike is red.", "The card is blue.", "The box is green.", "The order is late.")


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets")
    intents = [
        {"input": f"{LABELS[place % 3]} {place}", "output": LABELS[place % 3], "split": split}
        for split, count in (("train", 9), ("test", 4))
        for place in range(count)
    ]
    write_rows(folder / "banking77-10" / "examples.jsonl", intents)
    documents = [{"id": f"d{place}", "text": text} for place, text in enumerate(TEXTS)]
    write_rows(folder / "xquad" / "documents.jsonl", documents)
    questions = [
        {"input": f"What of the {thing}?", "output": "x", "split": split, "sources": [source]}
        for split in ("train", "test")
        for thing, source in (("box", "d2"), ("bike", "d0"), ("order", "d3"))
    ]
    write_rows(folder / "xquad" / "examples.jsonl", questions)
    return folder


@pytest.fixture(scope="module")
def sides(tiny_folder, datasets):
    return Sides(tiny_folder, datasets, "cpu")


def test_a_question_stands_below_its_own_passage_and_the_two_after_it(datasets):
    said = [prompt.messages[1].content for prompt in own_passages_prompts(datasets)]
    assert said[1] == (
        "Passages:\n[1] The bike is red.\n\n[2] The card is blue.\n\n[3] The box is green."
        "\n\nQuestion: What of the bike?"
    )
    assert "[1] The order is late.\n\n[2] The bike is red.\n\n[3] The card is blue." in said[2]
    assert len(said) == 3


def test_labels_of_one_batch_weigh_what_they_weigh_alone(sides):
    head, tails = [5, 9, 30, 7], [[8], [8, 11, 2], [40, 2]]
    network = reference.Plain(sides.folder, torch.float32).network
    alone = [sum(logs) for logs in reference.weigh_each(network, head, tails)]
    assert gpu.weigh_together(network, head, tails) == pytest.approx(alone, abs=1e-4)


def test_both_sides_give_the_same_ids_in_float32(sides):
    mine, theirs = (sides.answers_float32(side, 1) for side in (OURS, PEER))
    assert mine["ids"] == theirs["ids"]
    assert len(mine["ids"]) == 3
    assert all(mine["ids"])


def test_both_sides_choose_alike(tiny_folder, sides):
    exact = LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.float32)
    plain = reference.Plain(tiny_folder, torch.float32)
    mine = ours.score_labels(exact, sides.scored)["plain"]
    assert gpu.score_labels(plain, sides.scored)["plain"] == mine
    assert len(mine) == 4


@pytest.mark.parametrize("piece", PIECES)
def test_every_piece_is_work_of_the_sides(piece):
    assert callable(getattr(Sides, piece.removeprefix("gpu_")))


def test_the_prefill_is_told_as_a_share_of_the_ceiling(sides, monkeypatch):
    monkeypatch.setattr(ours, "product_flops", lambda device: 1e9)
    found = sides.ceiling(OURS, 1)
    assert found["operations_prefill"] > 0
    checks = gpu_checks([Measurement("gpu_ceiling", OURS, 1, found.pop("seconds"), found)])
    assert checks[-1].name == "gpu_ceiling_prefill"
    assert checks[-1].value == found["share_prefill"] > 0


def test_accuracies_are_the_mean_over_seeds():
    found = [
        Measurement("gpu_lora", side, round, 1.0, {"quality": {"acc": acc}})
        for side, accuracies in ((PEER, (0.9, 0.8)), (OURS, (0.7, 0.9)))
        for round, acc in enumerate(accuracies, start=1)
    ]
    figures = {check.name: check.value for check in gpu_checks(found)}
    assert figures["gpu_lora_acc_peer"] == pytest.approx(0.85)
    assert figures["gpu_lora_acc_ours"] == pytest.approx(0.8)


def test_a_sheet_of_another_device_is_not_continued(tmp_path):
    path = tmp_path / "gpu.jsonl"
    Sheet(path, {"model": "tiny", "device": "NVIDIA H100"})
    with pytest.raises(InvalidInput, match="another device"):
        Sheet(path, {"model": "tiny", "device": "cpu"})


def test_the_peer_trains_an_adapter_that_learns(sides, tmp_path, monkeypatch):
    monkeypatch.setattr(ours, "RATE", 2e-2)
    gpu.train(sides.plain, sides.folder, sides.judged, tmp_path, seed=1)
    tuned = sides.model.with_adapter(tmp_path)
    rows = [TrainingRow(tuned_prompt(row.text), row.label) for row in sides.judged.train]
    items = [encode_row(sides.model, row) for row in rows]
    before, after = (mean_loss(InTraining(of.network), items) for of in (sides.model, tuned))
    assert after < before - 0.1, "by the loss of our own training: it learns the same tokens"


def test_every_piece_is_done_once_a_round_and_what_is_there_is_kept(sides, tmp_path, monkeypatch):
    asked = []

    def work(piece):
        def do(side, round):
            asked.append((piece, side, round))
            return {"seconds": 2.0 if side == PEER else 0.5, "ids": [[1], [round]]}

        return do

    for piece in PIECES:
        monkeypatch.setattr(sides, piece.removeprefix("gpu_"), work(piece), raising=False)
    path = tmp_path / "gpu.jsonl"
    sheet = Sheet(path, {"model": "tiny"})
    sheet.add(Measurement("gpu_latency", PEER, 1, 9.0, {}))
    found = measure_gpu(sides, rounds=2, sheet=sheet, say=lambda line: None)
    assert ("gpu_latency", PEER, 1) not in asked
    assert [each for each in asked if each[0] == EXACT] == [(EXACT, PEER, 1), (EXACT, OURS, 1)]
    assert [each[1:] for each in asked if each[0] == "gpu_ceiling"] == [(OURS, 1), (OURS, 2)]
    assert [each[1:] for each in asked if each[0] == "gpu_lora"] == [
        *((PEER, 1), (OURS, 1), (PEER, 2), (OURS, 2)),
    ]
    assert len(path.read_text().splitlines()) == 1 + len(found)

    figures = {check.name: check.value for check in gpu_checks(found)}
    assert figures["gpu_lora_ratio"] == 4.0
    assert figures["gpu_latency_ratio"] == 11.0, "the median of 18 and 4"
    assert figures["gpu_answers_same"] == 1.0
    assert f"{EXACT}_ratio" not in figures


def test_answers_that_differ_are_counted():
    def answered(side, ids):
        return Measurement("gpu_answers", side, 1, 1.0, {"ids": ids})

    found = [answered(PEER, [[1, 2], [3], [4]]), answered(OURS, [[1, 2], [5], [4, 4]])]
    figures = {check.name: check.value for check in gpu_checks(found)}
    assert figures["gpu_answers_same"] == pytest.approx(1 / 3)


def test_a_device_that_is_not_there_is_named():
    assert check_device("cpu") == "cpu"
    for device in ("cuda:99", "toaster"):
        with pytest.raises(InvalidInput, match="--device"):
            check_device(device)
