"""The artefact of a strategy as one zip file of the store."""

import tempfile
from pathlib import Path

from benchmarks.records import SetupRecord
from service.errors import NotFound, StoreAway
from service.files import PART, Files, key_of
from service.shelf import ENDING
from service.storage import ComparisonRow
from strategies.archives import pack


def zip_of(files: Files, comparison: str, strategy: str, setup: SetupRecord | None) -> str:
    """The key of the zip of what the strategy with this id saved; `setup` is its last one.

    An older version left a folder in its place, which is packed when first asked for. Raises
    NotFound where it saved nothing, and StoreAway.
    """
    if setup is not None and setup.artifact is not None:
        place = key_of(ComparisonRow.__tablename__, comparison, setup.artifact)
        source = files.directory(place)
        if files.exists(place + ENDING):
            return place + ENDING
        if source is not None:
            _pack(source, files, place + ENDING)
            return place + ENDING
    raise NotFound("artefact of strategy", strategy)


def _pack(source: Path, files: Files, key: str) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=source.parent, suffix=PART) as archive:
            pack(source, Path(archive.name))
            files.put_file(key, Path(archive.name))
    except OSError as error:
        raise StoreAway(key, error.strerror or type(error).__name__) from error
