"""How long a what-if takes on committed records: the median of several, in milliseconds."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from benchmarks.journal import Journal
from service.what_if import Stored, stored_of, what_if

RESULT = Path(__file__).parent.parent / "benchmarks" / "results" / "banking77-10.jsonl"
"""18 strategies on 300 test rows."""


def what_if_ms(path: Path = RESULT, *, runs: int = 20) -> float:
    """The median of `runs` what-ifs, each with another volume and price."""
    return median(milliseconds(stored_of(Journal(path).read()), runs))


def milliseconds(stored: Stored, runs: int) -> list[float]:
    """One what-if is made first, for what is made once and kept."""
    found = []
    for number in range(runs + 1):
        changes = {
            "requests_per_month": 10_000.0 * (1 + number),
            "horizon_months": 24,
            "prices": {"usd_per_hour": 0.05 + 0.01 * number},
        }
        began = time.perf_counter()
        what_if(stored, changes)
        found.append(1000 * (time.perf_counter() - began))
    return found[1:]
