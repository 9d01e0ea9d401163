"""The built-in tasks: folders below `corpora/builtin`, usable by name in place of a file."""

from __future__ import annotations

from pathlib import Path

from corpora.errors import InvalidInput
from corpora.invalid import did_you_mean

_SHELF = Path(__file__).parent / "builtin"


def builtin_tasks() -> list[str]:
    """Names of the built-in tasks, sorted."""
    return sorted(path.parent.name for path in _SHELF.glob("*/task.yaml"))


def builtin_folder(name: str) -> Path:
    """The task folder of a built-in task; raises InvalidInput for any other name."""
    names = builtin_tasks()
    if name not in names:
        fix = f"No built-in task has this name{did_you_mean(name, names)}. Built in: "
        raise InvalidInput("task", name, fix + (", ".join(names) or "none") + ".")
    return _SHELF / name
