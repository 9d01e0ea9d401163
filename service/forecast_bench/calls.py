"""Go or no-go on fine-tuning: how often the foretold answer is the measured one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from service.commitment import Commit
from service.forecast_bench.regret import Share, share_of

DECIDED: tuple[Commit, ...] = ("yes", "no")


@dataclass(frozen=True)
class Calls:
    """Over tasks on which the whole comparison says yes or no.

    `undecided` tasks, on which it says "not yet" itself, count for nothing else here. `made` are
    the calls of yes or no, and `accuracy` the share of them that is right, with its 95% interval;
    `balanced` the mean of that share over tasks of yes and tasks of no: 0 for an answer whose tasks
    got no call at all, None where one of the answers has no task. `not_yet` is the share of
    decided tasks without a call. `always` is how often the answer that most decided tasks have is
    right, given without looking: it knows the answers beforehand, which no forecast does.
    """

    decided: int
    undecided: int
    made: int
    accuracy: Share
    balanced: float | None
    not_yet: float
    always: float


def by_chance(p_tuned: float, confidence: float) -> Commit:
    """The call that the chance of a tuned strategy being the right choice makes alone."""
    if p_tuned >= confidence:
        return "yes"
    return "no" if 1 - p_tuned >= confidence else "not yet"


def brier_of_calls(p_tuned: Sequence[float], right: Sequence[Commit]) -> float | None:
    """The mean of (chance - 1 where yes is right, else 0)², Brier's score of one of two outcomes,
    over the tasks that are decided; 0.25 is that of a coin. None without any."""
    errors = [
        (p - (true == "yes")) ** 2
        for p, true in zip(p_tuned, right, strict=True)
        if true in DECIDED
    ]
    return fmean(errors) if errors else None


def calls_of(told: Sequence[Commit], right: Sequence[Commit]) -> Calls:
    """Both in the order of the tasks."""
    pairs = [(said, true) for said, true in zip(told, right, strict=True) if true in DECIDED]
    made = [(said, true) for said, true in pairs if said in DECIDED]
    counts = Counter(true for _, true in pairs)
    majority: Commit = "yes" if counts["yes"] > counts["no"] else "no"
    each = [[said == true for said, true in made if true == answer] for answer in DECIDED]
    both = all(counts[answer] for answer in DECIDED)
    return Calls(
        decided=len(pairs),
        undecided=len(right) - len(pairs),
        made=len(made),
        accuracy=share_of(said == true for said, true in made),
        balanced=fmean(fmean(hits) if hits else 0.0 for hits in each) if both else None,
        not_yet=1 - len(made) / len(pairs) if pairs else 0.0,
        always=counts[majority] / len(pairs) if pairs else 0.0,
    )
