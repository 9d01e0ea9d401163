"""What a service shows of a comparison that is hindered, and when it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from benchmarks.errors import BenchmarkError
from service.progress import WAITING
from service.reliability.supervised import ENDED, Supervised
from service.storage import UnitRow

HUNG_SECONDS = 180.0
LOOKS_S = 0.1


@dataclass
class Seen:
    """What was shown while the cause lasted: messages of the comparison, its states, what `/ready`
    named, problems that came in the place of the comparison, and why units were given out again."""

    messages: set[str] = field(default_factory=set)
    states: set[str] = field(default_factory=set)
    ready: set[str] = field(default_factory=set)
    problems: set[str] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)

    def waits_for(self, reason: str) -> bool:
        """Whether the comparison itself said so."""
        return any(one.startswith(WAITING) and reason in one for one in self.messages)


@dataclass
class Watch:
    """Looks at one comparison. `shown` is the last reply that was one."""

    service: Supervised
    address: str
    shown: dict[str, Any] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)

    @property
    def id(self) -> str:
        return self.address.rsplit("/", 1)[-1]

    @property
    def has_ended(self) -> bool:
        return self.shown.get("state") in ENDED

    def look(self, *, closely: bool = False) -> bool:
        """Whether there was a reply; `closely` at all that tells of a hindrance."""
        self.service.look_after()
        reply = self.service.client.get(self.address)
        if reply.status_code != 200:
            self.seen.problems.add(reply.json()["type"])
        else:
            self.shown = reply.json()
            self.seen.states.add(self.shown["state"])
            self.seen.messages.add(self.shown["progress"]["message"])
        if closely:
            ready = self.service.client.get("/ready")
            self.seen.ready |= {one["field"] for one in ready.json().get("errors", ())}
            self.seen.reasons |= self.reasons()
        return reply.status_code == 200

    def reasons(self) -> set[str]:
        """Why units were given out again, of those that were."""
        again = sa.select(UnitRow.reason).where(UnitRow.work == self.id, UnitRow.dispatch > 1)
        try:
            with self.service.engine.connect() as connection:
                return {str(reason) for reason in connection.scalars(again)}
        except sa.exc.SQLAlchemyError:
            return set()

    def until_computing(self) -> None:
        """Until the first strategy has begun."""
        self._until(lambda: bool(self.shown.get("progress", {}).get("strategies")))

    def until_it_goes_on(self) -> float:
        """Seconds until something new is told, and no waiting."""
        began, before = time.monotonic(), self._progress()
        self._until(lambda: self.has_ended or (self._progress() != before and not self._waits()))
        return time.monotonic() - began

    def until_ended(self) -> None:
        self._until(lambda: self.has_ended)

    def _progress(self) -> tuple[Any, ...]:
        progress = self.shown["progress"]
        return self.shown["state"], progress["fraction"], progress["strategies"], progress["counts"]

    def _waits(self) -> bool:
        return str(self.shown["progress"]["message"]).startswith(WAITING)

    def _until(self, reached: Callable[[], bool]) -> None:
        """Raises BenchmarkError where it takes too long."""
        end = time.monotonic() + HUNG_SECONDS
        while not (self.look() and reached()):
            if time.monotonic() > end:
                raise BenchmarkError(f"it does not go on: {self.shown}")
            time.sleep(LOOKS_S)
