"""When a result may come from the cache instead of being computed, and what it is charged.

Shut unless a session is open, and only who measures opens one: so whatever is timed computes,
unless its timer knows better. A result that is taken from the cache brings along the seconds it
took when it was computed, and those are charged as if they had been spent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from strategies.cache import Entry, key_of

Kind = Literal["embedding", "generation"]
Result = TypeVar("Result")


class Results(Protocol):
    """Where results are kept by key: the cache on disk, or a memory that lasts as long as it is
    asked."""

    def get(self, key: str) -> Entry | None: ...

    def put(self, key: str, entry: Entry) -> None: ...

    def drop(self, key: str) -> None: ...


@dataclass
class Session:
    """The cache, open for some kinds of results, with an account of what it gave.

    `context` is what every result depends on besides its own key: code, versions, machine.
    """

    cache: Results | None
    kinds: tuple[Kind, ...]
    context: Mapping[str, Any]
    clock: Callable[[], float]
    hits: int = 0
    reused_seconds: float = 0.0
    overhead_seconds: float = 0.0

    def charged(self, elapsed: float) -> float:
        """Seconds of work behind `elapsed` seconds of this session: without what the cache itself
        took, and with what the reused results took when they were computed."""
        return max(0.0, elapsed - self.overhead_seconds) + self.reused_seconds

    def absorb(self, other: Session) -> None:
        """Add the account of a session that ran within this one."""
        self.hits += other.hits
        self.reused_seconds += other.reused_seconds
        self.overhead_seconds += other.overhead_seconds


_SESSION: ContextVar[Session | None] = ContextVar("tuneworth_session", default=None)


@contextmanager
def opened(session: Session) -> Iterator[Session]:
    """Let results of the session's kinds be reused in this thread until the context ends."""
    token = _SESSION.set(session)
    try:
        yield session
    finally:
        _SESSION.reset(token)


def note_reused(results: int, seconds: float) -> None:
    """Tell the session that holds here, where one does, of results that come from elsewhere than
    its cache, and of the seconds that they took when they were computed."""
    session = _SESSION.get()
    if session is not None:
        session.hits += results
        session.reused_seconds += seconds


def charged_clock() -> float:
    """Seconds of work so far: those that pass, and those that reused results took when they were
    computed. So a budget reaches as far with a full cache as with an empty one, and as far for
    what is never reused."""
    session = _SESSION.get()
    return time.perf_counter() if session is None else session.charged(session.clock())


def computed_once(
    kind: Kind,
    parts: Callable[[], Mapping[str, Any]],
    compute: Callable[[], Result],
    *,
    write: Callable[[Result], bytes | None],
    read: Callable[[bytes], Result],
    ready: Callable[[], None] | None = None,
) -> Result:
    """What `compute` gives, from the cache where a session is open for it and has it.

    `parts` (JSON values) is everything that determines the result. `write` gives its bytes, or
    None for what must not be kept (errors); `read` raises ValueError or TypeError for bytes that
    it cannot take.
    `ready` does what is done once a process (loading), so that no result is charged for it.
    """
    session = _SESSION.get()
    if session is None or session.cache is None or kind not in session.kinds:
        return compute()
    began = session.clock()
    key = key_of({"kind": kind, "context": session.context, **parts()})
    entry = session.cache.get(key)
    if entry is not None and entry.kind == kind:
        try:
            result = read(entry.payload)
        except (ValueError, TypeError):
            session.cache.drop(key)
        else:
            session.hits += 1
            session.reused_seconds += entry.seconds
            session.overhead_seconds += session.clock() - began
            return result
    session.overhead_seconds += session.clock() - began
    if ready is not None:
        ready()
    inner = Session(session.cache, session.kinds, session.context, session.clock)
    began = session.clock()
    with opened(inner):  # computing may itself reuse something
        result = compute()
    seconds = inner.charged(session.clock() - began)
    session.absorb(inner)
    began = session.clock()
    payload = write(result)
    if payload is not None:
        session.cache.put(key, Entry(kind, seconds, payload))
    session.overhead_seconds += session.clock() - began
    return result
