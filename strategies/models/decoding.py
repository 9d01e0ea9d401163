"""Greedy generation and weighing of choices for a causal transformer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import Cache

from strategies.models.layout import branches, causal_mask, left_padded, with_branches
from strategies.models.lookup import MOST_GUESSED, continued
from strategies.models.reading import read_prompts
from strategies.models.slots import KeyValues, keep, keep_rows, layers_of, slots


@torch.inference_mode()
def compute_prefix(network: Any, prefix: Sequence[int]) -> KeyValues:
    """Keys and values of a prefix, a pair a layer, each 1 × heads × tokens × width."""
    cache = DynamicCache()
    ids = torch.tensor([list(prefix)], device=network.device)
    network.get_decoder()(input_ids=ids, cache=cache, use_cache=True)
    return key_values_of(cache)


def key_values_of(cache: DynamicCache) -> KeyValues:
    """The keys and values that a cache holds."""
    return [(layer.keys, layer.values) for layer in layers_of(cache)]


def filled_cache(prefix: KeyValues, rows: int) -> DynamicCache:
    """A cache of `rows` rows that already holds the prefix."""
    cache = DynamicCache()
    for number, (keys, values) in enumerate(prefix):
        cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), number)
    return cache


@torch.inference_mode()
def weigh(
    network: Any,
    head: Callable[[torch.Tensor], torch.Tensor],
    prefix: KeyValues,
    sequences: Sequence[Sequence[int]],
    continuations: Sequence[Sequence[int]],
    pad: int,
) -> torch.Tensor:
    """Log-likelihood of each continuation after each sequence: rows × continuations, float32.

    `head` turns hidden states (tokens x width) into float32 logits (tokens x vocabulary).

    One forward pass: the continuations stand side by side behind each sequence, blind to each
    other, so that a sequence is read once however many continuations there are.
    """
    device = network.device
    length = prefix[0][0].shape[2] if prefix else 0
    ids, mask, positions = left_padded(sequences, pad)
    laid = branches(continuations)
    attention, places = with_branches(length, mask, positions + length, laid)
    rows, width = ids.shape
    ids = torch.cat([ids, laid.ids[None].expand(rows, -1)], dim=1)
    hidden = network.get_decoder()(
        input_ids=ids.to(device),
        attention_mask=attention.to(device),
        position_ids=places.to(device),
        cache=filled_cache(prefix, rows) if prefix else None,
        use_cache=bool(prefix),
    ).last_hidden_state[:, width - 1 :]
    source = laid.source.to(device) + 1
    target = laid.target.to(device)
    totals = torch.zeros(rows, len(continuations))
    for row in range(rows):
        normal = head(hidden[row]).log_softmax(dim=-1)
        chosen = normal[source, target].cpu()
        totals[row].index_add_(0, laid.branch, chosen)
    return totals


@torch.inference_mode()
def generate(
    network: Any,
    prefix: Sequence[int],
    kept: KeyValues,
    sequences: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    stop: frozenset[int],
    pad: int,
    max_tokens: int,
) -> list[list[int]]:
    """Greedy continuations, each without its stop token, in the order of `sequences`.

    `kept` are the keys and values of `prefix`, which stands before every sequence. Prompts are
    read at most `max_tokens` padded tokens at a time; then all sequences go on together.
    """
    width = max(len(sequence) for sequence in sequences)
    offsets = [width - len(sequence) for sequence in sequences]
    layers = network.config.get_text_config().num_hidden_layers
    end = len(prefix) + width
    cache = slots(layers, kept, offsets, end + max_new_tokens + MOST_GUESSED)
    if len(sequences) == 1:
        reader = partial(read, network, cache)
        return [continued(reader, [*prefix, *sequences[0]], len(prefix), max_new_tokens, stop)]
    hidden = read_prompts(network, cache, len(prefix), sequences, pad=pad, max_tokens=max_tokens)
    keep(cache, end)
    return together(network, cache, end, offsets, hidden, max_new_tokens, stop)


def read(network: Any, cache: Cache, tokens: Sequence[int], start: int, wanted: int) -> list[int]:
    """Read tokens at places from `start` on; returns what follows each of the last `wanted`."""
    keep(cache, start)
    count, device = len(tokens), network.device
    mask = causal_mask(start, torch.ones(1, count, dtype=torch.bool))
    hidden = network.get_decoder()(
        input_ids=torch.tensor([tokens], device=device),
        attention_mask=mask.to(device),
        position_ids=torch.arange(start, start + count, device=device)[None],
        cache=cache,
        use_cache=True,
    ).last_hidden_state
    best: list[int] = logits_of(network, hidden[0, -wanted:]).argmax(dim=-1).tolist()
    return best


def together(
    network: Any,
    cache: Cache,
    end: int,
    offsets: Sequence[int],
    hidden: torch.Tensor,
    max_new_tokens: int,
    stop: frozenset[int],
) -> list[list[int]]:
    """Greedy continuations of several rows, step by step.

    The tokens of a row stand in the slots from its offset up to `end`; `hidden` is the state of
    the last one. Rows that have come to their stop leave once they are half of all.
    """
    device, decoder = network.device, network.get_decoder()
    replies: list[list[int]] = [[] for _ in offsets]
    running = list(range(len(offsets)))
    ended: set[int] = set()
    places = torch.tensor([[end - offset] for offset in offsets])
    seen = torch.arange(end + max_new_tokens)[None] >= torch.tensor(offsets)[:, None]
    for step in range(max_new_tokens):
        best = logits_of(network, hidden).argmax(dim=-1).tolist()
        for row, token in zip(running, best, strict=True):
            if token in stop:
                ended.add(row)
            elif row not in ended:
                replies[row].append(token)
        left = [place for place, row in enumerate(running) if row not in ended]
        if not left or step == max_new_tokens - 1:
            break
        if 2 * len(left) <= len(running):
            keep_rows(cache, left)
            running, best = [running[place] for place in left], [best[place] for place in left]
            places, seen = places[left], seen[left]
        hidden = decoder(
            input_ids=torch.tensor(best, device=device)[:, None],
            attention_mask=seen[:, None, None, : end + step + 1].to(device),
            position_ids=(places + step).to(device),
            cache=cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
    return replies


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
