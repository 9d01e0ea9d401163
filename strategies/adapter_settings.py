"""What can be varied about training an adapter, and in which order it is tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

from strategies.base import Training
from strategies.search import Setting
from strategies.tuned import Template

MOST_EPOCHS = 12


@dataclass(frozen=True)
class AdapterSettings:
    """One way to train. `depth` is how much of the network carries adapters."""

    rank: int
    learning_rate: float
    epochs: int
    batch_rows: int
    template: Template = "task"
    depth: Literal["upper third", "full"] = "upper third"

    def told(self) -> dict[str, Setting]:
        """As columns of the search's record."""
        return asdict(self)


def moves(settings: AdapterSettings, training: Training) -> Iterator[AdapterSettings]:
    """Changes of one thing each: more learning first where the last epoch was the best one, less
    of it first where an earlier one was."""
    more = [
        replace(settings, batch_rows=settings.batch_rows // 2),
        replace(settings, epochs=2 * settings.epochs),
        replace(settings, learning_rate=2 * settings.learning_rate),
    ]
    less = [
        replace(settings, learning_rate=settings.learning_rate / 2),
        replace(settings, batch_rows=2 * settings.batch_rows),
    ]
    gaining = training.epochs == len(training.curve)
    changes = [
        *([*more, *less] if gaining else [*less, *more]),
        replace(settings, template="short" if settings.template == "task" else "task"),
        replace(settings, rank=2 * settings.rank),
        replace(settings, rank=settings.rank // 2),
    ]
    return (each for each in changes if is_usual(each))


def is_usual(settings: AdapterSettings) -> bool:
    """Whether settings lie where adapters are trained: what lies beyond only takes time."""
    return (
        2 <= settings.batch_rows <= 32
        and settings.epochs <= MOST_EPOCHS
        and 1e-4 <= settings.learning_rate <= 5e-3
        and 4 <= settings.rank <= 64
    )
