"""Test rows in two halves: one chooses the winner, the other says what it is worth. Pure.

A winner chosen and judged on the same rows flatters itself, and what is lost by any other choice
looks larger than it is. So the two are kept apart, and then change places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

SPLITS = 6
"""Each takes the rule two comparisons of half the rows, a second or two each."""
Half = tuple[str, ...]


def halves(
    rows: Sequence[str], groups: Sequence[str | None] | None, seed: int
) -> tuple[Half, Half]:
    """The rows in two parts of nearly the same size, drawn by seed; a group is never cut.

    Groups of several rows are laid first, in an order of chance, each to the smaller part; single
    rows then make up for what is uneven. So parts differ by no more than the largest group, and a
    split hangs on the seed even where all groups are of different sizes. Within a part the rows
    keep their order.
    """
    clusters: dict[object, list[str]] = defaultdict(list)
    for place, row in enumerate(rows):
        group = groups[place] if groups is not None else None
        clusters[("row", row) if group is None else ("group", group)].append(row)
    rng = np.random.default_rng(seed)
    units = list(clusters.values())
    order = rng.permutation(len(units))
    parts: tuple[set[str], set[str]] = (set(), set())
    for number in sorted(order, key=lambda n: len(units[n]) == 1):
        smaller = 0 if len(parts[0]) <= len(parts[1]) else 1
        parts[smaller].update(units[number])
    one, other = (tuple(row for row in rows if row in part) for part in parts)
    return one, other


def crossings(
    rows: Sequence[str], groups: Sequence[str | None] | None, splits: int = SPLITS
) -> list[tuple[Half, Half]]:
    """Pairs of (rows that choose, rows that judge): each split both ways round. Rows of a single
    group cannot be split: then all choose and judge, once."""
    pairs = []
    for seed in range(splits):
        one, other = halves(rows, groups, seed)
        if one and other:
            pairs += [(one, other), (other, one)]
    return pairs or [(tuple(rows), tuple(rows))]
