"""LoRA layers around a local model while it is trained, and the optimiser of their weights.

LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import linear

from strategies.models.local import LocalModel, without_notices
from strategies.models.packing import packable, packed, product


class wrapped:
    """LoRA layers around every linear layer of the blocks while the context is open."""

    def __init__(self, model: LocalModel, *, rank: int, alpha: int, seed: int) -> None:
        self.model, self.rank, self.alpha, self.seed = model, rank, alpha, seed

    def __enter__(self) -> tuple[Any, LocalModel]:
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            target_modules="all-linear",
            lora_dropout=0.0,
            bias="none",
            task_type="CAUSAL_LM",
        )
        with torch.random.fork_rng(devices=[]), without_notices():
            torch.manual_seed(self.seed)
            self.peft: Any = get_peft_model(
                self.model.network, config, autocast_adapter_dtype=False
            )
        self.peft.to(self.model.network.dtype)
        fuse(self.peft)
        return self.peft, self.model.variant(self.peft, f"in training {self.seed}")

    def __exit__(self, *exception: object) -> None:
        self.peft.unload()
        self.model.network.requires_grad_(False).eval()


def fuse(network: Any) -> None:
    """Let the plain LoRA layers of a PEFT network compute as `Adapted` does, where it pays with
    their frozen weights laid out for products in both directions."""
    from peft.tuners.lora import Linear

    pack = packable(network, copies=2)
    for module in network.modules():
        if isinstance(module, Linear) and type(module.base_layer) is torch.nn.Linear:
            frozen = Frozen(module.base_layer, pack=pack)
            module.forward = partial(adapted, module, frozen)  # type: ignore[method-assign]


class Frozen:
    """The products of a frozen linear layer."""

    def __init__(self, layer: torch.nn.Linear, *, pack: bool) -> None:
        self.weight, self.bias = layer.weight, layer.bias
        self.there = packed(layer.weight) if pack else None
        self.back = packed(layer.weight.t().contiguous()) if pack else None

    def of(self, inputs: torch.Tensor) -> torch.Tensor:
        """inputs (tokens × in) W' + b"""
        if self.there is None:
            return linear(inputs, self.weight, self.bias)
        return product(self.there, self.bias, inputs)

    def to_inputs(self, gradient: torch.Tensor) -> torch.Tensor:
        """gradient (tokens × out) W"""
        if self.back is None:
            return gradient @ self.weight
        return product(self.back, None, gradient)


def adapted(layer: Any, frozen: Frozen, inputs: torch.Tensor) -> torch.Tensor:
    """What a LoRA layer without dropout gives: x W' + b + scaling · x A' B'."""
    (name,) = layer.active_adapters
    out: torch.Tensor = Adapted.apply(  # type: ignore[no-untyped-call]
        inputs,
        frozen,
        layer.lora_A[name].weight,
        layer.lora_B[name].weight,
        layer.scaling[name],
    )
    return out


class Adapted(torch.autograd.Function):
    """A frozen linear layer and its adapter in one step.

    The product of low rank is scaled while it is narrow and added in place, where separate
    layers write, scale and add tensors as wide as the output.
    """

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        frozen: Frozen,
        down: torch.Tensor,
        up: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        flat = inputs.reshape(-1, inputs.shape[-1])
        low = linear(flat, down).mul_(scaling)
        out = frozen.of(flat).addmm_(low, up.t())
        ctx.save_for_backward(flat, low, down, up)
        ctx.frozen, ctx.scaling = frozen, scaling
        return out.view(*inputs.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat, low, down, up = ctx.saved_tensors
        (gradient,) = gradients
        wide = gradient.reshape(-1, gradient.shape[-1])
        narrow = (wide @ up).mul_(ctx.scaling)
        to_inputs = None
        if ctx.needs_input_grad[0]:
            to_inputs = ctx.frozen.to_inputs(wide).addmm_(narrow, down)
            to_inputs = to_inputs.view(*gradient.shape[:-1], -1)
        # (low' wide)' in place of wide' low: a product with few rows is twice as quick
        return to_inputs, None, narrow.t() @ flat, (low.t() @ wide).t(), None


class MasterAdam:
    """AdamW on float32 masters of the trainable weights, copied back after every step.

    The masters are views of one flat tensor, so that a step is a few operations on it.
    """

    def __init__(self, network: Any, learning_rate: float) -> None:
        self.weights = {n: w for n, w in network.named_parameters() if w.requires_grad}
        trained = list(self.weights.values())
        self.flat = flat_of([weight.detach() for weight in trained])
        parts = torch.split(self.flat, [weight.numel() for weight in trained])
        self.masters = {
            name: part.view(weight.shape)
            for (name, weight), part in zip(self.weights.items(), parts, strict=True)
        }
        self.optimiser = torch.optim.AdamW(
            [self.flat], lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True
        )

    def rate(self, learning_rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate

    def step(self) -> None:
        trained = list(self.weights.values())
        self.flat.grad = flat_of([weight.grad for weight in trained])
        for weight in trained:
            weight.grad = None
        torch.nn.utils.clip_grad_norm_([self.flat], 1.0)
        self.optimiser.step()
        with torch.no_grad():
            torch._foreach_copy_(trained, list(self.masters.values()))

    def save(self, network: Any, folder: Path) -> None:
        """Write the float32 masters as a PEFT adapter (safetensors) into `folder`."""
        masters = {name: master.clone() for name, master in self.masters.items()}
        network.save_pretrained(
            str(folder),
            state_dict={**network.state_dict(), **masters},
            save_embedding_layers=False,  # never tuned; to make sure, peft would ask the hub
        )


def flat_of(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """All numbers behind each other, in float32."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors]).float()
