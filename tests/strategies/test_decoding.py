"""Decoding that guesses ahead gives what one token at a time gives; packed weights too."""

import random

import pytest
import torch

from strategies.models.base import Message, Prompt
from strategies.models.local import LocalModel
from strategies.models.lookup import MOST_GUESSED, continued, guess
from strategies.models.packing import Packed, packable

STOP = 0


class Automaton:
    """A "model" whose next token depends on the last `order` tokens, and that counts readings."""

    def __init__(self, order: int, words: int, seed: int, never_stops: bool) -> None:
        self.order, self.words, self.seed, self.never_stops = order, words, seed, never_stops
        self.text: list[int] = []
        self.readings: list[int] = []

    def after(self, text: list[int]) -> int:
        mixed = random.Random(f"{self.seed} {text[-self.order :]}").randrange(self.words)
        return mixed + 1 if self.never_stops else mixed

    def read(self, tokens, start: int, wanted: int) -> list[int]:
        assert start <= len(self.text), "a place was left out"
        self.text = [*self.text[:start], *tokens]
        self.readings.append(len(tokens))
        ends = range(len(self.text) - wanted + 1, len(self.text) + 1)
        return [self.after(self.text[:end]) for end in ends]

    def plainly(self, tokens: list[int], most: int) -> list[int]:
        text = list(tokens)
        while len(text) < len(tokens) + most and (token := self.after(text)) != STOP:
            text.append(token)
        return text[len(tokens) :]


@pytest.mark.parametrize("seed", range(40))
def test_guessing_ahead_changes_nothing(seed: int) -> None:
    chance = random.Random(seed)
    model = Automaton(chance.randint(1, 3), chance.randint(3, 12), seed, chance.random() < 0.5)
    tokens = [chance.randrange(1, 5) for _ in range(chance.randint(1, 30))]
    known = chance.randrange(len(tokens))
    model.text = tokens[:known]
    most = chance.randint(1, 40)
    found = continued(model.read, tokens, known, most, frozenset({STOP}))
    assert found == model.plainly(tokens, most)
    assert model.readings[0] == len(tokens) - known
    assert max(model.readings[1:], default=1) <= MOST_GUESSED + 1


def test_a_repeating_text_takes_few_readings() -> None:
    model = Automaton(order=1, words=5, seed=4, never_stops=True)
    found = continued(model.read, [1, 2], 0, 60, frozenset({STOP}))
    assert len(set(found)) > 2
    assert len(found) == 60
    assert len(model.readings) < 20


def test_what_followed_the_same_words_last_is_guessed() -> None:
    assert guess([7, 8, 9, 1, 2, 3, 7, 8, 9], 4) == [1, 2, 3, 7]
    assert guess([8, 9, 1, 8, 9, 2, 5, 8, 9], 1) == [2]
    assert guess([7, 8, 9, 5, 8, 9, 6, 7, 8, 9], 1) == [5], "three words tell more than two"
    assert guess([1, 2, 3, 4], 4) == []
    assert guess([1, 1], 4) == []
    assert guess([5, 1, 1, 1], 4) == [1, 1, 1, 1]
    assert guess([9, 7, 8, 7, 8], 5) == [7, 8, 7, 8, 7]
    assert guess([7, 8, 1, 7, 8], 0) == []
    assert guess([7, 8, 1, 7, 8], 5) == [1, 7, 8, 1, 7]


def prompt(text: str) -> Prompt:
    return Prompt((Message("system", "sort the card"), Message("user", text)), shared=1)


def plain_generation(model: LocalModel, asked: Prompt, most: int) -> str:
    ids = list(model.encode(asked).ids)
    start = len(ids)
    with torch.inference_mode():
        while len(ids) < start + most:
            token = int(model.network(torch.tensor([ids])).logits[0, -1].argmax())
            if token in model.stop:
                break
            ids.append(token)
    return model.tokenizer.decode(ids[start:], skip_special_tokens=True).strip()


def test_a_real_transformer_alone_and_in_a_batch(tiny_model: LocalModel) -> None:
    asked = [prompt(text) for text in ("the order", "my card is lost " * 9, "refund refund")]
    expected = [plain_generation(tiny_model, one, 25) for one in asked]
    assert [one.text for one in tiny_model.generate(asked, max_new_tokens=25)] == expected
    alone = [tiny_model.generate([one], max_new_tokens=25)[0].text for one in asked]
    assert alone == expected


@pytest.fixture
def rounded_model(tiny_folder) -> LocalModel:
    return LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.bfloat16)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
def test_packed_weights_give_the_same_products_and_are_gone_afterwards(rounded_model) -> None:
    network = rounded_model.network
    layers = [layer for layer in network.modules() if type(layer) is torch.nn.Linear]
    inputs = {layer: torch.randn(3, layer.in_features).bfloat16() for layer in layers}
    expected = {layer: layer(inputs[layer]) for layer in layers}
    packed = Packed(network)
    with packed, torch.inference_mode():
        assert all("forward" in vars(layer) for layer in layers)
        for layer in layers:
            torch.testing.assert_close(layer(inputs[layer]), expected[layer], atol=0.02, rtol=0.02)
    assert not any("forward" in vars(layer) for layer in layers)


def test_what_is_not_packed(rounded_model, tiny_model, monkeypatch) -> None:
    assert packable(rounded_model.network)
    assert not packable(tiny_model.network), "float32"
    monkeypatch.setattr("strategies.models.packing.free_memory", lambda device: 1000)
    assert not packable(rounded_model.network), "no room for a second copy"
