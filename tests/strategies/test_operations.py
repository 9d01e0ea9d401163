"""Operations told from shapes are about those that an instrument counts."""

from pathlib import Path

import pytest
import torch
from networks import network_of

from benchmarks.speed.operations import executed
from strategies.adapters import wrapped
from strategies.models.base import Message, Prompt
from strategies.models.local import LocalModel
from strategies.operations import BLOCK, Sizes, scored, sizes_of
from strategies.training import accumulate, encode_row
from strategies.tuned import TrainingRow

SIZES = Sizes(linear=10, head=3, attention=2)


def test_sizes_are_those_of_the_weights() -> None:
    found = sizes_of(network_of("llama"))
    attending = 48 * 48 * 2 + 48 * 16 * 2
    assert found == Sizes(3 * (attending + 3 * 48 * 80), 90 * 48, 4 * 3 * 48)


def test_reading_and_learning_are_counted_by_hand() -> None:
    assert SIZES.read([(0, 4), (4, 2)], 5) == 2 * 3 * 5 + 2 * 10 * 6 + 2 * (16 + 12)
    assert SIZES.learned([(0, 4)], 5, 7) == 4 * 3 * 5 + (4 * 10 + 6 * 7) * 4 + 3 * 2 * 16
    assert SIZES.of_layers(0.5) == Sizes(5, 3, 1)


def test_a_block_of_queries_meets_the_keys_up_to_its_last() -> None:
    assert scored(10, 5) == 5 * 15
    assert scored(10, BLOCK + 5) == BLOCK * (10 + BLOCK) + 5 * (10 + BLOCK + 5)


def test_reading_is_about_what_is_counted(tiny_model: LocalModel) -> None:
    ids = torch.arange(64)[None]
    mask = torch.ones(1, 1, 64, 64, dtype=torch.bool).tril()
    decoder = tiny_model.decoder

    def work() -> None:
        with torch.inference_mode():
            hidden = decoder.states(ids, mask, torch.arange(64)[None], None, last=64)
            decoder.logits(hidden[0, -8:])

    told = sizes_of(tiny_model.network).read([(0, 64)], 8)
    assert executed(work) == pytest.approx(told, rel=0.01)


def test_learning_is_about_what_is_counted(tiny_folder: Path) -> None:
    """A long reply: of the last layer little is computed for other tokens."""
    model = LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.float32)
    prompt = Prompt((Message("user", "card"),))
    item = encode_row(model, TrainingRow(prompt, "the order of my bike " * 40))
    sizes = sizes_of(model.network)
    with wrapped(model, rank=4, alpha=8, seed=0) as (training, _):
        adapters = sum(weight.numel() for weight in training.weights.values())
        counted = executed(lambda: accumulate(training, [item]))
    told = sizes.learned([(0, len(item.read))], len(item.reply), adapters)
    assert counted == pytest.approx(told, rel=0.1)
