"""Writing a task folder: read back before it takes its place, and never half."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from corpora.errors import InvalidInput
from corpora.reading import read_dataset
from corpora.rows import Row
from corpora.task import Dataset

FILES = ("task.yaml", "examples.jsonl")
_OTHER_SPECS = ("task.yml", "task.json")
_HINT = "# Optional: documents, metric, model and needs (quality, latency, cost, volume).\n"


class _Dumper(yaml.SafeDumper):
    """Several lines as a block; no aliases, which the reader refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def check_place(folder: Path, source: Path, *, force: bool) -> None:
    """Refuse a folder that holds anything, unless `force` allows to replace the task in it."""
    if folder.exists() and not folder.is_dir():
        raise InvalidInput("--out", str(folder), "It is a file: name a folder.")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not force:
        fix = "The folder is not empty: name another one, or replace its task with --force."
        raise InvalidInput("--out", str(folder), fix)
    if source.resolve() in {(folder / name).resolve() for name in FILES}:
        raise InvalidInput("--out", str(folder), "It holds the file to read: name another folder.")
    for name in _OTHER_SPECS:
        if (folder / name).exists():
            fix = f"It has a {name}, which would be a second task: remove it."
            raise InvalidInput("--out", str(folder), fix)


def write_task(
    folder: Path, source: Path, spec: Mapping[str, Any], rows: Sequence[Row], *, force: bool = False
) -> Dataset:
    """Write the task and give back what the normal reader reads of it.

    With `force` the two files replace those in the folder, and whatever else it holds stays. A
    fault that the reader finds is told by the row's place in the file it came from; then nothing
    is written.
    """
    check_place(folder, source, force=force)
    beside = next(path for path in folder.absolute().parents if path.is_dir())
    draft = Path(tempfile.mkdtemp(dir=beside, prefix=f".{folder.name}."))
    try:
        draft.chmod(0o755)
        text = yaml.dump(dict(spec), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
        (draft / "task.yaml").write_text(text + _HINT, encoding="utf-8", newline="\n")
        with (draft / "examples.jsonl").open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(row.values, ensure_ascii=False) + "\n" for row in rows)
        dataset = _read_back(draft, rows)
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            os.replace(draft, folder)
        else:
            for name in reversed(FILES):
                os.replace(draft / name, folder / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return dataset


def _read_back(draft: Path, rows: Sequence[Row]) -> Dataset:
    def original(found: re.Match[str]) -> str:
        return rows[int(found[1]) - 1].place.rstrip(" :.")

    try:
        return read_dataset(draft)
    except InvalidInput as error:
        written = r"examples\.jsonl line (\d+)"
        field = re.sub(written, original, error.field)
        raise InvalidInput(field, error.value, re.sub(written, original, error.fix)) from None
