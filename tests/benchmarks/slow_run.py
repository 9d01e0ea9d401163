"""A comparison of three strategies in FOLDER that takes SECONDS a request; run to be killed."""

import sys
import time
from pathlib import Path

from conftest import LABELS, rows
from tinystrategies import Tiny, right

from benchmarks.costs import read_prices
from benchmarks.runner import run_comparison
from corpora.task import Dataset, Task
from strategies.base import Answer


def often(share, seconds):
    """Right on a share of the inputs, by the input's number."""

    def say(text):
        time.sleep(seconds)
        number = int(text.split()[2].rstrip(":"))
        return right(text) if number % 10 < 10 * share else Answer("none of them")

    return say


def main(folder, seconds):
    task = Task(
        name="colours",
        kind="classification",
        instruction="Name the colour that is asked for in the order.",
        labels=LABELS,
        metric="macro_f1",
    )
    run_comparison(
        Dataset(task=task, train=rows("train", 10), validation=(), test=rows("test", 100)),
        strategies=[
            Tiny(often(share, seconds), name=f"right-{share}") for share in (0.3, 0.5, 0.9)
        ],
        models={},
        folder=Path(folder),
        prices=read_prices(),
    )


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
