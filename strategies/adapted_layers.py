"""Layers of Llama and its kin with LoRA adapters in training, forward and backward.

A training step of a small model is thousands of small operations, and torch keeps a record of
each for the gradient. Here a layer is one operation, with its gradient written out; of the last
layer, what follows its keys and values is computed only for the tokens that predict a reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import embedding, silu

from strategies.adapted import Adapted
from strategies.attention_gradient import Attention
from strategies.models.fused import (
    Rotation,
    fusable,
    known,
    linears,
    rotate,
    rotation_of,
)
from strategies.models.norms import divided, gradient_of, normed

Pair = tuple[torch.Tensor, torch.Tensor]


def computable(network: Any, below: int = 0) -> bool:
    """Whether `AdaptedLayers` computes a PEFT network: its kind is known, all linear layers above
    the first `below` layers compute as `Adapted`, and its attention drops nothing."""
    if not (fusable(network) or (network.device.type == "cuda" and known(network))):
        return False
    if network.config.attention_dropout:
        return False
    upper = network.get_decoder().layers[below:]
    return all(isinstance(each.forward, Adapted) for layer in upper for each in linears(layer))


class AdaptedLayers:
    """The layers above the first `below` of a PEFT network that is `computable`."""

    def __init__(self, network: Any, below: int = 0) -> None:
        decoder = network.get_decoder()
        self.below = below
        self._embedding = decoder.embed_tokens.weight
        self._rotary = decoder.rotary_emb
        self._layers = [AdaptedLayer(layer) for layer in decoder.layers[below:]]
        self._norm = decoder.norm

    def embedded(self, ids: torch.Tensor) -> torch.Tensor:
        """What enters the first layer of the network: tokens × width."""
        return embedding(ids, self._embedding)

    def states(
        self,
        hidden: torch.Tensor,
        seen: torch.Tensor,
        positions: torch.Tensor,
        places: torch.Tensor,
    ) -> torch.Tensor:
        """Hidden states of the tokens at `places`: places × width.

        hidden: what enters the first of these layers, tokens × width; positions: tokens; seen:
        tokens × tokens, True where a token sees another.
        """
        cosine, sine = rotation_of(self._rotary, hidden[None], positions[None])
        shared = (cosine[0], sine[0]), seen[None, None]
        for number, layer in enumerate(self._layers, start=1):
            kept = places if number == len(self._layers) else None
            hidden = LayerFunction.apply(  # type: ignore[no-untyped-call]
                hidden, layer, *shared, kept, *layer.adapters
            )
        return normed(self._norm, hidden)


@dataclass(frozen=True)
class Record:
    """What the gradient of a layer needs of its forward pass; in order of `AdaptedLayer.parts`
    the inputs of each part, and its product of low rank."""

    norms: tuple[Pair, Pair]
    inputs: tuple[torch.Tensor, ...]
    lows: tuple[torch.Tensor, ...]
    gated: torch.Tensor
    raised: torch.Tensor
    active: torch.Tensor
    attention: Attention
    shares: list[torch.Tensor]
    rotations: tuple[Rotation, Rotation]
    places: torch.Tensor | None


class AdaptedLayer:
    """One layer; `adapters` are A and B of each of its parts, behind each other.

    Tensors are tokens × width unless a comment says otherwise.
    """

    def __init__(self, layer: Any) -> None:
        attending = layer.self_attn
        self.width, self.scaling = attending.head_dim, attending.scaling
        self.norms = layer.input_layernorm, layer.post_attention_layernorm
        self.parts: list[Adapted] = [linear.forward for linear in linears(layer)]
        self.adapters = [weight for part in self.parts for weight in part.adapter]

    def forward(
        self,
        hidden: torch.Tensor,
        rotation: Rotation,
        mask: torch.Tensor,
        places: torch.Tensor | None,
        adapters: list[Pair],
    ) -> tuple[torch.Tensor, Record]:
        """The layer's output for the tokens at `places` (None: all)."""
        query, key, value, output, gate, up, down = zip(self.parts, adapters, strict=True)
        before, after = self.norms
        first = divided(hidden, before.variance_epsilon)
        inner = first[0] * before.weight
        asking, rotation_of_asking = inner, rotation
        if places is not None:
            asking, mask = inner[places], mask[:, :, places]
            rotation_of_asking = rotation[0][places], rotation[1][places]
            hidden = hidden[places]
        queries, low_q = query[0].forward(asking, *query[1])
        keys, low_k = key[0].forward(inner, *key[1])
        values, low_v = value[0].forward(inner, *value[1])
        attention = Attention(
            rotate(self._heads(queries), *rotation_of_asking),
            rotate(self._heads(keys), *rotation),
            self._heads(values),
            mask,
            self.scaling,
        )
        attended, shares = attention.forward()
        out, low_o = output[0].forward(attended, *output[1])
        middle = out.add_(hidden)
        second = divided(middle, after.variance_epsilon)
        inner_2 = second[0] * after.weight
        gated, low_g = gate[0].forward(inner_2, *gate[1])
        raised, low_u = up[0].forward(inner_2, *up[1])
        active = silu(gated)
        product = active * raised
        out, low_d = down[0].forward(product, *down[1])
        return out.add_(middle), Record(
            norms=(first, second),
            inputs=(asking, inner, inner, attended, inner_2, inner_2, product),
            lows=(low_q, low_k, low_v, low_o, low_g, low_u, low_d),
            gated=gated,
            raised=raised,
            active=active,
            attention=attention,
            shares=shares,
            rotations=(rotation_of_asking, rotation),
            places=places,
        )

    def backward(
        self, gradient: torch.Tensor, kept: Record, adapters: list[Pair], *, to_hidden: bool
    ) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
        """Gradients for the layer's input (None unless `to_hidden`) and for `adapters`.

        `d_x` is the gradient for what the forward pass calls x.
        """
        query, key, value, output, gate, up, down = self.parts
        of = [
            (inputs, low, *pair)
            for inputs, low, pair in zip(kept.inputs, kept.lows, adapters, strict=True)
        ]
        before, after = self.norms
        first, second = kept.norms
        d_product, *d_down = down.backward(gradient, *of[6])
        d_gated = torch.ops.aten.silu_backward(d_product * kept.raised, kept.gated)
        d_inner_2, *d_up = up.backward(d_product.mul_(kept.active), *of[5])
        d_inner_2, *d_gate = gate.backward(d_gated, *of[4], onto=d_inner_2)
        d_middle = gradient_of(d_inner_2, *second, after.weight).add_(gradient)

        d_attended, *d_output = output.backward(d_middle, *of[3])
        d_rotated = kept.attention.backward(d_attended, kept.shares)
        d_queries, d_keys = (
            rotate(heads, cosine, -sine).flatten(1)
            for heads, (cosine, sine) in zip(d_rotated[:2], kept.rotations, strict=True)
        )
        d_values = d_rotated[2].flatten(1)
        others = [*d_output, *d_gate, *d_up, *d_down]
        if not to_hidden:
            asked = zip((query, key, value), (d_queries, d_keys, d_values), of, strict=False)
            pairs_found = [part.backward_to_adapter(wide, *rest) for part, wide, rest in asked]
            return None, [*(weight for pair in pairs_found for weight in pair), *others]
        places = kept.places
        d_asking, *d_query = query.backward(d_queries, *of[0])
        onto = d_asking if places is None else None
        d_inner, *d_key = key.backward(d_keys, *of[1], onto=onto)
        d_inner, *d_value = value.backward(d_values, *of[2], onto=d_inner)
        grads = [*d_query, *d_key, *d_value, *others]
        if places is None:
            return gradient_of(d_inner, *first, before.weight).add_(d_middle), grads
        d_inner.index_add_(0, places, d_asking)
        d_hidden = gradient_of(d_inner, *first, before.weight)
        return d_hidden.index_add_(0, places, d_middle), grads

    def _heads(self, flat: torch.Tensor) -> torch.Tensor:
        """tokens × heads × width of a head"""
        return flat.view(len(flat), -1, self.width)


class LayerFunction(torch.autograd.Function):
    """`AdaptedLayer` as torch differentiates it."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        layer: AdaptedLayer,
        rotation: Rotation,
        mask: torch.Tensor,
        places: torch.Tensor | None,
        *adapters: torch.Tensor,
    ) -> torch.Tensor:
        ctx.layer = layer
        ctx.save_for_backward(*adapters)
        out, ctx.kept = layer.forward(hidden, rotation, mask, places, pairs(adapters))
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        kept, ctx.kept = ctx.kept, None  # let the tensors go as soon as they are used
        hidden, grads = ctx.layer.backward(
            gradients[0].contiguous(),
            kept,
            pairs(ctx.saved_tensors),
            to_hidden=ctx.needs_input_grad[0],
        )
        return hidden, None, None, None, None, *grads


def pairs(adapters: tuple[torch.Tensor, ...]) -> list[Pair]:
    """A and B of each part together."""
    return list(zip(adapters[::2], adapters[1::2], strict=True))
