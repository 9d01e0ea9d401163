"""Layers of Llama and its kin with LoRA adapters in training, forward and backward.

A training step of a small model is thousands of small operations; torch's own record of them
takes a fifth of it. Here a layer is one operation with its gradient written out (the formulas of
its parts are those of torch; Touvron et al. 2023 describe the layer), and of the last layer only
the tokens are computed that predict a reply.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import embedding, silu

from strategies.adapted import Adapted
from strategies.models.attention import biases
from strategies.models.fused import known, linears, turned, turning
from strategies.models.norms import divided, gradient_of, normed

Turn = tuple[torch.Tensor, torch.Tensor]


def plain_adapters(network: Any) -> bool:
    """Whether the layers of a PEFT network are known here and all their linear ones `Adapted`."""
    if not known(network) or network.config.attention_dropout:
        return False
    found = [linear for layer in network.get_decoder().layers for linear in linears(layer)]
    return all(isinstance(linear.forward, Adapted) for linear in found)


class AdaptedLayers:
    """The layers of a PEFT network for which `plain_adapters` holds."""

    def __init__(self, network: Any) -> None:
        decoder = network.get_decoder()
        self._embedding = decoder.embed_tokens.weight
        self._angles = decoder.rotary_emb
        self._layers = [AdaptedLayer(layer) for layer in decoder.layers]
        self._norm = decoder.norm

    def states(
        self, ids: torch.Tensor, seen: torch.Tensor, positions: torch.Tensor, wanted: torch.Tensor
    ) -> torch.Tensor:
        """Hidden states of the tokens at the places `wanted`: wanted × width.

        ids and positions: tokens; seen: tokens × tokens, True where a token sees another.
        """
        hidden = embedding(ids, self._embedding)
        cosine, sine = turning(self._angles, hidden[None], positions[None])
        turn, mask = (cosine[0], sine[0]), seen[None, None]
        *lower, last = self._layers
        for layer in lower:
            hidden = LayerStep.apply(hidden, layer, turn, mask, None, *layer.adapters)  # type: ignore[no-untyped-call]
        hidden = LayerStep.apply(hidden, last, turn, mask, wanted, *last.adapters)  # type: ignore[no-untyped-call]
        return normed(self._norm, hidden)


class AdaptedLayer:
    """One layer. Tensors are tokens × width unless a comment says otherwise."""

    def __init__(self, layer: Any) -> None:
        attending = layer.self_attn
        self.width, self.scaling = attending.head_dim, attending.scaling
        self.norms = layer.input_layernorm, layer.post_attention_layernorm
        self.parts: list[Adapted] = [linear.forward for linear in linears(layer)]

    @property
    def adapters(self) -> list[torch.Tensor]:
        """A and B of each part, behind each other."""
        return [weight for part in self.parts for weight in part.adapter]

    def forward(
        self, hidden: torch.Tensor, turn: Turn, mask: torch.Tensor, wanted: torch.Tensor | None
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """The layer's output for the tokens `wanted` (None: all), and what the gradient needs."""
        query, key, value, output, gate, up, down = self.parts
        before, after = self.norms
        normal, scale = divided(hidden, before.variance_epsilon)
        inner = normal * before.weight
        asking, turn_of_asking = inner, turn
        if wanted is not None:
            asking, mask = inner[wanted], mask[:, :, wanted]
            turn_of_asking = turn[0][wanted], turn[1][wanted]
            hidden = hidden[wanted]
        asked, low_q = query.forward(asking, *query.adapter)
        keys, low_k = key.forward(inner, *key.adapter)
        values, low_v = value.forward(inner, *value.adapter)
        attention = Attention(
            turned(self._heads(asked), *turn_of_asking),
            turned(self._heads(keys), *turn),
            self._heads(values),
            mask,
            self.scaling,
        )
        found = attention.forward()
        out, low_o = output.forward(found, *output.adapter)
        middle = out.add_(hidden)
        normal_2, scale_2 = divided(middle, after.variance_epsilon)
        inner_2 = normal_2 * after.weight
        gated, low_g = gate.forward(inner_2, *gate.adapter)
        raised, low_u = up.forward(inner_2, *up.adapter)
        active = silu(gated)
        product = active * raised
        out, low_d = down.forward(product, *down.adapter)
        kept = {
            "norms": ((normal, scale), (normal_2, scale_2)),
            "inputs": (asking, inner, inner, found, inner_2, inner_2, product),
            "lows": (low_q, low_k, low_v, low_o, low_g, low_u, low_d),
            "perceptron": (gated, raised, active),
            "attention": attention,
            "turns": (turn_of_asking, turn),
            "wanted": wanted,
        }
        return out.add_(middle), kept

    def backward(
        self, gradient: torch.Tensor, kept: dict[str, Any], *, to_hidden: bool
    ) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
        """Gradients for the layer's input (None unless `to_hidden`) and for `adapters`."""
        query, key, value, output, gate, up, down = self.parts
        before, after = self.norms
        of_q, of_k, of_v, of_o, of_g, of_u, of_d = zip(kept["inputs"], kept["lows"], strict=True)
        first, second = kept["norms"]
        gated, raised, active = kept["perceptron"]
        wanted = kept["wanted"]

        product, *down_grads = down.backward(gradient, *of_d)
        to_gate = torch.ops.aten.silu_backward(product * raised, gated)
        inner, *up_grads = up.backward(product.mul_(active), *of_u)
        inner, *gate_grads = gate.backward(to_gate, *of_g, onto=inner)
        middle = gradient_of(inner, *second, after.weight).add_(gradient)

        found, *output_grads = output.backward(middle, *of_o)
        asked, keys, values = kept["attention"].backward(found)
        asked, keys = (
            turned(heads, cosine, -sine).flatten(1)
            for heads, (cosine, sine) in zip((asked, keys), kept["turns"], strict=True)
        )
        values = values.flatten(1)
        asking, *query_grads = query.backward(asked, *of_q, to_inputs=to_hidden)
        onto = asking if wanted is None else None
        inner, *key_grads = key.backward(keys, *of_k, onto=onto, to_inputs=to_hidden)
        inner, *value_grads = value.backward(values, *of_v, onto=inner, to_inputs=to_hidden)
        grads = [
            *(*query_grads, *key_grads, *value_grads, *output_grads),
            *(*gate_grads, *up_grads, *down_grads),
        ]
        if not to_hidden:
            return None, grads
        if wanted is not None:
            inner.index_add_(0, wanted, asking)
        hidden = gradient_of(inner, *first, before.weight)
        return hidden.add_(middle) if wanted is None else hidden.index_add_(
            0, wanted, middle
        ), grads

    def _heads(self, flat: torch.Tensor) -> torch.Tensor:
        """tokens × heads × width of a head"""
        return flat.view(len(flat), -1, self.width)


class Attention:
    """Attention of one row, in blocks as in `strategies.models.attention`, with its gradient.

    query: queries × heads × width; key and value: keys × key heads × width.
    """

    def __init__(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor,
        scaling: float,
    ) -> None:
        self.shape, self.scaling = query.shape, scaling
        self.groups = key.shape[1]
        self.query = self._grouped(query).mul_(scaling)
        self.key = key.transpose(0, 1).contiguous()
        self.value = value.transpose(0, 1).contiguous()
        self.biases = biases(mask, query.dtype)
        self.shares: list[torch.Tensor] = []

    def _grouped(self, heads: torch.Tensor) -> torch.Tensor:
        """key heads × heads of a key head × queries × width, of queries × heads × width"""
        queries, _, width = heads.shape
        grouped = heads.view(queries, self.groups, -1, width).permute(1, 2, 0, 3)
        return grouped.clone(memory_format=torch.contiguous_format)

    def forward(self) -> torch.Tensor:
        """queries × (heads · width)"""
        found = torch.empty_like(self.query)
        for start, bias in self.biases:
            _, _, queries, keys = bias.shape
            block = self._block(self.query, start, queries)
            scores = block @ self.key[:, :keys].transpose(1, 2)
            scores.view(self.groups, -1, queries, keys).add_(bias)
            shares = scores.softmax(dim=-1)
            self.shares.append(shares)
            part = shares @ self.value[:, :keys]
            found[:, :, start : start + queries] = part.view(
                self.groups, -1, queries, part.shape[2]
            )
        return found.permute(2, 0, 1, 3).reshape(self.shape[0], -1)

    def backward(self, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Gradients for query, key and value, in their shapes; `gradient` as of `forward`."""
        grouped = self._grouped(gradient.view(self.shape))
        to_query = torch.empty_like(self.query)
        to_key, to_value = torch.zeros_like(self.key), torch.zeros_like(self.value)
        for (start, bias), shares in zip(self.biases, self.shares, strict=True):
            _, _, queries, keys = bias.shape
            block = self._block(self.query, start, queries)
            given = self._block(grouped, start, queries)
            to_value[:, :keys].baddbmm_(shares.transpose(1, 2), given)
            to_shares = given @ self.value[:, :keys].transpose(1, 2)
            to_scores = torch._softmax_backward_data(to_shares, shares, -1, shares.dtype)
            part = to_scores @ self.key[:, :keys]
            self._put(to_query, start, part, queries)
            to_key[:, :keys].baddbmm_(to_scores.transpose(1, 2), block)
        asked = to_query.mul_(self.scaling).permute(2, 0, 1, 3).reshape(self.shape)
        return asked, to_key.transpose(0, 1), to_value.transpose(0, 1)

    def _block(self, grouped: torch.Tensor, start: int, queries: int) -> torch.Tensor:
        """key heads × (heads of a key head · queries of the block) × width"""
        return grouped[:, :, start : start + queries].reshape(self.groups, -1, self.shape[2])

    def _put(self, grouped: torch.Tensor, start: int, block: torch.Tensor, queries: int) -> None:
        """Write what `_block` would read."""
        grouped[:, :, start : start + queries] = block.view(self.groups, -1, queries, self.shape[2])


class LayerStep(torch.autograd.Function):
    """`AdaptedLayer` as torch differentiates it."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        layer: AdaptedLayer,
        turn: Turn,
        mask: torch.Tensor,
        wanted: torch.Tensor | None,
        *adapters: torch.Tensor,
    ) -> torch.Tensor:
        ctx.layer = layer
        out, ctx.kept = layer.forward(hidden, turn, mask, wanted)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        hidden, grads = ctx.layer.backward(
            gradients[0].contiguous(), ctx.kept, to_hidden=ctx.needs_input_grad[0]
        )
        return hidden, None, None, None, None, *grads
