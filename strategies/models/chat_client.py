"""Asking a chat endpoint until it answers: the only layer of retries there is, at its own pace."""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from strategies.errors import ModelError
from strategies.models.account import Account, Ask
from strategies.models.base import Message
from strategies.models.completion import Completion, Failed
from strategies.models.pace import SLICE_S, Pace

if TYPE_CHECKING:
    from strategies.models.exchange import Exchange

SHORTEST_KEY = 8
"""A shorter key is a made-up word for an endpoint that wants none, and may stand in any text."""
LONGEST_REASON = 400
ROOM_S = 0.05
"""How often is asked whether other requests have left something of what may be spent."""


@dataclass(frozen=True)
class Answered:
    """A completion, the seconds that it took, and the booking that is to be settled for it."""

    completion: Completion
    seconds: float
    booking: str


class ChatClient:
    """Asks for greedy completions. Safe to call from several threads.

    A busy or broken endpoint is asked up to `attempts` times, each attempt booked by itself. What
    its Retry-After header asks for holds for all who share the `pace`; without one an attempt
    waits twice as long as the one before. Neither is ever more than `longest_wait_s`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str,
        pace: Pace | None = None,
        attempts: int = 5,
        timeout_s: float = 120.0,
        first_wait_s: float = 0.5,
        longest_wait_s: float = 30.0,
    ) -> None:
        self.base_url = base_url
        self.model = model
        self.pace = pace or Pace(8)
        self._api_key = api_key
        self._attempts = attempts
        self._timeout_s = timeout_s
        self._first_wait_s = first_wait_s
        self._longest_wait_s = longest_wait_s

    def complete(
        self,
        messages: Sequence[Message],
        *,
        ask: Ask,
        account: Account,
        check: Callable[[], None],
    ) -> Answered:
        """The completion and its booking. Raises ModelError with the reason (never the key) once no
        attempt is left, LimitReached, and what `check` raises to end the work."""
        for attempt in range(self._attempts):
            try:
                return self._attempt(messages, ask, account, check)
            except Failed as failed:
                if attempt + 1 == self._attempts or not failed.again:
                    raise ModelError(self._explain(failed, attempt + 1)) from None
                if failed.wait is None:  # else the pace is held
                    seconds = min(self._first_wait_s * 2.0**attempt, self._longest_wait_s)
                    rest(seconds, check)
        raise ModelError(f"attempts: {self._attempts}. Allow at least one.")

    def without_key(self, text: str) -> str:
        """The text with the key blotted out, as it is and as it would stand in JSON or an URL."""
        if len(self._api_key) < SHORTEST_KEY:
            return text
        key = self._api_key
        for form in (key, json.dumps(key)[1:-1], repr(key)[1:-1], urllib.parse.quote(key, safe="")):
            text = text.replace(form, "[key]")
        return text

    def _attempt(
        self,
        messages: Sequence[Message],
        ask: Ask,
        account: Account,
        check: Callable[[], None],
    ) -> Answered:
        """One request. Whatever ends it, its booking is released where nothing was billed for sure,
        and else stays in full."""
        with self.pace.slot(check) as began:
            booking = booked(account, ask, check)
            started = time.perf_counter()
            try:
                completion = self._exchange.ask(messages, ask.completion_at_most, check)
            except Failed as failed:
                if failed.unbilled:
                    account.release(booking)
                else:
                    account.settle(booking, None)
                if failed.busy or failed.wait is not None:
                    self.pace.slower(began, min(failed.wait or 0.0, self._longest_wait_s))
                raise
            except BaseException:
                account.settle(booking, None)
                raise
            self.pace.well()
            return Answered(completion, time.perf_counter() - started, booking)

    @cached_property
    def _exchange(self) -> Exchange:
        from strategies.models.exchange import Exchange  # openai, loaded by the first request

        return Exchange(
            base_url=self.base_url,
            model=self.model,
            api_key=self._api_key,
            timeout_s=self._timeout_s,
        )

    def _explain(self, failed: Failed, attempts: int) -> str:
        tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        text = " ".join(f"{self.base_url}: {failed.reason} ({tries})".split())
        text = self.without_key(text)
        return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def booked(account: Account, ask: Ask, check: Callable[[], None]) -> str:
    """The request's booking, once other requests have left enough for it."""
    while (booking := account.reserve(ask)) is None:
        check()
        time.sleep(ROOM_S)
    return booking


def rest(seconds: float, check: Callable[[], None]) -> None:
    """Wait so long, looking whether to stop."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check()
        time.sleep(min(left, SLICE_S))
