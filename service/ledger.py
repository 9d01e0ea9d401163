"""The account of one comparison or forecast, in a book that outlives the process.

Every request is booked at the most that it can cost before it is sent, and at what was billed once
its reply is there; so what is spent never passes the limits, whenever the process is killed. A
booking that a killed process left open stays in full, for nobody knows what became of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.costs import PriceList, TokenPrice
from benchmarks.errors import Cancelled
from service.wording import dollars
from strategies.errors import LIMIT, LimitReached
from strategies.models.account import Ask, Kept
from strategies.models.base import Generation, Usage

GRACE_S = 2.0
"""Once told to stop, requests under way have so long to bring what they are billed for."""


@dataclass(frozen=True)
class Limits:
    """The most to spend on hosted models, in US dollars and in tokens; None: no limit."""

    usd: float | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class Sum:
    """Dollars and tokens, of one request or of many."""

    usd: float = 0.0
    tokens: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.usd + other.usd, self.tokens + other.tokens)

    def __sub__(self, other: Sum) -> Sum:
        return Sum(self.usd - other.usd, self.tokens - other.tokens)

    def passes(self, limits: Limits) -> bool:
        return (limits.usd is not None and self.usd > limits.usd) or (
            limits.tokens is not None and self.tokens > limits.tokens
        )


@dataclass(frozen=True)
class Booking:
    """A request that was sent, or is about to be, at the most that it can cost."""

    key: str | None
    model: str
    most: Sum


Fits = Callable[[Sum, Sum], bool]
"""Whether there is room for a booking, by what is spent and by what open bookings hold besides."""


class Book(Protocol):
    """Where bookings stand. Safe to call from several threads; what was done is stored by the time
    a call returns."""

    @property
    def spent(self) -> Sum:
        """What is settled, with bookings in full whose bill nobody knows."""
        ...

    def recall(self, key: str) -> Kept | None:
        """The reply that was settled under this key."""
        ...

    def book(self, booking: Booking, fits: Fits | None) -> str | None:
        """Open the booking where it `fits`, and give its name. Nobody else books meanwhile, and
        what `fits` raises comes out. None: there is always room, and nothing is added up."""
        ...

    def settle(self, name: str, bill: Sum, kept: Kept | None) -> None:
        """Close it at what was billed; `kept` is recalled under its key."""
        ...

    def release(self, name: str) -> None:
        """Strike it out."""
        ...


class Ledger:
    """An account whose bookings stand in `book`, which others may share.

    Once `cancelled` says so no request is booked, and those under way are ended after a moment.
    """

    def __init__(
        self,
        book: Book,
        prices: PriceList,
        limits: Limits,
        cancelled: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.book = book
        self.prices = prices
        self.limits = limits
        self.cancelled = cancelled
        self._clock = clock
        self._mine: dict[str, Booking] = {}
        self._prices: dict[str, TokenPrice] = {}
        self._told_to_stop: float | None = None

    @property
    def spent(self) -> Sum:
        """What is settled, with bookings in full whose bill nobody knows."""
        return self.book.spent

    def recall(self, key: str) -> Kept | None:
        return self.book.recall(key)

    def reserve(self, ask: Ask) -> str | None:
        if self.cancelled():
            raise Cancelled("stopped; run again to continue.")
        price = self._price(ask.model)
        per_million = max(price.input, price.cached)
        usd = (ask.prompt_at_most * per_million + ask.completion_at_most * price.output) / 1e6
        most = Sum(usd, ask.prompt_at_most + ask.completion_at_most)

        def fits(spent: Sum, held: Sum) -> bool:
            if (spent + most).passes(self.limits):
                raise LimitReached(self._told(spent, most))
            return not (spent + held + most).passes(self.limits)

        booking = Booking(ask.key, ask.model, most)
        name = self.book.book(booking, None if self.limits == Limits() else fits)
        if name is not None:
            self._mine[name] = booking
        return name

    def settle(self, booking: str, usage: Usage | None, kept: Kept | None = None) -> None:
        mine = self._mine[booking]
        bill = mine.most
        if usage is not None:
            price = self._price(mine.model)
            usd = price.usd(usage.prompt, usage.cached, usage.completion)
            bill = Sum(usd, usage.prompt + usage.completion)
        self.book.settle(booking, bill, kept if mine.key is not None else None)
        del self._mine[booking]

    def release(self, booking: str) -> None:
        self.book.release(booking)
        del self._mine[booking]

    def check(self) -> None:
        if not self.cancelled():
            return
        now = self._clock()
        self._told_to_stop = now if self._told_to_stop is None else self._told_to_stop
        if now - self._told_to_stop >= GRACE_S:
            raise Cancelled("stopped during a request; run again to continue.")

    def _price(self, model: str) -> TokenPrice:
        """Looked up once; raises BadPriceFile for a model without one."""
        if model not in self._prices:
            self._prices[model] = self.prices.tokens_for(model)
        return self._prices[model]

    def _told(self, spent: Sum, most: Sum) -> str:
        """Why a request is not sent, in the terms of the limit that it would pass."""
        limit = self.limits.usd
        if limit is not None and spent.usd + most.usd > limit:
            left = f"{dollars(spent.usd)} of {dollars(limit)} are spent, and this request may cost"
            said = f"{left} {dollars(most.usd)}"
        else:
            left = f"{spent.tokens:,} of {self.limits.tokens:,} tokens are used"
            said = f"{left}, and this request may take {most.tokens:,}"
        return f"{LIMIT}: {said}. Not sent; raise the limit and run again for the rest."


def kept_from(stored: dict[str, Any]) -> Kept:
    """The reply that `asdict` made a document of."""
    reply = stored["reply"]
    generation = Generation(**{**reply, "usage": Usage(**reply["usage"])})
    return Kept(generation, stored["seconds"])
