"""A data set as checks look at it, and the words that findings share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from corpora.similarity import Groups, near_duplicates
from corpora.task import Check, Dataset, Example, Split

SHOWN = 5
Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Material:
    """What several checks need is computed once.

    `rows` are those of training, validation and test, in this order; a row's place among them
    is its number.
    """

    dataset: Dataset

    @cached_property
    def rows(self) -> tuple[Example, ...]:
        return (*self.dataset.train, *self.dataset.validation, *self.dataset.test)

    @cached_property
    def seen(self) -> int:
        """How many rows strategies may learn from; the test rows follow them."""
        return len(self.dataset.train) + len(self.dataset.validation)

    def split(self, number: int) -> Split:
        if number >= self.seen:
            return "test"
        return "train" if number < len(self.dataset.train) else "validation"

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Rows with nearly the same input (`corpora.similarity.near_duplicates`)."""
        return near_duplicates([row.input for row in self.rows])

    @cached_property
    def repeated(self) -> list[list[int]]:
        """The clusters that `pairs` make, of two rows or more."""
        groups = Groups(len(self.rows))
        for a, b in self.pairs:
            groups.join(a, b)
        return [members for members in groups.members() if len(members) > 1]


Finder = Callable[[Material], Iterable[Check]]


def about(check: str, severity: Severity, message: str, ids: Iterable[str] = ()) -> Check:
    """A finding that shows the first five of the ids."""
    return Check(check=check, severity=severity, message=message, examples=tuple(ids)[:SHOWN])


def several(number: int, one: str, many: str = "") -> str:
    """`1 row`, `12 rows`: the verb may be part of both."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def ended(names: Sequence[str]) -> str:
    """`a, b, c, d, e, ...`, or `a, b.`, at the end of a sentence."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else ".")


def some(names: Sequence[str]) -> str:
    """`'a', 'b'`; the first five, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(repr(name) for name in names[:SHOWN]) + more
