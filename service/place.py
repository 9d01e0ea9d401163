"""The name of a worker among those of its machine, by a lock that ends with its process.

The next process of a name takes over at once what the one before it held.
"""

import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from filelock import BaseFileLock, FileLock, Timeout

from service.settings import Settings


@dataclass(frozen=True)
class Place:
    """Held until the process ends. `slot` counts the workers of this machine from 0."""

    name: str
    host: str
    slot: int
    lock: BaseFileLock


def take_place(settings: Settings) -> Place:
    """The first that is free on this machine. Raises OSError where the data folder takes none."""
    host, slot = quote(socket.gethostname(), safe=""), 0
    while (lock := taken(settings, f"{host}-{slot}")) is None:
        slot += 1
    return Place(f"{host}-{slot}", host, slot, lock)


def taken(settings: Settings, name: str) -> BaseFileLock | None:
    """The lock of a worker's name, where no living process of this data folder has it."""
    folder = settings.data / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def scratch_of(settings: Settings, name: str) -> Path:
    """Where the temporary files of a worker lie."""
    return settings.data / "scratch" / name
