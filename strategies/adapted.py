"""A frozen linear layer and its LoRA adapter in one step, forward and backward.

LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import linear

from strategies.models.packing import combined, packed, product


class Adapted:
    """A LoRA layer of PEFT without dropout and with one adapter, as a function of its inputs.

    `adapter`: A (rank × in) and B (out × rank). `pack`: the frozen weights are laid out for
    products in both directions.
    """

    def __init__(self, layer: Any, *, pack: bool) -> None:
        frozen, (name,) = layer.base_layer, layer.active_adapters
        self.adapter = layer.lora_A[name].weight, layer.lora_B[name].weight
        self.scaling: float = layer.scaling[name]
        self.weight, self.bias = frozen.weight, frozen.bias
        self.there = packed(frozen.weight) if pack else None
        self.back = packed(frozen.weight.t().contiguous()) if pack else None

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """x W' + b + scaling · x A' B', differentiable."""
        out: torch.Tensor = AdaptedFunction.apply(  # type: ignore[no-untyped-call]
            inputs, self, *self.adapter
        )
        return out

    def forward(
        self, inputs: torch.Tensor, a: torch.Tensor, b: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The result for tokens × in, and scaling · x A', which the gradient needs.

        The product of low rank is scaled while it is narrow and added in place, where separate
        layers write, scale and add tensors as wide as the output.
        """
        low = linear(inputs, a).mul_(self.scaling)
        if self.there is None:
            out = linear(inputs, self.weight, self.bias)
        else:
            out = product(self.there, self.bias, inputs)
        return out.addmm_(low, b.t()), low

    def backward(
        self,
        gradient: torch.Tensor,
        inputs: torch.Tensor,
        low: torch.Tensor,
        a: torch.Tensor,
        b: torch.Tensor,
        *,
        onto: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Gradients for the inputs, with `onto` added, A and B."""
        narrow = (gradient @ b).mul_(self.scaling)
        for_inputs = self._to_inputs(gradient, onto).addmm_(narrow, a)
        return for_inputs, *adapter_gradients(gradient, inputs, low, narrow)

    def backward_to_adapter(
        self,
        gradient: torch.Tensor,
        inputs: torch.Tensor,
        low: torch.Tensor,
        a: torch.Tensor,
        b: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Gradients for A and B alone."""
        return adapter_gradients(gradient, inputs, low, (gradient @ b).mul_(self.scaling))

    def _to_inputs(self, gradient: torch.Tensor, onto: torch.Tensor | None) -> torch.Tensor:
        """gradient (tokens × out) W + onto"""
        if self.back is None:
            found: torch.Tensor = gradient @ self.weight
            return found if onto is None else found.add_(onto)
        if onto is None:
            return product(self.back, None, gradient)
        return combined(self.back, None, gradient, onto, "add")


def adapter_gradients(
    gradient: torch.Tensor, inputs: torch.Tensor, low: torch.Tensor, narrow: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients for A and B; `narrow` is scaling · gradient · B."""
    # (low' gradient)' in place of gradient' low: a product with few rows is twice as quick
    return narrow.t() @ inputs, (low.t() @ gradient).t()


class AdaptedFunction(torch.autograd.Function):
    """`Adapted` as torch differentiates it."""

    @staticmethod
    def forward(
        ctx: Any, inputs: torch.Tensor, adapted: Adapted, a: torch.Tensor, b: torch.Tensor
    ) -> torch.Tensor:
        flat = inputs.reshape(-1, inputs.shape[-1])
        out, low = adapted.forward(flat, a, b)
        ctx.save_for_backward(flat, low, a, b)
        ctx.adapted = adapted
        return out.view(*inputs.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = gradients
        flat = gradient.reshape(-1, gradient.shape[-1])
        if not ctx.needs_input_grad[0]:
            return None, None, *ctx.adapted.backward_to_adapter(flat, *ctx.saved_tensors)
        inputs, a, b = ctx.adapted.backward(flat, *ctx.saved_tensors)
        return inputs.view(*gradient.shape[:-1], -1), None, a, b
