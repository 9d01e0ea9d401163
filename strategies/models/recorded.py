"""CUDA graphs: all kernels of a computation launched at once; decoding with a graph a token.

A small network decodes in little more than the time it takes to launch its thousands of kernels
one by one. A CUDA graph, recorded once, launches them together. Every tensor in it stays where it
is and as large as it is, so that each step looks at the whole room of the cache, with a mask over
what is not there yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from strategies.models.batching import out_of_memory
from strategies.models.slots import KeyValues, layers_of

if TYPE_CHECKING:
    from strategies.models.decoder import Decoder

Result = TypeVar("Result")

ROOM = 256
"""The room of a recorded step is a multiple of this, so that one serves many batches."""


def recorded(
    compute: Callable[[], Result], pool: Any = None
) -> tuple[torch.cuda.CUDAGraph, Result]:
    """A graph that computes again what `compute` does, from the same tensors into the same ones,
    which are those returned. `pool`: of another graph, where they never run together.

    Raises RuntimeError where `compute` waits for the GPU on its way.
    """
    here = torch.cuda.current_stream()
    beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    beside.wait_stream(here)
    with torch.cuda.stream(beside):
        compute()  # what libraries set up on first use must not be recorded
    here.wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool):
        found = compute()
    return graph, found


class RoomLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer of keys and values, rows × heads × room × width, all of which is given out.

    What is new goes to the slot `place`, a tensor of one number.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, place: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.keys: Any = keys
        self.values: Any = values
        self.place = place
        self.is_initialized = True

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.keys.index_copy_(2, self.place, key_states)
        self.values.index_copy_(2, self.place, value_states)
        return self.keys, self.values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.keys.shape[2], 0

    def get_seq_length(self) -> int:
        return int(self.keys.shape[2])

    def get_max_length(self) -> int:
        return int(self.keys.shape[2])


class Steps:
    """Greedy decoding of so many rows in so much room, a step at a time.

    Recorded on CUDA; elsewhere each step is computed as it is, which is only of use in tests.
    """

    def __init__(self, decoder: Decoder, like: KeyValues, room: int) -> None:
        """`like`: keys and values of each layer, rows × heads × any × width."""
        self.decoder = decoder
        rows, device = like[0][0].shape[0], decoder.device
        self.rows, self.room = rows, room
        self.ids = torch.zeros(rows, 1, dtype=torch.long, device=device)
        self.positions = torch.zeros_like(self.ids)
        self.place = torch.zeros(1, dtype=torch.long, device=device)
        self.seen = torch.zeros(rows, 1, 1, room, dtype=torch.bool, device=device)
        self.cache = Cache(
            layers=[
                RoomLayer(self._room_for(keys), self._room_for(values), self.place)
                for keys, values in like
            ]
        )
        self.graph = recorded(self._compute)[0] if device.type == "cuda" else None

    def _room_for(self, like: torch.Tensor) -> torch.Tensor:
        rows, heads, _, width = like.shape
        return like.new_zeros(rows, heads, self.room, width)

    def _compute(self) -> None:
        """Read the tokens of `ids` into the slot `place`; `ids` are then what follows them."""
        self.seen.index_fill_(3, self.place, True)
        hidden = self.decoder.states(self.ids, self.seen, self.positions, self.cache, last=1)
        self.ids.copy_(self.decoder.logits(hidden[:, 0]).argmax(dim=-1, keepdim=True))
        self.place += 1
        self.positions += 1

    def begin(self, cache: Cache, offsets: Sequence[int], end: int, tokens: Sequence[int]) -> None:
        """Take over from a cache whose rows stand in the slots from their offset up to `end`, and
        whose followers are `tokens`."""
        for mine, other in zip(layers_of(self.cache), layers_of(cache), strict=True):
            mine.keys[:, :, :end] = other.keys[:, :, :end]
            mine.values[:, :, :end] = other.values[:, :, :end]
        device = self.ids.device
        begins = torch.tensor(offsets, device=device)[:, None]
        slots = torch.arange(self.room, device=device)[None]
        self.seen.copy_(((slots >= begins) & (slots < end))[:, None, None])
        self.positions.copy_(end - begins)
        self.place.fill_(end)
        self.ids.copy_(torch.tensor(tokens, device=device)[:, None])

    def next(self) -> list[int]:
        """The token that follows in each row."""
        if self.graph is None:
            self._compute()
        else:
            self.graph.replay()
        found: list[int] = self.ids[:, 0].tolist()
        return found


class Recorder:
    """Records steps for a decoder and keeps the latest, which the next batch may fit."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.able = decoder.device.type == "cuda"
        self._kept: Steps | None = None

    def steps(self, cache: Cache, room: int) -> Steps | None:
        """Steps for the rows of a cache with at least so much room; None where there are none:
        not on CUDA, or the network cannot be recorded."""
        if not self.able:
            return None
        like = [(layer.keys, layer.values) for layer in layers_of(cache)]
        rows, room = like[0][0].shape[0], -(-room // ROOM) * ROOM
        kept, self._kept = self._kept, None
        if kept is None or (kept.rows, kept.room) != (rows, room):
            del kept  # its room first
            try:
                kept = Steps(self.decoder, like, room)
            except RuntimeError as error:
                if out_of_memory(error):
                    raise
                self.able = False  # it asks the GPU something on its way, as some kinds do
                return None
        self._kept = kept
        return kept
