"""Greedy generation and weighing of choices for a causal transformer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import takewhile

import torch
from transformers import DynamicCache
from transformers.cache_utils import Cache

from strategies.models.account import account
from strategies.models.decoder import Decoder
from strategies.models.layout import branches, causal_mask, left_padded, with_branches
from strategies.models.lookup import MOST_GUESSED, continued
from strategies.models.reading import read_prompts
from strategies.models.recorded import FEWEST, Steps
from strategies.models.slots import KeyValues, keep, keep_rows, layers_of, slots


@torch.inference_mode()
def compute_prefix(decoder: Decoder, prefix: Sequence[int]) -> KeyValues:
    """Keys and values of a prefix, a pair a layer, each 1 × heads × tokens × width."""
    cache = DynamicCache()
    forward(decoder, cache, prefix, 0, 1)
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
    decoder: Decoder,
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
    device = decoder.device
    length = prefix[0][0].shape[2] if prefix else 0
    ids, mask, positions = left_padded(sequences, pad)
    laid = branches(continuations)
    attention, places = with_branches(length, mask, positions + length, laid)
    rows, width = ids.shape
    ids = torch.cat([ids, laid.ids[None].expand(rows, -1)], dim=1)
    hidden = decoder.states(
        ids.to(device),
        attention.to(device),
        places.to(device),
        filled_cache(prefix, rows) if prefix else None,
        last=ids.shape[1] - width + 1,
    )
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
    decoder: Decoder,
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
    read at most `max_tokens` padded tokens at a time; then all sequences go on together. Raises
    what the account raises to end the work.
    """
    width = max(len(sequence) for sequence in sequences)
    offsets = [width - len(sequence) for sequence in sequences]
    end = len(prefix) + width
    cache = slots(decoder.layers, kept, offsets, end + max_new_tokens + MOST_GUESSED)
    if len(sequences) == 1 and not decoder.records:
        reader = partial(read, decoder, cache)
        return [continued(reader, [*prefix, *sequences[0]], len(prefix), max_new_tokens, stop)]
    hidden = read_prompts(decoder, cache, len(prefix), sequences, pad=pad, max_tokens=max_tokens)
    keep(cache, end)
    worth = max_new_tokens >= FEWEST
    steps = decoder.steps(cache, end + max_new_tokens) if worth else None
    if steps is not None:
        first = decoder.logits(hidden).argmax(dim=-1).tolist()
        steps.begin(cache, offsets, end, first)
        return replayed(steps, first, max_new_tokens, stop)
    return together(decoder, cache, end, offsets, hidden, max_new_tokens, stop)


def replayed(
    steps: Steps, first: Sequence[int], max_new_tokens: int, stop: frozenset[int]
) -> list[list[int]]:
    """Greedy continuations of the rows that `steps` has begun, whose first tokens are `first`.

    Rows that have come to their stop go on unheard until all have: a step has its shape.
    """
    told, check = [first], account().check
    running = set(range(len(first)))
    while True:
        running = {row for row in running if told[-1][row] not in stop}
        if not running or len(told) == max_new_tokens:
            break
        check()
        told.append(steps.next())
    return [
        list(takewhile(lambda token: token not in stop, row)) for row in zip(*told, strict=True)
    ]


def read(
    decoder: Decoder, cache: Cache, tokens: Sequence[int], start: int, wanted: int
) -> list[int]:
    """Read tokens at places from `start` on; returns what follows each of the last `wanted`."""
    account().check()
    keep(cache, start)
    hidden = forward(decoder, cache, tokens, start, wanted)
    best: list[int] = decoder.logits(hidden).argmax(dim=-1).tolist()
    return best


def forward(
    decoder: Decoder, cache: Cache, tokens: Sequence[int], start: int, wanted: int
) -> torch.Tensor:
    """Read the tokens of one row at places from `start` on, none padded; the states of the last
    `wanted`: wanted × width."""
    count, device = len(tokens), decoder.device
    mask = causal_mask(start, torch.ones(1, count, dtype=torch.bool))
    return decoder.states(
        torch.tensor([tokens], device=device),
        mask.to(device),
        torch.arange(start, start + count, device=device)[None],
        cache,
        last=wanted,
    )[0]


def together(
    decoder: Decoder,
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
    device, check = decoder.device, account().check
    replies: list[list[int]] = [[] for _ in offsets]
    running = list(range(len(offsets)))
    ended: set[int] = set()
    places = torch.tensor([[end - offset] for offset in offsets])
    seen = torch.arange(end + max_new_tokens)[None] >= torch.tensor(offsets)[:, None]
    for step in range(max_new_tokens):
        best = decoder.logits(hidden).argmax(dim=-1).tolist()
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
        check()
        hidden = decoder.states(
            torch.tensor(best, device=device)[:, None],
            seen[:, None, None, : end + step + 1].to(device),
            (places + step).to(device),
            cache,
            last=1,
        )[:, 0]
    return replies
