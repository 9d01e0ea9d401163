"""LoRA layers around a local model while it is trained, and the optimiser of their weights.

LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from strategies.adapted import Adapted
from strategies.adapted_layers import AdaptedLayers, computable
from strategies.errors import ModelError
from strategies.models.frozen import FrozenStates
from strategies.models.local import LocalModel, without_notices
from strategies.models.packing import packable
from strategies.recorded_gradients import GradientRecorder, flat_of


class wrapped:
    """LoRA layers around every linear layer of the upper `layers` blocks (None: of all) while the
    context is open. Raises ModelError where there are not so many."""

    def __init__(
        self, model: LocalModel, *, rank: int, alpha: int, seed: int, layers: int | None = None
    ) -> None:
        self.model, self.rank, self.alpha, self.seed = model, rank, alpha, seed
        self.below = layers_below(model.network, layers)

    def __enter__(self) -> tuple[InTraining, LocalModel]:
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=0.0,
            bias="none",
            task_type="CAUSAL_LM",
            **places_of_adapters(self.model.network, self.below),
        )
        frozen = self.model.frozen if self.below else None
        with torch.random.fork_rng(devices=[]), without_notices():
            torch.manual_seed(self.seed)
            self.peft: Any = get_peft_model(
                self.model.network, config, autocast_adapter_dtype=False
            )
        for weight in self.peft.parameters():
            if weight.requires_grad:  # all else stays as it is: a network's buffers are in float32
                weight.data = weight.data.to(self.model.network.dtype)
        use_adapted(self.peft)
        training = InTraining(self.peft)
        if computable(self.peft, self.below) and (frozen is not None or not self.below):
            training = InTraining(self.peft, AdaptedLayers(self.peft, self.below), frozen)
        return training, self.model.variant(self.peft, f"in training {self.seed}")

    def __exit__(self, *exception: object) -> None:
        self.peft.unload()
        self.model.network.requires_grad_(False).eval()


def layers_below(network: Any, layers: int | None) -> int:
    """How many layers stand below the upper `layers` (None: all). Raises ModelError."""
    if layers is None:
        return 0
    count = layers_of(network)
    if type(layers) is not int or not 1 <= layers <= count:
        raise ModelError(
            f"layers: {layers!r}, but the model has {count} layers. Give a whole number from 1 to"
            f" {count}, or None for adapters on every layer."
        )
    return count - layers


def places_of_adapters(network: Any, below: int) -> dict[str, Any]:
    """The linear layers that get adapters, as PEFT's LoraConfig takes them.

    Where layers are chosen by number it asks for names of linear layers in place of all-linear,
    and takes only those with the number of a block in their path, which the output head has not.
    """
    if not below:
        return {"target_modules": "all-linear"}
    kinds, head = (torch.nn.Linear, Conv1D), network.get_output_embeddings()
    names = {
        path.rpartition(".")[2]
        for path, module in network.named_modules()
        if isinstance(module, kinds) and module is not head
    }
    upper = [*range(below, layers_of(network))]
    return {"target_modules": sorted(names), "layers_to_transform": upper}


def layers_of(network: Any) -> int:
    return int(network.config.get_text_config().num_hidden_layers)


@dataclass(frozen=True)
class InTraining:
    """A network with LoRA layers, and what computes them in few steps where its kind is known.

    `frozen`, where layers without adapters stand below `layers`: the states that enter those.
    """

    network: Any
    layers: AdaptedLayers | None = None
    frozen: FrozenStates | None = None

    @cached_property
    def weights(self) -> dict[str, torch.nn.Parameter]:
        """What is trained, by name."""
        return {n: w for n, w in self.network.named_parameters() if w.requires_grad}

    @cached_property
    def recorder(self) -> GradientRecorder | None:
        """Records gradients on CUDA; None where nothing can be recorded."""
        if self.layers is None or self.frozen is not None or self.network.device.type != "cuda":
            return None
        return GradientRecorder(self.network, self.layers, list(self.weights.values()))


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
        self.flat = flat_of([weight.detach() for weight in weights.values()])
        self.masters = dict(zip(weights, self._shaped(self.flat), strict=True))
        self.optimiser = torch.optim.AdamW(
            [self.flat], lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True
        )

    def rate(self, learning_rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate

    def step(self, gradient: torch.Tensor) -> None:
        """`gradient`: for all weights, behind each other, in float32."""
        self.flat.grad = gradient
        torch.nn.utils.clip_grad_norm_([self.flat], 1.0)
        self.optimiser.step()
        self.show(self.flat)

    def show(self, flat: torch.Tensor) -> None:
        """Let the network compute with these numbers, behind each other as the masters are. The
        masters stay as they are, and the next step goes on from them."""
        trained: list[torch.Tensor] = list(self.weights.values())
        with torch.no_grad():
            torch._foreach_copy_(trained, self._shaped(flat))

    def move_to(self, weights: Mapping[str, torch.nn.Parameter]) -> None:
        """Go on with other weights of the same names and shapes, which take the masters' values:
        the layers of an adapter that was out of the network for a while."""
        if weights.keys() != self.weights.keys():
            raise ValueError("weights: other layers than the optimiser was made for")
        self.weights = {name: weights[name] for name in self.weights}
        self.show(self.flat)

    def _shaped(self, flat: torch.Tensor) -> list[torch.Tensor]:
        """Views of the numbers in the shapes of the weights."""
        weights = list(self.weights.values())
        parts = torch.split(flat, [weight.numel() for weight in weights])
        return [part.view(weight.shape) for part, weight in zip(parts, weights, strict=True)]

    def save(self, network: Any, folder: Path) -> None:
        """Write the float32 masters as a PEFT adapter (safetensors) into `folder`."""
        masters = {name: master.clone() for name, master in self.masters.items()}
        network.save_pretrained(
            str(folder),
            state_dict={**network.state_dict(), **masters},
            save_embedding_layers=False,  # never tuned; to make sure, peft would ask the hub
        )
