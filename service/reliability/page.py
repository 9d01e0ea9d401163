"""The table of docs/reliability.md, from committed measurements.

`python -m service.reliability.page` writes it. A part whose file is not there is shown as not
measured.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.speed.checks import BenchCheck
from benchmarks.speed.sheet import Measurement
from service.figures import with_figures
from service.forecast_bench.tables import as_markdown
from service.published import write_atomically
from service.reliability.bench import PARTS, SCHEMA, part_named

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: python -m service.reliability.page -->", "<!-- end of figures -->"
DIGITS = 8
"""Of the digest of the code that was measured: enough to tell two states of it apart."""
MET = {True: "met", False: "**missed**", None: ""}


def table(results: Path = RESULTS) -> str:
    """A row for each figure of each part, in the order of the parts."""
    rows = [["part", "figure", "value", "target", "", "measured on"]]
    for name in PARTS:
        path = results / f"{name}.jsonl"
        if not path.exists():
            rows.append([name, "", "not measured", "", "", ""])
            continue
        head, *lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
        if head["schema"] != SCHEMA or head["code"]["quick"]:
            raise ValueError(f"{path.name} is no measurement at full size")
        found = part_named(name).checks([Measurement(**line) for line in lines], quick=False)
        rows += [
            [name, check.name, value_of(check), target_of(check), MET[check.met], place_of(head)]
            for check in found
        ]
    return as_markdown(rows)


def value_of(check: BenchCheck) -> str:
    return "not measured" if check.value is None else f"{number(check.value)} {check.unit}"


def target_of(check: BenchCheck) -> str:
    """With its direction, where the value tells it."""
    if check.target is None:
        return ""
    if check.value is None or check.value == check.target:
        return number(check.target)
    side = "at least" if (check.value > check.target) == check.met else "at most"
    return f"{side} {number(check.target)}"


def number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def place_of(head: dict[str, object]) -> str:
    """The day, the machine and the state of the code."""
    day, code = str(head["started_at"])[:10], head["code"]
    assert isinstance(code, dict)
    return f"{day}, {head['cores']} cores of {head['cpu']}, code {code['digest'][:DIGITS]}"


def written_anew(results: Path = RESULTS) -> str:
    """The page, with the table of what is committed."""
    return with_figures(PAGE.read_text(encoding="utf-8"), table(results), BEGIN, END)


if __name__ == "__main__":
    write_atomically(PAGE, written_anew())
