"""The layers of Llama and its kin on CPUs, in fewer and wider steps than transformers takes.

In a small model that decodes token by token, much time goes into the many small operations
between the matrix products. On packed weights (bfloat16) queries, keys and values come out of one
product, and the activation and the gate are computed where a product writes its result. The
residual sums stay in float32 from layer to layer, for rounding them is what moves results in
bfloat16 most. In float32 the result is that of transformers up to the order of sums. Of the last
layer, what follows its keys and values is computed only for the tokens that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional
from transformers.cache_utils import Cache

from strategies.models.attention import NAME, attention
from strategies.models.decoder import Decoder, PlainDecoder
from strategies.models.heads import scaled
from strategies.models.norms import normal_of
from strategies.models.packing import combined, packable, packed, product

KINDS = {
    "LlamaForCausalLM": "LlamaModel",
    "MistralForCausalLM": "MistralModel",
    "Qwen2ForCausalLM": "Qwen2Model",
}
"""Networks, and their decoders, whose layers are computed as `Layer` does."""

Append = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Takes the new keys and values of a layer, returns all of them."""
Rotation = tuple[torch.Tensor, torch.Tensor]
"""Cosines and sines, … × 1 × width of a head, the first half of the sines negated."""


def decoder_of(network: Any) -> Decoder:
    """The quickest way through a network's layers."""
    if fusable(network) and all(type(linear) is torch.nn.Linear for linear in all_linears(network)):
        return FusedDecoder(network)
    return PlainDecoder(network)


def fusable(network: Any) -> bool:
    """Whether a network is known, on the CPU, and lets its attention be computed in blocks."""
    return (
        network.device.type == "cpu"
        and network.config._attn_implementation == NAME
        and known(network)
    )


def known(network: Any) -> bool:
    """Whether a network is of one of KINDS and computes as its kind does.

    Sliding windows are not looked at: no prompt is longer than the window (`context_length`).
    """
    config = network.config
    return (
        type(network.get_decoder()).__name__ in KINDS.values()
        and (config.architectures or list(KINDS))[0] in KINDS
        and config.hidden_act == "silu"
    )


def all_linears(network: Any) -> list[Any]:
    """The linear layers of all layers of a known network."""
    return [linear for layer in network.get_decoder().layers for linear in linears(layer)]


def linears(layer: Any) -> list[Any]:
    """The linear layers of a layer: query, key, value, output; gate, up, down."""
    attending, perceptron = layer.self_attn, layer.mlp
    return [
        *(attending.q_proj, attending.k_proj, attending.v_proj, attending.o_proj),
        *(perceptron.gate_proj, perceptron.up_proj, perceptron.down_proj),
    ]


class FusedDecoder:
    """A decoder of one of KINDS, in float32 or bfloat16. The weights must not change, for packed
    copies of them are kept where memory allows."""

    def __init__(self, network: Any) -> None:
        decoder = network.get_decoder()
        self.network = network
        self.packed = packable(network)
        self._embedding = decoder.embed_tokens.weight
        self._rotary = decoder.rotary_emb
        self._layers = [Layer(layer, pack=self.packed) for layer in decoder.layers]
        self._norm = decoder.norm
        self._head = Product([network.get_output_embeddings()], pack=self.packed)

    @property
    def device(self) -> torch.device:
        device: torch.device = self.network.device
        return device

    @property
    def records(self) -> bool:
        return False

    @property
    def layers(self) -> int:
        return len(self._layers)

    def states(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Cache | None,
        *,
        last: int,
    ) -> torch.Tensor:
        hidden = self.lower(self.layers, ids, mask, positions, cache, last=last)
        return normal_of(self._norm, hidden)

    def halfway(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Cache | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        middle: list[torch.Tensor] = []

        def heard(number: int, hidden: torch.Tensor) -> None:
            if number == max(1, self.layers // 2):
                middle.append(hidden.clone())

        whole = self.lower(self.layers, ids, mask, positions, cache, last=ids.shape[1], heard=heard)
        return middle[0], normal_of(self._norm, whole)

    def lower(
        self,
        layers: int,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Cache | None,
        *,
        last: int,
        heard: Callable[[int, torch.Tensor], None] | None = None,
    ) -> torch.Tensor:
        """What the first `layers` layers give out: residual sums of the `last` tokens of each row,
        rows × last × width, float32. Arguments as in `Decoder.states`.

        `heard` is told what each layer gives out, with its number from 1, before the next one
        overwrites it."""
        embedded = functional.embedding(ids, self._embedding)
        rotation = rotation_of(self._rotary, embedded, positions)
        hidden = embedded.float()
        for number, layer in enumerate(self._layers[:layers], start=1):
            append = None if cache is None else appending(cache, number - 1)
            hidden = layer(
                hidden, rotation, mask, append, last if number == layers else len(ids[0])
            )
            if heard is not None:
                heard(number, hidden)
        return hidden

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return scaled(self.network, self._head(hidden))

    def steps(self, cache: Cache, room: int) -> None:
        return None


def appending(cache: Cache, number: int) -> Append:
    """What appends to a layer of a cache."""
    return lambda keys, values: cache.update(keys, values, number)


class Layer:
    """One layer: attention and the gated perceptron, each with its norm and its residual sum."""

    def __init__(self, layer: Any, *, pack: bool) -> None:
        attending = layer.self_attn
        *three, output, gate, up, down = linears(layer)
        self.width, self.scaling = attending.head_dim, attending.scaling
        self.query_heads = attending.q_proj.out_features // self.width
        self.key_heads = attending.k_proj.out_features // self.width
        self.query_key_value = Product(three, pack=pack)
        self.output = Product([output], pack=pack)
        self.gate, self.up = Product([gate], pack=pack), Product([up], pack=pack)
        self.down = Product([down], pack=pack)
        self.norms = layer.input_layernorm, layer.post_attention_layernorm

    def __call__(
        self,
        hidden: torch.Tensor,
        rotation: Rotation,
        mask: torch.Tensor,
        append: Append | None,
        last: int,
    ) -> torch.Tensor:
        """rows × tokens × width, which is overwritten, to rows × last × width, both in float32;
        rotation: rows × tokens × …"""
        rows, tokens, _ = hidden.shape
        found = self.query_key_value(normal_of(self.norms[0], hidden))
        heads = found.view(rows, tokens, -1, self.width)
        rotated = rotate(heads[:, :, : self.query_heads + self.key_heads], *rotation)
        query = rotated[:, tokens - last :, : self.query_heads].transpose(1, 2)
        key = rotated[:, :, self.query_heads :].transpose(1, 2)
        value = heads[:, :, self.query_heads + self.key_heads :].transpose(1, 2)
        if append is not None:
            key, value = append(key, value)
        if last < tokens:
            hidden, mask = hidden[:, tokens - last :], mask[:, :, tokens - last :]
        attended = attention(query, key, value, mask, self.scaling).view(rows, last, -1)
        hidden = hidden.add_(self.output(attended))
        inner = normal_of(self.norms[1], hidden)
        return hidden.add_(self.down(self.up.times(inner, self.gate.silu(inner))))


def rotation_of(rotary: Any, hidden: torch.Tensor, positions: torch.Tensor) -> Rotation:
    """The rotation of tokens at places, by the rotary embedding of a network."""
    cosine, sine = rotary(hidden, position_ids=positions)
    half = sine.shape[-1] // 2
    sine = torch.cat([-sine[..., :half], sine[..., half:]], dim=-1)
    return cosine[..., None, :], sine[..., None, :]


def rotate(heads: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Rotary position embedding (Su et al. 2021) of … × heads × width, by a `Rotation`."""
    half = heads.shape[-1] // 2
    swapped = torch.cat([heads[..., half:], heads[..., :half]], dim=-1)
    return (heads * cosine).add_(swapped.mul_(sine))


class Product:
    """Linear layers with the same input as one, on packed weights or on their own."""

    def __init__(self, layers: Sequence[Any], *, pack: bool) -> None:
        self.layers = layers
        self.pack = pack
        if pack:
            weights = [layer.weight.detach() for layer in layers]
            biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
            self.weight = packed(weights[0] if len(weights) == 1 else torch.cat(weights))
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
