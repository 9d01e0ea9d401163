"""Quantiles and shares of the distributions that intervals and tests rest on. Pure.

They are those of `scipy.stats`, from the functions of `scipy.special` beneath it: that module loads
in a fraction of the time and of the memory, which a server's first answer would wait for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Numbers = NDArray[np.float64] | NDArray[np.int64] | float | int
"""One or many: the functions broadcast, and give an array where they are given one."""


def normal_cdf(x: Numbers) -> Any:
    return special.ndtr(x)


def normal_quantile(share: Numbers) -> Any:
    return special.ndtri(share)


def student_quantile(share: Numbers, df: Numbers) -> Any:
    """Of Student's t with `df` degrees of freedom."""
    # at a share of 0 the function has an infinity of the wrong sign
    return np.copysign(special.stdtrit(df, share), np.subtract(share, 0.5))


def f_quantile(share: Numbers, above: Numbers, below: Numbers) -> Any:
    """Of F, the degrees of freedom of its numerator and of its denominator given."""
    return special.fdtri(above, below, share)


def binomial_cdf(successes: Numbers, trials: Numbers, chance: float) -> Any:
    """How often so many successes or fewer come."""
    least = np.clip(successes, -1, trials)  # beyond, it is 0 and 1
    return special.betaincc(least + 1, trials - least, chance)
