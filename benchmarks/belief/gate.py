"""Whether the predictor decides a forecast, or a simple rule that did better than it. Pure.

Both are held against measured tasks, each told by what tasks of other sources taught. A predictor
that a simple rule beats there is not worth its thinking: then the rule decides, and it is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field, field_validator

from benchmarks.belief.measured import Measured
from benchmarks.belief.rivals import RIVALS, Rule
from benchmarks.records import StrategyFacts
from corpora.task import Frozen, Kind

PREDICTOR = "predictor"
"""The way of the predictor, beside the names of the rules."""
FEWEST_TASKS = 8
"""On fewer measured tasks nothing is decided: one of them alone would turn it."""
FEWEST_OF_KIND = 4
"""A rule decides on no kind of task of which fewer were tested: what it is right about may be
another kind."""
DIGITS = 1
"""Of a mean regret in points: what differs by less is a tie."""


def not_held(tasks: int) -> str:
    few = f"{tasks} measured tasks, and fewer than {FEWEST_TASKS} decide nothing"
    return f"Not tested against simple rules: {few}."


class Held(Frozen):
    """What one way did on the measured tasks. Regrets and their standard error, by the luck of the
    test rows, run from 0 to 1, as does `mean_to_winner`, what its choices measured below the
    winners of all rows; `go_no_go` is the share of its `calls` on tuning that were right."""

    way: str
    mean_regret: float
    mean_regret_error: float
    worst_regret: float
    mean_to_winner: float
    go_no_go: float
    calls: int


class Gate(Frozen):
    """`way` is what decides a forecast: PREDICTOR, or the name of a simple rule. `held` are the
    figures that it follows from, of `tasks` of `sources` at that `budget` (a share of the whole
    comparison's seconds), so many of each of `kinds`, and with these language `models`; without
    any, nothing was tested and the predictor decides."""

    way: str = PREDICTOR
    why: str = not_held(0)
    tasks: int = Field(default=0, ge=0)
    sources: int = Field(default=0, ge=0)
    kinds: dict[Kind, int] = Field(default_factory=dict)
    models: tuple[str, ...] = ()
    budget: float = 0.07
    held: tuple[Held, ...] = ()

    @field_validator("way")
    @classmethod
    def is_a_way(cls, way: str) -> str:
        known = [PREDICTOR, *(rule.name for rule in RIVALS)]
        if way not in known:
            raise ValueError(f"choose one of: {', '.join(known)}")
        return way

    def rule(
        self, tasks: Sequence[Measured], kind: Kind, strategies: Sequence[StrategyFacts]
    ) -> Rule | None:
        """The rule that decides on such tasks, taught by these; None where the predictor does."""
        way = self.way_for(kind, strategies)
        found = next((rule for rule in RIVALS if rule.name == way), None)
        return found.fitted(tasks) if found else None

    def way_for(self, kind: Kind, strategies: Sequence[StrategyFacts]) -> str:
        return PREDICTOR if self.untested(kind, strategies) else self.way

    def untested(self, kind: Kind, strategies: Sequence[StrategyFacts]) -> list[str]:
        """In what such tasks are unlike those tested: few were of that kind, or a language model of
        these strategies was in none. No rule decides there: what it is right about may be another
        kind, or a weaker model."""
        found, count = [], self.kinds.get(kind, 0)
        if count < FEWEST_OF_KIND:
            were = "was" if count == 1 else "were"
            found.append(f"of {kind} {count or 'none'} {were} tested, too few to tell")
        there = dict.fromkeys(s.model for s in strategies if s.model is not None)
        others = [model for model in there if model not in self.models]
        if others:
            found.append(f"none was tested with {', '.join(others)}")
        return found

    def why_for(self, kind: Kind, strategies: Sequence[StrategyFacts]) -> str:
        """What decides such tasks and why, and in what they are unlike those tested."""
        lacks = self.untested(kind, strategies)
        nothing_was = self.way == PREDICTOR and not self.held
        if not lacks or nothing_was:
            return self.why
        why = self.why.removesuffix(f" {decides(self.way)}")
        return f"{why} But {', and '.join(lacks)}: here the predictor decides, untested."


def decided(
    held: Sequence[Held],
    *,
    kinds: Mapping[Kind, int],
    models: Iterable[str],
    sources: int,
    budget: float,
) -> Gate:
    """The way with the lowest mean regret on so many tasks of each of `kinds`, told to a tenth of a
    point; of equals the one whose calls were right most often, and the predictor where that is
    equal, too."""
    tasks = sum(kinds.values())
    gate = Gate(
        why=not_held(tasks),
        tasks=tasks,
        sources=sources,
        kinds=dict(kinds),
        models=tuple(sorted(models)),
        budget=budget,
    )
    if tasks < FEWEST_TASKS or not held:
        return gate
    ours = next(each for each in held if each.way == PREDICTOR)
    rivals = [each for each in held if each.way != PREDICTOR]
    if not rivals:
        raise ValueError("there is no rule to hold the predictor against")
    rival = min(rivals, key=rank)
    best = rival if rank(rival) < rank(ours) else ours
    other = ours if best is rival else rival
    why = told(best, other, tasks, sources, budget)
    return gate.model_copy(update={"way": best.way, "why": why, "held": tuple(held)})


def rank(each: Held) -> tuple[float, float]:
    """The lower the better."""
    return round(100 * each.mean_regret, DIGITS), -each.go_no_go


def told(best: Held, other: Held, tasks: int, sources: int, budget: float) -> str:
    """The decision with its figures, in two sentences."""
    lost = (
        f"On {tasks} measured tasks of {sources} sources, each foretold by the others at"
        f" {budget:.0%} of the comparison's time, what {name_of(best.way)} chose lost"
        f" {points(best)} on average, and what {name_of(other.way)} chose {points(other)}"
    )
    calls = (
        f"its calls on tuning were right in {best.go_no_go:.0%}, those of the other in"
        f" {other.go_no_go:.0%}"
    )
    return f"{lost}; {calls}. {decides(best.way)}"


def decides(way: str) -> str:
    return f"So {name_of(way)} decides."


def name_of(way: str) -> str:
    return "the predictor" if way == PREDICTOR else f"the simple rule “{way}”"


def points(each: Held) -> str:
    regret, to_winner = 100 * each.mean_regret, 100 * each.mean_to_winner
    told = f"{regret:.{DIGITS}f} points ({to_winner:+.{DIGITS}f} to the winner of all rows)"
    return told.replace("-", "−")
