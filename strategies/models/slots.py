"""Keys and values in buffers of fixed room, from which the latest tokens can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

KeyValues = list[tuple[torch.Tensor, torch.Tensor]]


class SlotsLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer: rows × heads × room × width, of which the first `length` slots are in use.

    The tokens of a row begin at its offset; what lies before is zero, for a softmax weight of
    nothing must not meet what was never written.
    """

    def __init__(self, offsets: Sequence[int], room: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.offsets = tuple(offsets)
        self.room = room
        self.length = 0
        self.keys: Any = None
        self.values: Any = None

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.keys, self.values = (self._room_for(new) for new in (key_states, value_states))
        self.is_initialized = True

    def _room_for(self, new: torch.Tensor) -> torch.Tensor:
        buffer = new.new_empty(len(self.offsets), new.shape[1], self.room, new.shape[3])
        for row, offset in enumerate(self.offsets):
            buffer[row, :, :offset] = 0
        return buffer

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append to every row; returns all keys and values so far, as views of the buffers."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[2]
        self.keys[:, :, self.length : end] = key_states
        self.values[:, :, self.length : end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def write(self, row: int, start: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Put keys and values (heads × tokens × width) into slots of a row from `start` on."""
        if not self.is_initialized:
            self.lazy_initialization(keys[None], values[None])
        end = start + keys.shape[1]
        self.keys[row, :, start:end] = keys
        self.values[row, :, start:end] = values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return self.room


def slots(layers: int, prefix: KeyValues, offsets: Sequence[int], room: int) -> Cache:
    """A cache with a row an offset and `room` slots each, the prefix at the head of every row."""
    cache = Cache(layers=[SlotsLayer(offsets, room) for _ in range(layers)])
    for layer, (keys, values) in zip(layers_of(cache), prefix, strict=False):
        for row, offset in enumerate(offsets):
            layer.write(row, offset, keys[0], values[0])
    return cache


def layers_of(cache: Cache) -> list[Any]:
    """The layers of a cache, which its type does not tell."""
    layers: list[Any] = cache.layers
    return layers


def keep(cache: Cache, length: int) -> None:
    """Hold the first `length` slots to be in use, and those behind them free."""
    for layer in layers_of(cache):
        layer.length = length


def keep_rows(cache: Cache, rows: Sequence[int]) -> None:
    """Let the other rows go."""
    for layer in layers_of(cache):
        layer.offsets = tuple(layer.offsets[row] for row in rows)
        layer.keys, layer.values = layer.keys[list(rows)], layer.values[list(rows)]
