"""What several actions need is made once, and booked to the first that needs it.

Nothing that an earlier run left on the machine is used: a forecast is charged all that it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from strategies.cache import Entry
from strategies.reuse import Session, opened

MOST_BYTES = 256 * 2**20
"""Vectors that would take more memory are not kept, and so computed anew for whoever needs them."""
Made = TypeVar("Made")


@dataclass
class Account:
    """What one action used of what is shared, by name, with the seconds that each took once.
    `restored` are seconds spent on making again what an earlier process had made and booked."""

    used: dict[str, float] = field(default_factory=dict)
    made: float = 0.0
    restored: float = 0.0


class Sharing:
    """The memory of one source. `earlier` is what was made before, by name, in another process."""

    def __init__(
        self,
        earlier: Iterable[Mapping[str, float]] = (),
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.clock = clock
        self.account = Account()
        self._kept: dict[str, Entry] = {}
        self._bytes = 0
        self._took: dict[str, float] = {}
        for shared in earlier:
            self._took |= shared
        self._lost = set(self._took)
        self._needs: dict[str, set[str]] = {}
        self._making: list[set[str]] = []

    @contextmanager
    def accounted(self) -> Iterator[Account]:
        """One action: what it uses is noted in its own account."""
        self.account = Account()
        yield self.account

    @contextmanager
    def opened(self) -> Iterator[Session]:
        """Let embeddings be shared until the context ends."""
        with opened(Session(self, ("embedding",), {}, self.clock)) as session:
            yield session

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` gives; its seconds are those of `name`, without what it shares in turn."""
        began, before = self.clock(), self.account.made
        self._making.append(set())
        try:
            made = make()
        finally:
            needs = self._making.pop()
        self._needs[name] = needs
        self.note_made(name, self.clock() - began - (self.account.made - before))
        return made

    def note_made(self, name: str, seconds: float) -> None:
        self.account.made += seconds
        if name in self._lost:
            self._lost.remove(name)
            self.account.restored += seconds
        self._took.setdefault(name, seconds)
        self.note_used(name)

    def note_used(self, name: str) -> None:
        """It is needed, and with it whatever it was made from."""
        self.account.used[name] = self._took[name]
        for making in self._making:
            making.add(name)
        for need in self._needs.get(name, ()):
            self.note_used(need)

    def get(self, key: str) -> Entry | None:
        entry = self._kept.get(key)
        if entry is not None:
            self.note_used(name_of(key))
        return entry

    def put(self, key: str, entry: Entry) -> None:
        if self._bytes + len(entry.payload) > MOST_BYTES:
            return
        self._kept[key] = entry
        self._bytes += len(entry.payload)
        self.note_made(name_of(key), entry.seconds)

    def drop(self, key: str) -> None:
        self._kept.pop(key, None)


def name_of(key: str) -> str:
    return f"embedding {key[:16]}"
