"""A tuned strategy shows what its training read, so that another way of serving is seen."""

import shutil
from pathlib import Path

import pytest
import torch

import strategies.training as training
from corpora.task import Document, Example, Task
from strategies.embedding import HashingEmbedder
from strategies.errors import ModelError
from strategies.lora import Lora, LoraRag
from strategies.models.local import LocalModel
from strategies.saving import read_json, write_json
from strategies.tuned import PROMPTS

TASK = Task(
    name="cards",
    kind="classification",
    instruction="Sort the order.",
    labels=("card", "bike"),
    metric="accuracy",
)
ROWS = tuple(
    Example(id=f"r{n}", input=f"my {word} order {n}", output=word)
    for n, word in enumerate(("card", "bike") * 2)
)
LONG = Example(id="long", input="order " * 3000, output="card")
DOCUMENTS = (
    Document(id="card", text="The card is for the order."),
    Document(id="bike", text="The bike is in the box."),
)


def no_score(examples, answers):
    return 0.0


def prepared(strategy, model, rows=ROWS, score=no_score):
    return strategy.prepare(TASK, rows, ROWS[:1], DOCUMENTS, model, score)


def test_epochs_are_judged_on_rows_from_all_over_the_validation_split(tiny_model: LocalModel):
    """The rows of a file often stand in the order of their labels."""
    labels = ["card"] * 100 + ["bike"] * 100
    rows = [
        Example(id=str(n), input=f"my order {n}", output=label) for n, label in enumerate(labels)
    ]
    judged: list[str] = []

    def score(examples, answers):
        judged.extend(example.output for example in examples)
        return 0.0

    Lora(rank=2, epochs=1).prepare(TASK, ROWS, rows, (), tiny_model, score)
    assert (judged.count("card"), judged.count("bike")) == (32, 32)


def differing(ready, rows=ROWS):
    """Ids of the rows that training read in another way than serving would."""
    return [
        row.id
        for row in rows
        if ready.rendered_training_prompt(row) != ready.rendered_serving_prompt(row.input)
    ]


@pytest.fixture(scope="module")
def tuned(tiny_model: LocalModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved `lora+rag` of one epoch, two passages a prompt."""
    folder = tmp_path_factory.mktemp("tuned")
    rag = LoraRag(top_k=2, rank=2, epochs=1, embedder=HashingEmbedder())
    prepared(rag, tiny_model, rows=(LONG, *ROWS)).save(folder)
    return folder


def load(folder: Path, model: LocalModel, task: Task = TASK):
    return LoraRag(embedder=HashingEmbedder()).load(folder, task, model)


@pytest.mark.parametrize(("layers", "places"), [(1, [1]), (None, None)])
@pytest.mark.parametrize("kind", [Lora, LoraRag])
def test_adapters_on_upper_layers_are_saved_and_loaded(
    tiny_model: LocalModel, tmp_path: Path, kind, layers, places
) -> None:
    more = {"embedder": HashingEmbedder()} if kind is LoraRag else {}
    strategy = kind(rank=2, epochs=1, learning_rate=0.05, layers=layers, **more)
    ready = prepared(strategy, tiny_model)
    ready.save(tmp_path)
    assert read_json(tmp_path / "adapter_config.json")["layers_to_transform"] == places
    asked = [row.input for row in ROWS]
    loaded = strategy.load(tmp_path, TASK, tiny_model)
    assert loaded.answer(asked) == ready.answer(asked) != ready.base_answers(asked)


def test_training_and_serving_read_the_same(tuned: Path, tiny_model: LocalModel) -> None:
    ready = load(tuned, tiny_model)
    assert differing(ready) == []
    read = ready.rendered_training_prompt(ROWS[0])
    assert read.startswith("<|start|>system\nSort the order.")
    assert read.endswith(
        "<|start|>user\nThe bike is in the box.\n\nThe card is for the order.\n\n"
        "my card order 0<|end|>\n<|start|>assistant\n"
    )


def test_rows_left_out_as_too_long_are_counted(tiny_model: LocalModel) -> None:
    long_reply = Example(id="reply", input="my card", output="order " * 3000)
    ready = prepared(Lora(rank=2, epochs=1), tiny_model, rows=(LONG, *ROWS, long_reply))
    assert ready.training.left_out == 2
    assert prepared(Lora(rank=2, epochs=1), tiny_model).training.left_out == 0


def test_a_row_that_training_left_out_is_not_claimed(tuned: Path, tiny_model: LocalModel) -> None:
    ready = load(tuned, tiny_model)
    assert ready.training.left_out == 1
    assert ready.rendered_training_prompt(LONG) is None
    assert ready.rendered_serving_prompt(LONG.input) == ""


def test_another_task_or_number_of_passages_in_serving_shows(
    tuned: Path, tiny_model: LocalModel, tmp_path: Path
) -> None:
    reworded = TASK.model_copy(update={"instruction": "Sort the order well."})
    assert differing(load(tuned, tiny_model, reworded)) == [row.id for row in ROWS]
    other = tmp_path / "other"
    shutil.copytree(tuned, other)
    write_json(other / "settings.json", {**read_json(other / "settings.json"), "top_k": 1})
    assert differing(load(other, tiny_model)) == [row.id for row in ROWS]
    (other / PROMPTS).unlink()
    assert load(other, tiny_model).rendered_training_prompt(ROWS[0]) is None


def test_a_fault_in_the_training_data_shows(
    tiny_model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = training.encode_row

    def without_instruction(model, row):
        item = sound(model, row)
        return training.Item((), item.own, item.reply, item.example)

    monkeypatch.setattr(training, "encode_row", without_instruction)
    ready = prepared(Lora(rank=2, epochs=1), tiny_model)
    monkeypatch.undo()
    assert differing(ready) == [row.id for row in ROWS]


def test_a_training_that_breaks_leaves_the_model_as_it_was(tiny_model: LocalModel) -> None:
    def names():
        return list(tiny_model.network.state_dict())

    before, weights = names(), [w.clone() for w in tiny_model.network.parameters()]

    def broken(examples, answers):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        prepared(Lora(rank=2, epochs=1), tiny_model, score=broken)
    assert names() == before
    assert all(
        torch.equal(old, new) and not new.requires_grad
        for old, new in zip(weights, tiny_model.network.parameters(), strict=True)
    )
    assert not tiny_model.network.training
    assert prepared(Lora(rank=2, epochs=1), tiny_model).training.epochs == 1


def test_damaged_weights_are_a_model_error(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_folder, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        LocalModel(folder, name="damaged", device="cpu")


@pytest.mark.filterwarnings("error::FutureWarning", "error::UserWarning")
def test_training_prints_no_warning_of_the_libraries(tiny_model: LocalModel, capfd) -> None:
    prepared(Lora(rank=2, epochs=1), tiny_model).answer([ROWS[0].input])
    assert capfd.readouterr().err == ""
