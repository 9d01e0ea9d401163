"""A digest of source code, so that nothing computed by other code is taken for this code's."""

from __future__ import annotations

import hashlib
import sys
import time
from functools import cache
from pathlib import Path

STARTED = time.time()


def code_of(*modules: str) -> str | None:
    """A digest of the sources of the modules' whole top-level packages.

    None where one of them has none to read, or was changed since this process started: what has
    been loaded and what lies on the disk may then differ.
    """
    digest = hashlib.sha256()
    for package in sorted({module.partition(".")[0] for module in modules}):
        found = _digest(package)
        if found is None:
            return None
        digest.update(f"{package}:{found}".encode())
    return digest.hexdigest()


def _digest(package: str) -> str | None:
    module = sys.modules.get(package)
    places = tuple(getattr(module, "__path__", ()))
    origin = getattr(module, "__file__", None) or ""
    if not places and not origin.endswith(".py"):
        return None
    files = _sources(places) if places else (Path(origin),)
    try:
        if not files or max(file.stat().st_mtime for file in files) > STARTED:
            return None
        return _of_files(files)
    except OSError:
        return None


@cache
def _sources(places: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(sorted(file for place in places for file in Path(place).rglob("*.py")))


@cache
def _of_files(files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.parent.name}/{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
