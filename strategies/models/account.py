"""What requests to hosted models may spend: booked before they are sent, settled by the reply.

Whoever runs strategies opens an account; models find it where they are asked (`account`), and must
do so before they hand work to other threads, which do not see it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from strategies.models.base import Generation, Prompt, Usage

TURN_TOKENS = 16
"""The most that marks around one turn take."""
TEMPLATE_TOKENS = 64
"""The most that an endpoint adds to a conversation of its own accord."""


@dataclass(frozen=True)
class Ask:
    """One request that is about to be sent, with the most tokens that it can be billed for.

    Under its `key` the reply is kept; None asks anew, whatever is kept.
    """

    key: str | None
    model: str
    prompt_at_most: int
    completion_at_most: int


@dataclass(frozen=True)
class Kept:
    """A paid reply, with the seconds that it took when it came."""

    reply: Generation
    seconds: float


class Account(Protocol):
    """Safe to call from several threads. What it raises besides LimitReached ends the work."""

    def recall(self, key: str) -> Kept | None:
        """The reply that was paid for under this key."""
        ...

    def reserve(self, ask: Ask) -> str | None:
        """Book the most that the request can cost, and see it stored, before it is sent.

        Returns the booking's name, or None while open bookings hold what is left: ask again.
        Raises LimitReached where what is spent leaves too little.
        """
        ...

    def settle(self, booking: str, usage: Usage | None, kept: Kept | None = None) -> None:
        """Book what was billed in place of the most. Without a `usage` that is unknown, and the
        most stays booked. `kept` is recalled under the ask's key."""
        ...

    def release(self, booking: str) -> None:
        """Nothing was billed, for sure."""
        ...

    def check(self) -> None:
        """Asked several times a second while a request is under way, and before each batch and
        token of a model on this machine; raises to end it."""
        ...


class Unlimited:
    """The account where nobody opened one: it books nothing and keeps nothing."""

    def recall(self, key: str) -> Kept | None:
        return None

    def reserve(self, ask: Ask) -> str | None:
        return ""

    def settle(self, booking: str, usage: Usage | None, kept: Kept | None = None) -> None:
        pass

    def release(self, booking: str) -> None:
        pass

    def check(self) -> None:
        pass


@dataclass
class Scope:
    """A piece of work that asks the same requests in the same order whenever it is done.

    `recalled_s` are the seconds that its recalled replies took when they came, those of the scopes
    within it included.
    """

    name: str
    asked: Counter[str] = field(default_factory=Counter)
    recalled_s: float = 0.0


_ACCOUNT: ContextVar[Account | None] = ContextVar("tuneworth_account", default=None)
_SCOPE: ContextVar[Scope | None] = ContextVar("tuneworth_scope", default=None)


def account() -> Account:
    """The account that holds here; one without limits where none was opened."""
    return _ACCOUNT.get() or Unlimited()


@contextmanager
def accounting(opened: Account) -> Iterator[None]:
    """Book all requests of this thread on this account until the context ends."""
    token = _ACCOUNT.set(opened)
    try:
        yield
    finally:
        _ACCOUNT.reset(token)


@contextmanager
def scoped(name: str) -> Iterator[Scope]:
    """Recall what was paid for in an earlier attempt at the work of this name.

    Outside of any scope every request is asked anew, as measuring its time needs.
    """
    outer, scope = _SCOPE.get(), Scope(name)
    token = _SCOPE.set(scope)
    try:
        yield scope
    finally:
        _SCOPE.reset(token)
        if outer is not None:
            outer.recalled_s += scope.recalled_s


def note_recalled(seconds: float) -> None:
    """Tell the scope that holds here, where one does, how long recalled replies took once."""
    scope = _SCOPE.get()
    if scope is not None:
        scope.recalled_s += seconds


def keys_of(fingerprint: str, prompts: Sequence[Prompt], max_new_tokens: int) -> list[str | None]:
    """A key for each request to the model of that fingerprint; None outside of a scope.

    The second of two equal requests in a scope has another key than the first.
    """
    scope = _SCOPE.get()
    if scope is None:
        return [None] * len(prompts)
    keys: list[str | None] = []
    for prompt in prompts:
        turns = [[turn.role, turn.content] for turn in prompt.messages]
        request = json.dumps([fingerprint, scope.name, turns, max_new_tokens])
        scope.asked[request] += 1
        counted = f"{scope.asked[request]} {request}"
        keys.append(hashlib.sha256(counted.encode()).hexdigest())
    return keys


def prompt_at_most(prompt: Prompt) -> int:
    """The most tokens of a prompt: a token takes at least one byte of the text."""
    texts = (turn.content.encode("utf-8", "surrogatepass") for turn in prompt.messages)
    return TEMPLATE_TOKENS + sum(len(text) + TURN_TOKENS for text in texts)
