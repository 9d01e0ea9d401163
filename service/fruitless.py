"""How often a piece of work was begun and left without anything new in its records.

Restarts are ordinary: a machine is updated, a service deployed. What makes a comparison hopeless
is that whoever takes it up dies at the same place, so only starts without progress are counted.
"""

import json
import logging
import os
from pathlib import Path

from benchmarks.journal import JOURNAL
from service.forecasting.defaults import FINDINGS

FILE = "starts.json"
logger = logging.getLogger("tuneworth.worker")


def begin(folder: Path) -> int:
    """Note one more start; how many there were since the records last grew, this one included."""
    done, (before, starts) = _done(folder), _read(folder)
    starts = starts + 1 if done == before else 1
    _write(folder, done, starts)
    return starts


def take_back(folder: Path) -> None:
    """The worker was told to stop: this start says nothing of the work."""
    done, starts = _read(folder)
    _write(folder, done, max(0, starts - 1))


def _done(folder: Path) -> int:
    """Answered rows of a comparison and findings of a forecast; what only failed is none."""
    done = 0
    for name in (JOURNAL, FINDINGS):
        path = folder / name
        if path.exists():
            with path.open("rb") as lines:
                done += sum(name == FINDINGS or b'"state":"ok"' in line for line in lines)
    return done


def _read(folder: Path) -> tuple[int, int]:
    try:
        done, starts = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return int(done), int(starts)
    except (FileNotFoundError, ValueError, TypeError):  # none yet, or cut short by a full disk
        return -1, 0


def _write(folder: Path, done: int, starts: int) -> None:
    draft = folder / f"{FILE}.part"
    try:
        draft.write_text(json.dumps([done, starts]), encoding="utf-8")
        os.replace(draft, folder / FILE)
    except OSError as error:  # the work meets the same full disk, and tells of it as its failure
        draft.unlink(missing_ok=True)
        logger.warning("cannot note a start in %s: %s", folder, error.strerror)
