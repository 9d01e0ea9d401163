"""Reading prompts: their keys and values into the slots of a cache, every beginning once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from strategies.models.decoder import Decoder
from strategies.models.layout import causal_mask, left_padded, little_padded, rounded
from strategies.models.slots import SlotsLayer, layers_of
from strategies.models.tree import Node, levels


def read_prompts(
    decoder: Decoder,
    cache: Cache,
    prefix: int,
    sequences: Sequence[Sequence[int]],
    *,
    pad: int,
    max_tokens: int,
) -> torch.Tensor:
    """Read every sequence into its row of `cache`, which holds a prefix of `prefix` tokens.

    Returns the hidden state of each sequence's last token: rows × width. One forward pass reads
    at most `max_tokens` padded tokens, unless a sequence alone has more.
    """
    found: dict[int, torch.Tensor] = {}
    for level in levels(sequences):
        for nodes in fitting(level, max_tokens):
            hidden = read_nodes(decoder, cache, prefix, nodes, pad)
            for place, node in enumerate(nodes):
                if node.last:
                    found |= dict.fromkeys(node.rows, hidden[place])
    return torch.stack([found[row] for row in range(len(sequences))])


def fitting(nodes: Sequence[Node], max_tokens: int) -> Iterator[list[Node]]:
    """The nodes by length, in batches of at most `max_tokens` padded tokens."""
    sizes = [len(node.tokens) for node in nodes]
    for batch in little_padded(sizes, max_tokens=max_tokens, max_rows=len(nodes)):
        yield [nodes[place] for place in batch]


def read_nodes(
    decoder: Decoder, cache: Cache, prefix: int, nodes: Sequence[Node], pad: int
) -> torch.Tensor:
    """Read nodes, all above which are read; the hidden state of each one's last token."""
    device = decoder.device
    ids, mask, positions = left_padded([node.tokens for node in nodes], pad)
    before = [prefix + node.start for node in nodes]
    context = rounded(max(before))
    seen = torch.arange(context)[None] >= context - torch.tensor(before)[:, None]
    seen = seen[:, None, None].expand(-1, 1, ids.shape[1], -1)
    reading: list[Any] = [NodesLayer(layer, nodes, before) for layer in layers_of(cache)]
    hidden = decoder.states(
        ids.to(device),
        torch.cat([seen, causal_mask(0, mask)], dim=3).to(device),
        (positions + torch.tensor(before)[:, None]).to(device),
        Cache(layers=reading),
        last=1,
    )
    return hidden[:, 0].clone()  # a view would keep the states of all tokens


class NodesLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer while nodes are read: what is new goes into the slots of all rows below a node.

    `before` counts the tokens that stand before each node in its rows.
    """

    def __init__(self, slots: SlotsLayer, nodes: Sequence[Node], before: Sequence[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.slots, self.nodes, self.before = slots, nodes, before
        self.context = rounded(max(before))

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What stands before each node, its end at one slot for all, then what is new."""
        for place, node in enumerate(self.nodes):
            keys, values = (
                new[place, :, new.shape[2] - len(node.tokens) :]
                for new in (key_states, value_states)
            )
            for row in node.rows:
                start = self.slots.offsets[row] + self.before[place]
                self.slots.write(row, start, keys, values)
        if not self.context:
            return key_states, value_states
        keys, values = self._context(self.slots.keys), self._context(self.slots.values)
        return torch.cat([keys, key_states], dim=2), torch.cat([values, value_states], dim=2)

    def _context(self, buffer: torch.Tensor) -> torch.Tensor:
        _, heads, _, width = buffer.shape
        found = buffer.new_zeros(len(self.nodes), heads, self.context, width)
        for place, (node, length) in enumerate(zip(self.nodes, self.before, strict=True)):
            row = node.rows[0]
            start = self.slots.offsets[row]
            found[place, :, self.context - length :] = buffer[row, :, start : start + length]
        return found

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.context + query_length, 0

    def get_seq_length(self) -> int:
        return self.context

    def get_max_length(self) -> int:
        return self.slots.room
