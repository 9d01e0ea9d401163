"""A few things that take long to read, kept in memory for those who ask again."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Remembered(Generic[Thing]):
    """Of each id the thing as it was at one revision; of the `most` that were asked for last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[int, Thing]] = OrderedDict()

    def get(self, key: str, revision: int, read: Callable[[], Thing]) -> Thing:
        """The thing of this revision; read where it is not kept, perhaps by several at once."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] == revision:
                self._kept.move_to_end(key)
                return kept[1]
        thing = read()
        with self._lock:
            self._kept[key] = revision, thing
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return thing

    def forget(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def ids(self) -> list[str]:
        with self._lock:
            return list(self._kept)
