"""The layers of a network between tokens and hidden states, as transformers computes them."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache

from strategies.models.packing import Packed


class Decoder:
    """Reads tokens with the layers of a network. A context in which its weights are packed."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.layers = int(network.config.get_text_config().num_hidden_layers)
        self._packed = Packed(network)

    @property
    def device(self) -> torch.device:
        device: torch.device = self.network.device
        return device

    def __enter__(self) -> Decoder:
        self._packed.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._packed.__exit__(*exception)

    def states(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Cache | None,
        *,
        last: int,
    ) -> torch.Tensor:
        """Hidden states of the `last` tokens of each row: rows × last × width.

        ids and positions: rows × tokens; mask: rows × 1 × tokens × keys, True where a key is seen;
        keys and values of all tokens go into `cache`, behind those that it holds.
        """
        hidden: torch.Tensor = self.network.get_decoder()(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            cache=cache,
            use_cache=cache is not None,
        ).last_hidden_state
        return hidden[:, -last:]

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (tokens x vocabulary) of hidden states (tokens x width), in the network's type."""
        return logits_of(self.network, hidden)


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
