"""Small networks of the kinds whose layers are computed here, with random weights."""

from typing import Any

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from strategies.models.attention import use_blocks
from strategies.models.fused import FusedDecoder
from strategies.models.norms import fuse_norms

SIZES: dict[str, Any] = {
    "vocab_size": 90,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 400,
}
SCALED = {
    "rope_type": "llama3",
    "rope_theta": 1000.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 50,
}
NETWORKS: dict[str, Any] = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, tie_word_embeddings=True)),
    "llama, scaled angles": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters=SCALED)),
    "llama, biases": lambda: LlamaForCausalLM(
        LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True)
    ),
    "mistral, wide heads": lambda: MistralForCausalLM(MistralConfig(**SIZES, head_dim=16)),
    "qwen2, one key head": lambda: Qwen2ForCausalLM(
        Qwen2Config(**{**SIZES, "num_key_value_heads": 1})
    ),
    "qwen2, a key head a head": lambda: Qwen2ForCausalLM(
        Qwen2Config(**{**SIZES, "num_key_value_heads": 6})
    ),
}


def network_of(
    kind: str, dtype: torch.dtype = torch.float32, *, plain: bool = False, size: float = 2.0
) -> Any:
    """Random weights, so large that every token, place and bias counts; `plain`: with nothing
    in it that is not of transformers."""
    torch.manual_seed(1)
    network = NETWORKS[kind]().eval().requires_grad_(False)
    for name, weight in network.named_parameters():
        if "norm" in name:
            weight.uniform_(0.5, 1.5)
        elif name.endswith("bias"):
            weight.normal_()
        else:
            weight.normal_(std=size * weight.shape[-1] ** -0.5)
    network.to(dtype)
    if not plain:
        use_blocks(network)
        fuse_norms(network)
    return network


class Counting(FusedDecoder):
    """Keeps how many rows it was given at a time; short of memory for more than `most`."""

    def __init__(self, network: Any, most: int = 100) -> None:
        super().__init__(network)
        self.most = most
        self.read: list[int] = []

    def lower(self, layers: int, ids: torch.Tensor, *others: Any, last: int) -> torch.Tensor:
        if len(ids) > self.most:
            raise torch.OutOfMemoryError("out of memory")
        self.read.append(len(ids))
        return super().lower(layers, ids, *others, last=last)
