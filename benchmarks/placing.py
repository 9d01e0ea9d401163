"""Artefacts come into their place whole or not at all: a folder without `.tmp` is complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.errors import StorageFull

ARTIFACTS = "artifacts"


class Shelf(Protocol):
    """Where the artefacts of a run lie, each by the name of its entry's folder.

    What a shelf raises is no strategy's doing, and ends the run or the stage.
    """

    @property
    def folder(self) -> Path:
        """The run's folder on this machine: for messages, and for what is under way."""
        ...

    def find(self, name: str) -> Path | None:
        """A folder on this machine that holds it whole; None where there is none."""
        ...

    def draft(self, name: str) -> Path:
        """Where it is to be written first: a folder that does not exist yet. Raises StorageFull
        where what an earlier try left there cannot be removed."""
        ...

    def keep(self, name: str, draft: Path) -> str:
        """Take over what was written, in place of what had this name; the draft is gone then.

        Returns what the setup record calls it. Raises StorageFull.
        """
        ...

    def drop(self, name: str) -> None:
        """Forget it, where there is one. Raises StorageFull."""
        ...


@contextmanager
def refused_as_full(place: Path) -> Iterator[None]:
    """Raises StorageFull where the system refuses what is inside: no strategy had a part in it."""
    try:
        yield
    except OSError as error:
        raise StorageFull(place, error.strerror or str(error)) from error


@dataclass(frozen=True)
class FolderShelf:
    """Artefacts below the run's own folder."""

    folder: Path

    def find(self, name: str) -> Path | None:
        place = self._place(name)
        return place if place.is_dir() else None

    def draft(self, name: str) -> Path:
        return self._cleared(name, ".tmp")

    def keep(self, name: str, draft: Path) -> str:
        self.drop(name)
        with refused_as_full(self._place(name)):
            os.replace(draft, self._place(name))
        return f"{ARTIFACTS}/{name}"

    def drop(self, name: str) -> None:
        if self.find(name) is not None:
            # one step takes all of it away: removing file by file might be cut short
            gone = self._cleared(name, ".old.tmp")
            with refused_as_full(self._place(name)):
                os.replace(self._place(name), gone)
            shutil.rmtree(gone, ignore_errors=True)

    def _place(self, name: str) -> Path:
        return self.folder / ARTIFACTS / name

    def _cleared(self, name: str, suffix: str) -> Path:
        """The name of a folder beside its place that does not exist.

        What cannot be removed, as where the disk may not be written, would be found by whoever
        makes the folder, and be taken for a mistake of his.
        """
        beside = self._place(name + suffix)
        with refused_as_full(beside):
            if beside.exists():
                shutil.rmtree(beside)
        return beside
