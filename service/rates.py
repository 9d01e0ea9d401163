"""How often a key may ask, and how many streams it may have open at once.

Counted in this process, where all requests arrive; a restart begins anew.
"""

import math
import time
from collections import Counter
from collections.abc import Callable

from service.errors import TooOften

MOST_STREAMS = 20
"""Event streams and downloads of records of one key at once; each holds a connection."""
STREAM_SECONDS = 10.0
"""When to try again where all streams are taken; nobody knows when one ends."""


class Buckets:
    """A bucket of tokens a key: full at first, a request takes one, and they come back evenly."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # the level, and when it was that

    def take(self, key: str, per_minute: int) -> None:
        """Raises TooOften where the bucket is empty; a refused request takes nothing."""
        now = self._clock()
        level, since = self._buckets.get(key, (float(per_minute), now))
        level = min(per_minute, level + (now - since) * per_minute / 60)
        if level < 1:
            seconds = (1 - level) * 60 / per_minute
            wait = f"try again in {math.ceil(seconds)} s"
            raise TooOften(f"This key may send {per_minute} requests a minute: {wait}.", seconds)
        self._buckets[key] = (level - 1, now)


class Streams:
    """The streams that each key has open now."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def open(self, key: str) -> Callable[[], None]:
        """Count one more; what is returned ends it. Raises TooOften."""
        if self._open[key] >= self._most:
            told = f"This key has {self._most} streams open already: end one, or try again."
            raise TooOften(told, STREAM_SECONDS)
        self._open[key] += 1

        def close() -> None:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

        return close
