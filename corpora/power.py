"""How many test examples a paired comparison needs to see a difference.

Sample size of McNemar's test by R. J. Connor, "Sample size for testing differences in
proportions for the paired-sample design", Biometrics 43 (1987) 207-211:

    n = (z(1 - alpha/2) * sqrt(psi) + z(power) * sqrt(psi - delta^2))^2 / delta^2

where psi is the share of discordant pairs (one strategy right, the other wrong) and delta the
difference in accuracy; two-sided, alpha = 0.05 for one pair. At psi = 0.2 and 80% power: 626
examples for 5 points, 155 for 10. It takes rows as independent; where they come in groups, as
many times more are needed as the design effect says.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from statistics import NormalDist

from corpora.errors import InvalidInput

_ALPHA = 0.05


def examples_needed(
    difference: float,
    *,
    discordant: float = 0.2,
    power: float = 0.8,
    alpha: float = _ALPHA,
    effect: float = 1.0,
) -> int:
    """Test examples that show a `difference` in accuracy (0 to 1) with the given power.

    A difference above `discordant` implies at least as many discordant pairs, so the share is
    then taken to be the difference itself. `effect` is the `design_effect` of the groups.
    """
    if not 0 < abs(difference) <= 1:
        raise InvalidInput("difference", difference, "Give a share between 0 and 1, not 0.")
    return ceil(effect * _pairs(abs(difference), discordant, power, alpha))


def detectable_difference(
    n: int,
    *,
    discordant: float = 0.2,
    power: float = 0.8,
    alpha: float = _ALPHA,
    effect: float = 1.0,
) -> float:
    """The smallest difference in accuracy that `n` test examples show; 1.0 where none is shown."""
    if n < 1 or effect * _pairs(1.0, discordant, power, alpha) > n:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if effect * _pairs(middle, discordant, power, alpha) > n:
            low = middle
        else:
            high = middle
    return high


def design_effect(sizes: Sequence[int], correlation: float) -> float:
    """How many times more rows groups of these sizes call for than rows on their own.

    1 + rho × (sum of m² / sum of m - 1) with the correlation rho of scores (or of differences)
    within a group; 1 + rho × (m - 1) where all have m rows (Kish 1965, "Survey Sampling", 5.4).
    """
    if not sizes or min(sizes) < 1:
        raise InvalidInput("sizes", list(sizes), "Give the rows of each group, 1 or more.")
    if not 0 <= correlation <= 1:
        raise InvalidInput("correlation", correlation, "Give a correlation from 0 to 1.")
    return 1 + correlation * (sum(size * size for size in sizes) / sum(sizes) - 1)


def _pairs(difference: float, discordant: float, power: float, alpha: float) -> float:
    if not 0 < discordant <= 1:
        raise InvalidInput("discordant", discordant, "Give a share above 0, at most 1.")
    if not 0.5 <= power < 1:
        raise InvalidInput("power", power, "Give a probability from 0.5 to below 1.")
    if not 0 < alpha < 1:
        raise InvalidInput("alpha", alpha, "Give a probability between 0 and 1.")
    share = max(discordant, difference)
    z_alpha = -NormalDist().inv_cdf(alpha / 2)  # to the last digit, however small alpha is
    z_power = NormalDist().inv_cdf(power)
    spread = z_alpha * sqrt(share) + z_power * sqrt(share - difference**2)
    return (spread / difference) ** 2
