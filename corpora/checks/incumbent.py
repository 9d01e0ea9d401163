"""Whether the answers of what runs today belong to the rows."""

from __future__ import annotations

from collections.abc import Iterator

from corpora.checks.material import Material, about, ended
from corpora.task import Check


def incumbent_without_answers(material: Material) -> Iterator[Check]:
    """Test rows that what runs today has no answer to."""
    dataset = material.dataset
    if dataset.incumbent is None:
        return
    given = {answer.id for answer in dataset.incumbent.answers}
    missing = [row.id for row in dataset.test if row.id not in given]
    if missing:
        message = (
            f"{len(missing)} of {len(dataset.test)} test rows have no answer of the incumbent:"
            f" {ended(missing)} They count as its errors, never as wrong answers."
        )
        yield about("incumbent-answers-missing", "warning", message)


def incumbent_of_nothing(material: Material) -> Iterator[Check]:
    """Answers of what runs today to rows that are not in the data."""
    incumbent = material.dataset.incumbent
    if incumbent is None or not incumbent.unknown:
        return
    unknown, source = incumbent.unknown, incumbent.source
    one = len(unknown) == 1
    what = (
        f"1 id of {source} is no example"
        if one
        else f"{len(unknown)} ids of {source} are no examples"
    )
    message = f"{what}: {ended(unknown)} What was answered there is left out."
    yield about("incumbent-ids-unknown", "warning", message)
