"""LoRA layers around a local model while it is trained, and the optimiser of their weights.

LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import linear

from strategies.models.local import LocalModel, without_notices


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
    """Let the plain LoRA layers of a PEFT network compute as `Adapted` does."""
    from peft.tuners.lora import Linear

    for module in network.modules():
        if isinstance(module, Linear) and type(module.base_layer) is torch.nn.Linear:
            module.forward = partial(adapted, module)  # type: ignore[method-assign]


def adapted(layer: Any, inputs: torch.Tensor) -> torch.Tensor:
    """What a LoRA layer without dropout gives: x W' + b + scaling · x A' B'."""
    (name,) = layer.active_adapters
    base = layer.base_layer
    out: torch.Tensor = Adapted.apply(  # type: ignore[no-untyped-call]
        inputs,
        base.weight,
        base.bias,
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
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        flat = inputs.reshape(-1, inputs.shape[-1])
        low = linear(flat, down).mul_(scaling)
        out = linear(flat, weight, bias).addmm_(low, up.t())
        ctx.save_for_backward(flat, low, weight, down, up)
        ctx.scaling = scaling
        return out.view(*inputs.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat, low, weight, down, up = ctx.saved_tensors
        (gradient,) = gradients
        wide = gradient.reshape(-1, gradient.shape[-1])
        narrow = (wide @ up).mul_(ctx.scaling)
        to_inputs = None
        if ctx.needs_input_grad[0]:
            to_inputs = (wide @ weight).addmm_(narrow, down).view(*gradient.shape[:-1], -1)
        return to_inputs, None, None, narrow.t() @ flat, wide.t() @ low, None


class MasterAdam:
    """AdamW on float32 masters of the trainable weights, copied back after every step."""

    def __init__(self, network: Any, learning_rate: float) -> None:
        self.weights = {n: w for n, w in network.named_parameters() if w.requires_grad}
        self.masters = {n: w.detach().float().clone() for n, w in self.weights.items()}
        self.optimiser = torch.optim.AdamW(
            list(self.masters.values()), lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.0
        )

    def rate(self, learning_rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate

    def step(self) -> None:
        for name, master in self.masters.items():
            gradient = self.weights[name].grad
            master.grad = None if gradient is None else gradient.float()
            self.weights[name].grad = None
        torch.nn.utils.clip_grad_norm_(list(self.masters.values()), 1.0)
        self.optimiser.step()
        with torch.no_grad():
            for name, master in self.masters.items():
                self.weights[name].copy_(master)

    def save(self, network: Any, folder: Path) -> None:
        """Write the float32 masters as a PEFT adapter (safetensors) into `folder`."""
        network.save_pretrained(
            str(folder),
            state_dict={**network.state_dict(), **self.masters},
            save_embedding_layers=False,  # never tuned; to make sure, peft would ask the hub
        )
