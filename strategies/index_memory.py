"""How much memory the index of a prepared strategy takes while it serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Indexed(Protocol):
    """What texts are searched in: vectors, words, passages."""

    @property
    def memory_bytes(self) -> int: ...


def index_bytes(prepared: object) -> int | None:
    """The bytes of all indexes that `prepared` holds, those of its parts included; None where
    none tells. Each counts once, even where two parts share it."""
    found = {id(each): each.memory_bytes for each in _indexes(prepared)}
    return sum(found.values()) if found else None


def _indexes(prepared: object) -> Iterator[Indexed]:
    for value in _held(prepared):
        if isinstance(value, Indexed):
            yield value
        elif callable(getattr(value, "answer", None)):  # a part of a composed strategy
            yield from _indexes(value)


def _held(prepared: object) -> Iterator[Any]:
    for value in getattr(prepared, "__dict__", {}).values():
        if isinstance(value, tuple) and len(value) < 10:  # not the shots of a whole split
            yield from value
        else:
            yield value
