"""How token sequences lie in one forward pass: shared prefix, padding, masks, positions.

Where choices are weighed and rows of training padded, a row is `[shared prefix | left padding |
own tokens]`; the prefix is computed once and its keys and values are reused. Where answers are
generated, it is `[nothing | prefix | own tokens | answer]` (`strategies.models.slots`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from strategies.models.tree import families

A_BATCH = 256
"""What a batch costs beside its tokens, in tokens: many small operations."""


@dataclass(frozen=True)
class Encoded:
    """A prompt's token ids; the first `shared` are common to a strategy's requests."""

    ids: tuple[int, ...]
    shared: int

    @property
    def prefix(self) -> tuple[int, ...]:
        return self.ids[: self.shared]

    @property
    def own(self) -> tuple[int, ...]:
        return self.ids[self.shared :]


def batches(
    encoded: Sequence[Encoded], *, max_tokens: int, max_rows: int, extra: int = 0
) -> list[list[int]]:
    """Rows (indices) of equal prefix, by length, in batches of at most `max_tokens` padded tokens.

    `extra` tokens a row are reserved (labels to weigh). A row longer than the budget goes alone.
    """
    result = []
    for rows in of_one_prefix(encoded):
        sizes = [len(encoded[row].own) for row in rows]
        found = little_padded(sizes, max_tokens=max_tokens, max_rows=max_rows, extra=extra)
        result += [[rows[place] for place in batch] for batch in found]
    return result


def kin_batches(
    encoded: Sequence[Encoded], *, max_tokens: int, max_rows: int, extra: int = 0
) -> list[list[int]]:
    """The same for rows whose keys and values are kept side by side: `max_tokens` bounds those,
    prefix and `extra` tokens to come included. Rows that begin alike stay together.
    """
    result = []
    for rows in of_one_prefix(encoded):
        groups = families([encoded[row].own for row in rows], 0)
        groups.sort(key=lambda group: max(len(encoded[rows[place]].own) for place in group))
        ordered = [rows[place] for group in reversed(groups) for place in group]
        sizes = [len(encoded[row].ids) + extra for row in ordered]
        found = filled(sizes, max_tokens=max_tokens, max_rows=max_rows)
        result += [[ordered[place] for place in batch] for batch in found]
    return result


def of_one_prefix(encoded: Sequence[Encoded]) -> list[list[int]]:
    """Rows (indices) by their prefix."""
    by_prefix: dict[tuple[int, ...], list[int]] = {}
    for index, item in enumerate(encoded):
        by_prefix.setdefault(item.prefix, []).append(index)
    return list(by_prefix.values())


def little_padded(
    sizes: Sequence[int], *, max_tokens: int, max_rows: int, extra: int = 0
) -> list[list[int]]:
    """Places, longest first, in the batches that are the quickest to compute: padded tokens count,
    `extra` more for each place, and A_BATCH more for each batch. None holds more than
    `max_tokens`, but for a single place."""
    sizes = [rounded(size) + extra for size in sizes]
    order = sorted(range(len(sizes)), key=lambda place: sizes[place], reverse=True)
    cost, begins = [0], [0]
    for end in range(1, len(order) + 1):
        ways = []
        for begin in range(end - 1, max(-1, end - 1 - max_rows), -1):
            padded = sizes[order[begin]] * (end - begin)
            if padded > max_tokens and begin < end - 1:
                break
            ways.append((cost[begin] + padded + A_BATCH, begin))
        least = min(ways)
        cost.append(least[0])
        begins.append(least[1])
    result: list[list[int]] = []
    end = len(order)
    while end:
        result.append(order[begins[end] : end])
        end = begins[end]
    return result[::-1]


def filled(sizes: Sequence[int], *, max_tokens: int, max_rows: int) -> list[list[int]]:
    """Places in order, in batches that hold at most `max_tokens` once all are as long as the
    longest; one longer than that goes alone."""
    result: list[list[int]] = []
    longest = 0
    for place, size in enumerate(sizes):
        count = len(result[-1]) + 1 if result else 0
        if 0 < count <= max_rows and max(longest, size) * count <= max_tokens:
            result[-1].append(place)
            longest = max(longest, size)
        else:
            result.append([place])
            longest = size
    return result


def rounded(tokens: int) -> int:
    """The width that so many tokens are padded to, a sixteenth wider at most from 128 on.

    A matrix library keeps a kernel and its memory for every shape that it has met, so that few
    widths keep memory flat over any number of rows.
    """
    step = max(8, 1 << max(0, tokens.bit_length() - 5))
    return -(-tokens // step) * step


def left_padded(
    sequences: Sequence[Sequence[int]], pad: int, *, exact: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids, mask (True where a token stands) and positions from 0, each rows × width: the
    length of the longest, `rounded` unless `exact`."""
    longest = max(len(sequence) for sequence in sequences)
    width = longest if exact else rounded(longest)
    ids = torch.full((len(sequences), width), pad)
    mask = torch.zeros((len(sequences), width), dtype=torch.bool)
    for row, sequence in enumerate(sequences):
        ids[row, width - len(sequence) :] = torch.tensor(sequence)
        mask[row, width - len(sequence) :] = True
    positions = (mask.long().cumsum(1) - 1).clamp(min=0)
    return ids, mask, positions


def causal_mask(prefix: int, mask: torch.Tensor) -> torch.Tensor:
    """rows × 1 × width × (prefix + width): each token sees the prefix and what stands before it.

    Padding sees itself, so that no softmax runs over nothing.
    """
    rows, width = mask.shape
    seen = torch.tril(torch.ones(width, width, dtype=torch.bool)) & mask[:, None, :]
    seen |= torch.eye(width, dtype=torch.bool)
    return torch.cat([torch.ones(rows, width, prefix, dtype=torch.bool), seen], dim=2)[:, None]


@dataclass(frozen=True)
class Branches:
    """Several continuations side by side in one row, each blind to the others.

    `ids` and `offset` (0-based place in its own branch) are flat over all branches; `visible`
    is total × total, True where a token may look at another of its own branch. `source` says,
    for each predicted token, the flat index of the token that predicts it, or -1 for the last
    token before the branches; `target` the predicted ids; `branch` whose it is.
    """

    ids: torch.Tensor
    offset: torch.Tensor
    visible: torch.Tensor
    source: torch.Tensor
    target: torch.Tensor
    branch: torch.Tensor


def branches(continuations: Sequence[Sequence[int]]) -> Branches:
    """Lay out continuations; the last token of each is only predicted, never read."""
    ids: list[int] = []
    offset: list[int] = []
    owner: list[int] = []
    source: list[int] = []
    target: list[int] = []
    branch: list[int] = []
    for number, continuation in enumerate(continuations):
        for place, token in enumerate(continuation):
            source.append(len(ids) - 1 if place else -1)
            target.append(token)
            branch.append(number)
            if place < len(continuation) - 1:
                ids.append(token)
                offset.append(place)
                owner.append(number)
    own = torch.tensor(owner, dtype=torch.long)
    visible = (own[:, None] == own[None, :]) & torch.tril(
        torch.ones(len(ids), len(ids), dtype=torch.bool)
    )
    return Branches(
        ids=torch.tensor(ids, dtype=torch.long),
        offset=torch.tensor(offset, dtype=torch.long),
        visible=visible,
        source=torch.tensor(source, dtype=torch.long),
        target=torch.tensor(target, dtype=torch.long),
        branch=torch.tensor(branch, dtype=torch.long),
    )


def with_branches(
    prefix: int, mask: torch.Tensor, positions: torch.Tensor, laid: Branches
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mask and positions of a left-padded batch followed by the same branches in every row."""
    rows, width = mask.shape
    total = laid.ids.numel()
    head = causal_mask(prefix, mask)
    head = torch.cat([head, torch.zeros(rows, 1, width, total, dtype=torch.bool)], dim=3)
    before = torch.cat([torch.ones(rows, prefix, dtype=torch.bool), mask], dim=1)
    tail = torch.cat(
        [
            before[:, None, None, :].expand(rows, 1, total, prefix + width),
            laid.visible[None, None].expand(rows, 1, total, total),
        ],
        dim=3,
    )
    places = positions[:, -1:] + 1 + laid.offset[None]
    return torch.cat([head, tail], dim=2), torch.cat([positions, places], dim=1)
