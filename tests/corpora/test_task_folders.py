"""Every task folder at hand reads with the rows it has (none at hand: nothing to test)."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from corpora.reading import read_dataset

_BESIDE = Path(__file__).parents[3] / "shared" / "datasets"
_FOLDER = Path(os.environ.get("TUNEWORTH_DATASETS", _BESIDE))
FOLDERS = sorted(path.parent for path in _FOLDER.glob("*/task.yaml"))


def test_task_folders_read_with_all_their_rows(subtests: pytest.Subtests) -> None:
    for folder in FOLDERS:
        with subtests.test(folder.name):
            dataset = read_dataset(folder)
            lines = (folder / "examples.jsonl").read_text(encoding="utf-8").split("\n")
            rows = Counter(json.loads(line)["split"] for line in lines if line.strip())
            assert rows == {
                "train": len(dataset.train),
                "validation": len(dataset.validation),
                "test": len(dataset.test),
            }
