"""Which rows judge and which are learned from, and in which order they are asked.

Validation rows judge, but for those that training rows give away, as with test rows of a
comparison. Where there are few, training rows that nothing here learns from judge with them: what
learns then learns from less than it will in a comparison, and is a little better there than it
looks.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corpora.checks.splits import independent
from corpora.similarity import Groups, near_duplicates
from corpora.task import Example

FIRST = 8
"""Rows of the first sample; each further one has twice as many."""
LAST_STEP = 0.8
"""A sample of more of the rows than this share is left out: all of them come next."""
FEW = 30
"""Fewer validation rows are joined by training rows."""
HELD_OUT = 4
"""One in so many training rows may be held out, not more."""


@dataclass(frozen=True)
class Rows:
    """`judges` in the order in which they are asked: a smaller sample is the beginning of a larger
    one. `learned` and `validation` are what strategies are prepared with, in the file's order."""

    learned: tuple[Example, ...]
    validation: tuple[Example, ...]
    judges: tuple[Example, ...]
    share: float


def rows_of(train: Sequence[Example], validation: Sequence[Example], seed: int) -> Rows:
    """The rows by their parts; `share` is that of the training rows that are learned from."""
    fresh = independent(train, validation)
    wanted = min(FEW - len(fresh), len(train) // HELD_OUT)
    held = held_out(train, wanted, seed) if wanted > 0 else frozenset()
    learned = tuple(row for number, row in enumerate(train) if number not in held)
    outside = [train[number] for number in sorted(held)]
    judges = in_turn([*fresh, *outside], seed)
    share = len(learned) / len(train) if train else 0.0
    # a copy of what was held out would still choose settings
    kept = independent(outside, validation) if outside else tuple(validation)
    return Rows(learned, kept, tuple(judges), share)


def samples(count: int) -> list[int]:
    """The sizes of the samples of so many rows, each more than the one before."""
    return [*doubled(count), count] if count else []


def doubled(count: int) -> Iterator[int]:
    size = FIRST
    while size <= LAST_STEP * count:
        yield size
        size *= 2


def in_turn(rows: Sequence[Example], seed: int) -> list[Example]:
    """Rows in an order of chance that hangs on their texts, not on their places in the file. Every
    beginning is a fair sample: no row is likelier in it than another."""
    return sorted(rows, key=lambda row: draw(row, seed))


def held_out(train: Sequence[Example], wanted: int, seed: int) -> frozenset[int]:
    """The numbers of up to `wanted` rows to hold out, by chance: each is about as likely as any
    other, and of every right answer that repeats about the same part is held out, or what learns
    would know hardly any row of some label. Rows of one group, or that nearly repeat each other,
    stay together, and count for the answer of their first; all of a unit that is too large are
    learned from."""
    groups = Groups(len(train))
    groups.join_equal(row.group for row in train)
    for one, other in near_duplicates([row.input for row in train]):
        groups.join(one, other)
    units = sorted(groups.members(), key=lambda unit: draw(train[unit[0]], seed))
    held: list[int] = []
    for unit in spread_over([train[unit[0]].output for unit in units], units, seed):
        if len(held) + len(unit) <= wanted:
            held += unit
    return frozenset(held)


def spread_over(labels: Sequence[str], units: Sequence[list[int]], seed: int) -> list[list[int]]:
    """Units in an order in which every beginning holds about the same part of each label, by
    systematic sampling: those of a label stand at even steps, from a start of chance."""
    counts, before = Counter(labels), Counter[str]()
    places = []
    for label in labels:
        start = int(digest_of(label, seed)[:13], 16) / 16**13
        places.append((before[label] + start) / counts[label])
        before[label] += 1
    order = sorted(range(len(units)), key=lambda number: places[number])
    return [units[number] for number in order]


def draw(row: Example, seed: int) -> tuple[str, str]:
    return digest_of(row.input, seed), row.id


def digest_of(text: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}\0{text}".encode()).hexdigest()
