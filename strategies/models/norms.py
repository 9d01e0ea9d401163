"""RMS normalisation on CPUs in few passes over memory (Zhang and Sennrich 2019).

The layers of transformers write five wide tensors, most of them in float32, for one: in a small
model that takes a fifth of the time of the matrix products. The result is that of Llama's layer,
rounded at the same places.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

SAME = 0.98
"""Share of equal numbers that tells the same rounding: sums in another order move a few."""


def fuse_norms(network: Any) -> None:
    """Let the normalisations of a network that are of this kind compute as `normed` does."""
    for module in network.modules():
        if type(module).__name__.endswith("RMSNorm") and alike(module):
            module.forward = partial(normed, module)


@torch.no_grad()
def alike(module: Any) -> bool:
    """Whether a layer normalises as `normed` does; others scale by 1 + weight, say."""
    weight = getattr(module, "weight", None)
    if weight is None or getattr(module, "variance_epsilon", None) is None:
        return False
    inputs = torch.linspace(-3, 2, 4 * weight.numel(), dtype=weight.dtype, device=weight.device)
    expected, found = (layer(inputs.view(4, -1)) for layer in (module, partial(normed, module)))
    if not torch.allclose(found, expected, rtol=0.01, atol=1e-6):
        return False
    # in bfloat16 one that rounds elsewhere gives other numbers in many places
    return weight.dtype != torch.bfloat16 or bool((found == expected).float().mean() > SAME)


def normed(module: Any, inputs: torch.Tensor) -> torch.Tensor:
    """weight · inputs / rms(inputs), over the last dimension."""
    out: torch.Tensor = Normed.apply(  # type: ignore[no-untyped-call]
        inputs, module.weight, module.variance_epsilon
    )
    return out


def normal_of(module: Any, inputs: torch.Tensor) -> torch.Tensor:
    """The same where no gradient is needed, in the type of the weight."""
    normal, _ = divided(inputs, module.variance_epsilon)
    return normal.to(module.weight.dtype).mul_(module.weight)


def divided(inputs: torch.Tensor, epsilon: float) -> tuple[torch.Tensor, torch.Tensor]:
    """inputs / rms(inputs) in their type, and 1 / rms(inputs) in float32."""
    length = torch.linalg.vector_norm(inputs, dim=-1, keepdim=True, dtype=torch.float32)
    scale = length.square_().div_(inputs.shape[-1]).add_(epsilon).rsqrt_()
    return torch.mul(inputs, scale).to(inputs.dtype), scale


class Normed(torch.autograd.Function):
    """The normalisation with its gradient for the inputs; that for the weight is not needed, for
    LoRA leaves it frozen."""

    @staticmethod
    def forward(
        ctx: Any, inputs: torch.Tensor, weight: torch.Tensor, epsilon: float
    ) -> torch.Tensor:
        normal, scale = divided(inputs, epsilon)
        ctx.save_for_backward(normal, scale, weight)
        return weight * normal

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        if ctx.needs_input_grad[1]:
            raise RuntimeError("the weight of a fused normalisation cannot be trained")
        return gradient_of(gradients[0], *ctx.saved_tensors), None, None


def gradient_of(
    gradient: torch.Tensor, normal: torch.Tensor, scale: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """The gradient for a normalisation's inputs; `normal` and `scale` as of `divided`."""
    gradient = gradient * weight
    along = (gradient * normal).mean(dim=-1, keepdim=True, dtype=torch.float32)
    across = torch.mul(normal, along).neg_().add_(gradient)
    return across.mul_(scale).to(normal.dtype)
