"""LoRA layers around a local model while it is trained, and the optimiser of their weights.

LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from strategies.adapted import Adapted
from strategies.adapted_layers import AdaptedLayers, computable
from strategies.models.local import LocalModel, without_notices
from strategies.models.packing import packable


class wrapped:
    """LoRA layers around every linear layer of the blocks while the context is open."""

    def __init__(self, model: LocalModel, *, rank: int, alpha: int, seed: int) -> None:
        self.model, self.rank, self.alpha, self.seed = model, rank, alpha, seed

    def __enter__(self) -> tuple[InTraining, LocalModel]:
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
        use_adapted(self.peft)
        layers = AdaptedLayers(self.peft) if computable(self.peft) else None
        return InTraining(self.peft, layers), self.model.variant(
            self.peft, f"in training {self.seed}"
        )

    def __exit__(self, *exception: object) -> None:
        self.peft.unload()
        self.model.network.requires_grad_(False).eval()


@dataclass(frozen=True)
class InTraining:
    """A network with LoRA layers, and what computes them in few steps where its kind is known."""

    network: Any
    layers: AdaptedLayers | None = None

    @cached_property
    def weights(self) -> dict[str, torch.nn.Parameter]:
        """What is trained, by name."""
        return {n: w for n, w in self.network.named_parameters() if w.requires_grad}


def use_adapted(network: Any) -> None:
    """Let the LoRA layers of a PEFT network, which must be without dropout, compute as `Adapted`
    does, on packed weights where that pays."""
    from peft.tuners.lora import Linear

    pack = packable(network, copies=2)
    for module in network.modules():
        if isinstance(module, Linear) and type(module.base_layer) is torch.nn.Linear:
            module.forward = Adapted(module, pack=pack)  # type: ignore[method-assign,assignment]


class MasterAdam:
    """AdamW on float32 masters of the trainable weights, copied back after every step.

    The masters are views of one flat tensor, so that a step is a few operations on it.
    """

    def __init__(self, weights: Mapping[str, torch.nn.Parameter], learning_rate: float) -> None:
        self.weights = weights
        trained = list(weights.values())
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
        trained: list[torch.Tensor] = list(self.weights.values())
        self.flat.grad = flat_of([weight.grad for weight in trained if weight.grad is not None])
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
