"""How a comparison grows with its test rows: the real runner, one strategy, a tiny model.

Everything that a run does is in it, from the plan to the last record on the disk; only the model
is tiny and random, so that thousands of rows take seconds and no answer matters.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.costs import read_prices
from benchmarks.runner import run_comparison
from benchmarks.speed.made_up import ZipfTexts
from benchmarks.speed.retrieval import peak_gb, resident_gb
from benchmarks.speed.tiny import write_tiny
from corpora.task import Dataset, Example, Task
from strategies.models.local import LocalModel
from strategies.zero_shot import ZeroShot

LABELS = ("red", "green", "blue", "yellow")
TRAIN, VALIDATION = 8, 8
WORDS = 12  # of an input


def made_up_dataset(rows: int, texts: ZipfTexts) -> Dataset:
    """A classification task with so many test rows, no two alike."""

    def examples(split: Any, count: int) -> tuple[Example, ...]:
        return tuple(
            Example(
                id=f"{split}-{place}",
                input=f"{texts.text(WORDS)} {split} {place}",
                output=LABELS[place % len(LABELS)],
                split=split,
            )
            for place in range(count)
        )

    task = Task(
        name="made-up",
        kind="classification",
        instruction="Name the colour of the message.",
        labels=LABELS,
        metric="accuracy",
    )
    return Dataset(
        task=task,
        train=examples("train", TRAIN),
        validation=examples("validation", VALIDATION),
        test=examples("test", rows),
    )


def measure_growth(rows: int, folder: Path) -> dict[str, float]:
    """`seconds` of a whole run, `rows_mb` that the rows hold, `peak_mb` of this process."""
    tiny = write_tiny(folder / "model")
    texts = ZipfTexts(seed=rows)
    before = resident_gb()
    dataset = made_up_dataset(rows, texts)
    held = resident_gb() - before
    began = time.perf_counter()
    run_comparison(
        dataset,
        strategies=[ZeroShot()],
        models={"tiny": lambda: LocalModel(tiny, name="tiny", device="cpu")},
        folder=folder / "run",
        prices=read_prices(),
    )
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "rows": rows,
        "rows_mb": 1000 * held,
        "peak_mb": 1000 * peak_of_program_gb(),
    }


def peak_of_program_gb() -> float:
    """The most this program has held so far, without what the process held before it began."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e9
    return peak_gb()
