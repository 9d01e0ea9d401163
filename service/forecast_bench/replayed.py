"""What a forecast said of a task before it was measured whole, and what that took: a file of lines.

One line for each task, way of foretelling and budget, so that every figure can be recomputed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from benchmarks.errors import BenchmarkError
from corpora.task import Frozen
from service.commitment import Commit
from service.published import write_atomically

FORECAST = "forecast"
"""The way of what ships: what a user would have been told."""
SCHEMA: Literal["tuneworth.forecast-replay/1"] = "tuneworth.forecast-replay/1"


class Foretold(Frozen):
    """Quality expected of a strategy, 0 to 1, with its 90% interval, and its chance to be best,
    None where that is not told. Of a rule that tells no interval both ends are the value."""

    value: float
    low: float
    high: float
    p_best: float | None = None


class Replay(Frozen):
    """One forecast. `way` is FORECAST, PREDICTOR (alone) or the name of a rule; `budget` the share
    of the exhaustive seconds it might spend. `p_tuned` is the chance foretold that a tuned strategy
    is the right choice, None where that is not told. `seconds` and `operations` are what its
    evidence took when it was found, `deciding_seconds` the processor's for choosing and believing
    in the replay; `quoted_seconds` what the whole comparison was quoted at before anything was
    looked at, None where nothing was planned. `strategies` is empty for a rule that foretells no
    quality. `stopped` says why it ended, `steps` are the deeds done with the strategy they spoke
    of. `key` is a digest of all that it was computed from, and of FORECAST of what decides, too.
    """

    key: str
    task: str
    source: str
    way: str
    budget: float
    pick: str | None
    commit: Commit
    p_tuned: float | None = None
    seconds: float
    operations: float
    deciding_seconds: float = 0.0
    quoted_seconds: float | None = None
    strategies: dict[str, Foretold] = Field(default_factory=dict)
    stopped: str = ""
    steps: tuple[str, ...] = ()


def replays_in(place: Path, name: str) -> Path:
    return place / "tasks" / f"{name}.replays.jsonl"


def write_replays(path: Path, replays: Sequence[Replay]) -> None:
    """Whole or not at all."""
    head = json.dumps({"schema": SCHEMA})
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [head, *(each.model_dump_json() for each in replays)]
    write_atomically(path, "\n".join(lines) + "\n")


def read_replays(path: Path) -> list[Replay]:
    """Raises BenchmarkError for a file of something else."""
    try:
        head, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
        if json.loads(head).get("schema") != SCHEMA:
            raise ValueError(head)
        return [Replay.model_validate_json(line) for line in lines]
    except (ValueError, AttributeError, ValidationError) as error:
        raise BenchmarkError(f"{path}: no replays of a forecast.") from error
