"""Rows as they came in, and what their format already says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from corpora.rows import Row

CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
"""Signs that a terminal obeys instead of showing them, spaces and line ends aside."""


@dataclass(frozen=True)
class Table:
    """One file's rows.

    `roles` says which columns a format names by itself (field to columns); `instruction` is what
    the format gives as such, and `instruction_from` where it stood. With `snippets` outputs are
    texts that an answer must contain. `notes` are sentences on what was left out or chosen.
    """

    file: str
    format: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    instruction: str | None = None
    instruction_from: str = ""
    snippets: bool = False
    notes: tuple[str, ...] = ()


def text_of(value: Any) -> str:
    """A cell as text: numbers and booleans as JSON writes them, nothing as an empty text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def lines_of(file: str, places: list[str]) -> str:
    """`lines 17, 301` for places of rows, or their own names where they have no line."""
    own = (f"{file}: ", f"{file} ", f"{file}")  # of them the first that is there goes
    bare = [_without(place.rstrip(" :."), own) for place in places]
    shown, more = bare[:5], f" and {len(bare) - 5} more" if len(bare) > 5 else ""
    if all(place.startswith("line ") for place in bare):
        numbers = ", ".join(place.removeprefix("line ") for place in shown)
        return f"line{'s' * (len(bare) > 1)} {numbers}{more}"
    return ", ".join(shown) + more


def _without(place: str, beginnings: tuple[str, ...]) -> str:
    found = next((each for each in beginnings if place.startswith(each)), "")
    return place.removeprefix(found)


def counted(number: int, what: str) -> str:
    """`1 row`, `1,200 rows`."""
    return f"{number:,} {what}{'s' * (number != 1)}"
