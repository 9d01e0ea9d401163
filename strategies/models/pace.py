"""How many requests an endpoint is sent at once: fewer when it is busy, more again when it is well.

Additive increase, multiplicative decrease (Chiu and Jain 1989): halved at the first sign of
trouble, one more after as many good replies as the limit is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

SLICE_S = 0.25
"""How often whoever waits looks whether to stop."""


class Pace:
    """The pace of one endpoint. `limit` requests at once now, never more than `most`."""

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.limit = most
        self._clock = clock
        self._changed = threading.Condition()
        self._running = 0
        self._good = 0
        self._halvings = 0
        self._pause_until = 0.0

    @contextmanager
    def slot(self, check: Callable[[], None]) -> Iterator[int]:
        """Wait for room, asking `check` meanwhile, and hold it until the context ends.

        Gives what `slower` wants to know of when the request began.
        """
        while not self._enter():
            check()
        try:
            yield self._halvings
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify()

    def slower(self, began: int, pause: float = 0.0) -> None:
        """The endpoint was busy: halve the limit, and let nobody begin for `pause` seconds.

        Requests that began before the last halving say nothing new, so a burst of refusals
        halves once.
        """
        with self._changed:
            self._pause_until = max(self._pause_until, self._clock() + pause)
            if began == self._halvings:
                self.limit = max(1, self.limit // 2)
                self._halvings += 1
                self._good = 0

    def well(self) -> None:
        """A good reply came."""
        with self._changed:
            self._good += 1
            if self._good >= self.limit and self.limit < self.most:
                self.limit += 1
                self._good = 0
                self._changed.notify()

    def _enter(self) -> bool:
        """Take room where there is some now or within a moment."""
        with self._changed:
            left = self._pause_until - self._clock()
            if left > 0:
                self._changed.wait(min(left, SLICE_S))
            elif self._running >= self.limit:
                self._changed.wait(SLICE_S)
            if self._running >= self.limit or self._clock() < self._pause_until:
                return False
            self._running += 1
            return True


@cache
def pace_of(base_url: str, model: str, most: int) -> Pace:
    """The one pace of this process for that endpoint, whoever asks it."""
    return Pace(most)
