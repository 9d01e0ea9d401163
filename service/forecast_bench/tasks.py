"""The task folders of the benchmark: found, read at its size, told apart by data and by source."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plan import NOT_SEEN
from corpora.checks import check_dataset
from corpora.errors import CorpusError, InvalidInput
from corpora.reading import read_dataset
from corpora.task import Dataset
from service.forecast_bench.sizes import Size, cut
from strategies.errors import UnknownName

SPECS = ("task.yaml", "task.yml", "task.json")
STATED_IN = ("SOURCE.md", "README.md")
STATED = re.compile(r"^[-*\s]*(?:origin|source)\s*:\s*(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)
SCHEME = re.compile(r"^\w+://(www\.)?")


@dataclass(frozen=True)
class BenchTask:
    """One task at the benchmark's size. Tasks of one `source` are left out together: what was
    learned of one may tell of the other. `data` is a digest of all rows, documents and settings.
    """

    name: str
    source: str
    dataset: Dataset
    data: str


@dataclass(frozen=True)
class LeftOut:
    """A task without figures, and why."""

    name: str
    reason: str


def task_folders(place: Path, only: Sequence[str] | None = None) -> list[Path]:
    """The task folders in `place` by name; of all, or of those that are named.

    Raises InvalidInput where there is none, and UnknownName.
    """
    if not place.is_dir():
        raise InvalidInput("DIR", str(place), "Give a folder that holds task folders.")
    found = {each.name: each for each in sorted(place.iterdir()) if is_task(each)}
    if not found:
        raise InvalidInput("DIR", str(place), f"No folder in it has a {SPECS[0]}.")
    for name in only or ():
        if name not in found:
            raise UnknownName("task of the benchmark", name, list(found))
    return [folder for name, folder in found.items() if only is None or name in only]


def is_task(folder: Path) -> bool:
    return folder.is_dir() and any((folder / name).is_file() for name in SPECS)


def read_tasks(
    folders: Iterable[Path], size: Size, say: Callable[[str], None]
) -> tuple[list[BenchTask], list[LeftOut]]:
    """Every task that can be read and compared, and those that cannot with the reason."""
    tasks: list[BenchTask] = []
    out: list[LeftOut] = []
    for folder in folders:
        try:
            tasks.append(read_task(folder, size))
        except CorpusError as error:
            out.append(LeftOut(folder.name, str(error)))
            say(f"{folder.name} is left out: {error}")
    return tasks, out


def read_task(folder: Path, size: Size) -> BenchTask:
    """Raises InvalidInput where a comparison would refuse the data, too."""
    dataset = cut(read_dataset(folder), size)
    for check in check_dataset(dataset):
        if check.severity == "error":
            raise InvalidInput("examples", check.message, f"Mend them: tuneworth check {folder}")
    return BenchTask(folder.name, source_of(folder), dataset, digest_of(dataset))


def source_of(folder: Path) -> str:
    """Where the data come from, as a line `Origin: ...` or `Source: ...` of SOURCE.md or
    README.md beside them states it, else the folder's name."""
    for name in STATED_IN:
        path = folder / name
        stated = STATED.search(path.read_text(encoding="utf-8")) if path.is_file() else None
        if stated:
            return SCHEME.sub("", stated[1]).rstrip("/.")
    return folder.name


def digest_of(dataset: Dataset) -> str:
    """Of all that is measured on; what only a report says otherwise is left out."""
    content = dataset.model_dump(mode="json", exclude={"task": NOT_SEEN - {"search", "models"}})
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
