"""Reading what is given, nothing generated: nats of replies, and states of prompts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy
from transformers import DynamicCache

from strategies.models.batching import halving, row_budget, token_budget
from strategies.models.decoding import filled_cache
from strategies.models.layout import Encoded, batches, causal_mask, left_padded

if TYPE_CHECKING:
    from strategies.models.local import LocalModel

TOKENS = 256
"""Tokens whose logits over the whole vocabulary are held at once."""


def reply_nats(
    model: LocalModel, asked: Sequence[Encoded], replies: Sequence[Sequence[int]]
) -> Iterator[tuple[int, float | None]]:
    """For each place the nats of its reply after its prompt, all tokens together; None where
    memory does not hold the row.

    The logits have the network's type: what is rounded differs from token to token and averages
    out over a reply, at half the cost of float32, in which labels of few tokens are weighed.
    """
    whole = [
        Encoded((*prompt.ids, *reply[:-1]), prompt.shared)
        for prompt, reply in zip(asked, replies, strict=True)
    ]

    @torch.inference_mode()
    def nats_of(places: Sequence[int]) -> list[float]:
        wanted = [replies[place] for place in places]
        longest = max(map(len, wanted))
        laid = laid_out(model, [whole[place] for place in places])
        hidden = model.decoder.states(*laid.read, laid.cache, last=longest)
        states = [row[longest - len(reply) :] for row, reply in zip(hidden, wanted, strict=True)]
        targets = torch.tensor([token for reply in wanted for token in reply])
        nats = [
            cross_entropy(
                model.decoder.logits(some).float(), right.to(some.device), reduction="none"
            )
            for some, right in zip(
                torch.split(torch.cat(states), TOKENS), torch.split(targets, TOKENS), strict=True
            )
        ]
        return [float(part.sum()) for part in torch.split(torch.cat(nats), [*map(len, wanted)])]

    for places, found in halving(batched(model, whole), nats_of):
        for number, place in enumerate(places):
            yield place, None if found is None else found[number]


def prompt_states(
    model: LocalModel, asked: Sequence[Encoded]
) -> Iterator[tuple[int, list[torch.Tensor] | None]]:
    """For each place four vectors of its prompt, float32: of the middle layer and of the last one
    the mean over the prompt's own tokens and the last token; None where memory does not hold it.

    Each token's state is taken at one length (a root mean square of 1), for a few tokens of
    middle layers are a hundred times as long as others and would be the mean.
    """

    @torch.inference_mode()
    def vectors_of(places: Sequence[int]) -> list[list[torch.Tensor]]:
        rows = [asked[place] for place in places]
        laid = laid_out(model, rows)
        found: list[list[torch.Tensor]] = [[] for _ in places]
        for states in model.decoder.halfway(*laid.read, laid.cache):
            for vectors, row, one in zip(found, rows, states, strict=True):
                own = one[-len(row.own) :].float()
                own = own * own.square().mean(dim=-1, keepdim=True).add_(1e-6).rsqrt_()
                vectors += [own.mean(dim=0).cpu(), own[-1].clone().cpu()]
        return found

    for places, found in halving(batched(model, asked), vectors_of):
        for number, place in enumerate(places):
            yield place, None if found is None else found[number]


@dataclass(frozen=True)
class Laid:
    """Rows of one prefix, left padded: `read` are ids, mask and positions as `Decoder.states`
    takes them, `cache` holds the prefix."""

    read: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    cache: DynamicCache


def laid_out(model: LocalModel, rows: Sequence[Encoded]) -> Laid:
    """Rows of one prefix, which is computed once for all of them and kept with the model."""
    prefix = rows[0].prefix
    ids, mask, positions = left_padded([row.own for row in rows], model.pad)
    device = model.decoder.device
    seen = causal_mask(len(prefix), mask)
    read = ids.to(device), seen.to(device), (positions + len(prefix)).to(device)
    return Laid(read, filled_cache(model.prefix(prefix), len(rows)))


def batched(model: LocalModel, rows: Sequence[Encoded], extra: int = 0) -> list[list[int]]:
    """Places of rows in batches that memory should hold, with `extra` tokens more for each."""
    if not rows:
        return []
    longest = max(len(row.ids) for row in rows) + extra
    return batches(
        rows,
        max_tokens=token_budget(model.network),
        max_rows=row_budget(model.network, longest),
        extra=extra,
    )
