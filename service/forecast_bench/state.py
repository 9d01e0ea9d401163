"""Which state of the code measured a task, so that records of older states are told apart."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from service.published import write_atomically

ROOT = Path(__file__).parent.parent.parent
SOURCES = (
    *("corpora/*.py", "strategies/**/*.py", "benchmarks/evidence/*.py"),
    *("benchmarks/runner.py", "benchmarks/sitting.py", "benchmarks/latency.py"),
    *("benchmarks/plan.py", "benchmarks/judging.py", "benchmarks/metrics.py"),
    *("benchmarks/json_metrics.py", "benchmarks/text_metrics.py", "benchmarks/style_metrics.py"),
    *("service/forecast_bench/sizes.py", "service/forecast_bench/measure.py"),
    "service/forecast_bench/collecting.py",
)
"""What is measured, and what measures it. What is computed of a record afterwards is no part."""
STATES = "states.json"


@cache
def code_state() -> str:
    """A digest of the sources, as they are when first asked for."""
    digest = hashlib.sha256()
    for file in sorted({path for pattern in SOURCES for path in ROOT.glob(pattern)}):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(ROOT).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def note_state(folder: Path) -> tuple[str, ...]:
    """Adds the present state to those that have worked in the folder; all of them, in order."""
    path = folder / STATES
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    states = list(dict.fromkeys([*known, code_state()]))
    if states != known:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(states) + "\n")
    return tuple(states)
