"""LoRA training on a tiny real transformer: the gradient, the loss, what is left behind."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from strategies.adapters import InTraining, use_adapted, wrapped
from strategies.errors import ModelError
from strategies.models.base import Message, Prompt
from strategies.models.local import LocalModel
from strategies.recorded_gradients import flat_of
from strategies.training import (
    TrainingRow,
    accumulate,
    encode_row,
    mean_loss,
    micro_batches,
    schedule,
    steps,
    train_lora,
)

SYSTEM = Message("system", "sort the card")
TEXTS = {"my card is lost": "card", "the bike order": "order", "refund": "refund of the order"}


def row(text: str, reply: str) -> TrainingRow:
    return TrainingRow(Prompt((SYSTEM, Message("user", text)), shared=1), reply)


ROWS = [row(text, reply) for text, reply in TEXTS.items()]


def plain_loss(network: object, model: LocalModel) -> torch.Tensor:
    total, count = torch.zeros(()), 0
    for item in (encode_row(model, each) for each in ROWS):
        ids = torch.tensor([[*item.prefix, *item.own, *item.reply]])
        logits = network(ids).logits[0, -len(item.reply) - 1 : -1].float()  # type: ignore[operator]
        target = torch.tensor(item.reply)
        total = total + torch.nn.functional.cross_entropy(logits, target, reduction="sum")
        count += len(item.reply)
    return total / count


@pytest.mark.parametrize("packed", [0, 10_000])
def test_loss_and_gradient_equal_those_of_separate_rows(
    tiny_model: LocalModel, monkeypatch: pytest.MonkeyPatch, packed: int
) -> None:
    monkeypatch.setattr("strategies.training.PACKED_TOKENS", packed)
    items = [encode_row(tiny_model, each) for each in ROWS]
    with wrapped(tiny_model, rank=4, alpha=8, seed=0) as (training, _):
        assert training.layers is not None
        weights = [w for w in training.network.parameters() if w.requires_grad]
        expected_loss = plain_loss(training.network, tiny_model)
        expected = torch.autograd.grad(expected_loss, weights)
        loss, gradient = accumulate(training, items)
        assert loss == pytest.approx(expected_loss.item(), abs=1e-5)
        assert mean_loss(training, items) == pytest.approx(loss, abs=1e-5)
        assert torch.allclose(gradient, flat_of(expected), atol=1e-5)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
def test_packed_weights_have_the_same_gradient(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.bfloat16)
    items = [encode_row(model, each) for each in ROWS]

    def gradients() -> tuple[bool, Sequence[torch.Tensor]]:
        with wrapped(model, rank=4, alpha=8, seed=0) as (training, _):
            for weight in training.weights.values():
                torch.nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(1))
            packs = any(m.forward.there is not None for m in adapted(training.network))
            _, gradient = accumulate(training, items)
            sizes = [weight.numel() for weight in training.weights.values()]
            return packs, gradient.split(sizes)

    packs, found = gradients()
    assert packs
    monkeypatch.setattr("strategies.adapters.packable", lambda network, copies: False)
    packs, expected = gradients()
    assert not packs
    for one, other in zip(found, expected, strict=True):
        assert (one - other).norm() < 0.03 * other.norm()


def adapted(network: torch.nn.Module) -> list[torch.nn.Module]:
    return [m for m in network.modules() if hasattr(m, "base_layer") and "forward" in vars(m)]


@pytest.mark.parametrize("bias", [False, True])
def test_adapted_linear_layers_compute_what_peft_computes(bias: bool) -> None:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    block = torch.nn.Sequential(torch.nn.Linear(12, 20, bias=bias), torch.nn.Linear(20, 7))
    network = get_peft_model(block, LoraConfig(r=4, lora_alpha=12, target_modules=["0", "1"]))
    weights = {n: w for n, w in network.named_parameters() if w.requires_grad}
    assert len(weights) == 4
    for weight in weights.values():
        torch.nn.init.normal_(weight)
    inputs = torch.randn(3, 5, 12, requires_grad=True)
    aim = torch.randn(3, 5, 7)

    def run() -> tuple[torch.Tensor, ...]:
        out = network(inputs)
        wanted = [inputs, *weights.values()]
        return out, *torch.autograd.grad((out * aim).sum(), wanted)

    plain = run()
    use_adapted(network)
    layers = [m for m in network.modules() if "forward" in vars(m)]
    assert len(layers) == 2
    for ours, theirs in zip(run(), plain, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def test_the_saved_adapter_is_the_best_epoch_and_the_base_stays_untouched(
    tiny_model: LocalModel, tmp_path: Path
) -> None:
    before = tiny_model.generate([each.prompt for each in ROWS], max_new_tokens=12)
    training = train_lora(
        tiny_model,
        ROWS,
        ROWS,
        tmp_path,
        rank=8,
        alpha=16,
        learning_rate=2e-2,
        epochs=12,
        batch_rows=3,
        seed=0,
    )
    tuned = tiny_model.with_adapter(tmp_path)

    kept = training.curve[training.epochs - 1]
    items = [encode_row(tiny_model, each) for each in ROWS]
    assert mean_loss(InTraining(tuned.network), items) == pytest.approx(
        kept["validation_loss"], abs=1e-4
    )
    assert kept["validation_loss"] < 0.95 * mean_loss(InTraining(tiny_model.network), items)
    assert tiny_model.generate([each.prompt for each in ROWS], max_new_tokens=12) == before
    assert tuned.info.fingerprint != tiny_model.info.fingerprint


def test_the_same_seed_gives_the_same_curve(tiny_model: LocalModel, tmp_path: Path) -> None:
    def curve(seed: int) -> list[float]:
        training = train_lora(
            tiny_model,
            ROWS,
            [],
            tmp_path,
            rank=2,
            alpha=4,
            learning_rate=1e-2,
            epochs=2,
            batch_rows=2,
            seed=seed,
        )
        return [epoch["train_loss"] for epoch in training.curve]

    assert curve(0) == curve(0)
    assert curve(0) != curve(1)


def test_the_epoch_that_does_best_on_validation_is_kept(
    tiny_model: LocalModel, tmp_path: Path
) -> None:
    scores = iter([0.2, 0.9, 0.5])
    training = train_lora(
        tiny_model,
        ROWS,
        ROWS[:1],
        tmp_path,
        rank=2,
        alpha=4,
        learning_rate=1e-2,
        epochs=3,
        batch_rows=2,
        seed=0,
        evaluate=lambda tuned: next(scores),
    )
    assert training.epochs == 2
    assert [row["validation_score"] for row in training.curve] == [0.2, 0.9, 0.5]


def test_a_row_that_does_not_fit_is_left_out_and_counted(
    tiny_model: LocalModel, tmp_path: Path
) -> None:
    rows = [*ROWS, row("card " * 3000, "card")]
    sizes = {"rank": 2, "alpha": 4, "learning_rate": 1e-2, "epochs": 1, "batch_rows": 2, "seed": 0}
    training = train_lora(tiny_model, rows, [], tmp_path, **sizes)
    assert training.left_out == 1
    assert train_lora(tiny_model, ROWS, [], tmp_path, **sizes).curve == training.curve


def test_rows_that_do_not_fit_are_refused(tiny_model: LocalModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no training row fits"):
        train_lora(
            tiny_model,
            [row("card " * 3000, "card")],
            [],
            tmp_path,
            rank=2,
            alpha=4,
            learning_rate=1e-2,
            epochs=1,
            batch_rows=1,
            seed=0,
        )


def test_an_epoch_holds_every_row_once(tiny_model: LocalModel) -> None:
    items = [encode_row(tiny_model, row("card " * n, "card")) for n in range(1, 40)]
    epoch = steps(items, 4, random.Random(0))
    assert sorted(len(i) for step in epoch for i in step) == sorted(len(i) for i in items)
    assert sorted(len(i) for step in epoch for b in micro_batches(step) for i in b) == sorted(
        len(i) for i in items
    )


def test_schedule_warms_up_and_decays() -> None:
    rates = [schedule(step, 20) for step in range(20)]
    assert rates[0] == 0.5
    assert rates[1] == 1.0
    assert rates[-1] == pytest.approx(1 / 18)
    assert rates[2:] == sorted(rates[2:], reverse=True)


def test_training_leaves_every_number_of_a_rounded_base_as_it_was(tiny_folder: Path) -> None:
    model = LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.bfloat16)
    network = model.network

    def numbers() -> dict[str, torch.Tensor]:
        return {
            name: tensor.clone()
            for name, tensor in (*network.named_parameters(), *network.named_buffers())
        }

    before = numbers()
    assert any(tensor.dtype == torch.float32 for tensor in before.values()), "angles, say"
    with wrapped(model, rank=4, alpha=8, seed=0) as (training, _):
        assert {weight.dtype for weight in training.weights.values()} == {torch.bfloat16}
        accumulate(training, [encode_row(model, each) for each in ROWS])
    after = numbers()
    assert after.keys() == before.keys()
    for name, tensor in before.items():
        assert after[name].dtype == tensor.dtype, name
        assert torch.equal(after[name], tensor), name
