"""Sequences as a tree of what they begin with alike, so that a common beginning is read once.

Prompts about the same passage share it word for word. The tree of all sequences of a batch holds
each such beginning once; below it stands where its sequences part. (The idea of a radix tree over
prompts: Zheng et al. 2024, "SGLang".)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LEAST = 64
"""Tokens that a common beginning must have: reading in two steps costs about as much as these."""


@dataclass(frozen=True)
class Node:
    """`tokens` that stand in `rows` from place `start` on; `last` where the rows end with them."""

    tokens: tuple[int, ...]
    start: int
    rows: tuple[int, ...]
    last: bool


def levels(sequences: Sequence[Sequence[int]], least: int = LEAST) -> list[list[Node]]:
    """The tree, level by level from the root on; every sequence ends in one node of its own or of
    its equals. No sequence may be empty."""
    found: list[list[Node]] = []
    waiting = [(rows, 0, 0) for rows in families(sequences, 0, least)]
    while waiting:
        rows, start, depth = waiting.pop()
        node = root_of([tuple(sequences[row]) for row in rows], rows, start)
        if depth == len(found):
            found.append([])
        found[depth].append(node)
        if not node.last:
            end = start + len(node.tokens)
            parted = families([sequences[row] for row in rows], end, least)
            waiting += [([rows[place] for place in group], end, depth + 1) for group in parted]
    return found


def families(sequences: Sequence[Sequence[int]], start: int, least: int = LEAST) -> list[list[int]]:
    """Places of sequences in groups: neighbours in a group have `least` tokens from place `start`
    on in common, or are equal. Before `start` all must be alike."""
    order = sorted(range(len(sequences)), key=lambda place: tuple(sequences[place]))
    groups: list[list[int]] = []
    for place in order:
        if groups:
            before, here = sequences[groups[-1][-1]], sequences[place]
            alike = common(before, here)
            # a token must be left to each, unless both end alike
            equal = alike == len(before) == len(here)
            if equal or min(alike, len(before) - 1, len(here) - 1) >= start + least:
                groups[-1].append(place)
                continue
        groups.append([place])
    return groups


def root_of(sequences: Sequence[tuple[int, ...]], rows: Sequence[int], start: int) -> Node:
    """What a family, in order, reads first: up to where any two members part, and at least one
    token short of each, unless all are equal."""
    one = sequences[0]
    if all(other == one for other in sequences):
        return Node(one[start:], start, tuple(rows), last=True)
    end = min(common(a, b) for a, b in pairwise(sequences))
    end = min(end, *(len(sequence) - 1 for sequence in sequences))
    return Node(one[start:end], start, tuple(rows), last=False)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
