"""The data checks as a reader takes them in: how many, what matters first, the rest folded."""

from __future__ import annotations

from collections.abc import Sequence

from corpora.task import Check
from service.wording import listed

OPEN_WARNINGS = 5
"""Warnings that stay open where there are many; errors always do, remarks never."""


def counted(checks: Sequence[Check]) -> str:
    """`1 error, 2 warnings and 3 remarks`; empty where there is none."""
    names = {"error": "error", "warning": "warning", "info": "remark"}
    count = {word: sum(c.severity == key for c in checks) for key, word in names.items()}
    told = [f"{n} {word}{'s' * (n > 1)}" for word, n in count.items() if n]
    return listed(told) if told else ""


def parted(checks: Sequence[Check]) -> tuple[list[Check], list[Check]]:
    """Those that stay open, and those that are folded; the order is kept."""
    warnings = [check for check in checks if check.severity == "warning"]
    closed = [*warnings[OPEN_WARNINGS:], *(c for c in checks if c.severity == "info")]
    return [check for check in checks if check not in closed], closed
