"""The resamples behind the break-even intervals, drawn once and kept for as long as they serve."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

DRAWS = 2_000
Counts = NDArray[np.int32]


class Draws:
    """How often each batch (or hosted request) of a strategy is drawn, for DRAWS resamples.

    Pairs draw one after the other from the seed, each strategy anew for each pair. The same pair
    gets the same draws again, so that a price that changes moves the interval and luck does not.
    Once `settled`, a pair that is new takes draws that each strategy keeps for itself.
    """

    def __init__(self, seed: int = 0) -> None:
        self.settled = False
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._pairs: dict[tuple[str, str, int, int], tuple[Counts, Counts]] = {}
        self._alone: dict[tuple[str, int], Counts] = {}

    def of_pair(self, first: str, n: int, second: str, m: int) -> tuple[Counts, Counts]:
        """Counts of the first's `n` lines and of the second's `m`, DRAWS × lines each."""
        key = (first, second, n, m)
        if key not in self._pairs:
            self._pairs[key] = (
                (self.alone(first, n), self.alone(second, m))
                if self.settled
                else (drawn(n, self._rng), drawn(m, self._rng))
            )
        return self._pairs[key]

    def alone(self, name: str, n: int) -> Counts:
        """Draws of `n` lines that belong to the strategy alone, whatever it is compared with."""
        if (name, n) not in self._alone:
            rng = np.random.default_rng([self._seed, crc32(name.encode()), n])
            self._alone[name, n] = drawn(n, rng)
        return self._alone[name, n]


def drawn(n: int, rng: np.random.Generator) -> Counts:
    return rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.int32)
