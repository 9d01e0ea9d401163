"""The artefact of a strategy as one zip file, made when first asked for."""

import os
import tempfile
import zipfile
from pathlib import Path

from benchmarks.journal import JOURNAL
from benchmarks.records import RECORD, SetupRecord
from service.errors import NotFound


def zip_artifact(folder: Path, strategy: str) -> Path:
    """The zip of what the strategy with this id saved; `folder` is that of its comparison.

    Raises NotFound where it saved nothing.
    """
    source = _artifact_folder(folder, strategy)
    target = source.with_name(source.name + ".zip")
    if not target.exists():
        handle, name = tempfile.mkstemp(dir=source.parent, suffix=".part")
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for path in sorted(source.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    archive.write(path, path.relative_to(source))
        os.replace(name, target)
    return target


def _artifact_folder(folder: Path, strategy: str) -> Path:
    journal = folder / JOURNAL
    found: str | None = None
    if journal.exists():
        with journal.open(encoding="utf-8") as lines:
            for line in lines:
                # answers are many and long: read only the few records that can tell
                record = RECORD.validate_json(line) if '"record":"setup"' in line else None
                if isinstance(record, SetupRecord) and record.strategy == strategy:
                    found = record.artifact
    if found is None or not (folder / found).is_dir():
        raise NotFound("artefact of strategy", strategy)
    return folder / found
