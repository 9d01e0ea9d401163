"""A frozen linear layer and its LoRA adapter in one step, forward and backward.

LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import linear

from strategies.models.packing import combined, packed, product


class Adapted:
    """The frozen weights of a LoRA layer without dropout, laid out for products in both
    directions, and its one adapter, looked up anew each time."""

    def __init__(self, layer: Any, *, pack: bool) -> None:
        frozen = layer.base_layer
        self.layer = layer
        self.weight, self.bias = frozen.weight, frozen.bias
        self.there = packed(frozen.weight) if pack else None
        self.back = packed(frozen.weight.t().contiguous()) if pack else None

    @property
    def adapter(self) -> tuple[torch.Tensor, torch.Tensor]:
        """A (rank × in) and B (out × rank)."""
        (name,) = self.layer.active_adapters
        return self.layer.lora_A[name].weight, self.layer.lora_B[name].weight

    @property
    def scaling(self) -> float:
        (name,) = self.layer.active_adapters
        factor: float = self.layer.scaling[name]
        return factor

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """x W' + b + scaling · x A' B', differentiable."""
        out: torch.Tensor = Step.apply(inputs, self, *self.adapter)  # type: ignore[no-untyped-call]
        return out

    def forward(
        self, flat: torch.Tensor, down: torch.Tensor, up: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The result for tokens × in, and scaling · x A', which the gradient needs.

        The product of low rank is scaled while it is narrow and added in place, where separate
        layers write, scale and add tensors as wide as the output.
        """
        low = linear(flat, down).mul_(self.scaling)
        if self.there is None:
            out = linear(flat, self.weight, self.bias)
        else:
            out = product(self.there, self.bias, flat)
        return out.addmm_(low, up.t()), low

    def backward(
        self,
        wide: torch.Tensor,
        flat: torch.Tensor,
        low: torch.Tensor,
        *,
        onto: torch.Tensor | None = None,
        to_inputs: bool = True,
    ) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor]:
        """Gradients for the inputs, A and B; `wide` is that of the result, `onto` is added to that
        for the inputs."""
        down, up = self.adapter
        narrow = (wide @ up).mul_(self.scaling)
        inputs = None
        if to_inputs:
            inputs = self._to_inputs(wide, onto).addmm_(narrow, down)
        # (low' wide)' in place of wide' low: a product with few rows is twice as quick
        return inputs, narrow.t() @ flat, (low.t() @ wide).t()

    def _to_inputs(self, gradient: torch.Tensor, onto: torch.Tensor | None) -> torch.Tensor:
        """gradient (tokens × out) W + onto"""
        if self.back is None:
            inputs = gradient @ self.weight
            return inputs if onto is None else inputs.add_(onto)
        if onto is None:
            return product(self.back, None, gradient)
        return combined(self.back, None, gradient, onto, "add")


class Step(torch.autograd.Function):
    """`Adapted` as torch differentiates it."""

    @staticmethod
    def forward(
        ctx: Any, inputs: torch.Tensor, adapted: Adapted, down: torch.Tensor, up: torch.Tensor
    ) -> torch.Tensor:
        flat = inputs.reshape(-1, inputs.shape[-1])
        out, low = adapted.forward(flat, down, up)
        ctx.save_for_backward(flat, low)
        ctx.adapted = adapted
        return out.view(*inputs.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = gradients
        wide = gradient.reshape(-1, gradient.shape[-1])
        wanted = ctx.needs_input_grad[0]
        inputs, down, up = ctx.adapted.backward(wide, *ctx.saved_tensors, to_inputs=wanted)
        if inputs is not None:
            inputs = inputs.view(*gradient.shape[:-1], -1)
        return inputs, None, down, up
