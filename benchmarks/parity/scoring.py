"""Both sides of a piece: the product's strategy, and lm-evaluation-harness in its own Python."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.parity.harness import digest
from benchmarks.parity.rows import prompts_of
from benchmarks.speed.errors import SideFailed
from benchmarks.speed.ours import WithEnd
from benchmarks.speed.turns import result_line
from corpora.task import Example
from strategies.fixed_prompt import FixedPrompt
from strategies.models.local import LocalModel

SCRIPT = Path(__file__).with_name("harness.py")
Facts = dict[str, Any]


def score_ours(prepared: FixedPrompt, model: LocalModel, rows: Sequence[Example]) -> Facts:
    """`chosen` as the product answers; `ended`: by the likelihood of each label with the end of
    turn behind it, which the product takes only where one label is the beginning of another."""
    began = time.perf_counter()
    chosen = places(prepared, rows)
    seconds = time.perf_counter() - began
    chat = model.chat
    model.chat = WithEnd(model.tokenizer)
    try:
        ended = places(prepared, rows)
    finally:
        model.chat = chat
    return {
        "seconds": seconds,
        "accuracy": accuracy(prepared, rows, chosen),
        "ended_accuracy": accuracy(prepared, rows, ended),
        "chosen": chosen,
        "ended": ended,
        "prompts": [digest(model.render(prompt)) for prompt in prompts_of(prepared, rows)],
    }


def places(prepared: FixedPrompt, rows: Sequence[Example]) -> list[int]:
    """The place of each chosen label; an error ends the benchmark."""
    answers = prepared.answer([row.input for row in rows])
    wrong = [answer.error for answer in answers if answer.error is not None]
    if wrong:
        raise RuntimeError(f"a row was not answered: {wrong[0]}")
    return [prepared.task.labels.index(answer.text) for answer in answers]


def accuracy(prepared: FixedPrompt, rows: Sequence[Example], found: Sequence[int]) -> float:
    labels = prepared.task.labels
    right = [labels[place] == row.output for place, row in zip(found, rows, strict=True)]
    return sum(right) / len(right)


def score_by_harness(piece: str, python: Path, job: Mapping[str, Any]) -> Facts:
    """Run the script in the Python that has lm-eval. Raises SideFailed with what it said."""
    ended = subprocess.run(
        [str(python), "-P", str(SCRIPT)],
        input=json.dumps(job),
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
        errors="replace",
    )
    found = result_line(ended.stdout)
    if ended.returncode or found is None:
        raise SideFailed(piece, "harness", ended.returncode, ended.stderr)
    return found
