"""Names of strategies short enough for a chart: a model's name can be a whole path."""

from __future__ import annotations

from collections.abc import Sequence


def short_names(ids: Sequence[str], most: int) -> dict[str, str]:
    """Each id with a name of at most `most` characters, different ones for different ids.

    Of `name@model` the folders before the model's own name go first, then its middle. Where two
    become alike, a number tells them apart.
    """
    found: dict[str, str] = {}
    for id_ in dict.fromkeys(ids):
        short, number = shortened(id_, most), 2
        while short in found.values():
            short = f"{shortened(id_, most - 4)} ({number})"
            number += 1
        found[id_] = short
    return found


def shortened(id_: str, most: int) -> str:
    """`prompt.nearest@very…preview` of `prompt.nearest@./models/very-long-name-preview`."""
    head, at, model = id_.partition("@")
    if len(id_) <= most or not at:
        return elided(id_, most)
    own = elided(model.rstrip("/").rsplit("/", 1)[-1], max(7, most - len(head) - 1))
    return elided(f"{head}@{own}", most)


def elided(text: str, most: int) -> str:
    """Without its middle where it is too long."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"
