"""Both sides' work on a tiny transformer: the rows, the engine, the plain reference, the count."""

import json
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.speed import ours, reference
from benchmarks.speed.operations import executed, product_flops, share_of_ceiling
from benchmarks.speed.pieces import Places
from benchmarks.speed.tiny import write_tiny
from benchmarks.speed.turns import processes
from benchmarks.speed.workload import (
    Intents,
    Labelled,
    index_passages,
    question_prompts,
    read_intents,
    read_paragraphs,
    scoring_prompts,
)
from strategies.embedding import HashingEmbedder
from strategies.models.base import Message, Prompt
from strategies.models.layout import rounded
from strategies.models.local import LocalModel

EMBEDDER = HashingEmbedder(dimensions=64)
LABELS = ("late_order", "lost_card", "refund")


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets")
    intents = [
        {"input": f" {split} {place} ", "output": LABELS[place * place % 7 % 3], "split": split}
        for split, count in (("train", 30), ("test", 20))
        for place in range(count)
    ]
    write_rows(folder / "banking77-10" / "examples.jsonl", intents)
    texts = ["The bike is red.", "The card is blue.", "The box is green.", "The order is late."]
    documents = [{"id": str(place), "text": text} for place, text in enumerate(texts)]
    write_rows(folder / "xquad" / "documents.jsonl", documents)
    questions = [
        {"input": f"What of the {thing}?", "output": "x", "split": split}
        for split in ("train", "test")
        for thing in ("box", "bike", "card")
    ]
    write_rows(folder / "xquad" / "examples.jsonl", questions)
    return folder


@pytest.fixture
def model(tiny_folder):
    """A model of its own for tests that change it."""
    return LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.float32)


@pytest.fixture(scope="module")
def plain(tiny_folder):
    return reference.Plain(tiny_folder, torch.float32)


@pytest.fixture(scope="module")
def intents(datasets):
    return read_intents(datasets, n_test=8)


def numbers(rows):
    return [int(row.text.split()[1]) for row in rows]


def test_rows_are_those_that_the_peers_select(datasets):
    found = read_intents(datasets)
    assert found.labels == ("late order", "lost card", "refund")
    assert numbers(found.train)[:12] == [3, 10, 18, 17, 5, 0, 7, 26, 29, 14, 20, 25]
    assert numbers(found.train)[-6:] == [8, 1, 13, 24, 12, 27]
    assert numbers(found.test) == [
        *(10, 18, 16, 14, 0, 17, 11, 2, 3, 9, 5, 7, 4, 19, 6, 15, 8, 1, 13, 12),
    ]
    assert found.shots == (
        Labelled("train 28", "late order"),
        Labelled("train 24", "refund"),
        Labelled("train 27", "lost card"),
    )
    assert len(read_intents(datasets, n_test=5).test) == 5


def test_scoring_prompts_show_all_labels_and_one_shot_each(intents):
    prompts = scoring_prompts(intents)
    assert len(prompts) == 8
    head, *turns, last = prompts[0].messages
    assert head.content.endswith("nothing else: late order, lost card, refund.")
    assert [turn.content for turn in turns[:2]] == ["train 28", "late order"]
    assert [turn.role for turn in turns] == ["user", "assistant"] * 3
    assert last == Message("user", "test 10")
    assert prompts[0].shared == 7
    assert {prompt.messages[:7] for prompt in prompts} == {prompts[0].messages[:7]}


def test_question_prompts_hold_the_best_passages_in_order(datasets):
    paragraphs = read_paragraphs(datasets)
    assert paragraphs.questions == ("What of the box?", "What of the bike?", "What of the card?")
    prompts = question_prompts(paragraphs, index_passages(paragraphs, EMBEDDER))
    said = prompts[0].messages[1].content
    assert said.startswith("Passages:\n[1] The box is green.\n\n[2] ")
    assert said.endswith("\n\nQuestion: What of the box?")
    assert said.count("[") == 3


def test_our_choices_are_those_of_the_plain_reference(model, plain, intents):
    mine = ours.score_labels(model, intents)
    theirs = reference.score_labels(plain, intents, exact=False)
    exact = reference.score_labels(plain, intents, exact=True)
    assert mine["plain"] == theirs["plain"] == exact["plain"]
    assert mine["ended"] == theirs["ended"] == exact["ended"]
    assert mine["in_tokens"] > mine["computed_tokens"] > 0
    assert 0 <= mine["quality"]["acc"] <= 1


def test_the_reference_weighs_alike_with_and_without_sharing(plain):
    head, tails = [5, 9, 30, 7], [[8], [8, 11, 2], [40, 2]]
    each = reference.weigh_each(plain.network, head, tails)
    shared = reference.weigh_shared(plain.network, head, tails)
    assert [len(logs) for logs in each] == [1, 3, 2]
    for one, other in zip(each, shared, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    assert each[0][0] == pytest.approx(each[1][0], abs=1e-5)


def test_a_label_weighed_without_its_end_is_its_own_tokens(model):
    with_end = model.chat.encode_reply("lost card")
    assert ours.WithoutEnd(model.tokenizer).encode_choices(["lost card"]) == [with_end[:-1]]
    assert ours.WithEnd(model.tokenizer).encode_choices(["lost card"]) == [with_end]
    assert with_end[-1] == model.chat.end_token


def test_our_token_ids_are_those_of_generate(model, plain, datasets):
    mine = ours.answer_questions(model, datasets, EMBEDDER)
    prompts = ours.asked(datasets, EMBEDDER, 3)
    theirs = reference.answer_questions(plain, prompts, exact=False)
    assert mine["ids"] == theirs["ids"] == theirs["batched_ids"]
    assert [len(ids) for ids in mine["ids"]] == [32] * 3
    assert mine["in_tokens"] == sum(len(plain.encode(plain.text(one))) for one in prompts)
    assert mine["out_tokens"] == 96
    assert mine["seconds"] > mine["search_seconds"] > 0


def test_the_recorder_tells_ids_apart_or_stops():
    class Spelling:
        def decode(self, ids, **how):
            return " ".join("ab"[one % 2] for one in ids)

    recorder = ours.Recorder(Spelling())
    recorder.decode([0, 1, 2])
    recorder.decode([0, 1])
    assert recorder.ids("a b", 2) == [0, 1]
    with pytest.raises(RuntimeError, match="other ids"):
        recorder.decode([2, 3])


def test_single_requests_have_twenty_tokens_on_both_sides(model, plain):
    prompts = [Prompt((Message("user", f"card {n}"),)) for n in range(3)]
    mine, theirs = ours.time_replies(model, prompts), reference.time_replies(plain, prompts)
    assert len(mine["each"]) == len(theirs["each"]) == 2
    assert 0 < mine["seconds"] <= max(mine["each"])


def test_ids_end_before_the_first_stop():
    assert reference.until([5, 6, 2, 7, 2], {2, 3}) == [5, 6]
    assert reference.until([5, 6], {2}) == [5, 6]


def test_training_is_that_of_the_peer_and_is_judged_after_it(tiny_model, datasets):
    found = ours.tune(tiny_model, datasets, seed=3)
    assert [row["epoch"] for row in found["curve"]] == [1, 2, 3, 4]
    assert (found["seed"], found["eval_n"]) == (3, 20)
    assert found["curve"][-1]["train_loss"] < found["curve"][0]["train_loss"]


def test_training_of_the_upper_half_is_done_twice(model, datasets):
    found = ours.tune(model, datasets, seed=3, upper=2, again=True)
    assert found["layers"] == 1
    assert found["again_seconds"] > 0
    assert model.frozen.bytes > 0
    every = ours.tune(model, datasets, seed=3, upper=1)
    assert every["layers"] is None
    assert "again_seconds" not in every
    assert found["curve"] != every["curve"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_count_of_a_prefill_is_that_of_its_shapes(tmp_path, dtype):
    """Two layers of 64 with 4 heads of 16 (2 for keys), 128 inside, 512 words."""
    model = LocalModel(write_tiny(tmp_path), name="tiny", device="cpu", dtype=dtype)
    prompts = [
        Prompt((Message("system", "be brief"), Message("user", f"hello {word}")), shared=1)
        for word in ("111", "222", "333")
    ]
    encoded = [model.encode(prompt) for prompt in prompts]
    (shared,), (own,) = {one.shared for one in encoded}, {len(one.own) for one in encoded}
    width, before = rounded(own), rounded(shared)  # padding counts as it is executed
    first, rest = 64 * 64 + 2 * 64 * 32, 64 * 64 + 3 * 64 * 128
    # of the last layer, what follows keys and values is for the last token of each sequence
    linear = 2 * ((2 * first + rest) * (shared + 3 * width) + rest * (1 + 3))
    scores = shared * shared + 3 * width * (before + width)
    last_scores = shared + 3 * (before + width)
    attention = 2 * 2 * 4 * 16 * (scores + last_scores)  # scores and values, 2 · m · n · k
    head = 2 * 3 * 64 * 512
    counted = executed(lambda: model.generate(prompts, max_new_tokens=1))
    assert counted == linear + attention + head


def test_the_count_of_training_has_the_backward_pass(tmp_path, intents):
    """Frozen weights: forward and the gradient of their inputs, about twice the forward pass."""
    model = LocalModel(write_tiny(tmp_path), name="tiny", device="cpu", dtype=torch.float32)
    weights = torch.nn.Linear(64, 128)
    inputs = torch.randn(10, 64, requires_grad=True)
    assert executed(lambda: weights(inputs).sum().backward()) == 3 * 2 * 10 * 64 * 128
    weights.requires_grad_(False)
    assert executed(lambda: weights(inputs).sum().backward()) == 2 * 2 * 10 * 64 * 128
    few = Intents(intents.labels, intents.train[:8], intents.test, intents.shots)
    (tmp_path / "adapter").mkdir()
    counted = executed(lambda: ours.train(model, few, tmp_path / "adapter", epochs=1, seed=0))
    again = executed(lambda: ours.train(model, few, tmp_path / "adapter", epochs=1, seed=0))
    assert counted == again > 0


def test_a_share_is_operations_a_second_over_the_product_around_it():
    square = torch.randn(64, 64)
    found = share_of_ceiling(lambda: square @ square, product=lambda: 1e12)
    assert found["operations"] == 2 * 64**3
    assert found["share"] == pytest.approx(2 * 64**3 / found["seconds"] / 1e12)
    assert found["product_gflops"] == 1000
    assert product_flops(size=64, times=2) > 0


def test_our_side_prints_one_line(tiny_folder, datasets, capsys):
    given = ["label_scoring", "--model", str(tiny_folder), "--datasets", str(datasets)]
    ours.main(given)
    said = json.loads(capsys.readouterr().out)
    assert said["seconds"] > 0
    assert len(said["ended"]) == 20
    reference.main(given)
    assert len(json.loads(capsys.readouterr().out)["ended"]) == 20


def test_growth_runs_in_a_process_of_its_own():
    command = [sys.executable, "-P", "-m", "benchmarks.speed.ours", "growth", "--rows", "20"]
    found = processes(Places())("growth", "20 rows", command)
    assert found["rows"] == 20
    assert found["seconds"] > 0
    assert 50 < found["peak_mb"] - found["rows_mb"] < 5000


def test_the_script_for_llama_stands_alone():
    source = Path(reference.LLAMA).read_text(encoding="utf-8")
    assert "llama_cpp" in source
    assert "from benchmarks" not in source
