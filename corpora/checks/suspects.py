"""Which labels a classifier that did not see them holds for wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDS = 5
FIRM = 10.0
"""C of the logistic regression on vectors of length 1."""
MOST_ROWS = 20_000
"""Rows judged at most, so that it ends within minutes."""
DOUBT = 10.0
"""How many times as probable as the given label another one must be. With wrong labels planted in
`support-triage` this leaves 14 of 35 suspects and 8 of the 10 truly wrong ones among them."""
LEAST_AGREEMENT = 0.6
"""Share of labels below which the classifier has no say."""


@dataclass(frozen=True)
class Suspect:
    """`loss` is minus the logarithm of the probability of the given label."""

    number: int
    given: str
    says: str
    loss: float


@dataclass(frozen=True)
class Judgement:
    """`suspects`, highest loss first; `agreement` is the share of labels that it says too."""

    suspects: tuple[Suspect, ...]
    agreement: float


def out_of_fold(
    vectors: NDArray[np.float32], labels: Sequence[str], groups: Sequence[int]
) -> Judgement | None:
    """Judge each row by a logistic regression fitted on the other four folds of five.

    Folds keep groups whole. Rows of labels with fewer than ten rows or five groups are left
    aside. A row is suspect where another label is at least as probable as it is on average for
    the rows that carry it, the likeliest of such (confident learning: Northcutt, Jiang and
    Chuang 2021), and far more probable than the given one. None where there is too little to
    judge by, or the classifier agrees with too few labels to have a say.
    """
    import numpy as np

    rows = _judged_rows(labels, groups)
    names = sorted({labels[row] for row in rows})
    if len(names) < 2:
        return None
    own = np.array([names.index(labels[row]) for row in rows])
    chances = _chances(vectors[rows], own, np.array([groups[row] for row in rows]))
    given = chances[np.arange(len(rows)), own]
    usual = np.array([chances[own == label, label].mean() for label in range(len(names))])
    agreement = float((chances.argmax(axis=1) == own).mean())
    if agreement < LEAST_AGREEMENT:
        return None
    likely = np.where(chances >= usual, chances, 0.0)
    says = likely.argmax(axis=1)
    doubted = (likely.max(axis=1) >= DOUBT * given) & (says != own)
    order = sorted(np.flatnonzero(doubted).tolist(), key=lambda place: (given[place], rows[place]))
    return Judgement(
        suspects=tuple(
            Suspect(
                number=rows[place],
                given=names[own[place]],
                says=names[says[place]],
                loss=float(-np.log(max(given[place], 1e-300))),
            )
            for place in order
        ),
        agreement=agreement,
    )


def _judged_rows(labels: Sequence[str], groups: Sequence[int]) -> list[int]:
    """Rows of labels that every fold can be fitted on; a fixed sample where there are too many."""
    import numpy as np

    n, apart = Counter(labels), Counter(label for label, _ in set(zip(labels, groups, strict=True)))
    rows = [
        row for row, label in enumerate(labels) if n[label] >= 2 * FOLDS and apart[label] >= FOLDS
    ]
    if len(rows) > MOST_ROWS:
        drawn = np.random.default_rng(0).choice(len(rows), MOST_ROWS, replace=False)
        rows = [rows[place] for place in sorted(drawn.tolist())]
    return rows


def _chances(
    vectors: NDArray[np.float32], own: NDArray[np.int64], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Rows × labels: the probability of each label by the classifier that did not see the row."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    chances = np.zeros((len(own), int(own.max()) + 1))
    folds = StratifiedGroupKFold(n_splits=FOLDS, shuffle=True, random_state=0)
    for fitted, judged in folds.split(vectors, own, groups):
        model = LogisticRegression(C=FIRM, max_iter=1000)
        model.fit(vectors[fitted].astype(np.float64), own[fitted])
        found = model.predict_proba(vectors[judged].astype(np.float64))
        chances[np.ix_(judged, model.classes_)] = found
    return chances
