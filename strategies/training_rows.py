"""Rows of training as token ids, and the states that predict their replies.

Rows that share a prefix read it from one computation, whose gradient is summed over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import pad
from transformers import DynamicCache

from strategies.adapters import InTraining
from strategies.models.decoding import filled_cache, key_values_of
from strategies.models.layout import causal_mask, left_padded, rounded

IGNORED = -100
"""The target of a padded token, as torch's cross-entropy has it."""


@dataclass(frozen=True)
class Item:
    """Token ids of a row: the prefix it shares with others, its own prompt, its reply."""

    prefix: tuple[int, ...]
    own: tuple[int, ...]
    reply: tuple[int, ...]
    example: str = ""

    def __len__(self) -> int:
        return len(self.own) + len(self.reply)

    @property
    def read(self) -> tuple[int, ...]:
        """The tokens behind the prefix that are read: the last of a reply is only predicted."""
        return (*self.own, *self.reply)[:-1]


def tokens_of(batch: Sequence[Item]) -> int:
    """Tokens of rows behind each other, and of the prefix that they share."""
    return len(batch[0].prefix) + sum(len(item) for item in batch)


@dataclass(frozen=True)
class PackedRow:
    """Rows of training in one row: they follow their prefix, blind to each other.

    A token: `ids`, `positions`, and `owners`, the number of the row that it is of, -1 for the
    prefix. A token that is learned: `targets`, and `places`, where the token before it stands.
    """

    ids: list[int]
    owners: list[int]
    positions: list[int]
    places: list[int]
    targets: list[int]

    def padded(self, tokens: int, learned: int) -> PackedRow:
        """The row with so many tokens, of which so many are learned: what is more is of rows of
        its own, and IGNORED."""
        after, rest = tokens - len(self.ids), learned - len(self.targets)
        apart = max(self.owners, default=0) + 1
        return PackedRow(
            self.ids + [0] * after,
            [*self.owners, *range(apart, apart + after)],
            self.positions + [0] * after,
            self.places + [0] * rest,
            self.targets + [IGNORED] * rest,
        )

    def seen(self) -> torch.Tensor:
        """tokens × tokens, True where a token sees another."""
        own = torch.tensor(self.owners)
        return ((own[None] == own[:, None]) | (own[None] < 0)).tril()


def laid_out(batch: Sequence[Item]) -> PackedRow:
    """Rows of one prefix in one row."""
    prefix = batch[0].prefix
    row = PackedRow([*prefix], [-1] * len(prefix), [*range(len(prefix))], [], [])
    for number, item in enumerate(batch):
        row.ids.extend(item.read)
        row.owners.extend([number] * len(item.read))
        row.positions.extend(range(len(prefix), len(prefix) + len(item.read)))
        row.places.extend(range(len(row.ids) - len(item.reply), len(row.ids)))
        row.targets.extend(item.reply)
    return row


def packed_rows(training: InTraining, batch: Sequence[Item]) -> tuple[torch.Tensor, list[int]]:
    """The states that predict the tokens of all replies, learned tokens × width, and those tokens.

    In one row: half as many operations as a pass over the prefix and one over the items, which
    for short items take longer than the scores of items for each other, computed for nothing.
    Padded to few widths, for each of which a matrix library makes kernels of its own.
    """
    network, row = training.network, laid_out(batch)
    device, tokens = network.device, len(row.ids)
    row = row.padded(rounded(tokens), rounded(len(row.targets)))
    seen = row.seen().to(device)
    ids, positions, places = (
        torch.tensor(each, device=device) for each in (row.ids, row.positions, row.places)
    )
    if training.layers is not None:
        if training.frozen is None:
            entering = training.layers.embedded(ids)
        else:
            rows = [item.read for item in batch]
            states = training.frozen.of(training.layers.below, batch[0].prefix, rows)
            entering = pad(states, (0, 0, 0, len(row.ids) - tokens))
        return training.layers.states(entering, seen, positions, places), row.targets
    hidden: torch.Tensor = network.get_decoder()(
        input_ids=ids[None],
        attention_mask=seen[None, None],
        position_ids=positions[None],
        use_cache=False,
    ).last_hidden_state
    return hidden[0, places], row.targets


def padded_rows(training: InTraining, batch: Sequence[Item]) -> tuple[torch.Tensor, list[int]]:
    """As `packed_rows`: the prefix in a pass of its own, then the items as rows of equal width."""
    network = training.network
    device, decoder = network.device, network.get_decoder()
    prefix = batch[0].prefix
    cache = DynamicCache()
    if prefix:
        ids = torch.tensor([prefix], device=device)
        decoder(input_ids=ids, cache=cache, use_cache=True)
    ids, mask, positions = left_padded([item.read for item in batch], 0)
    hidden = decoder(
        input_ids=ids.to(device),
        attention_mask=causal_mask(len(prefix), mask).to(device),
        position_ids=(positions + len(prefix)).to(device),
        cache=filled_cache(key_values_of(cache), len(batch)) if prefix else None,
        use_cache=bool(prefix),
    ).last_hidden_state
    states = [row[-len(item.reply) :] for row, item in zip(hidden, batch, strict=True)]
    return torch.cat(states), [token for item in batch for token in item.reply]
