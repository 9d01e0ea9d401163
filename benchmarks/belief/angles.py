"""The scale of belief: a quality from 0 to 1 as the angle whose squared sine it is. Pure.

On this scale the sampling noise of a share of right rows is about 1 / (2 sqrt(n)) wherever it
lies, an error near 0.99 weighs more than the same one near 0.5, and no interval leaves 0 to 1.
"""

from __future__ import annotations

import numpy as np

from benchmarks.resampling import Floats

RIGHT_ANGLE = np.pi / 2
MIDDLE = np.pi / 4
"""The angle of a quality of 0.5."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
SHARES = WEIGHTS / WEIGHTS.sum()


def to_angle(quality: Floats | float) -> Floats:
    return np.asarray(np.arcsin(np.sqrt(np.clip(quality, 0.0, 1.0))))


def to_quality(angle: Floats | float) -> Floats:
    """An angle beyond 0 or a right angle stands for the end it passed."""
    return np.asarray(np.sin(np.clip(angle, 0.0, RIGHT_ANGLE)) ** 2)


def expected_quality(mean: Floats, deviation: Floats) -> Floats:
    """Of a normal angle, by Gauss and Hermite's quadrature; both broadcast."""
    places = np.asarray(mean)[..., None] + np.asarray(deviation)[..., None] * NODES
    found: Floats = to_quality(places) @ SHARES
    return found


def slope_at(quality: Floats | float) -> Floats:
    """How much an angle moves for a small step of quality. The ends count as 0.01 and 0.99: the
    true slope has no bound there."""
    inside = np.clip(quality, 0.01, 0.99)
    return np.asarray(0.5 / np.sqrt(inside * (1 - inside)))


def measured_angle(score: float, rows: float) -> float:
    """The angle that a share of right rows speaks for, with Anscombe's correction (1948): 8 of 8
    rows are no proof of 1, and the noise is 1 / sqrt(4n + 2) even for few rows."""
    return float(to_angle((score * rows + 0.375) / (rows + 0.75)))
