"""Regular expressions of users: refused where bad, given up where they search too long."""

from __future__ import annotations

from dataclasses import dataclass

import regex

from corpora.errors import InvalidInput

PATTERN_SECONDS = 0.2
"""For one text against one pattern; nested repetitions can search for years."""
PATIENCE = 3
"""How often a pattern may take too long before it is given up for good, and once more for every
SEARCHES: a pattern that some text in thousands delays is still searched for in the others."""
SEARCHES = 200
REMEMBERED = 1_000
"""Slow patterns that are kept in mind, the latest ones."""


@dataclass
class _Slowness:
    """What is known of a pattern that took too long, since it first did."""

    timeouts: int = 0
    searches: int = 0

    @property
    def given_up(self) -> bool:
        return self.timeouts >= PATIENCE + self.searches // SEARCHES


_slow: dict[str, _Slowness] = {}


def found(pattern: str, text: str) -> bool:
    """Whether the pattern occurs in the text.

    Raises TimeoutError after PATTERN_SECONDS; and at once for a pattern that took too long
    several times in this process, since thousands of rows may each ask for it again.
    """
    known = _slow.get(pattern)
    if known is not None:
        if known.given_up:
            raise TimeoutError("the pattern took too long on other texts")
        known.searches += 1
    try:
        return regex.search(pattern, text, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        _remember(pattern)
        raise


def forget(pattern: str) -> None:
    """Search for it again as if it had never been slow: for whoever stops at the first time-out,
    and tells which text it was."""
    _slow.pop(pattern, None)


def _remember(pattern: str) -> None:
    if pattern not in _slow and len(_slow) >= REMEMBERED:
        _slow.pop(next(iter(_slow)), None)
    _slow.setdefault(pattern, _Slowness()).timeouts += 1


def check_pattern(field: str, pattern: str) -> None:
    """Raises InvalidInput for a text that is no regular expression."""
    try:
        regex.compile(pattern)
    except regex.error as error:
        fix = f"No regular expression: {error.msg}{position(error.pos)}."
        raise InvalidInput(field, pattern, fix) from None
    except RecursionError:
        fix = "This regular expression is nested too deep: write it flatter."
        raise InvalidInput(field, pattern, fix) from None


def position(place: int | None) -> str:
    return "" if place is None else f" at position {place}"
