"""When a cheap answer is sure enough to stand, and the threshold of that, chosen on validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, nan

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
    return sureness(answer) >= threshold


def sureness(answer: Answer) -> float:
    """Its confidence; minus infinity for one that tells none, and for none nan, which is below
    every threshold."""
    confidence = confidence_of(answer)
    if answer.error is not None:
        return nan
    return -inf if confidence is None else confidence


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

    def value(stands: Sequence[bool]) -> float:
        answers = [
            one if is_cheap else merged(one, other)
            for is_cheap, one, other in zip(stands, cheap, dear, strict=True)
        ]
        return score(rows, answers)

    tried, chosen = cuts([sureness(answer) for answer in cheap], value, margin=margin)
    search = (
        search_row(each.threshold, each.share, each.value, n=len(rows), chosen=each is chosen)
        for each in tried
    )
    return Choice(chosen.threshold, tuple(search))


@dataclass(frozen=True)
class Cut:
    """A threshold, which cheap answers stand at it, and what all answers then score."""

    threshold: float
    stands: tuple[bool, ...]
    value: float

    @property
    def share(self) -> float:
        return sum(self.stands) / len(self.stands)


def cuts(
    sure: Sequence[float], value: Callable[[Sequence[bool]], float], *, margin: float
) -> tuple[list[Cut], Cut]:
    """All that is tried, strictest first, and the one to choose, as `choose_threshold` says it, of
    cheap answers that are so `sure`. Raises ValueError without one."""
    if not sure:
        raise ValueError("there is no answer to cut among")
    tried = []
    for threshold in candidates(sure):
        stands = tuple(each >= threshold for each in sure)
        tried.append(Cut(threshold, stands, value(stands)))
    needed = max(each.value for each in tried) - margin - ROUNDING
    good = [each for each in tried if each.value >= needed]
    return tried, max(good, key=lambda each: each.share)


def candidates(sure: Sequence[float]) -> list[float]:
    """Thresholds to try, strictest first."""
    ranked = sorted({each for each in sure if isfinite(each)}, reverse=True)
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
