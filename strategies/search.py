"""Choosing settings on validation rows within a stated budget, the same for every family.

A challenger answers the rows a few at a time and is given up as soon as it is clearly behind
the best setting so far on the very same rows, so that the budget goes to those that may win
(racing: Maron and Moore 1994, "Hoeffding Races"; here a challenger is out when it scores less and
the mean of its paired differences lies more than `BEHIND` standard errors below zero). One that
costs more must do better by more than a standard error, as in the rule by which Breiman et al.
(1984, "Classification and Regression Trees") prefer the simpler tree.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev

from corpora.task import Example
from corpora.task import Search as Budget
from strategies.base import Answer, Prepared, Progress, Score, Training, no_progress
from strategies.models.base import Usage
from strategies.reuse import charged_clock

MOST_ROWS = 128
"""Validation rows that judge a setting: more tell little that 128 do not."""
ROUND = 16
"""Rows answered at a time."""
FAIR_TRIALS = 4
LEAST_ROWS = 32
"""Where the model is slow, so many rows judge that FAIR_TRIALS fit the seconds, but not fewer."""
BEHIND = 1.5
DEARER = 1.1
"""A setting costs more where it reads and writes so many times the tokens a row."""
CLEAR_GAIN = 1.0
"""Standard errors by which a setting that costs more must do better."""
OUT_OF_TIME = "out of time"
NO_CLEAR_GAIN = "costs more without a clear gain"

Setting = float | str


class OutOfTime(Exception):
    """Ends a trial that would go on beyond the budget."""


@dataclass(frozen=True)
class Trial:
    """A setting and how it did. `tie` breaks ties between scores: the mean log-probability of
    the right answer where labels were weighed, else 0. `dropped` says why it was given up, or
    could not stand though it scored as much."""

    settings: Mapping[str, Setting]
    score: float
    tie: float
    rows: int
    seconds: float = 0.0
    row_scores: tuple[float, ...] = ()
    answers: tuple[Answer, ...] = ()
    usage: Usage = Usage()
    dropped: str = ""

    @property
    def standing(self) -> tuple[float, float]:
        return self.score, self.tie

    @property
    def tokens_each(self) -> float:
        """Tokens read and written a row."""
        return (self.usage.prompt + self.usage.completion) / self.rows if self.rows else 0.0

    def is_dearer_than(self, other: Trial) -> bool:
        return self.tokens_each > DEARER * other.tokens_each

    def fails_to_earn_its_cost(self, other: Trial) -> bool:
        """Whether it does no worse than a cheaper one, but not better on the same rows by more
        than CLEAR_GAIN standard errors."""
        if self.standing < other.standing or not self.is_dearer_than(other):
            return False
        pairs = zip(self.row_scores, other.row_scores, strict=True)
        differences = [mine - theirs for mine, theirs in pairs]
        margin = CLEAR_GAIN * standard_error(differences)
        return self.score <= other.score or fmean(differences) <= margin

    def told(self, *, chosen: bool) -> dict[str, Setting]:
        """The trial as a row of `Training.search`."""
        row = {**self.settings, "validation_score": self.score}
        row |= {"rows": float(self.rows), "seconds": round(self.seconds, 3)}
        if self.dropped:
            row["dropped"] = self.dropped
        if chosen:
            row["chosen"] = 1.0
        return row


Variants = Callable[
    [Mapping[str, Setting], Sequence[Answer]],
    Iterable[tuple[Mapping[str, Setting], Sequence[Answer]]],
]
"""What else can be made of answers without asking the model again, with its settings."""


def no_variants(
    settings: Mapping[str, Setting], answers: Sequence[Answer]
) -> Iterable[tuple[Mapping[str, Setting], Sequence[Answer]]]:
    return ()


@dataclass
class Search:
    """One strategy's search: what was tried, what it took, which stands.

    `clock` (seconds) decides only whether another trial may begin or go on.
    """

    budget: Budget
    rows: Sequence[Example]
    score: Score
    progress: Progress = no_progress
    clock: Callable[[], float] = charged_clock
    trials: list[Trial] = field(default_factory=list)
    began: float = 0.0
    best: Trial | None = None

    def __post_init__(self) -> None:
        self.began = self.clock()

    @property
    def spent(self) -> float:
        return self.clock() - self.began

    @property
    def open(self) -> bool:
        """Whether another trial may begin: there is time for a round at the pace of the quickest.
        The first always may."""
        if not self.trials:
            return True
        paces = (trial.seconds / trial.rows for trial in self.trials if trial.rows)
        round_takes = min(ROUND, len(self.rows)) * min(paces, default=0.0)
        fits = self.spent + round_takes < self.budget.seconds
        return fits and len(self.trials) < self.budget.trials

    def shown(self, fraction: float, message: str) -> None:
        """A progress callback for one trial."""
        done = (len(self.trials) + fraction) / (self.budget.trials + 1)
        self.progress(min(1.0, done), f"try {len(self.trials) + 1}: {message}")

    def watched(self, fraction: float, message: str) -> None:
        """As `shown`; ends the trial with OutOfTime where the budget ends and something to fall
        back on is there."""
        if self.best is not None and self.spent >= self.budget.seconds:
            raise OutOfTime
        self.shown(fraction, message)

    def judge(
        self,
        prepared: Prepared,
        settings: Mapping[str, Setting],
        variants: Variants = no_variants,
        *,
        since: float | None = None,
    ) -> Trial:
        """Answer the rows and keep the trial, as the best of its variants; it stands if it does
        better than the best so far. Its seconds count from `since`, when its building began."""
        began = self.clock()
        share = len(self.trials) / self.budget.trials
        self.progress(share, "trying " + ", ".join(f"{k} {v}" for k, v in settings.items()))
        answers: list[Answer] = []
        readings = [self.reading(settings, answers)]
        dropped = ""
        while len(answers) < len(self.rows):
            part = self.rows[len(answers) : len(answers) + ROUND]
            each = (self.clock() - began) / len(answers) if answers else 0.0
            if self.best is not None and self.spent + each * len(part) > self.budget.seconds:
                dropped = OUT_OF_TIME
                break
            answers += prepared.answer([row.input for row in part])
            if not self.trials and len(answers) == ROUND:
                self.fit_rows((self.clock() - began) / ROUND)
            others = [self.reading(also, said) for also, said in variants(settings, answers)]
            readings = [self.reading(settings, answers), *others]
            behind = all(self.is_behind(each) for each in readings)
            if behind and len(answers) < len(self.rows):
                dropped = "clearly behind"
                break
        best = max(readings, key=lambda each: each.standing)  # ties go to the first, as asked
        asked = total([answer.usage for answer in answers])
        seconds = self.clock() - (began if since is None else since)
        return self.keep(replace(best, seconds=seconds, usage=asked, dropped=dropped))

    def fit_rows(self, each: float) -> None:
        """Keep fewer rows where they take `each` so many seconds that few trials would fit."""
        whole = self.budget.seconds - self.spent + each * ROUND
        fitting = int(whole / (each * FAIR_TRIALS)) if each else len(self.rows)
        self.rows = self.rows[: max(LEAST_ROWS, fitting)]

    def reading(self, settings: Mapping[str, Setting], answers: Sequence[Answer]) -> Trial:
        """How settings did by these answers to the first rows."""
        judged = self.rows[: len(answers)]
        each = zip(judged, answers, strict=True)
        return Trial(
            settings,
            self.score(judged, answers) if answers else 0.0,
            tie_of(judged, answers),
            len(answers),
            row_scores=tuple(self.score([row], [answer]) for row, answer in each),
            answers=tuple(answers),
        )

    def keep(self, trial: Trial) -> Trial:
        """Book a trial that was judged here or elsewhere."""
        best = self.best
        if best is not None and not trial.dropped and trial.fails_to_earn_its_cost(best):
            trial = replace(trial, dropped=NO_CLEAR_GAIN)
        self.trials.append(trial)
        if not trial.dropped and (best is None or trial.standing > best.standing):
            self.best = trial
        return trial

    def is_behind(self, reading: Trial) -> bool:
        """Whether so many first rows show a challenger clearly behind the best.

        Not while it scores as much on them: where the score is no mean of the rows (macro-F1),
        fewer right answers may be the better ones.
        """
        if self.best is None:
            return False
        first = slice(reading.rows)
        if reading.score >= self.score(self.rows[first], self.best.answers[first]):
            return False
        pairs = zip(reading.row_scores, self.best.row_scores[first], strict=True)
        return clearly_behind([mine - other for mine, other in pairs])

    def record(self, training: Training | None = None) -> Training:
        """What was tried, added to what else was learned."""
        rows = tuple(trial.told(chosen=trial is self.best) for trial in self.trials)
        asked = total([trial.usage for trial in self.trials])
        return replace(training or Training(), search=rows, usage=asked)


def clearly_behind(differences: Sequence[float]) -> bool:
    """Whether the mean lies more than BEHIND standard errors below 0; never on under 8 rows."""
    if len(differences) < 8 or fmean(differences) >= 0:
        return False
    return fmean(differences) < -BEHIND * standard_error(differences)


def standard_error(values: Sequence[float]) -> float:
    """Of the mean of independent values; infinite for one value, which tells nothing of it."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.inf


def judging_rows(validation: Sequence[Example], seed: int) -> list[Example]:
    """Up to MOST_ROWS validation rows in an order whose every beginning is a fair sample."""
    rows = list(validation)
    random.Random(seed).shuffle(rows)
    return rows[:MOST_ROWS]


def tie_of(rows: Sequence[Example], answers: Sequence[Answer]) -> float:
    """Mean log-probability of the right label; 0 where answers carry no probabilities."""
    shares = [
        answer.probabilities.get(row.output, 0.0)
        for row, answer in zip(rows, answers, strict=True)
        if answer.probabilities is not None
    ]
    return fmean(math.log(max(share, 1e-9)) for share in shares) if shares else 0.0


def total(usages: Sequence[Usage]) -> Usage:
    return Usage(
        sum(each.prompt for each in usages),
        sum(each.cached for each in usages),
        sum(each.completion for each in usages),
    )
