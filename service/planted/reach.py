"""How far behind a strategy has to measure on so many validation examples to be stopped."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from benchmarks.anytime import drawn, shows_above
from benchmarks.contest import level_of

EXAMPLES = (16, 64, 100, 300)
DIFFERING = (Fraction(1, 2), Fraction(1, 5))
JUDGES = 10


def least_stopped(examples: int, share: Fraction) -> float | None:
    """The smallest difference, 0 to 1, at which the worse one of two is shown to be no better, if
    one is right and the other wrong on that share of the examples; None where even all of those
    are too few. JUDGES strategies may stop others."""
    differing = int(examples * share)
    for right in range(differing // 2, differing + 1):
        found = np.zeros(examples)
        found[:differing] = np.where(np.arange(differing) < right, 1.0, -1.0)
        if shows_above(drawn(found, [None] * examples), 0.0, level_of(JUDGES)):
            return float(found.mean())
    return None


def reach_table() -> str:
    """In points, as Markdown."""
    heads = [f"where they differ on one in {share.denominator}" for share in DIFFERING]
    lines = [f"| examples | {' | '.join(heads)} |", f"| {' | '.join(['---'] * 3)} |"]
    for examples in EXAMPLES:
        found = [least_stopped(examples, share) for share in DIFFERING]
        cells = ["nobody" if one is None else f"{100 * one:.0f}" for one in found]
        lines.append(f"| {examples} | {' | '.join(cells)} |")
    return "\n".join(lines)
