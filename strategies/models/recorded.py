"""Computations recorded as CUDA graphs, and decoding that replays one a token.

A small network decodes in little more than the time it takes to launch its thousands of kernels
one by one. A CUDA graph, recorded once, launches them together. Every tensor in it stays where it
is and as large as it is, so that each step looks at the whole room of the cache, with a mask over
what is not there yet.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from strategies.models.batching import out_of_memory
from strategies.models.slots import KeyValues, layers_of

if TYPE_CHECKING:
    from strategies.models.decoder import Decoder

Result = TypeVar("Result")

FEWEST = 8
"""New tokens from which on recording a step pays: it takes about as long as two of them."""
ROOM = 256
"""The room of one row is a multiple of this, so that its step serves later requests."""
ALIGNED = 8
"""The room of several rows is a multiple of this, which kernels ask for."""


class Unrecordable(RuntimeError):
    """A computation waits for the GPU on its way, as those of some networks do."""


def recorded(
    compute: Callable[[], Result], device: torch.device, pool: Any = None
) -> tuple[torch.cuda.CUDAGraph, Result]:
    """A graph that computes again what `compute` does, from the same tensors into the same ones,
    which are those returned. `pool`: of another graph, where they never run together.

    Raises Unrecordable; what it allows is computed twice before it is recorded.
    """
    with torch.cuda.device(device):
        here, beside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            compute()  # what libraries set up on first use must not be recorded
            with no_waiting():
                compute()  # a recording that fails leaves CUDA unfit for the next one
        here.wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool, stream=beside):
            found = compute()
    return graph, found


@contextmanager
def no_waiting() -> Iterator[None]:
    """Raises Unrecordable where what is inside waits for the GPU."""
    mode = torch.cuda.get_sync_debug_mode()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that not every way to wait is found
            torch.cuda.set_sync_debug_mode("error")
        yield
    except RuntimeError as error:
        if "synchroniz" in str(error):
            raise Unrecordable(str(error)) from error
        raise
    finally:
        torch.cuda.set_sync_debug_mode(mode)


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
        self.graph = recorded(self._compute, device)[0] if device.type == "cuda" else None

    def _room_for(self, like: torch.Tensor) -> torch.Tensor:
        rows, heads, _, width = like.shape
        return like.new_zeros(rows, heads, self.room, width)

    def _compute(self) -> None:
        """Read the tokens of `ids` into the slot `place`; `ids` are then what follows them."""
        self.seen.index_fill_(3, self.place, True)
        # a view: what attention keeps with a mask is of this step alone
        seen = self.seen.view_as(self.seen)
        hidden = self.decoder.states(self.ids, seen, self.positions, self.cache, last=1)
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
    """Records steps for a decoder; those of one row are kept for the next request.

    A model answers one call at a time, and so does what is recorded for it.
    """

    def __init__(
        self, decoder: Decoder, make: Callable[[Decoder, KeyValues, int], Steps] = Steps
    ) -> None:
        self.decoder: Decoder = weakref.proxy(decoder)  # which holds this recorder
        self.able = decoder.device.type == "cuda"
        self._make = make
        self._kept: Steps | None = None

    def steps(self, cache: Cache, room: int) -> Steps | None:
        """Steps for the rows of a cache with at least so much room; None where there are none:
        not on CUDA, the network cannot be recorded, or memory does not hold them beside the
        cache."""
        if not self.able:
            return None
        like = [(layer.keys, layer.values) for layer in layers_of(cache)]
        rows = like[0][0].shape[0]
        room = -(-room // (step := ROOM if rows == 1 else ALIGNED)) * step
        kept, self._kept = self._kept, None
        if kept is None or (kept.rows, kept.room) != (rows, room):
            del kept  # its room first
            try:
                kept = self._make(self.decoder, like, room)
            except Unrecordable:
                self.able = False
                return None
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                return None
        if rows == 1:
            self._kept = kept
        return kept
