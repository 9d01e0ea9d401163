"""Batches that fit the memory at hand, and are halved where the guess was wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import torch

from strategies.models.account import account

MOST_TOKENS = {"cpu": 4096, "cuda": 32_768}
MOST_KEPT = {"cpu": 32_768, "cuda": 262_144}
MOST_ROWS = {"cpu": 48, "cuda": 256}
"""A GPU has room and waits for launches: more at once costs it little more time."""
SHARE = 0.3
"""Of the free memory, what the tensors of one batch may take by the estimate."""
WIDE_TENSORS = 16
"""Tensors as wide as the widest layer that are alive at once in a forward pass, about."""

SIGNS = (
    *("DefaultCPUAllocator", "can't allocate memory", "CUDA error: out of memory"),
    *("CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"),
)
"""Of memory that ran out, in errors that torch has no class for: of the CPU, the driver of a GPU
(which other processes may share) and the libraries that compute on it."""

Row = TypeVar("Row")
Result = TypeVar("Result")


def token_budget(network: Any) -> int:
    """Padded tokens that one batch may hold: 1 to the MOST_TOKENS of the device.

    Counted a token: keys and values of every layer, and the activations of one layer.
    """
    config = network.config.get_text_config()
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    each = (kept_numbers(config) + WIDE_TENSORS * inner) * network.dtype.itemsize
    return max(
        1, min(most(MOST_TOKENS, network.device), int(SHARE * free_memory(network.device) / each))
    )


def kept_budget(network: Any) -> int:
    """Tokens whose keys and values may be kept at once: 1 to the MOST_KEPT of the device."""
    each = kept_numbers(network.config.get_text_config()) * network.dtype.itemsize
    return max(
        1, min(most(MOST_KEPT, network.device), int(SHARE * free_memory(network.device) / each))
    )


def row_budget(network: Any, tokens: int = 1) -> int:
    """Rows of so many tokens each, their prefix included, that one batch may hold: at least 1."""
    return max(1, min(most(MOST_ROWS, network.device), kept_budget(network) // tokens))


def most(bounds: Mapping[str, int], device: torch.device) -> int:
    return bounds.get(device.type, bounds["cpu"])


def kept_numbers(config: Any) -> int:
    """Numbers in the keys and values of one token, all layers together."""
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    shared = getattr(config, "num_key_value_heads", None) or heads
    return int(2 * config.num_hidden_layers * shared * width)


def free_memory(device: torch.device) -> int:
    """Bytes that can still be had on a device."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    import psutil

    return int(psutil.virtual_memory().available)


def halving(
    batches: Iterable[Sequence[Row]], compute: Callable[[Sequence[Row]], Result]
) -> Iterator[tuple[Sequence[Row], Result | None]]:
    """Each batch with its result; one that memory cannot hold is computed in two halves.

    A single row that does not fit comes with None. Order: that of `batches`. Raises what the
    account raises to end the work.
    """
    waiting, check = list(batches)[::-1], account().check
    while waiting:
        check()
        batch = waiting.pop()
        try:
            result = compute(batch)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        else:
            yield batch, result
            continue
        # outside of the handler: the error holds the tensors of the failed attempt
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(batch) == 1:
            yield batch, None
            continue
        middle = len(batch) // 2
        waiting += [batch[middle:], batch[:middle]]


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, on CUDA or on the CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(sign in str(error) for sign in SIGNS)
