"""A common beginning is read once, and nothing that follows it changes."""

import random
from copy import deepcopy
from typing import Any

import pytest
import torch

from strategies.models.base import Message, Prompt
from strategies.models.decoder import Decoder
from strategies.models.layout import Encoded, filled, kin_batches
from strategies.models.local import LocalModel
from strategies.models.tree import LEAST, common, families, levels


def drawn(seed: int) -> list[tuple[int, ...]]:
    """Sequences that grow out of each other, some equal, some the beginning of another."""
    chance = random.Random(seed)
    found: list[tuple[int, ...]] = []
    for _ in range(chance.randint(1, 14)):
        base = chance.choice(found) if found and chance.random() < 0.8 else ()
        kept = base[: chance.randint(0, len(base))] if chance.random() < 0.7 else base
        more = tuple(chance.randrange(3) for _ in range(chance.randint(0, 12)))
        found.append(kept + more or (1,))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_the_tree_spells_every_sequence(seed: int) -> None:
    sequences, least = drawn(seed), 1 + seed % 5
    spelt: list[tuple[int, ...]] = [()] * len(sequences)
    ended = []
    for level in levels(sequences, least):
        for node in level:
            assert node.tokens
            assert node.last or len(node.tokens) >= least
            for row in node.rows:
                assert len(spelt[row]) == node.start
                spelt[row] += node.tokens
            ended += node.rows if node.last else ()
    assert spelt == sequences
    assert sorted(ended) == list(range(len(sequences)))


def test_what_is_alike_is_read_once() -> None:
    head, other = tuple(range(100)), tuple(range(200, 300))
    sequences = [
        (*head, 1, 2),
        other,
        (*head, 1, 3),
        (
            *head,
            4,
        ),
        (*head, 1, 2),
        other[:64],
    ]
    (first, second) = levels(sequences)
    assert sorted((node.tokens, node.start, sorted(node.rows), node.last) for node in first) == [
        (head, 0, [0, 2, 3, 4], False),
        (other[:64], 0, [5], True),
        (other, 0, [1], True),
    ]
    assert sorted((node.tokens, node.start, sorted(node.rows), node.last) for node in second) == [
        ((1, 2), 100, [0, 4], True),
        ((1, 3), 100, [2], True),
        ((4,), 100, [3], True),
    ]
    assert families([(1, 2), (1, 3), (1, 2)], 0, least=2) == [[0, 2], [1]]
    assert common((1, 2, 3), (1, 2)) == 2


def test_kin_go_together_and_no_batch_is_too_large() -> None:
    head = tuple(range(LEAST + 10))
    own = [
        (5,),
        (
            *head,
            1,
        ),
        (6, 7),
        (
            *head,
            2,
        ),
        (8,),
    ]
    encoded = [Encoded((9, *one), 1) for one in own]
    found = kin_batches(encoded, max_tokens=10**6, max_rows=2, extra=4)
    assert sorted(found[0]) == [1, 3]
    assert sorted(row for batch in found for row in batch) == [0, 1, 2, 3, 4]
    assert kin_batches(encoded, max_tokens=1, max_rows=9)[0] == [1]
    assert filled([5, 3, 9, 1], max_tokens=10, max_rows=9) == [[0, 1], [2], [3]]
    assert filled([5, 5, 5], max_tokens=99, max_rows=2) == [[0, 1], [2]]


PASSAGE = "the order of the bike is late and my card is lost " * 9
OTHER = "a refund of the card for the late bike, my order " * 7


def asked(*texts: str, shared: int = 1) -> list[Prompt]:
    system = Message("system", "sort the card")
    return [Prompt((system, Message("user", text)), shared=shared) for text in texts]


TEXTS = (
    PASSAGE + "when is it",
    PASSAGE + OTHER + "who",
    "card",
    PASSAGE + OTHER + "lost or late",
    OTHER + "why",
    PASSAGE + "when is it",
    OTHER + "how my order",
)


@pytest.fixture
def lively_model(tiny_model: LocalModel) -> LocalModel:
    """Weights so large that an answer depends on all of its prompt; it stops at some tokens."""
    network = deepcopy(tiny_model.network)
    made = torch.Generator().manual_seed(2)
    for layer in network.model.layers:
        for weight in (*layer.self_attn.parameters(), *layer.mlp.parameters()):
            weight.copy_(torch.randn(weight.shape, generator=made) * 2 * weight.shape[1] ** -0.5)
    head = network.lm_head.weight.shape
    network.lm_head.weight = torch.nn.Parameter(
        torch.randn(head, generator=made), requires_grad=False
    )
    model = tiny_model.variant(network, "lively")
    model.stop = frozenset(range(0, head[0], 8))
    return model


class Counting:
    """A decoder that notes the shapes that it is given."""

    def __init__(self, decoder: Decoder, read: list[torch.Size]) -> None:
        self.decoder, self.read = decoder, read

    def states(self, ids: torch.Tensor, *others: Any, last: int) -> torch.Tensor:
        self.read.append(ids.shape)
        return self.decoder.states(ids, *others, last=last)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.decoder, name)


@pytest.mark.parametrize("shared", [0, 1])
@pytest.mark.parametrize("max_tokens", [100, 4096])
def test_a_shared_beginning_changes_no_answer(
    lively_model: LocalModel, monkeypatch: pytest.MonkeyPatch, max_tokens: int, shared: int
) -> None:
    model, prompts = lively_model, asked(*TEXTS, shared=shared)
    alone = [model.generate([one], max_new_tokens=20)[0] for one in prompts]
    texts = {one.text for one in alone}
    assert len(texts) == 6, "two prompts are equal, the others should matter"
    assert len({one.usage.completion for one in alone}) > 2, "rows should end at different times"
    monkeypatch.setattr("strategies.models.local.token_budget", lambda network: max_tokens)
    read = []
    model.decoder = Counting(model.decoder, read)
    assert model.generate(prompts, max_new_tokens=20) == alone
    encoded = [model.encode(one) for one in prompts]
    tokens = sum(len(node.tokens) for level in levels([e.own for e in encoded]) for node in level)
    assert tokens < 0.6 * sum(len(one.own) for one in encoded)
    prompts_read = sum(rows * width for rows, width in read if width > 1)
    assert tokens <= prompts_read < sum(len(one.own) for one in encoded)
    steps = [rows for rows, width in read if width == 1]
    assert steps == sorted(steps, reverse=True)
    assert steps[0] == len(prompts) > 2 * steps[-1]
