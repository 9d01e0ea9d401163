"""How many test examples a paired comparison needs to see a difference.

Sample size of McNemar's test by R. J. Connor, "Sample size for testing differences in
proportions for the paired-sample design", Biometrics 43 (1987) 207-211:

    n = (z(1 - alpha/2) * sqrt(psi) + z(power) * sqrt(psi - delta^2))^2 / delta^2

where psi is the share of discordant pairs (one strategy right, the other wrong) and delta the
difference in accuracy; two-sided at alpha = 0.05. At psi = 0.2 and 80% power: 626 examples for
5 points, 155 for 10. It takes rows as independent, so rows in groups need more.
"""

from __future__ import annotations

from math import ceil, sqrt
from statistics import NormalDist

from corpora.errors import InvalidInput

_ALPHA = 0.05


def examples_needed(difference: float, *, discordant: float = 0.2, power: float = 0.8) -> int:
    """Test examples that show a `difference` in accuracy (0 to 1) with the given power.

    A difference above `discordant` implies at least as many discordant pairs, so the share is
    then taken to be the difference itself.
    """
    if not 0 < abs(difference) <= 1:
        raise InvalidInput("difference", difference, "Give a share between 0 and 1, not 0.")
    return ceil(_pairs(abs(difference), discordant, power))


def detectable_difference(n: int, *, discordant: float = 0.2, power: float = 0.8) -> float:
    """The smallest difference in accuracy that `n` test examples show; 1.0 where none is shown."""
    if n < 1 or _pairs(1.0, discordant, power) > n:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _pairs(middle, discordant, power) > n:
            low = middle
        else:
            high = middle
    return high


def _pairs(difference: float, discordant: float, power: float) -> float:
    if not 0 < discordant <= 1:
        raise InvalidInput("discordant", discordant, "Give a share above 0, at most 1.")
    if not 0.5 <= power < 1:
        raise InvalidInput("power", power, "Give a probability from 0.5 to below 1.")
    share = max(discordant, difference)
    z_alpha = NormalDist().inv_cdf(1 - _ALPHA / 2)
    z_power = NormalDist().inv_cdf(power)
    spread = z_alpha * sqrt(share) + z_power * sqrt(share - difference**2)
    return (spread / difference) ** 2
