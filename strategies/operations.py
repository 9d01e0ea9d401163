"""Floating-point operations of reading and training, told from shapes, which slows neither.

Counted are matrix products at 2 · m · n · k each: linear layers, scores and weighted values of
attention, the output head for the tokens that are predicted. Elementwise work and padding count
as nothing. What an instrument counts in a run (`benchmarks.speed.operations`) is a little more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

BLOCK = 256
"""Queries that meet the keys up to the last that one of them sees, as attention is computed."""


@dataclass(frozen=True)
class Sizes:
    """What the operations of a network follow from.

    `linear`: numbers in the weights of its layers; `head`: in those of the
    output head; `attention`: operations for one query and one key, all layers together.
    """

    linear: int
    head: int
    attention: int

    def read(self, parts: Iterable[tuple[int, int]], predicted: int) -> float:
        """Reading `parts`, each a number of tokens behind as many that were read before (before,
        tokens), of which so many in all have their followers predicted."""
        found = 2.0 * self.head * predicted
        for before, tokens in parts:
            found += 2.0 * self.linear * tokens + self.attention * scored(before, tokens)
        return found

    def learned(self, parts: Iterable[tuple[int, int]], predicted: int, adapters: int) -> float:
        """The same in training, with adapters of so many numbers on these layers.

        Frozen weights have a product for the gradient of their inputs and none for their own,
        adapters have both.
        """
        found = 4.0 * self.head * predicted
        for before, tokens in parts:
            found += (4.0 * self.linear + 6.0 * adapters) * tokens
            found += 3.0 * self.attention * scored(before, tokens)
        return found

    def of_layers(self, share: float) -> Sizes:
        """Of that share of the layers, which are all alike; the head stays."""
        return replace(
            self, linear=round(share * self.linear), attention=round(share * self.attention)
        )


def sizes_of(network: Any) -> Sizes:
    """Of a causal transformer; adapters that are in it count as layers of their own."""
    import torch
    from transformers.pytorch_utils import Conv1D

    config, head = network.config.get_text_config(), network.get_output_embeddings()
    linear = sum(
        module.weight.numel()
        for module in network.modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
    )
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    return Sizes(linear, head.weight.numel(), 4 * config.num_hidden_layers * heads * width)


def scored(before: int, tokens: int) -> int:
    """Pairs of a query and a key whose score is computed, for tokens behind `before` others."""
    return sum(
        min(BLOCK, tokens - first) * (before + min(tokens, first + BLOCK))
        for first in range(0, tokens, BLOCK)
    )
