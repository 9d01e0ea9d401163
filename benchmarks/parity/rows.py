"""What lm-evaluation-harness and our strategies are both given: the same rows, shots and words.

Our side prepares the product's own prompting strategies; the harness gets the instruction, the
shots and the rows that they use, and writes its prompts itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.judging import scorer
from benchmarks.parity.figures import ROWS
from corpora.reading import read_dataset
from corpora.task import Dataset, Example
from strategies.answering import fit_prompt
from strategies.few_shot import FewShot
from strategies.fixed_prompt import FixedPrompt
from strategies.models.base import Model, Prompt
from strategies.prompting import Shot, system_text
from strategies.zero_shot import ZeroShot

TASKS = ("scicite", "banking77-10")
SHOTS = (0, 10)
QUICK_ROWS = 12
BATCH = 8


@dataclass(frozen=True)
class Piece:
    """One task with so many worked examples on so many test rows."""

    task: str
    shots: int
    rows: int

    @property
    def name(self) -> str:
        return f"{self.task} {self.shots}-shot, {self.rows} rows"


def pieces(*, quick: bool) -> list[Piece]:
    rows = QUICK_ROWS if quick else ROWS
    return [Piece(task, shots, rows) for task in TASKS for shots in SHOTS]


def read_rows(folder: Path, task: str, rows: int) -> Dataset:
    """All training rows, and so many test rows, spread over the labels as `--limit` does."""
    return read_dataset(folder / task, limit=rows)


def prepare(dataset: Dataset, model: Model, shots: int) -> FixedPrompt:
    """The product's prompting strategy, ready to answer; shots are training rows."""
    strategy = FewShot(shots=shots) if shots else ZeroShot()
    task = dataset.task
    return strategy.prepare(task, dataset.train, dataset.validation, (), model, scorer(task))


def prompts_of(prepared: FixedPrompt, rows: Sequence[Example]) -> list[Prompt]:
    """What the strategy asks of each row. Raises where a row does not fit the context."""
    fitted = [
        fit_prompt(
            prepared.task,
            prepared.model,
            row.input,
            shots=prepared.shots,
            form=prepared.form,
            max_new_tokens=prepared.max_new_tokens,
        )
        for row in rows
    ]
    found = [one.prompt for one in fitted if one.prompt is not None]
    if len(found) < len(rows):
        raise RuntimeError(f"{len(rows) - len(found)} rows do not fit the model's context")
    return found


def job_of(
    prepared: FixedPrompt, rows: Sequence[Example], *, model: Path, dtype: str
) -> dict[str, Any]:
    """What the harness's script reads: see `benchmarks.parity.harness`."""
    return {
        "model": str(model),
        "dtype": dtype,
        "batch": BATCH,
        "system": system_text(prepared.task, form=prepared.form),
        "labels": list(prepared.task.labels),
        "shots": [shown(shot) for shot in prepared.shots],
        "rows": [shown(row) for row in rows],
    }


def shown(row: Example | Shot) -> dict[str, str]:
    return {"text": row.input, "label": row.output}
