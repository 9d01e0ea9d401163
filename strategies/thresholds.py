"""When a cheap answer is sure enough to stand, and the threshold of that, chosen on validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from corpora.task import Example
from strategies.base import Answer, Score
from strategies.search import total

MOST_CANDIDATES = 64
"""Of more distinct confidences so many are tried, from all over their range: each candidate scores
all validation rows."""
ROUNDING = 1e-9
WORDS = {inf: "never cheap", -inf: "always cheap"}


Tried = Mapping[str, float | str]


@dataclass(frozen=True)
class Choice:
    """The threshold, and what was tried, strictest first, for `Training.search`."""

    threshold: float
    search: tuple[Tried, ...]


def confidence_of(answer: Answer) -> float | None:
    """The top label's probability for a choice, else what the strategy told; None for neither.

    Rounded, so that the noise of sums in another batch size moves no answer over a threshold.
    """
    if answer.probabilities:
        return round(max(answer.probabilities.values()), 5)
    return None if answer.confidence is None else round(answer.confidence, 5)


def is_sure(answer: Answer, threshold: float) -> bool:
    """Whether a cheap answer stands: it is one, and at least as sure as the threshold."""
    confidence = confidence_of(answer)
    return answer.error is None and (-inf if confidence is None else confidence) >= threshold


def merged(cheap: Answer, dear: Answer) -> Answer:
    """What is said where both were asked, charged for both.

    The dear answer; where it failed the cheap one, which is less sure than wanted but still an
    answer. It is an error only where both failed.
    """
    usage = total([cheap.usage, dear.usage])
    if dear.error is None:
        return replace(dear, usage=usage)
    if cheap.error is None:
        return replace(cheap, usage=usage)
    return Answer("", usage, error=f"Both failed: {cheap.error} / {dear.error}")


def choose_threshold(
    rows: Sequence[Example],
    cheap: Sequence[Answer],
    dear: Sequence[Answer],
    score: Score,
    *,
    margin: float,
) -> Choice:
    """The threshold that lets most cheap answers stand, of those that score within `margin` of
    the best.

    Tried are all confidences of the cheap answers, "never cheap" and "always cheap"; ties go to
    the stricter. Without rows nothing shows that a cheap answer is good enough: never cheap.
    """
    if not rows:
        return Choice(inf, ())
    tried: list[tuple[float, float, float]] = []
    for threshold in candidates(cheap):
        sure = [is_sure(answer, threshold) for answer in cheap]
        answers = [
            one if stands else merged(one, other)
            for stands, one, other in zip(sure, cheap, dear, strict=True)
        ]
        tried.append((threshold, sum(sure) / len(rows), score(rows, answers)))
    needed = max(value for _, _, value in tried) - margin - ROUNDING
    good = [row for row in tried if row[2] >= needed]
    chosen, _, _ = max(good, key=lambda row: row[1])
    search = (search_row(*row, n=len(rows), chosen=row[0] == chosen) for row in tried)
    return Choice(chosen, tuple(search))


def candidates(cheap: Sequence[Answer]) -> list[float]:
    """Thresholds to try, strictest first."""
    told = {confidence_of(answer) for answer in cheap if answer.error is None} - {None}
    ranked = sorted((each for each in told if each is not None), reverse=True)
    kept = min(len(ranked), MOST_CANDIDATES)
    spread = [ranked[round(at * (len(ranked) - 1) / max(1, kept - 1))] for at in range(kept)]
    return [inf, *spread, -inf]


def search_row(threshold: float, share: float, value: float, *, n: int, chosen: bool) -> Tried:
    """One candidate as it stands in the report; `rows` tells how much its score can mean."""
    row: dict[str, float | str] = {
        "threshold": told(threshold),
        "answered_cheaply": share,
        "validation_score": value,
        "rows": float(n),
    }
    return row | {"chosen": 1.0} if chosen else row


def told(threshold: float) -> float | str:
    """A threshold as JSON can hold it."""
    return WORDS.get(threshold, threshold)


def untold(value: float | str) -> float:
    """The inverse of `told`."""
    of_words = {word: threshold for threshold, word in WORDS.items()}
    return of_words[value] if isinstance(value, str) else value
