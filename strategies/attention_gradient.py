"""Attention of one row in blocks of queries, with its gradient written out."""

from __future__ import annotations

import torch

from strategies.models.attention import biases


class Attention:
    """softmax(scaling · query · key) · value over the keys that each query sees.

    query: queries × heads × width; key and value: keys × key heads × width; mask: 1 × 1 ×
    queries × keys, True where a key is seen. Blocks are those of `strategies.models.attention`.
    """

    def __init__(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor,
        scaling: float,
    ) -> None:
        self.shape, self.scaling = query.shape, scaling
        self.key_heads = key.shape[1]
        self.query = self._grouped(query).mul_(scaling)
        self.key = key.transpose(0, 1).contiguous()
        self.value = value.transpose(0, 1).contiguous()
        self.biases = biases(mask, query.dtype)

    def forward(self) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """queries × (heads · width), and the softmax of each block."""
        found = torch.empty_like(self.query)
        kept = []
        for start, bias in self.biases:
            _, _, queries, keys = bias.shape
            scores = self._block(self.query, start, queries) @ self.key[:, :keys].transpose(1, 2)
            scores.view(self.key_heads, -1, queries, keys).add_(bias)
            shares = scores.softmax(dim=-1)
            kept.append(shares)
            self._put(found, start, queries, shares @ self.value[:, :keys])
        return found.permute(2, 0, 1, 3).reshape(self.shape[0], -1), kept

    def backward(
        self, gradient: torch.Tensor, kept: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Gradients for query, key and value, in their shapes, of what `forward` returned."""
        grouped = self._grouped(gradient.view(self.shape))
        for_query = torch.empty_like(self.query)
        for_key, for_value = torch.zeros_like(self.key), torch.zeros_like(self.value)
        for (start, bias), shares in zip(self.biases, kept, strict=True):
            _, _, queries, keys = bias.shape
            block = self._block(self.query, start, queries)
            given = self._block(grouped, start, queries)
            for_value[:, :keys].baddbmm_(shares.transpose(1, 2), given)
            for_shares = given @ self.value[:, :keys].transpose(1, 2)
            for_scores = torch._softmax_backward_data(for_shares, shares, -1, shares.dtype)
            self._put(for_query, start, queries, for_scores @ self.key[:, :keys])
            for_key[:, :keys].baddbmm_(for_scores.transpose(1, 2), block)
        queries_first = for_query.mul_(self.scaling).permute(2, 0, 1, 3).reshape(self.shape)
        return queries_first, for_key.transpose(0, 1), for_value.transpose(0, 1)

    def _grouped(self, heads: torch.Tensor) -> torch.Tensor:
        """key heads × heads of a key head × queries × width, of queries × heads × width"""
        queries, _, width = heads.shape
        grouped = heads.view(queries, self.key_heads, -1, width).permute(1, 2, 0, 3)
        return grouped.clone(memory_format=torch.contiguous_format)

    def _block(self, grouped: torch.Tensor, start: int, queries: int) -> torch.Tensor:
        """key heads × (heads of a key head · queries of the block) × width"""
        return grouped[:, :, start : start + queries].reshape(self.key_heads, -1, self.shape[2])

    def _put(self, grouped: torch.Tensor, start: int, queries: int, block: torch.Tensor) -> None:
        """Write what `_block` would read."""
        parts = block.view(self.key_heads, -1, queries, self.shape[2])
        grouped[:, :, start : start + queries] = parts
