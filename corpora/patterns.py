"""Regular expressions of users: refused where bad, given up where they search too long."""

from __future__ import annotations

import regex

from corpora.errors import InvalidInput

PATTERN_SECONDS = 0.2
"""For one text against one pattern; nested repetitions can search for years."""


def found(pattern: str, text: str) -> bool:
    """Whether the pattern occurs in the text; raises TimeoutError after PATTERN_SECONDS."""
    return regex.search(pattern, text, timeout=PATTERN_SECONDS) is not None


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
