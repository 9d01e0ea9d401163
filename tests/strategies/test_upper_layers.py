"""Adapters on the upper layers only: the same training as torch's, the layers below read once."""

from pathlib import Path
from typing import Any

import pytest
import torch
from networks import NETWORKS, Counting, network_of
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel

import strategies.training as training
from strategies.adapters import InTraining, wrapped
from strategies.errors import ModelError
from strategies.lora import Lora, LoraRag
from strategies.models.base import Message, Prompt
from strategies.models.frozen import FrozenStates
from strategies.models.local import LocalModel
from strategies.saving import read_json
from strategies.training import (
    PACKED_TOKENS,
    Item,
    TrainingRow,
    accumulate,
    encode_row,
    mean_loss,
    micro_batches,
    train_lora,
)

SYSTEM = Message("system", "sort the card")
TEXTS = {"my card is lost": "card", "the bike order": "order", "refund": "refund of the order"}
ROWS = [
    TrainingRow(Prompt((SYSTEM, Message("user", text)), shared=1), reply)
    for text, reply in TEXTS.items()
]
SETTINGS: dict[str, Any] = {
    **{"rank": 2, "alpha": 4, "learning_rate": 2e-2, "epochs": 3, "batch_rows": 2, "seed": 0},
    "layers": 1,
}
PREFIX = (80, 81, 82, 83, 80)
ITEMS = [
    Item(PREFIX, (3, 4, 5, 6), (40, 41)),
    Item(PREFIX, (7,), (42,)),
    Item(PREFIX, (8, 9, 10), (43, 44, 45)),
    Item((), (11, 12, 13), (46, 47)),
]
READS = [(item.prefix, item.read) for item in ITEMS]


@pytest.fixture
def model(tiny_folder: Path) -> LocalModel:
    """The tiny model of two layers, with no state kept, and its frozen layers counted."""
    made = LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.float32)
    vars(made)["frozen"] = FrozenStates(Counting(made.network))
    return made


def reads_of(model: LocalModel) -> list[int]:
    assert model.frozen is not None
    assert isinstance(model.frozen.decoder, Counting)
    return model.frozen.decoder.read


def randomised(weights: dict[str, torch.nn.Parameter]) -> None:
    drawn = torch.Generator().manual_seed(1)
    for _, weight in sorted(weights.items()):
        torch.nn.init.normal_(weight, std=0.2, generator=drawn)


def by_torch(network: Any, upper: list[int]) -> tuple[float, dict[str, torch.Tensor]]:
    """Loss and gradients of ITEMS, row by row, with PEFT's and torch's own layers."""
    names = sorted(
        {name.split(".")[-1] for name, each in network.named_modules() if is_linear(each)}
    )
    network = get_peft_model(
        network,
        LoraConfig(
            **{"r": 3, "lora_alpha": 5, "task_type": "CAUSAL_LM"},
            target_modules=[name for name in names if name != "lm_head"],
            layers_to_transform=upper,
        ),
    )
    weights = {n: w for n, w in network.named_parameters() if w.requires_grad}
    randomised(weights)
    total = torch.zeros(())
    for item in ITEMS:
        ids = torch.tensor([[*item.prefix, *item.own, *item.reply]])
        logits = network(ids).logits[0, -len(item.reply) - 1 : -1].float()
        target = torch.tensor(item.reply)
        total = total + torch.nn.functional.cross_entropy(logits, target, reduction="sum")
    total = total / sum(len(item.reply) for item in ITEMS)
    gradients = torch.autograd.grad(total, list(weights.values()))
    return total.item(), dict(zip(weights, gradients, strict=True))


def is_linear(module: torch.nn.Module) -> bool:
    return type(module).__name__ in ("Linear", "Conv1D")


def by_us(
    model: LocalModel, layers: int, *, filled: bool = True
) -> tuple[float, dict[str, torch.Tensor | None]]:
    with wrapped(model, rank=3, alpha=5, seed=0, layers=layers) as (ours, _):
        randomised(ours.weights)
        if filled and ours.frozen is not None and ours.layers is not None:
            ours.frozen.fill(ours.layers.below, READS)
        loss, gradient = accumulate(ours, ITEMS)
        assert mean_loss(ours, ITEMS) == pytest.approx(loss, abs=1e-5)
        parts = gradient.split([weight.numel() for weight in ours.weights.values()])
        return loss, {
            name: part.view(weight.shape)
            for (name, weight), part in zip(ours.weights.items(), parts, strict=True)
        }


@pytest.mark.parametrize("filled", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", NETWORKS)
def test_loss_and_gradients_are_those_of_torch(
    tiny_model: LocalModel, kind: str, layers: int, filled: bool
) -> None:
    upper = [0, 1, 2][3 - layers :]
    expected_loss, expected = by_torch(network_of(kind, plain=True, size=1.0), upper)
    model = tiny_model.variant(network_of(kind, size=1.0), kind)
    loss, found = by_us(model, layers, filled=filled)
    assert model.frozen is not None
    assert (model.frozen.bytes > 0) == filled, "computed, whether or not it is kept"
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    assert found.keys() == expected.keys()
    assert len(found) == layers * 7 * 2
    for name, theirs in expected.items():
        ours = found[name]
        assert ours is not None
        assert (ours - theirs).norm() < 1e-4 * theirs.norm(), name


def test_another_kind_of_network_is_trained_the_plain_way(tiny_model: LocalModel) -> None:
    def network() -> Any:
        torch.manual_seed(5)
        sizes = {"n_embd": 24, "n_layer": 3, "n_head": 2, "vocab_size": 90}
        made = GPT2LMHeadModel(GPT2Config(**sizes, attn_implementation="sdpa")).eval()
        return made.requires_grad_(False)

    expected_loss, expected = by_torch(network(), [1, 2])
    model = tiny_model.variant(network(), "gpt2")
    assert model.frozen is None
    loss, found = by_us(model, 2)
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    assert found.keys() == expected.keys()
    assert not any(".h.0." in name for name in found)
    for name, theirs in expected.items():
        torch.testing.assert_close(found[name], theirs, atol=1e-5, rtol=1e-4)


def test_adapters_are_on_the_upper_layers_only(tiny_model: LocalModel) -> None:
    model = tiny_model.variant(network_of("llama"), "three layers")

    def places(layers: int | None) -> set[int]:
        with wrapped(model, rank=2, alpha=4, seed=0, layers=layers) as (ours, _):
            assert (ours.frozen is None) == (layers in (None, 3))
            return {int(name.split(".layers.")[1].split(".")[0]) for name in ours.weights}

    assert [places(layers) for layers in (1, 2, 3, None)] == [{2}, {1, 2}, {0, 1, 2}, {0, 1, 2}]


@pytest.mark.parametrize("layers", [0, -1, 3, True, 1.0, "1"])
def test_a_number_of_layers_that_is_none_is_refused(
    model: LocalModel, tmp_path: Path, layers: Any
) -> None:
    with pytest.raises(ModelError, match=r"^layers: .* 2 layers\. Give .* from 1 to 2, or None"):
        train_lora(model, ROWS, [], tmp_path, **{**SETTINGS, "layers": layers})
    assert not hasattr(model.network, "peft_config"), "the network is as it was"


def test_lower_layers_read_each_row_once_for_all_epochs_and_trainings(
    model: LocalModel, tmp_path: Path
) -> None:
    first = train_lora(model, ROWS[:2], ROWS[1:], tmp_path, **SETTINGS)
    assert reads_of(model) == [1, 3], "the prefix, then the rows behind it"
    others = {"seed": 1, "rank": 4, "learning_rate": 1e-3}
    train_lora(model, ROWS[:2], ROWS[1:], tmp_path, **{**SETTINGS, **others})
    again = train_lora(model, ROWS[:2], ROWS[1:], tmp_path, **SETTINGS)
    assert reads_of(model) == [1, 3]
    assert again.curve == first.curve
    more = TrainingRow(Prompt((SYSTEM, Message("user", "the box")), shared=1), "card")
    train_lora(model, [*ROWS, more], [], tmp_path, **SETTINGS)
    assert reads_of(model) == [1, 3, 1, 1], "only what is new"


def test_other_weights_have_states_of_their_own(model: LocalModel, tmp_path: Path) -> None:
    train_lora(model, ROWS, [], tmp_path, **{**SETTINGS, "layers": None, "learning_rate": 0.1})
    assert reads_of(model) == [], "every layer has adapters"
    tuned = model.with_adapter(tmp_path)
    item = encode_row(model, ROWS[0])
    assert model.frozen is not None
    assert tuned.frozen is not None
    states, others = (each.of(1, item.prefix, [item.read]) for each in (model.frozen, tuned.frozen))
    assert (states - others).norm() > 0.01 * states.norm()


def test_the_saved_adapter_answers_as_the_model_in_training_did(
    model: LocalModel, tmp_path: Path
) -> None:
    said: list[Any] = []

    def evaluate(tuned: LocalModel) -> float:
        said.append(tuned.generate([row.prompt for row in ROWS], max_new_tokens=12))
        return float(len(said))

    settings = {**SETTINGS, "rank": 8, "alpha": 16, "epochs": 6}
    record = train_lora(model, ROWS, ROWS, tmp_path, evaluate=evaluate, **settings)
    assert record.epochs == 6
    tuned = model.with_adapter(tmp_path)
    assert tuned.generate([row.prompt for row in ROWS], max_new_tokens=12) == said[-1]
    items = [encode_row(model, row) for row in ROWS]
    kept = record.curve[-1]["validation_loss"]
    assert mean_loss(InTraining(tuned.network), items) == pytest.approx(kept, abs=1e-4)
    assert kept < 0.97 * mean_loss(InTraining(model.network), items)
    assert read_json(tmp_path / "adapter_config.json")["layers_to_transform"] == [1]


def test_rows_are_packed_with_their_prefix_and_a_long_one_goes_alone() -> None:
    rows = [Item((1,) * 100, (2,) * size, (3, 4)) for size in (98, 198, 298, 398, 900)]
    found = micro_batches(rows, packed=True)
    assert [[len(item) for item in batch] for batch in found] == [[100, 200, 300], [400], [902]]
    assert PACKED_TOKENS >= 100 + 600


def test_a_row_longer_than_a_pack_is_read_from_its_states(
    tiny_model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model.variant(network_of("llama", size=1.0), "long")
    loss, _ = by_us(model, 1)
    monkeypatch.setattr("strategies.training.PACKED_TOKENS", 2)
    monkeypatch.delattr("strategies.training.padded_rows")
    whole, sizes = training.batch_loss, []

    def counted(given: InTraining, batch: Any) -> torch.Tensor:
        sizes.append(len(batch))
        return whole(given, batch)

    monkeypatch.setattr(training, "batch_loss", counted)
    assert by_us(model, 1)[0] == pytest.approx(loss, abs=1e-5)
    assert sizes == [1] * 2 * len(ITEMS), "each row alone, in training and in judging"


def test_the_default_is_every_layer() -> None:
    assert Lora().layers is None
    assert LoraRag().layers is None
    assert LoraRag(layers=2).layers == 2
