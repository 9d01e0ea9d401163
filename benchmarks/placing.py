"""Artefacts come into their place whole or not at all: a folder without `.tmp` is complete."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from strategies.base import Prepared


def save_whole(prepared: Prepared, place: Path) -> None:
    """Save beside its place, then move there."""
    draft = empty_draft(place)
    draft.mkdir(parents=True)
    prepared.save(draft)
    move_over(draft, place)


def empty_draft(place: Path) -> Path:
    """The name of a folder beside `place` that does not exist."""
    draft = place.with_name(place.name + ".tmp")
    shutil.rmtree(draft, ignore_errors=True)
    return draft


def move_over(draft: Path, place: Path) -> None:
    if place.exists():
        shutil.rmtree(place)
    os.replace(draft, place)
