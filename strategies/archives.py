"""Zip archives: packing them, and unpacking into the folder alone, no more than agreed to."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from strategies.errors import BadArchive

MOST_BYTES = 8 * 2**30
MOST_FILES = 10_000
BLOCK = 2**20


def pack(folder: Path, archive: Path) -> None:
    """Write the files below the folder into an archive; links are left out. Raises OSError."""
    with zipfile.ZipFile(archive, "w", strict_timestamps=False) as opened:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                opened.write(path, path.relative_to(folder))


def unpack(
    archive: Path | IO[bytes],
    target: Path,
    *,
    most_bytes: int = MOST_BYTES,
    most_files: int = MOST_FILES,
) -> None:
    """Unpack into `target`, a folder that does not exist yet: whole, or not at all.

    Raises BadArchive for what is no zip, for a member whose name leads out of the folder or that
    is a link, and for more files or bytes than allowed. Bytes are counted as they are written: an
    archive may say that it holds less. Raises OSError where `target` cannot be written.
    """
    target.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if len(members) > most_files:
                raise BadArchive(f"it holds {len(members):,} files, more than {most_files:,}")
            left = most_bytes
            for member in members:
                left -= _unpack_member(opened, member, target, left)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        shutil.rmtree(target)
        raise BadArchive(f"it cannot be read: {error}") from error
    except BaseException:
        shutil.rmtree(target)
        raise


def _unpack_member(
    opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, most: int
) -> int:
    """Bytes written."""
    path = target / _checked(member)
    if member.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with opened.open(member) as source, path.open("xb") as sink:
        while block := source.read(BLOCK):
            written += len(block)
            if written > most:
                raise BadArchive(f"{member.filename!r} unpacks to more bytes than allowed")
            sink.write(block)
    return written


def _checked(member: zipfile.ZipInfo) -> str:
    """The member's name, which stays in the folder on every system."""
    name = member.filename
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    leaves = posix.is_absolute() or windows.drive or windows.root or ".." in windows.parts
    if leaves or not name.strip("/ ") or "\0" in name:
        raise BadArchive(f"{name!r} leads out of the folder")
    if (member.external_attr >> 16) & 0o170000 == 0o120000:
        raise BadArchive(f"{name!r} is a link")
    return name
