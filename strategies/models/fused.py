"""The layers of Llama and its kin on CPUs, in fewer and wider steps than transformers takes.

In a small model that decodes token by token, most time goes into the many small operations
between the matrix products. Here queries, keys and values come out of one product, the
activation, the gate and the residual sums are computed where a product writes its result, and of
the last layer only what is asked for. Rounded less often than transformers' layers; in float32
the same up to the order of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional
from transformers.cache_utils import Cache

from strategies.models.attention import NAME, attention
from strategies.models.decoder import Decoder, scaled
from strategies.models.norms import normal_of
from strategies.models.packing import combined, packable, packed, product

KINDS = ("LlamaModel", "MistralModel", "Qwen2Model")
"""Networks whose layers are computed as `Layer` does."""

Append = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Takes the new keys and values of a layer, returns all of them."""


def decoder_of(network: Any) -> Decoder:
    """The quickest way through a network's layers."""
    return FusedDecoder(network) if fusable(network) else Decoder(network)


def fusable(network: Any) -> bool:
    """Whether the layers of a network are known here, as they were loaded, and on the CPU."""
    if not known(network):
        return False
    found = [linear for layer in network.get_decoder().layers for linear in linears(layer)]
    return all(type(linear) is torch.nn.Linear for linear in found)


def known(network: Any) -> bool:
    """Whether a network is of one of KINDS, on the CPU, and computes as its kind does."""
    config = network.config
    return (
        network.device.type == "cpu"
        and type(network.get_decoder()).__name__ in KINDS
        and config._attn_implementation == NAME
        and config.hidden_act == "silu"
    )


def linears(layer: Any) -> list[Any]:
    """The linear layers of a layer: query, key, value, output; gate, up, down."""
    attending, perceptron = layer.self_attn, layer.mlp
    return [
        *(attending.q_proj, attending.k_proj, attending.v_proj, attending.o_proj),
        *(perceptron.gate_proj, perceptron.up_proj, perceptron.down_proj),
    ]


class FusedDecoder(Decoder):
    """A decoder of one of KINDS. Its weights must not change, for packed copies of them are kept
    where memory allows."""

    def __init__(self, network: Any) -> None:
        super().__init__(network)
        decoder = network.get_decoder()
        pack = packable(network)
        self._embedding = decoder.embed_tokens.weight
        self._angles = decoder.rotary_emb
        self._layers = [Layer(layer, pack=pack) for layer in decoder.layers]
        self._norm = decoder.norm
        self._head = Product([network.get_output_embeddings()], pack=pack)

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def states(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Cache | None,
        *,
        last: int,
    ) -> torch.Tensor:
        hidden = functional.embedding(ids, self._embedding)
        turn = turning(self._angles, hidden, positions)
        for number, layer in enumerate(self._layers):
            append = None if cache is None else appending(cache, number)
            wanted = last if number == self.layers - 1 else ids.shape[1]
            hidden = layer(hidden, turn, mask, append, wanted)
        return normal_of(self._norm, hidden)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return scaled(self.network, self._head(hidden))


def appending(cache: Cache, number: int) -> Append:
    """What appends to a layer of a cache."""
    return lambda keys, values: cache.update(keys, values, number)


class Layer:
    """One layer: attention and the gated perceptron, each with its norm and its residual sum."""

    def __init__(self, layer: Any, *, pack: bool) -> None:
        attending = layer.self_attn
        self.width = attending.head_dim
        self.scaling = attending.scaling
        self.queries = attending.q_proj.out_features // self.width
        self.turned = self.queries + attending.k_proj.out_features // self.width
        *three, output, gate, up, down = linears(layer)
        self.mixed = Product(three, pack=pack)
        self.output = Product([output], pack=pack)
        self.gate, self.up = Product([gate], pack=pack), Product([up], pack=pack)
        self.down = Product([down], pack=pack)
        self.norms = layer.input_layernorm, layer.post_attention_layernorm

    def __call__(
        self,
        hidden: torch.Tensor,
        turn: tuple[torch.Tensor, torch.Tensor],
        mask: torch.Tensor,
        append: Append | None,
        last: int,
    ) -> torch.Tensor:
        """rows × tokens × width to rows × last × width; `turn` as `turned` takes it."""
        rows, tokens, _ = hidden.shape
        mixed = self.mixed(normal_of(self.norms[0], hidden)).view(rows, tokens, -1, self.width)
        seeing = turned(mixed[:, :, : self.turned], *turn)
        query = seeing[:, tokens - last :, : self.queries].transpose(1, 2)
        key = seeing[:, :, self.queries :].transpose(1, 2)
        value = mixed[:, :, self.turned :].transpose(1, 2)
        if append is not None:
            key, value = append(key, value)
        if last < tokens:
            hidden, mask = hidden[:, tokens - last :], mask[:, :, tokens - last :]
        seen = attention(query, key, value, mask, self.scaling).view(rows, last, -1)
        hidden = self.output.plus(seen, hidden)
        inner = normal_of(self.norms[1], hidden)
        return self.down.plus(self.up.times(inner, self.gate.silu(inner)), hidden)


def turning(
    angles: Any, hidden: torch.Tensor, positions: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What `turned` takes, by the rotary embedding of a network: rows × tokens × 1 × width."""
    cosine, sine = angles(hidden, position_ids=positions)
    half = sine.shape[-1] // 2
    sine = torch.cat([-sine[..., :half], sine[..., half:]], dim=-1)
    return cosine[:, :, None], sine[:, :, None]


def turned(heads: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Rotary position embedding (Su et al. 2021) of … × heads × width.

    `cosine` and `sine`: … × 1 × width, the first half of the sines negated.
    """
    half = heads.shape[-1] // 2
    swapped = torch.cat([heads[..., half:], heads[..., :half]], dim=-1)
    return (heads * cosine).add_(swapped.mul_(sine))


class Product:
    """Linear layers with the same input as one, on packed weights (bfloat16) or their own."""

    def __init__(self, layers: Sequence[Any], *, pack: bool) -> None:
        self.layers = layers
        self.pack = pack
        if pack:
            self.weight = packed(torch.cat([layer.weight.detach() for layer in layers]))
            biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
            self.bias = torch.cat(biases) if biases else None

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.pack:
            return product(self.weight, self.bias, inputs)
        parts = [functional.linear(inputs, layer.weight, layer.bias) for layer in self.layers]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def silu(self, inputs: torch.Tensor) -> torch.Tensor:
        """silu(product)"""
        if self.pack:
            return product(self.weight, self.bias, inputs, then="swish")
        return functional.silu(self(inputs), inplace=True)

    def times(self, inputs: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """product · other"""
        if self.pack:
            return combined(self.weight, self.bias, inputs, other, "mul")
        return self(inputs).mul_(other)

    def plus(self, inputs: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """product + other"""
        if self.pack:
            return combined(self.weight, self.bias, inputs, other, "add")
        return self(inputs).add_(other)
