"""How far running work is, as the worker notes it and the API tells it."""

import threading
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from benchmarks.progress import Phase, ProgressEvent
from corpora.task import Frozen
from service.counting import Counts, summed
from service.storage import now

AT = Field(default=None, description="When that was so; ISO 8601, UTC.")

SHARES: dict[Phase, tuple[float, float]] = {
    "loading": (0.0, 0.0),
    "preparing": (0.0, 0.4),
    "racing": (0.4, 0.4),
    "timing": (0.4, 0.7),
    "answering": (0.7, 0.95),
    "checking": (0.95, 0.97),
    "probing": (0.97, 1.0),
    "done": (1.0, 1.0),
}
"""From where to where each phase moves a strategy's bar; preparing is short but for tuning."""
WAITING = "waiting: "
"""How the message of what waits begins."""


class StrategyProgress(Frozen):
    """How far one strategy is: `fraction` of all its phases, `seconds_left` of this phase."""

    strategy: str
    phase: Phase
    fraction: float = Field(ge=0, le=1)
    seconds_left: float | None = Field(description="Of this phase; null where nobody can say.")
    message: str = Field(description="What is being done, or why it ended as it did.")


class Progress(Frozen):
    """How far a comparison is. Strategies are listed from when they begin, of `total`."""

    fraction: float = Field(default=0.0, ge=0, le=1, description="Of all strategies.")
    total: int = Field(default=0, description="Strategies to compare; 0 until that is known.")
    message: str = Field(default="", description="Of what concerns no strategy: loading a model.")
    strategies: tuple[StrategyProgress, ...] = ()
    counts: Counts = Field(
        default_factory=Counts, description="What was answered and spent so far."
    )
    at: str | None = AT


def merged(parts: Sequence[dict[str, Any]], total: int) -> dict[str, Any]:
    """How far a comparison is, from what each of its units noted, in the order of the run; `total`
    are its strategies, as far as that is known.

    A strategy is where the last of the units that speak of it has brought it. What the first unit
    noted of no strategy (a model is loaded to begin with) is past once another one has begun.
    """
    begun = [Progress.model_validate(part) for part in parts if part]
    rows = {row.strategy: row for part in begun for row in part.strategies}
    total = max(total, len(rows), *(part.total for part in begun))
    messages = [part.message for part in begun[1:] or begun if part.message]
    progress = Progress(
        fraction=round(sum(row.fraction for row in rows.values()) / max(total, 1), 4),
        total=total,
        message="; ".join(dict.fromkeys(messages)),
        strategies=tuple(rows.values()),
        counts=summed(part.counts for part in begun),
        at=max((part.at for part in begun if part.at), default=None),
    )
    return progress.model_dump(mode="json")


class ProgressBoard:
    """How far one unit is. Written by the thread that computes, read by the one that stores:
    neither waits long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, StrategyProgress] = {}
        self._total = 0
        self._message = ""
        self._waits = ""
        self._counts = Counts()
        self._at = now()
        self._changed = False

    def count(self, counts: Counts) -> None:
        """Take in what was answered and spent so far."""
        with self._lock:
            self._changed = self._changed or counts != self._counts
            self._counts = counts

    def wait(self, reason: str) -> None:
        """Take in what it waits for; it goes on by what is noted next."""
        with self._lock:
            self._changed = self._changed or reason != self._waits
            self._waits = reason

    def note(self, event: ProgressEvent) -> None:
        """Take in where the run is now."""
        with self._lock:
            self._changed, self._at = True, now()
            self._waits = ""
            self._total = max(self._total, event.total)
            if event.strategy is None:
                self._message = f"{event.phase} {event.message}".strip()
                return
            self._message = ""
            start, end = SHARES[event.phase]
            part = min(max(event.fraction, 0.0), 1.0)
            self._rows[event.strategy] = StrategyProgress(
                strategy=event.strategy,
                phase=event.phase,
                fraction=round(start + (end - start) * part, 4),
                seconds_left=None if event.seconds_left is None else round(event.seconds_left, 1),
                message=event.message,
            )

    def changes(self) -> dict[str, Any] | None:
        """The whole progress as JSON, or None where nothing changed since the last call."""
        with self._lock:
            if not self._changed:
                return None
            self._changed = False
            rows, total = tuple(self._rows.values()), self._total
            done = sum(row.fraction for row in rows) / max(total, len(rows), 1)
            progress = Progress(
                fraction=round(done, 4),
                total=total,
                message=waiting(self._waits) or self._message,
                strategies=rows,
                counts=self._counts,
                at=self._at,
            )
        return progress.model_dump(mode="json")


def waiting(reason: str) -> str:
    """The message of what waits until a cause is gone."""
    return f"{WAITING}{reason}" if reason else ""


def reason_after(reason: str | None, progress: dict[str, Any]) -> str | None:
    """The reason that a unit has, once it has told this progress: what it waits for, or what it
    was given out again for."""
    message = str(progress.get("message", ""))
    if message.startswith(WAITING):
        return message
    return None if reason is not None and reason.startswith(WAITING) else reason


class ForecastProgress(Frozen):
    """How far a forecast is: `fraction` is the share of its budget that is spent."""

    fraction: float = Field(default=0.0, ge=0, le=1, description="Of the budget.")
    message: str = Field(default="", description="What is being done.")
    at: str | None = AT


class ForecastBoard:
    """Written by the thread that computes, read by the one that stores."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = ForecastProgress()
        self._changed = False

    def note(self, doing: str, fraction: float) -> None:
        with self._lock:
            self._now = ForecastProgress(fraction=round(fraction, 4), message=doing, at=now())
            self._changed = True

    def wait(self, reason: str) -> None:
        """As of a comparison."""
        with self._lock:
            waits = self._now.model_copy(update={"message": waiting(reason)})
            self._changed = self._changed or waits != self._now
            self._now = waits

    def changes(self) -> dict[str, Any] | None:
        """As those of a comparison."""
        with self._lock:
            if not self._changed:
                return None
            self._changed = False
            return self._now.model_dump(mode="json")
