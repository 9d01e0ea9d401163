"""What a strategy does beyond its score, as plain frozen data for the report."""

from __future__ import annotations

from corpora.task import Frozen


class Share(Frozen):
    """A mean of values from 0 to 1 with its 95% interval."""

    value: float
    low: float
    high: float
    n: int


class Calibration(Frozen):
    """Probabilities of chosen labels against what was right.

    `error` is the expected calibration error; with these confidences and so few rows one of
    `error_if_calibrated` shows on average even if every one of them is true. `over_confidence` is
    mean confidence minus accuracy, with its 95% interval. `accuracy_at_50` counts the surest half
    of the rows.
    """

    n: int
    error: float
    error_if_calibrated: float
    confidence: float
    accuracy: float
    over_confidence: float
    low: float
    high: float
    accuracy_at_50: float
    accuracy_at_80: float


class Abstention(Frozen):
    """Shares of rows answered with the task's `no_answer`: of those that no document answers,
    where that is right, and of the others, where it is not. None where there is no such row."""

    unanswerable: Share | None = None
    answerable: Share | None = None


class Kept(Frozen):
    """How far answers stay what they were after one small `change` of the inputs, on validation
    rows. `low` and `high` bound the change of the score, after minus before."""

    change: str
    kept: Share
    score_before: float
    score_after: float
    low: float
    high: float


class WrongCorpus(Frozen):
    """Scores on validation rows beside passages that are right for none of them.

    `score_with_own` is with the strategy's own passages on the same rows. `difference` is the
    score minus that of `closed_book`, the best prompt without passages, on the `n_shared` rows
    that were put to both; None where none was.
    """

    n: int
    score: float
    score_with_own: float | None = None
    declined: float | None = None
    closed_book: str | None = None
    closed_book_score: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    n_shared: int = 0


class Forgetting(Frozen):
    """Right answers to `n` general questions, without the adapter and with it.

    `change_nats` is the mean change of their log-likelihood a token. Known is one that is likelier
    than a wrong one; `still_known` counts those of before.
    """

    n: int
    change_nats: float
    known_before: int
    still_known: int
    known_after: int


class Behaviour(Frozen):
    """Parts are None (or empty) where nothing of them was measured."""

    calibration: Calibration | None = None
    abstention: Abstention | None = None
    grounded: Share | None = None
    consistency: tuple[Kept, ...] = ()
    wrong_corpus: WrongCorpus | None = None
    forgetting: Forgetting | None = None
