"""From findings to figures on the scale of angles, and what each is guessed to mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log2

import numpy as np

from benchmarks.belief.angles import measured_angle, to_angle
from benchmarks.evidence.finding import Action, Deed, Finding
from benchmarks.records import StrategyFacts
from benchmarks.resampling import Floats
from corpora.task import Kind

CENTRE = 0.8
"""Slopes are about this angle, a quality of 0.51, so that they do not move with intercepts."""
SHARES = (0.05, 0.1, 0.25, 0.5)
"""Parts of the training rows at which pilots are told apart; any other counts as the nearest."""
USUAL_ROWS = 300
"""Training rows of the tasks that channels are learned from."""
SHARES_OF_ROWS = ("score", "accuracy", "hit_at_1", "hit_at_3")
ANSWERED_TEXTS = 16
"""Rows that a pilot answers where there are no labels to weigh: its score rests on these, however
many it reads the likelihood of."""
READ: tuple[Deed, ...] = ("retrieval", "likelihood", "head", "pilot")
"""What channels read. `rows` are read as they are, `features` by rules of thumb alone."""


@dataclass(frozen=True)
class Guess:
    """Of one figure before any task is seen: what it reads at CENTRE, how that moves with quality,
    and its noise; and how unsure the first two are, and the part of the first that is due to the
    kind of task. All standard deviations on the scale of angles. A figure that is `near_zero`
    reads about 0 where the quality is 0: it is the line through that point that is unsure, and
    `unsure_slope` counts for nothing."""

    at_centre: float
    slope: float
    noise: float
    unsure_at_centre: float = 0.05
    unsure_slope: float = 0.2
    unsure_kind: float = 0.05
    near_zero: bool = False

    @property
    def unsure(self) -> Floats:
        """Covariance of what it reads at CENTRE and of its slope."""
        at_centre = self.unsure_at_centre**2
        if not self.near_zero:
            return np.diag([at_centre, self.unsure_slope**2])
        shared = at_centre / CENTRE
        return np.array([[at_centre, shared], [shared, (at_centre + AT_ZERO**2) / CENTRE**2]])


AT_ZERO = 0.1
"""How far from 0 a figure that is near it may be."""
UNKNOWN = Guess(CENTRE, 0.0, 0.2, 0.3, 0.7, 0.2)


def guesses(deed: Deed, share: float) -> dict[str, Guess]:
    """The figures of a kind of finding by name, in order.

    What a figure means is plain for some. A pilot's score is guessed to lie five points below
    the end for every halving of the rows, give or take as much and five more on one task, and give
    or take as much on all tasks: so soon measured ones say how much it really is. What else it
    reads, the likelihood of right answers and how fast both grow, is left out: from a dozen tasks
    so many weights are learned badly, and the score is trusted less beside them. The accuracy of a
    head on frozen states is guessed to be what tuning reaches, give or take fifteen, and that of
    likely labels what answers reach, give or take ten. Any other is guessed to say nothing.
    """
    if deed == "pilot":
        halvings = max(0.0, log2(1 / share))
        fall = 0.05 * halvings
        at_centre = CENTRE - fall
        return {
            "score": Guess(
                at_centre,
                at_centre / CENTRE,
                noise=0.05 + fall,
                unsure_at_centre=fall,
                near_zero=True,
            )
        }
    if deed == "head":
        return {"accuracy": Guess(CENTRE, 1.0, 0.15)}
    if deed == "likelihood":
        return {"score": Guess(CENTRE, 1.0, 0.1), "likelihood": UNKNOWN}
    if deed == "retrieval":
        return {"hit_at_1": UNKNOWN, "hit_at_3": UNKNOWN}
    return {}


def share_like(action: Action, learned_rows: float | None = None) -> float:
    """Of a pilot the nearest of SHARES by ratio; 1 for anything else. One that learned from few
    rows tells no more than it would as a part of USUAL_ROWS."""
    if action.deed != "pilot":
        return 1.0
    share = max(action.share, 1e-3)
    if learned_rows is not None:
        share = min(share, max(1.0, learned_rows) / USUAL_ROWS)
    return min(SHARES, key=lambda one: abs(log2(one / share)))


def train_rows_in(findings: Sequence[Finding]) -> float | None:
    """All training rows, which shares are of; None before the data were looked at. That look counts
    those that are learned from; an action other than a pilot says which share they are."""
    counts = [one.figures.get("n_train") for one in findings if one.action.deed == "features"]
    count = next((each for each in counts if each is not None), None)
    if not count:
        return count
    learned = [one.action.share for one in findings if one.action.deed in ("rows", "head")]
    return count / max(learned, default=1.0)


@dataclass(frozen=True)
class Reading:
    """What a finding read of one strategy: figures as angles by name, and the rows behind them, as
    many as would say as much were each counted alike. `model` is the strategy's."""

    strategy: str
    deed: Deed
    share: float
    figures: Mapping[str, float]
    rows: int
    model: str | None = None


def readings_of(
    findings: Iterable[Finding], strategies: Iterable[StrategyFacts], extra: float = 1.0
) -> dict[tuple[Deed, float, str], Reading]:
    """By deed, share and strategy. `extra` times the rows say as much as rows that count alike
    (`macro.extra_of`)."""
    by_id = {strategy.id: strategy for strategy in strategies}
    found: dict[tuple[Deed, float, str], Reading] = {}
    for finding in sorted(findings, key=lambda one: (one.action.share, one.action.rows)):
        id = spoken_of(finding.action, by_id.values())
        if finding.action.deed not in READ or finding.trouble or id is None:
            continue
        rows = worth(rows_of(finding), extra)
        figures = angles_of(finding, rows)
        learned = finding.figures.get("learned_rows")
        share = share_like(finding.action, learned)
        known = {
            name: figures[name] for name in guesses(finding.action.deed, share) if name in figures
        }
        if known:
            key = (finding.action.deed, share, id)
            found[key] = Reading(id, finding.action.deed, share, known, rows, by_id[id].model)
    return found


def spoken_of(action: Action, strategies: Iterable[StrategyFacts]) -> str | None:
    """The strategy that an action speaks of. A head on a model's states speaks of tuning it."""
    there = list(strategies)
    if action.strategy is not None:
        return next((s.id for s in there if s.id == action.strategy), None)
    if action.deed != "head":
        return None
    tuned = [s for s in there if s.family == "fine-tuning"]
    return next((s.id for s in sorted(tuned, key=lambda s: s.name != "lora")), None)


def rows_of(finding: Finding) -> int:
    return len(finding.scores) or finding.action.rows


def worth(rows: int, extra: float) -> int:
    return max(1, round(rows / extra))


def angles_of(finding: Finding, rows: int) -> dict[str, float]:
    """A score where only an accuracy was read is that accuracy, and the other way round. The
    likelihood is the mean probability of the right label, or that of the right reply for each of
    its tokens, as its geometric mean."""
    told = finding.figures
    found: dict[str, float] = {
        name: measured_angle(told[name], rows) for name in SHARES_OF_ROWS if name in told
    }
    for name, other in (("score", "accuracy"), ("accuracy", "score")):
        if name not in found and other in found:
            found[name] = found[other]
    if "out_of_fold" in told and "accuracy" in found:
        # training rows judged by heads that had not seen them: more rows than validation has
        found["accuracy"] = (found["accuracy"] + measured_angle(told["out_of_fold"], rows)) / 2
    if "right_probability" in told:
        found["likelihood"] = float(to_angle(told["right_probability"]))
    elif "nll" in told:
        found["likelihood"] = float(to_angle(exp(-told["nll"])))
    return found


def latest(
    readings: Mapping[tuple[Deed, float, str], Reading],
) -> dict[tuple[Deed, str], Reading]:
    """Of each deed and strategy the last: a pilot's at its largest share."""
    return {(deed, id): reading for (deed, _, id), reading in readings.items()}


def to_come(
    action: Action,
    kind: Kind,
    strategies: Iterable[StrategyFacts],
    seen: Mapping[tuple[Deed, str], Reading],
    train_rows: float | None = None,
    extra: float = 1.0,
) -> Reading | None:
    """What an action would read, its figures all 0; None where nothing that is not yet known.
    Likelihoods are scored only where there are labels to choose from. `train_rows` are those that
    a pilot is a share of, where known; `extra` as in `readings_of`."""
    learned = action.share * train_rows if train_rows is not None else None
    by_id = {strategy.id: strategy for strategy in strategies}
    id, share = spoken_of(action, by_id.values()), share_like(action, learned)
    if id is None or action.deed not in READ:
        return None
    rows = action.rows
    if action.deed == "pilot" and kind != "classification":
        rows = min(ANSWERED_TEXTS, rows)
    rows = worth(rows, extra)
    before = seen.get((action.deed, id))
    if before is not None and (before.share, before.rows) >= (share, rows):
        return None
    known = {
        name: 0.0
        for name in guesses(action.deed, share)
        if kind == "classification" or name != "score" or action.deed != "likelihood"
    }
    return Reading(id, action.deed, share, known, rows, by_id[id].model)
