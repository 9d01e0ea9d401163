"""The account of one comparison or forecast, in a file of lines that outlives the process.

Every request is booked at the most that it can cost before it is sent, and at what was billed once
its reply is there; so what is spent never passes the limits, whenever the process is killed. A
booking that a killed process left open stays in full, for nobody knows what became of it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.costs import PriceList, TokenPrice
from benchmarks.errors import Cancelled, DamagedJournal
from benchmarks.journal import append_whole
from service.wording import dollars
from strategies.errors import LIMIT, LimitReached
from strategies.models.account import Ask, Kept
from strategies.models.base import Generation, Usage

PAID = "paid.jsonl"
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

    def passes(self, limits: Limits) -> bool:
        return (limits.usd is not None and self.usd > limits.usd) or (
            limits.tokens is not None and self.tokens > limits.tokens
        )


@dataclass(frozen=True)
class Booking:
    """A request that was sent, or is about to be."""

    key: str | None
    model: str
    most: Sum


class Ledger:
    """An account whose bookings are lines of the file at `path`; without one it ends with the
    process. The file is read at the first request, by whoever holds its folder.

    Once `cancelled` says so no request is booked, and those under way are ended after a moment.
    """

    def __init__(
        self,
        path: Path | None,
        prices: PriceList,
        limits: Limits,
        cancelled: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.prices = prices
        self.limits = limits
        self.cancelled = cancelled
        self.spent = Sum()
        """What is settled, with bookings in full whose bill nobody knows."""
        self._clock = clock
        self._lock = threading.RLock()
        self._open: dict[str, Booking] = {}
        self._kept: dict[str, Kept] = {}
        self._prices: dict[str, TokenPrice] = {}
        self._booked = 0
        self._is_read = path is None
        self._told_to_stop: float | None = None

    def recall(self, key: str) -> Kept | None:
        with self._lock:
            self._read()
            return self._kept.get(key)

    def reserve(self, ask: Ask) -> str | None:
        if self.cancelled():
            raise Cancelled("stopped; run again to continue.")
        price = self._price(ask.model)
        per_million = max(price.input, price.cached)
        usd = (ask.prompt_at_most * per_million + ask.completion_at_most * price.output) / 1e6
        most = Sum(usd, ask.prompt_at_most + ask.completion_at_most)
        with self._lock:
            self._read()
            if (self.spent + most).passes(self.limits):
                raise LimitReached(self._told(most))
            held = sum((booking.most for booking in self._open.values()), self.spent)
            if (held + most).passes(self.limits):
                return None
            name = str(self._booked)
            booking = Booking(ask.key, ask.model, most)
            self._write({"booked": name, **asdict(booking)})
            self._booked += 1
            self._open[name] = booking
            return name

    def settle(self, booking: str, usage: Usage | None, kept: Kept | None = None) -> None:
        with self._lock:
            mine = self._open[booking]
            bill = mine.most
            if usage is not None:
                price = self._price(mine.model)
                usd = price.usd(usage.prompt, usage.cached, usage.completion)
                bill = Sum(usd, usage.prompt + usage.completion)
            stored = asdict(kept) if kept is not None and mine.key is not None else None
            self._write({"settled": booking, **asdict(bill), "kept": stored})
            self._settle(booking, bill, kept)

    def release(self, booking: str) -> None:
        with self._lock:
            self._write({"released": booking})
            del self._open[booking]

    def check(self) -> None:
        if not self.cancelled():
            return
        now = self._clock()
        self._told_to_stop = now if self._told_to_stop is None else self._told_to_stop
        if now - self._told_to_stop >= GRACE_S:
            raise Cancelled("stopped during a request; run again to continue.")

    def _settle(self, name: str, bill: Sum, kept: Kept | None) -> None:
        booking = self._open.pop(name)
        self.spent += bill
        if kept is not None and booking.key is not None:
            self._kept[booking.key] = kept

    def _price(self, model: str) -> TokenPrice:
        """Looked up once; raises BadPriceFile for a model without one."""
        if model not in self._prices:
            self._prices[model] = self.prices.tokens_for(model)
        return self._prices[model]

    def _told(self, most: Sum) -> str:
        """Why a request is not sent, in the terms of the limit that it would pass."""
        limit, rest = self.limits.usd, self.spent.usd
        if limit is not None and rest + most.usd > limit:
            left = f"{dollars(rest)} of {dollars(limit)} are spent, and this request may cost"
            said = f"{left} {dollars(most.usd)}"
        else:
            left = f"{self.spent.tokens:,} of {self.limits.tokens:,} tokens are used"
            said = f"{left}, and this request may take {most.tokens:,}"
        return f"{LIMIT}: {said}. Not sent; raise the limit and run again for the rest."

    def _write(self, line: dict[str, Any]) -> None:
        if self.path is not None:
            append_whole(self.path, json.dumps(line).encode() + b"\n")

    def _read(self) -> None:
        """Take up what the file holds, once."""
        if self._is_read or self.path is None:
            return
        self.spent, self._booked, end = Sum(), 0, 0
        self._open.clear()
        for number, line in enumerate(whole_lines(self.path), start=1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise DamagedJournal(self.path, number) from error
            end += len(line)
        if self.path.exists() and self.path.stat().st_size > end:
            os.truncate(self.path, end)
        for name, booking in [*self._open.items()]:
            self._settle(name, booking.most, None)
        self._is_read = True

    def _take(self, line: dict[str, Any]) -> None:
        if "booked" in line:
            booking = Booking(line["key"], line["model"], Sum(**line["most"]))
            self._open[line["booked"]] = booking
            self._booked += 1
        elif "settled" in line:
            kept = line["kept"] and kept_from(line["kept"])
            self._settle(line["settled"], Sum(line["usd"], line["tokens"]), kept)
        else:
            del self._open[line["released"]]


def kept_from(stored: dict[str, Any]) -> Kept:
    reply = stored["reply"]
    generation = Generation(**{**reply, "usage": Usage(**reply["usage"])})
    return Kept(generation, stored["seconds"])


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines of the file, without a torn one at its end."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield line
