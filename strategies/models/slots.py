"""Keys and values in buffers of fixed room, from which the latest tokens can be taken back."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

KeyValues = list[tuple[torch.Tensor, torch.Tensor]]


class SlotsLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer: rows × heads × room × width, of which the first `length` slots are in use."""

    def __init__(self, room: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.room = room
        self.length = 0
        self.keys: Any = None
        self.values: Any = None

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        rows, heads, _, width = key_states.shape
        self.keys = key_states.new_empty(rows, heads, self.room, width)
        self.values = value_states.new_empty(rows, heads, self.room, value_states.shape[3])
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append; returns all keys and values so far, as views of the buffers."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[2]
        self.keys[:, :, self.length : end] = key_states
        self.values[:, :, self.length : end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return self.room


def slots(layers: int, prefix: KeyValues, rows: int, room: int) -> Cache:
    """A cache of `rows` rows with `room` slots, the first of which hold the prefix."""
    cache = Cache(layers=[SlotsLayer(room) for _ in range(layers)])
    for number, (keys, values) in enumerate(prefix):
        cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), number)
    return cache


def keep(cache: Cache, length: int) -> None:
    """Give the slots from `length` on back."""
    layers: list[Any] = cache.layers
    for layer in layers:
        layer.length = length
