"""The key of a hosted model in a file of its own, which nobody but its owner may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from strategies.errors import ModelError

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""Rights of the group and of everybody else."""
LONGEST = 4096
"""Bytes of the longest key file."""


def read_key(path: Path) -> str:
    """The key that the file holds, without the white space around it.

    Raises ModelError, never with anything of what the file holds, where it cannot be read, belongs
    to another user, lets others read or write it, or holds no key: one word of plain ASCII.
    """
    try:
        # without waiting for a writer, should it be a pipe
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(handle)  # of what is read, whatever takes its place
            reason = why_not(found, path)
            held = b"" if reason else os.read(handle, LONGEST + 1)
        finally:
            os.close(handle)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}).") from error
    if reason:
        raise ModelError(f"{path}: {reason}")
    key = held.strip()
    if not key or len(held) > LONGEST or not all(0x21 <= byte <= 0x7E for byte in key):
        raise ModelError(f"{path}: holds no key. Put the key into it, and nothing else.")
    return key.decode("ascii")


def why_not(found: os.stat_result, path: Path) -> str | None:
    """Why a file of that kind, owner and rights is not to be trusted with a key, with the fix."""
    if not stat.S_ISREG(found.st_mode):
        return "is not a file. Name the file that holds the key."
    if found.st_uid != os.geteuid():
        return f"belongs to another user. Give it to this one: chown {os.geteuid()} {path}"
    if found.st_mode & OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        return f"is open to others (mode {mode:04o}). Close it: chmod 0400 {path}"
    return None
