"""What layers without adapters give out, computed once for all epochs and trainings.

Where adapters sit in the upper layers only, the states that enter the lowest of them depend on the
frozen weights and the token ids alone: not on the seed, the rank or the learning rate. They are
computed as serving computes them (residual sums in float32) and kept in the network's type, in
which training goes on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import torch
from transformers import DynamicCache

from strategies.models.batching import free_memory, halving, token_budget
from strategies.models.decoding import filled_cache, key_values_of
from strategies.models.fused import FusedDecoder
from strategies.models.layout import causal_mask, left_padded, little_padded

SHARE = 0.2
"""Of the memory that is free beside them, what the kept states may take."""
ROWS = 48
"""Rows that are computed together."""

Tokens = tuple[int, ...]
Key = tuple[int, Tokens, Tokens]
"""How many layers, the prefix, and the tokens behind it; none: the prefix itself."""
PREFIX: Tokens = ()


class FrozenStates:
    """States of rows behind the first layers of a network, whose weights must not change.

    Only `fill` keeps: a row that found no room is computed anew each time it is asked for, which
    drops none that will be asked for again in the same epoch.
    """

    def __init__(self, decoder: FusedDecoder) -> None:
        self.decoder = decoder
        self._kept: OrderedDict[Key, torch.Tensor] = OrderedDict()

    @property
    def bytes(self) -> int:
        """What the kept states take."""
        return sum(states.nbytes for states in self._kept.values())

    def fill(self, layers: int, rows: Sequence[tuple[Tokens, Tokens]]) -> None:
        """Compute and keep what `of` will be asked for: rows, each with the prefix before it.

        States that are not of these rows make room, the least recently used first; where there is
        none left, the rest of the rows are not kept.
        """
        by_prefix: dict[Tokens, dict[Tokens, None]] = {}
        for prefix, row in rows:
            by_prefix.setdefault(prefix, {PREFIX: None} if prefix else {})[row] = None
        needed = {(layers, prefix, row) for prefix, own in by_prefix.items() for row in own}
        for key in [key for key in self._kept if key in needed]:
            self._kept.move_to_end(key)
        limit = int(SHARE * (free_memory(self.decoder.device) + self.bytes))
        for prefix, own in by_prefix.items():
            missing = [row for row in own if (layers, prefix, row) not in self._kept]
            sizes, most = [len(row) for row in missing], token_budget(self.decoder.network)
            batches = [
                [missing[place] for place in places]
                for places in little_padded(sizes, max_tokens=most, max_rows=ROWS)
            ]
            for _, found in halving(batches, partial(self._compute, layers, prefix)):
                # a row that memory does not hold comes with None; training says so when it is read
                if found is not None and not self._keep(found, needed, limit):
                    return

    def of(self, layers: int, prefix: Tokens, rows: Sequence[Tokens]) -> torch.Tensor:
        """States of the prefix and, behind each other, of rows that follow it: tokens × width."""
        asked = [PREFIX, *rows] if prefix else rows
        missing = [row for row in asked if (layers, prefix, row) not in self._kept]
        found = self._compute(layers, prefix, missing) if missing else {}
        keys = [(layers, prefix, row) for row in asked]
        return torch.cat([found[key] if key in found else self._kept[key] for key in keys])

    def _keep(self, found: Mapping[Key, torch.Tensor], needed: Collection[Key], limit: int) -> bool:
        """Whether all of them had room within `limit` bytes."""
        taken = self.bytes
        for key, states in found.items():
            if key in self._kept:  # a prefix that was read again for more of its rows
                continue
            while taken + states.nbytes > limit:
                oldest = next(iter(self._kept), None)
                if oldest is None or oldest in needed:
                    return False
                taken -= self._kept.pop(oldest).nbytes
            self._kept[key] = states
            taken += states.nbytes
        return True

    @torch.no_grad()
    def _compute(
        self, layers: int, prefix: Tokens, rows: Sequence[Tokens]
    ) -> dict[Key, torch.Tensor]:
        """States of the prefix, read once, and of the rows behind it, padded to one width."""
        found: dict[Key, torch.Tensor] = {}
        cache = DynamicCache()
        if prefix:
            (found[layers, prefix, PREFIX],) = self._read(layers, [prefix], 0, cache)
        own = [row for row in rows if row]
        if own:
            before = filled_cache(key_values_of(cache), len(own)) if prefix else None
            states = self._read(layers, own, len(prefix), before)
            found.update(
                {(layers, prefix, row): each for row, each in zip(own, states, strict=True)}
            )
        return found

    def _read(
        self, layers: int, rows: Sequence[Tokens], start: int, cache: DynamicCache | None
    ) -> list[torch.Tensor]:
        """For each row tokens × width; `start` tokens stand before it, in the cache."""
        kept = cache is not None and not start  # what is kept of a prefix must not be padded
        ids, mask, positions = left_padded(rows, 0, exact=kept)
        hidden = self.decoder.lower(
            layers, ids, causal_mask(start, mask), positions + start, cache, last=ids.shape[1]
        )
        kind = self.decoder.network.dtype
        # copies: a part of the padded tensor would keep all of it
        return [
            states[-len(row) :].to(kind, copy=True)
            for row, states in zip(rows, hidden, strict=True)
        ]
