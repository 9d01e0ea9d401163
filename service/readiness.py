"""Whether work that is sent now would be done: the database, a living worker, room for files.

`python -m service.readiness` says it of what the environment names, by its exit code: for the
health check of a worker's container, which serves no HTTP.
"""

import asyncio
import logging
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from service.database import open_database, reason_of
from service.errors import StoreAway
from service.files import Files
from service.problems import wrong_field
from service.settings import Settings
from service.store import Store

WITHIN_SECONDS = 2.0
SILENT_SECONDS = 15.0
"""A worker that was not heard of for so long counts as gone; it speaks every 2 seconds."""
STORE_SECONDS = 10.0
"""How often a store is written to, to see that it can be: anybody may ask, and a store may cost."""
FREE_BYTES = 512 * 1024 * 1024
LOG = "The log of the server says more."
Fault = dict[str, str]
"""What is wrong: field (what), value and fix, which anybody may read; and what is `told` in the log
alone, as it may name folders and hosts."""
logger = logging.getLogger("tuneworth")


class Readiness:
    """Asks in threads of its own, so that a database that hangs holds up nothing else."""

    def __init__(self, store: Store, data: Path, files: Files) -> None:
        self._checks: dict[str, Callable[[], list[Fault]]] = {
            "database": lambda: worker_faults(store),
            "data": lambda: folder_faults(data),
            "store": _remembered(lambda: store_faults(files, data)),
        }
        self._last = ""
        self._threads = {
            field: ThreadPoolExecutor(1, thread_name_prefix=f"ready-{field}")
            for field in self._checks
        }

    async def faults(self) -> list[Fault]:
        """All that hinders work, within two seconds; nothing where it would be done."""
        loop = asyncio.get_running_loop()
        asked = {
            loop.run_in_executor(self._threads[field], check): field
            for field, check in self._checks.items()
        }
        done, late = await asyncio.wait(asked, timeout=WITHIN_SECONDS)
        found = [fault for one in done for fault in one.result()]
        for one in late:
            one.cancel()
            fix = "See whether its disk or server hangs."
            found.append(wrong_field(asked[one], f"no answer within {WITHIN_SECONDS:.0f} s", fix))
        found.sort(key=lambda fault: fault["field"])
        self._tell(found)
        return [{name: one[name] for name in ("field", "value", "fix")} for one in found]

    def _tell(self, found: list[Fault]) -> None:
        """Log what has changed."""
        says = "; ".join(in_full(fault) for fault in found)
        fields = "; ".join(fault["field"] for fault in found)
        if fields != self._last:
            self._last = fields
            logger.warning("Not ready: %s", says) if says else logger.info("Ready again.")

    def close(self) -> None:
        for thread in self._threads.values():
            thread.shutdown(wait=False)


def in_full(fault: Fault) -> str:
    """For the operator."""
    told = f" ({fault['told']})" if "told" in fault else ""
    return f"{fault['field']}: {fault['value']}{told}. {fault['fix']}"


def worker_faults(store: Store) -> list[Fault]:
    """Whether the database answers, and what it says of the worker."""
    try:
        silence = store.silence()
    except SQLAlchemyError as error:
        fix = f"Start it, or see why it refuses. {LOG}"
        return [wrong_field("database", "no answer", fix) | {"told": reason_of(error)}]
    if silence <= SILENT_SECONDS:
        return []
    said = "never heard of" if silence == float("inf") else f"silent for {silence:.0f} s"
    return [wrong_field("worker", said, "Start one (tuneworth worker); what is queued waits.")]


def folder_faults(folder: Path, field: str = "data", least: int = FREE_BYTES) -> list[Fault]:
    """Whether the folder takes files, and has room for `least` bytes."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"ready?")
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        fix = f"Make the folder writable. {LOG}"
        told = {"told": f"{error.strerror}: {folder}"}
        return [wrong_field(field, "takes no files", fix) | told]
    if free >= least:
        return []
    fix = f"Free some space: {least >> 20} MB are needed."
    told = {"told": f"{free >> 20} MB are free in {folder}"}
    return [wrong_field(field, "too little room", fix) | told]


def store_faults(files: Files, data: Path) -> list[Fault]:
    """Whether the store of reports and artefacts takes files, where it is not in the data folder.

    A store elsewhere is asked to take one and to remove it.
    """
    if files.folder is not None:
        return [] if files.folder == data.absolute() else folder_faults(files.folder, "store")
    key = f"ready/{socket.gethostname()}"
    try:
        files.put(key, b"ready?")
        files.remove(key)
    except StoreAway as error:
        fix = f"See whether it is there, and may be written to. {LOG}"
        return [wrong_field("store", "takes no files", fix) | {"told": reason_of(error)}]
    return []


def _remembered(check: Callable[[], list[Fault]]) -> Callable[[], list[Fault]]:
    """What the check said STORE_SECONDS ago or less. Asked by one thread."""
    said: list[Fault] = []
    end = 0.0

    def ask() -> list[Fault]:
        nonlocal said, end
        if time.monotonic() >= end:
            said = check()
            end = time.monotonic() + STORE_SECONDS
        return said

    return ask


def main() -> int:
    """Say what is wrong; 1 where anything is."""
    settings = Settings.from_environment()
    store = Store(open_database(settings.database_url))
    files = Files(settings.store or settings.data, settings.data)
    found = [*worker_faults(store), *folder_faults(settings.data)]
    found += store_faults(files, settings.data)
    for fault in found:
        print(in_full(fault), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
