"""Whether work that is sent now would be done: the database, a living worker, the data folder.

`python -m service.readiness` says it of the folder that the environment names, by its exit code:
for the health check of a worker's container, which serves no HTTP.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from service.database import open_database, reason_of
from service.problems import wrong_field
from service.settings import Settings
from service.store import Store

WITHIN_SECONDS = 2.0
SILENT_SECONDS = 15.0
"""A worker that was not heard of for so long counts as gone; it speaks every 2 seconds."""
FREE_BYTES = 512 * 1024 * 1024
Fault = dict[str, str]
"""What is wrong: field (what), value (as found) and fix."""


class Readiness:
    """Asks in threads of its own, so that a database that hangs holds up nothing else."""

    def __init__(self, store: Store, data: Path) -> None:
        self._checks: dict[str, Callable[[], list[Fault]]] = {
            "database": lambda: worker_faults(store),
            "data": lambda: folder_faults(data),
        }
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
        return sorted(found, key=lambda fault: fault["field"])

    def close(self) -> None:
        for thread in self._threads.values():
            thread.shutdown(wait=False)


def worker_faults(store: Store) -> list[Fault]:
    """Whether the database answers, and what it says of the worker."""
    try:
        silence = store.silence()
    except SQLAlchemyError as error:
        return [wrong_field("database", reason_of(error), "Start it, or see why it refuses.")]
    if silence <= SILENT_SECONDS:
        return []
    said = "never heard of" if silence == float("inf") else f"silent for {silence:.0f} s"
    return [wrong_field("worker", said, "Start one (tuneworth worker); what is queued waits.")]


def folder_faults(data: Path, least: int = FREE_BYTES) -> list[Fault]:
    """Whether the data folder takes files, and has room for `least` bytes."""
    try:
        with tempfile.TemporaryFile(dir=data) as file:
            file.write(b"ready?")
            file.flush()
        free = shutil.disk_usage(data).free
    except OSError as error:
        return [wrong_field("data", f"{error.strerror}: {data}", "Make the folder writable.")]
    if free >= least:
        return []
    fix = f"Free some space: {least >> 20} MB are needed."
    return [wrong_field("data", f"{free >> 20} MB are free in {data}", fix)]


def main() -> int:
    """Say what is wrong; 1 where anything is."""
    settings = Settings.from_environment()
    store = Store(open_database(settings.database_url))
    found = [*worker_faults(store), *folder_faults(settings.data)]
    for fault in found:
        print(f"{fault['field']}: {fault['value']}. {fault['fix']}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
