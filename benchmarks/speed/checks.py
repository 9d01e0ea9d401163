"""What a benchmark showed: named values against their targets, and the line for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class BenchCheck:
    """One figure; `value` is None where it could not be measured. `met` is None where the figure
    is only stated, and fails nothing."""

    name: str
    value: float | None
    unit: str
    target: float | None
    met: bool | None


def at_least(name: str, value: float, unit: str, target: float) -> BenchCheck:
    return BenchCheck(name, value, unit, target, value >= target)


def at_most(name: str, value: float, unit: str, target: float) -> BenchCheck:
    return BenchCheck(name, value, unit, target, value <= target)


def unmeasured(name: str, unit: str, target: float) -> BenchCheck:
    """A target is missed where nothing was found to hold against it."""
    return BenchCheck(name, None, unit, target, met=False)


def stated(name: str, value: float, unit: str) -> BenchCheck:
    return BenchCheck(name, value, unit, None, None)


def last_line(bench: str, environment: Mapping[str, Any], checks: Sequence[BenchCheck]) -> str:
    """The one JSON line with which `tuneworth bench NAME --json` ends."""
    return json.dumps(
        {"bench": bench, "environment": environment, "checks": [asdict(one) for one in checks]}
    )


def all_met(checks: Sequence[BenchCheck]) -> bool:
    """Whether no check missed its target."""
    return all(one.met is not False for one in checks)
