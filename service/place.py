"""The name of a worker among those of its machine, by a lock that ends with its process.

The next process of a name takes over at once what the one before it held. So that no other takes
it over, the name tells the data folder, too: several may lie on one machine, or on machines of one
name, and use the same database.
"""

import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from filelock import BaseFileLock, FileLock, Timeout

from service.settings import Settings

BOOT = Path("/proc/sys/kernel/random/boot_id")
STARTING_SECONDS = 60.0
"""So long a worker waits while others find their names and clear what was left."""


@dataclass(frozen=True)
class Place:
    """Held until the process ends. `slot` counts the workers of this name of a machine from 0;
    `host` is what tells the machine itself, whatever its containers are called."""

    name: str
    host: str
    slot: int
    lock: BaseFileLock


def take_place(settings: Settings) -> Place:
    """The first that is free on this machine. Raises OSError where the data folder takes none."""
    with starting(settings):
        host, slot = f"{quote(socket.gethostname(), safe='')}-{_mark(settings)}", 0
        while (lock := taken(settings, f"{host}-{slot}")) is None:
            slot += 1
        return Place(f"{host}-{slot}", machine(), slot, lock)


def starting(settings: Settings) -> BaseFileLock:
    """Held while names are tried: one that is tried only to clear up after it looks taken. Raises
    OSError where that lasts too long."""
    return FileLock(_folder(settings) / "starting.lock", timeout=STARTING_SECONDS)


def _mark(settings: Settings) -> str:
    """What tells this data folder from all others, from its first worker on. Only one who is
    `starting` may ask."""
    path = _folder(settings) / "mark"
    if not path.exists() or not path.read_text(encoding="ascii"):
        path.write_text(secrets.token_hex(4), encoding="ascii")
    return path.read_text(encoding="ascii")


def _folder(settings: Settings) -> Path:
    folder = settings.data / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def machine() -> str:
    """This machine until it is started anew: all its containers have the same kernel. Where the
    system does not tell, its name."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()


def taken(settings: Settings, name: str) -> BaseFileLock | None:
    """The lock of a worker's name, where no living process of this data folder has it."""
    lock = FileLock(_folder(settings) / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def scratch_of(settings: Settings, name: str) -> Path:
    """Where the temporary files of a worker lie."""
    return settings.data / "scratch" / name
