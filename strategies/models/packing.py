"""Weights laid out once for the matrix kernels of the CPU, which else do so in every product."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any

import torch

from strategies.models.batching import free_memory

SHARE = 0.25
"""Of the free memory, what a second copy of the weights may take."""
ROWS = 1
"""Rows a product mostly has: the layout is chosen for decoding, which waits for the weights. For
the some hundred rows of a training step it is as quick as their own."""


class Packed:
    """A context in which the linear layers of a network use packed weights.

    oneDNN would otherwise lay out the weights anew in every product, which in decoding takes as
    long as the product. Only for bfloat16 on the CPU, only where a second copy of the weights
    fits into memory, and not while adapters are in training. Nothing is differentiable inside.
    """

    def __init__(self, network: Any) -> None:
        self.network = network

    def __enter__(self) -> None:
        for layer, forward in self._forwards:
            layer.forward = forward

    def __exit__(self, *exception: object) -> None:
        for layer, _ in self._forwards:
            del layer.forward

    @property
    def helps(self) -> bool:
        """Whether there are packed weights."""
        return bool(self._forwards)

    @cached_property
    def _forwards(self) -> list[tuple[Any, Any]]:
        if hasattr(self.network, "peft_config") or not packable(self.network):
            return []
        return [
            (layer, partial(product, packed(layer.weight), layer.bias))
            for layer in self.network.modules()
            if type(layer) is torch.nn.Linear
        ]


def packable(network: Any, *, copies: int = 1) -> bool:
    """Whether packed weights help a network, and so many copies fit beside it."""
    weights = list(network.parameters())
    if weights[0].device.type != "cpu" or weights[0].dtype != torch.bfloat16:
        return False
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    size = sum(weight.numel() * weight.itemsize for weight in weights)
    return bool(copies * size < SHARE * free_memory(weights[0].device))


def packed(weight: torch.Tensor) -> torch.Tensor:
    """A weight (out × in) as `product` takes it."""
    with torch.no_grad():
        laid: torch.Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), ROWS)
    return laid


def product(
    laid: torch.Tensor, bias: torch.Tensor | None, inputs: torch.Tensor, *, then: str = "none"
) -> torch.Tensor:
    """A linear layer on a packed weight, and oneDNN's activation `then`."""
    out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(inputs, laid, bias, then, [], "")
    return out


def combined(
    laid: torch.Tensor,
    bias: torch.Tensor | None,
    inputs: torch.Tensor,
    other: torch.Tensor,
    how: str,
) -> torch.Tensor:
    """A linear layer on a packed weight, with `other` added (`add`) or multiplied (`mul`) where
    the product writes its result."""
    out: torch.Tensor = torch.ops.mkldnn._linear_pointwise.binary(inputs, other, laid, bias, how)
    return out
