"""JSON as a person reads it: what fits on a line stands on one line. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

WIDTH = 100


def laid_out(value: Any, indent: int = 0) -> str:
    """Objects and lists on one line where that is no longer than WIDTH, else one item a line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= WIDTH or not isinstance(value, Mapping | list | tuple) or not value:
        return line
    inner = indent + 1
    if isinstance(value, Mapping):
        keys = [f"{json.dumps(key, ensure_ascii=False)}: " for key in value]
        items = [key + laid_out(one, inner) for key, one in zip(keys, value.values(), strict=True)]
    else:
        items = [laid_out(one, inner) for one in value]
    start, end = ("{", "}") if isinstance(value, Mapping) else ("[", "]")
    lines = ",\n".join(" " * inner + item for item in items)
    return f"{start}\n{lines}\n{' ' * indent}{end}"
