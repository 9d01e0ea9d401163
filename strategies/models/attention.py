"""Attention of several queries on CPUs: blocks of queries, none of the keys that no one sees.

The fused kernel of torch computes masked scores only to drop them, and its backward pass is
several times slower than the matrix products it stands for. Here each block of queries meets
the keys up to the last one that its mask shows, grouped heads share one product, and rows go
together while their scores stay small. A few queries (decoding) go to the fused kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "blocked"
BLOCK = 256
FEW = 8
"""Queries a row that are quicker in the fused kernel."""
KEPT = "_biases"
SCORES = 2_000_000
"""Scores that are held at once, about: they should stay near the caches of a core."""


def use_blocks(network: Any) -> None:
    """Let a network that would use the fused kernel of torch use blocks instead."""
    if network.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, attend)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        network.set_attn_implementation(NAME)


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it.

    query: rows × heads × tokens × width; key and value: rows × key heads × keys × width, heads a
    multiple of key heads; mask: rows × 1 × tokens × keys, True where a key is seen. Returns
    rows × tokens × heads × width. What it does not handle goes to the fused kernel.
    """
    tokens, keys = query.shape[2], key.shape[2]
    causal = attention_mask is None and tokens == keys and others.get("is_causal") is not False
    if causal:
        seen = torch.ones(tokens, keys, dtype=torch.bool, device=query.device).tril()
        attention_mask = seen[None, None]
    plain = dropout == 0.0 and not any(others.get(name) for name in ("softcap", "cache"))
    plain = plain and others.get("position_bias") is None
    if not plain or attention_mask is None or attention_mask.dtype != torch.bool:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, **others
        )
    scaling = scaling if scaling is not None else query.shape[3] ** -0.5
    return attention(query, key, value, attention_mask, scaling), None


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    scaling: float,
) -> torch.Tensor:
    """softmax(scaling · query · key) · value over the keys that each query sees; shapes as in
    `attend`."""
    if query.shape[2] <= FEW:
        return few(query, key, value, mask, scaling)
    query = query * scaling
    out = [
        block_of(query[:, :, start : start + bias.shape[2]], key, value, bias)
        for start, bias in biases(mask, query.dtype)
    ]
    return torch.cat(out, dim=2).transpose(1, 2).contiguous()


def few(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    scaling: float,
) -> torch.Tensor:
    """Few queries a row, as in decoding: the fused kernel, with the heads that share a key head as
    so many queries of that head, so that no key is copied for each of them."""
    rows, heads, tokens, width = query.shape
    shared = key.shape[1]
    bias = kept_with(
        mask,
        (query.dtype, heads // shared),
        lambda: bias_of_few(
            mask.expand(rows, 1, tokens, key.shape[2]), query.dtype, heads // shared
        ),
    )
    out = torch.nn.functional.scaled_dot_product_attention(
        query.reshape(rows, shared, -1, width), key, value, attn_mask=bias, scale=scaling
    )
    return out.view(rows, heads, tokens, -1).transpose(1, 2).contiguous()


def bias_of_few(mask: torch.Tensor, dtype: torch.dtype, groups: int) -> torch.Tensor | None:
    """What the scores of few queries have added, once for each head of a group; None where every
    key is seen."""
    return None if bool(mask.all()) else bias_of(mask, dtype).repeat(1, 1, groups, 1)


def biases(mask: torch.Tensor, dtype: torch.dtype) -> list[tuple[int, torch.Tensor]]:
    """For each block of queries its first query and what its scores have added: 0 where a key is
    seen, else -inf; up to the last key that the block sees."""
    made: list[tuple[int, torch.Tensor]] = kept_with(
        mask,
        dtype,
        lambda: [
            (start, bias_of(seen[:, :, :, : last_seen(seen)], dtype))
            for start in range(0, mask.shape[2], BLOCK)
            for seen in [mask[:, :, start : start + BLOCK]]
        ],
    )
    return made


def kept_with(mask: torch.Tensor, key: Any, make: Callable[[], Any]) -> Any:
    """What is made of a mask, made once: where one is handed to a network, all of its layers are
    handed it."""
    kept: dict[Any, Any] = vars(mask).setdefault(KEPT, {})
    if key not in kept:
        kept[key] = make()
    return kept[key]


def last_seen(mask: torch.Tensor) -> int:
    """How many keys there are up to the last that any query sees; on CUDA all of them, for to ask
    would be to wait."""
    if mask.is_cuda:
        return mask.shape[3]
    return int(mask.reshape(-1, mask.shape[3]).any(0).nonzero()[-1]) + 1


def bias_of(seen: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """0 where a key is seen, else -inf."""
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, -torch.inf)


def block_of(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """One block of scaled queries; shapes as in `attend`, but the heads come before the tokens."""
    rows, heads, tokens, _ = query.shape
    keys = bias.shape[3]
    bias = bias.expand(rows, 1, tokens, keys)
    together = max(1, SCORES // (heads * tokens * keys))
    parts = [
        weighted(
            query[first : first + together],
            key[first : first + together, :, :keys],
            value[first : first + together, :, :keys],
            bias[first : first + together],
        )
        for first in range(0, rows, together)
    ]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def weighted(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """softmax(query · key + bias) · value, one product for all heads that share a key head."""
    rows, heads, tokens, width = query.shape
    shared = key.shape[1]
    grouped = query.reshape(rows, shared, -1, width)
    scores = grouped @ key.transpose(2, 3)
    scores.view(rows, heads, tokens, -1).add_(bias)
    return (scores.softmax(dim=-1) @ value).view(rows, heads, tokens, -1)
