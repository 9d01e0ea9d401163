"""A small task for tests of faults, and what reading a faulty one raises."""

from typing import Any

import pytest

from corpora.errors import InvalidInput
from corpora.reading import read_dataset

ROWS: list[dict[str, Any]] = [
    {"id": f"r{n}", "input": f"text number {n}", "output": "ab"[n % 2]} for n in range(20)
]
SPEC: dict[str, Any] = {
    "name": "letters",
    "kind": "classification",
    "instruction": "Say which letter the text is about.",
    "labels": ["a", "b"],
}


def inline(spec: dict[str, Any] | None = None, row: dict[str, Any] | None = None) -> Any:
    rows = [dict(one) for one in ROWS]
    rows[16].update(row or {})
    return {**SPEC, "examples": rows, **(spec or {})}


def fault(source: Any, **options: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_dataset(source, **options)
    return caught.value
