"""What a watcher is told while a comparison runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Phase = Literal[
    "loading", "preparing", "racing", "timing", "answering", "checking", "probing", "done"
]

EARLIEST = 0.02
"""No guess of the time left before this share of a phase is done: it would be noise."""


@dataclass(frozen=True)
class ProgressEvent:
    """Where the run is.

    `strategy` is None while a model loads. `fraction` (0 to 1) and `seconds_left` are of the
    phase; `seconds_left` is None where nothing can be said. `position` counts strategies from 1
    to `total`. `message` says more: what is being done, or why a strategy ended as it did.
    """

    strategy: str | None
    phase: Phase
    fraction: float
    seconds_left: float | None
    position: int
    total: int
    message: str = ""


OnProgress = Callable[[ProgressEvent], None]


def ignore_progress(event: ProgressEvent) -> None:
    """For callers that do not watch."""


class Reporter:
    """Times the phases of one strategy and tells the watcher."""

    def __init__(
        self,
        on_progress: OnProgress,
        *,
        strategy: str | None,
        position: int,
        total: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_progress = on_progress
        self._strategy = strategy
        self._position = position
        self._total = total
        self._clock = clock
        self._phase: Phase | None = None
        self._began = 0.0
        self._first = 0.0

    def tell(self, phase: Phase, fraction: float, message: str = "") -> None:
        """The first call of a phase starts its clock, at the fraction it resumes from."""
        now = self._clock()
        if phase != self._phase:
            self._phase, self._began, self._first = phase, now, fraction
        done = fraction - self._first
        left = None
        if done >= EARLIEST:
            left = (now - self._began) / done * max(0.0, 1 - fraction)
        event = ProgressEvent(
            self._strategy, phase, fraction, left, self._position, self._total, message
        )
        self._on_progress(event)
