"""The loop of a forecast: believe, appraise what could be done next, do it, until it is enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.belief.belief import Belief
from benchmarks.errors import Cancelled, SpendingLimit
from benchmarks.evidence.finding import Action, Chain, Finding, Source
from service.forecasting import telling
from service.forecasting.appraisal import Appraisal, Purse, appraise
from service.forecasting.mind import Mind
from service.forecasting.result import State, Stop, TraceStep
from service.forecasting.tracing import passed_over, state_of, step_of
from service.forecasting.verdict import Judged, held_back

Judge = Callable[[Belief, Sequence[Finding]], Judged]
"""The decision that a belief leads to; findings tell what answers cost."""
OnStep = Callable[[str, float], None]
"""Told what is done next, and the share of the budget that is spent."""


def no_steps(doing: str, share: float) -> None:
    """For callers that do not watch."""


@dataclass(frozen=True)
class Explored:
    """What was found, what it made one believe and decide, and why it was enough."""

    findings: tuple[Finding, ...]
    belief: Belief
    judged: Judged
    start: State
    trace: tuple[TraceStep, ...]
    stop: Stop
    stopped: str
    thinking_seconds: float

    @property
    def seconds(self) -> float:
        return self.thinking_seconds + sum(one.seconds for one in self.findings)


@dataclass
class Explorer:
    """One exploration. `rows` are all that can be answered; `clock` times its own thinking, which
    counts as spent (a replay hands in one that runs alike everywhere). `earlier` is what an attempt
    that was broken off found, behind which the source stands: all of it is believed and booked from
    the start, so that no budget is handed out twice. `refused` is what a spending limit let nothing
    be sent of."""

    source: Source
    mind: Mind
    judge: Judge
    purse: Purse
    confidence: float
    rows: int
    seed: int = 0
    clock: Callable[[], float] = time.perf_counter
    cancelled: Callable[[], bool] = lambda: False
    on_step: OnStep = no_steps
    earlier: Sequence[Finding] = ()
    findings: list[Finding] = field(default_factory=list)
    trace: list[TraceStep] = field(default_factory=list)
    refused: set[Chain] = field(default_factory=set)
    thinking: float = 0.0
    mark: float = 0.0

    def explore(self) -> Explored:
        """Until the decision is clear, the budget is used up or nothing is worth it."""
        self.mark = self.clock()
        belief = self.mind.belief(self.findings)
        judged = self.judge(belief, self.findings)
        start = state_of(held_back(judged))
        for finding in self.earlier:
            again = Appraisal(finding.action, 0.0, 0.0, 0.0, judged.stake)
            belief, judged = self.learn(again, finding, telling.FOUND_BEFORE, belief)
        while True:
            found, chosen, stop = self.look(belief, judged)
            if chosen is None or stop is not None:
                return self.ended(belief, judged, start, found, stop or "nothing left")
            reason = self.reason_for(chosen, found, judged)
            try:
                finding = self.take(chosen)
            except Cancelled:  # in the middle of it: what it would have found is not known
                return self.ended(belief, judged, start, found, "told to")
            except SpendingLimit:
                self.refused.add(chosen.action.chain)
                continue
            belief, judged = self.learn(chosen, finding, reason, belief)

    def learn(
        self, chosen: Appraisal, finding: Finding, reason: str, before: Belief
    ) -> tuple[Belief, Judged]:
        """What is believed and decided with one more finding."""
        self.findings.append(finding)
        belief = self.mind.belief(self.findings)
        judged = self.judge(belief, self.findings)
        self.trace.append(step_of(chosen, finding, reason, before, belief, self.told(judged)))
        return belief, judged

    def look(
        self, belief: Belief, judged: Judged
    ) -> tuple[list[Appraisal], Appraisal | None, Stop | None]:
        """What could be done next, the one to do, and why none where there is none."""
        stop = self.reason_to_stop(judged)
        if stop is not None:
            return [], None, stop
        found = self.appraised(belief, judged)
        self.lap()  # thinking about them may have taken the room for some
        within = [one for one in found if self.covers(one.action)]
        if found and not within:  # what was put first makes way for the rest
            return self.look(belief, judged)
        chosen = self.chosen(within, judged)
        if chosen is None:
            return within, None, self.reason_for_none(within, judged)
        return within, chosen, None

    def reason_for(self, chosen: Appraisal, found: Sequence[Appraisal], judged: Judged) -> str:
        """Why it is done next."""
        is_first = tells(chosen.action, judged) and not self.has_looked(judged)
        return telling.taken(chosen, len(found), is_first=is_first)

    def ended(
        self,
        belief: Belief,
        judged: Judged,
        start: State,
        found: Sequence[Appraisal],
        stop: Stop,
    ) -> Explored:
        self.pass_over(found, stop)
        too_large = any(not self.fits(action) for action in self.offered())
        self.lap()
        self.on_step(telling.ENDED, self.share)
        return Explored(
            findings=tuple(self.findings),
            belief=belief,
            judged=self.told(judged),
            start=start,
            trace=tuple(self.trace),
            stop=stop,
            stopped=telling.stopped(
                stop,
                judged,
                self.confidence,
                self.purse,
                too_large=too_large,
                refused=bool(self.refused),
            ),
            thinking_seconds=self.thinking,
        )

    def lap(self) -> None:
        """Book the time since the last lap as thinking."""
        now = self.clock()
        self.thinking += now - self.mark
        self.mark = now

    def reason_to_stop(self, judged: Judged) -> Stop | None:
        """Before anything else is looked at."""
        if self.cancelled():
            return "told to"
        settled = judged.is_settled(self.confidence)
        return "clear" if settled and self.has_looked(judged) else None

    def has_looked(self, judged: Judged) -> bool:
        """Whether the task itself was looked at: what other tasks were like decides nothing."""
        return any(tells(one.action, judged) and not one.trouble for one in self.findings)

    def told(self, judged: Judged) -> Judged:
        """The judgement as a user may be told it."""
        return judged if self.has_looked(judged) else held_back(judged)

    def appraised(self, belief: Belief, judged: Judged) -> list[Appraisal]:
        """All that could be done next and is within the budget; the features alone, while they are
        not known: they cost next to nothing and say what the task is."""
        offered = [action for action in self.offered() if self.fits(action)]
        features = [action for action in offered if action.deed == "features"]
        if features:
            share = self.purse.share(features[0].seconds, features[0].usd)
            return [Appraisal(features[0], 0.0, 0.0, share, judged.stake)]
        if not judged.terms.ids:
            return []
        return [
            appraise(
                action,
                self.mind,
                self.findings,
                belief,
                judged,
                self.purse,
                confidence=self.confidence,
                rows=self.rows,
                spent=self.spent,
                seed=self.seed,
            )
            for action in offered
        ]

    def chosen(self, found: Sequence[Appraisal], judged: Judged) -> Appraisal | None:
        """The best bargain of those that are one. Where none is, the cheapest look at the task
        itself, while there was none, and then what tells most of those that may be chosen."""
        for one in found:
            if one.action.deed == "features":
                return one
        worthy = [one for one in found if one.is_worth_it]
        looks = [one for one in found if tells(one.action, judged)]
        if not worthy and looks and not self.has_looked(judged):
            return min(looks, key=lambda one: one.action.seconds)
        rest = [one for one in found if one.is_telling]
        return max(worthy or rest, key=lambda one: one.order, default=None)

    def reason_for_none(self, found: Sequence[Appraisal], judged: Judged) -> Stop:
        if found:
            return "not worth it"
        decided = not judged.terms.ids  # nothing is left to choose among
        return "nothing left" if decided or not self.source.actions() else "budget"

    def offered(self) -> list[Action]:
        """What the source offers and no spending limit refused."""
        return [one for one in self.source.actions() if one.chain not in self.refused]

    def fits(self, action: Action) -> bool:
        """Whether it is expected to end within the budget, thinking until now included."""
        self.lap()
        return self.covers(action)

    def covers(self, action: Action) -> bool:
        """Whether it is expected to end within the budget, by what is booked."""
        seconds, tokens = self.spent
        return self.purse.covers(seconds + action.seconds, tokens + action.usd)

    @property
    def spent(self) -> tuple[float, float]:
        """Seconds, thinking included, and dollars of tokens."""
        seconds = self.thinking + sum(one.seconds for one in self.findings)
        return seconds, sum(one.usd for one in self.findings)

    @property
    def share(self) -> float:
        """Of the seconds of the budget, what is spent, 0 to 1."""
        return min(1.0, self.spent[0] / self.purse.seconds) if self.purse.seconds else 1.0

    def take(self, chosen: Appraisal) -> Finding:
        self.on_step(telling.doing(chosen.action), self.share)
        finding = self.source.take(chosen.action)
        self.mark = self.clock()  # what the action took, it says itself
        return finding

    def pass_over(self, found: Sequence[Appraisal], stop: Stop) -> None:
        """One line for everything that is still on offer, with why it was not done."""
        appraisals = {one.action: one for one in found}
        for action in self.source.actions():
            one = appraisals.get(action)
            if action.chain in self.refused:
                reason = telling.REFUSED
            else:
                reason = telling.passed_over(action, one, stop, self.fits(action))
            self.trace.append(passed_over(action, one, reason))


def tells(action: Action, judged: Judged) -> bool:
    """Whether it says something of how well the task can be solved: not what the data are like,
    which passages are found, or how far one gets without thought."""
    trivial = judged.case.floor.trivial
    return action.deed not in ("features", "retrieval") and action.strategy not in trivial
