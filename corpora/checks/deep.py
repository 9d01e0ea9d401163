"""What sentence embeddings show of the data; for a report to read, and for nothing else.

No finding here reaches a strategy, a threshold or a choice, so the test rows may be looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from corpora.checks.material import SHOWN, Material, about, several
from corpora.checks.suspects import Judgement, out_of_fold
from corpora.similarity import Groups
from corpora.task import Check

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], "NDArray[np.float32]"]
"""Texts to vectors of length 1, as rows."""

PARAPHRASE = 0.95
"""Cosine of two inputs from which they ask the same in other words."""
_AT_ONCE = 1024


def deep_checks(material: Material, embed: Embed) -> Iterator[Check]:
    """Findings that take an embedder: seconds for 1,000 rows, minutes for 100,000."""
    if not material.rows:
        return
    vectors = embed([row.input for row in material.rows])
    yield from paraphrases(material, vectors)
    yield from suspect_labels(material, vectors)


def paraphrases(material: Material, vectors: NDArray[np.float32]) -> Iterator[Check]:
    """Test rows that ask what a training or validation row asks, in other words.

    Not those that nearly repeat one word for word, which are found without an embedder, and
    not pairs that differ in a number, which embeddings hardly see.
    """
    told = {number: place for place, rows in enumerate(material.repeated) for number in rows}
    rows, seen = material.rows, material.seen
    found: list[tuple[float, int, int]] = []
    for start in range(seen, len(rows) if seen else 0, _AT_ONCE):
        cosines = vectors[start : start + _AT_ONCE] @ vectors[:seen].T
        for place, other in zip(*(cosines >= PARAPHRASE).nonzero(), strict=True):
            test, known = start + int(place), int(other)
            by_words = test in told and told[test] == told.get(known)
            if not by_words and _numbers(rows[test].input) == _numbers(rows[known].input):
                found.append((float(cosines[place, other]), test, known))
    leaked = sorted({test for _, test, _ in found})
    if leaked:
        cosine, test, known = max(found, key=lambda one: (one[0], -one[1], -one[2]))
        message = (
            f"{len(leaked)} of {len(rows) - seen} test rows say what a training or validation row "
            f"says, in other words (cosine of {PARAPHRASE} or more; closest: {rows[test].id} and "
            f"{rows[known].id}, {cosine:.2f}). Where one person wrote both, give them one `group`; "
            "where your users repeat themselves, leave them."
        )
        yield about("paraphrases", "info", message, [rows[number].id for number in leaked])


def _numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", text))


def suspect_labels(material: Material, vectors: NDArray[np.float32]) -> Iterator[Check]:
    """Labels that a classifier which did not see the row holds for wrong, worst first."""
    if material.dataset.task.kind != "classification":
        return
    groups = Groups(len(material.rows))
    groups.join_equal(row.group for row in material.rows)
    for a, b in material.pairs:
        groups.join(a, b)
    judged = out_of_fold(
        vectors,
        [row.output for row in material.rows],
        [groups.root(number) for number in range(len(material.rows))],
    )
    if judged is not None and judged.suspects:
        ids = [material.rows[each.number].id for each in judged.suspects]
        yield about("suspect-labels", "info", _told(material, judged), ids)


def _told(material: Material, judged: Judgement) -> str:
    worst = "; ".join(
        f"{material.rows[each.number].id}: {each.given!r}, it says {each.says!r}"
        for each in judged.suspects[:SHOWN]
    )
    return (
        f"{several(len(judged.suspects), 'label')} that may be wrong, to a classifier on sentence "
        f"embeddings that had not seen the row (it agrees with {judged.agreement:.0%} of all "
        f"labels): {worst}. Only about half of such labels are truly wrong: read the rows and "
        "decide afresh, and never delete by this list."
    )
