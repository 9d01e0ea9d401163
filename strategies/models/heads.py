"""From hidden states to logits: the output head of a network."""

from __future__ import annotations

from typing import Any

import torch


def logits_of(network: Any, hidden: torch.Tensor) -> torch.Tensor:
    """Logits (tokens x vocabulary) of hidden states (tokens x width), in the network's type.

    Flat on purpose: for a slice of a batch torch would copy the output head once a row.
    """
    return scaled(network, network.get_output_embeddings()(hidden))


def scaled(network: Any, logits: torch.Tensor) -> torch.Tensor:
    """Logits with the scalings that some architectures put on them."""
    config = network.config.get_text_config()
    factor = (getattr(config, "logit_scale", None) or 1.0) / (
        getattr(config, "logits_scaling", None) or 1.0
    )
    if factor != 1.0:
        logits = logits * factor
    softcap = getattr(config, "final_logit_softcapping", None)
    return logits if softcap is None else (logits / softcap).tanh() * softcap


class FloatHead:
    """The output head of a network in float32.

    In bfloat16 a logit of 20 is rounded to an eighth, which moves the likelihood of a label by
    more than labels often differ by.
    """

    def __init__(self, network: Any) -> None:
        output = network.get_output_embeddings()
        self.network = network
        self.weight = output.weight.detach().float()
        self.bias = None if output.bias is None else output.bias.detach().float()

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        logits = torch.nn.functional.linear(hidden.float(), self.weight, self.bias)
        return scaled(self.network, logits)
