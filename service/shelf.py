"""The artefacts of a comparison whose units any worker may take: kept in the store, as zips.

Each dispatch of a unit keeps its own, `artifacts/POSITION-DISPATCH/NAME.zip`: what a worker leaves
there that was given up, and goes on unseen, never takes the place of what a setup record tells of.
"""

import logging
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import StorageFull
from benchmarks.placing import ARTIFACTS, FolderShelf
from service.files import PART, Files, key_of
from service.storage import ComparisonRow
from strategies.archives import pack, unpack
from strategies.errors import BadArchive

ENDING = ".zip"
PLACE = re.compile(r"(\d+)-(\d+)")
logger = logging.getLogger("tuneworth.shelf")


@dataclass(frozen=True)
class StoreShelf:
    """What a dispatch of the unit at `position` keeps, and what it finds there of its earlier ones
    and of the units before it (`benchmarks.placing.Shelf`).

    `folder` is the unit's own on this machine: what was fetched or made lies unpacked in it.
    `guard` raises where the unit is another worker's by now: before anything changes in the store,
    of which all else may have been removed meanwhile.
    """

    folder: Path
    files: Files
    comparison: str
    position: int
    dispatch: int
    guard: Callable[[], object]

    def find(self, name: str) -> Path | None:
        """Raises StorageFull, as the others do, where the store or this machine refuses."""
        here = self._here.find(name)
        if here is not None:
            return here
        kept = self._kept(name)
        if kept:
            return self._fetched(name, kept[-1])
        return self.files.directory(self._key(name))  # as an older version left it

    def draft(self, name: str) -> Path:
        return self._here.draft(name)

    def keep(self, name: str, draft: Path) -> str:
        artifact = f"{self.position}-{self.dispatch}/{name}"
        with self._archive() as archive:
            pack(draft, archive)
            self.guard()
            self.files.put_file(self._key(artifact) + ENDING, archive)
        self._here.keep(name, draft)
        return f"{ARTIFACTS}/{artifact}"

    def drop(self, name: str) -> None:
        self.guard()
        for key in self._kept(name):
            self.files.remove(key)
        self._here.drop(name)

    @property
    def _here(self) -> FolderShelf:
        return FolderShelf(self.folder)

    def _key(self, name: str = "") -> str:
        place = f"{ARTIFACTS}/{name}" if name else ARTIFACTS
        return key_of(ComparisonRow.__tablename__, self.comparison, place)

    def _kept(self, name: str) -> list[str]:
        """The keys of what has this name, the newest last."""
        found = {}
        for key in self.files.names(self._key()):
            place, last = key.split("/")[-2:]
            numbers = PLACE.fullmatch(place)
            if numbers is not None and last == name + ENDING:
                found[int(numbers[1]), int(numbers[2])] = key
        return [found[at] for at in sorted(found) if at <= (self.position, self.dispatch)]

    def _fetched(self, name: str, key: str) -> Path | None:
        """Unpacked here; None, so that it is prepared again, where it is no whole archive."""
        draft = self.draft(name)
        with self._archive() as archive:
            try:
                self.files.fetch(key, archive)
                unpack(archive, draft)
            except FileNotFoundError:  # it went a moment ago
                return None
            except BadArchive as error:
                logger.warning("%s is not used: %s.", key, error)
                return None
        self._here.keep(name, draft)
        return self._here.find(name)

    @contextmanager
    def _archive(self) -> Iterator[Path]:
        """Where an archive lies on its way. What this machine's disk refuses is StorageFull."""
        place = self.folder / ARTIFACTS
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=place, suffix=PART) as scratch:
                yield Path(scratch) / "artifact.zip"
        except OSError as error:
            raise StorageFull(place, str(error.strerror)) from error
