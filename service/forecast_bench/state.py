"""Which state of the code measured a task, so that records of older states are told apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from service.published import write_atomically

ROOT = Path(__file__).parent.parent.parent
SOURCES: dict[str, tuple[str, ...]] = {
    "comparing": (
        *("corpora/*.py", "strategies/**/*.py", "benchmarks/runner.py", "benchmarks/turn.py"),
        *(
            "benchmarks/sitting.py",
            "benchmarks/latency.py",
            "benchmarks/plan.py",
            "benchmarks/judging.py",
        ),
        *("benchmarks/metrics.py", "benchmarks/json_metrics.py", "benchmarks/text_metrics.py"),
        *("benchmarks/style_metrics.py", "service/forecast_bench/sizes.py"),
        "service/forecast_bench/measure.py",
    ),
    "evidence": (
        *("corpora/*.py", "corpora/checks/*.py", "strategies/**/*.py", "benchmarks/evidence/*.py"),
        *("benchmarks/quote.py", "benchmarks/workload.py", "benchmarks/search_quote.py"),
        *("benchmarks/plan.py", "benchmarks/sitting.py"),
        *("benchmarks/judging.py", "benchmarks/metrics.py", "benchmarks/text_metrics.py"),
        *("benchmarks/json_metrics.py", "benchmarks/style_metrics.py"),
        *("service/forecast_bench/sizes.py", "service/forecast_bench/evidence.py"),
    ),
}
"""What measures, by what it measures. What is computed of records afterwards is no part."""
COMPARING, EVIDENCE = SOURCES


@cache
def code_state(part: str) -> str:
    """A digest of the sources of a part, as they are when first asked for."""
    digest = hashlib.sha256()
    for file in sorted({path for pattern in SOURCES[part] for path in ROOT.glob(pattern)}):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(ROOT).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def note_state(folder: Path, part: str) -> tuple[str, ...]:
    """Adds the present state to those that have worked on that part in the folder; all of them,
    in order."""
    path = folder / f"{part}.states.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    states = list(dict.fromkeys([*known, code_state(part)]))
    if states != known:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(states) + "\n")
    return tuple(states)


def mixture(states: Iterable[tuple[str, ...]], part: str) -> str | None:
    """A warning where records of a part come from several states, or from another than the
    present one; None where all are of the present one."""
    told = list(states)
    if all(each == (code_state(part),) for each in told):
        return None
    known = dict.fromkeys(state for each in told for state in each)
    older = sum(each != (code_state(part),) for each in told)
    return (
        f"{part}: {older} of {len(told)} records were made by other states of the code than the"
        f" present one ({code_state(part)}): {', '.join(known)}."
    )
