"""A forecast that a simple rule decides, where that did better than the predictor.

The rule looks at what it goes by, the quickest step first, as far as the budget reaches, as it
does where it is held against the predictor; while what was found speaks against it, the predictor
looks. What is left of the budget is used as ever, so that the chance that the rule is right is
told from the task itself. What the rule takes is the answer,
unless what was looked at settles one, or rules the rule's out. Expected qualities and chances
beside it stay those of the predictor, from the same findings. A rule that has no say when it
has looked leaves all to the predictor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.belief.belief import Belief
from benchmarks.belief.rivals import LOOKS_AT, Rule, Saying, is_tuned, looks_at, next_look
from benchmarks.evidence.finding import Finding
from benchmarks.records import StrategyFacts
from corpora.task import Kind
from service import wording
from service.choosing import Pick
from service.commitment import Commit, Commitment
from service.forecasting import telling
from service.forecasting.appraisal import Appraisal
from service.forecasting.controller import Explorer, Judge, tells
from service.forecasting.result import Stop
from service.forecasting.verdict import Judged
from service.forecasting.worlds import regrets, rights

OVERRULED = "Here what was looked at settles the answer, so the predictor does."
RULED_OUT = "Here what was looked at speaks against it, so the predictor decides."
NO_SAY = "Here it has no say, so the predictor decides."
LIKELIER = 0.5
"""A rule that looks leave a smaller chance of being right is not believed."""
SAYS = {
    "majority strategy": "what most measured tasks found best is taken",
    "rank at pilot size": "whatever scored best so far is taken",
    "linear probe alone": "whatever scored best is taken, tuning by a linear head on frozen states",
    "rule of thumb": "retrieval is taken for knowledge, and fine-tuning for behaviour",
}


@dataclass
class Follower(Explorer):
    """Explores as the rule of that name does."""

    rule: str = ""

    def look(
        self, belief: Belief, judged: Judged
    ) -> tuple[list[Appraisal], Appraisal | None, Stop | None]:
        if judged.commitment.ground != "by rule":
            return super().look(belief, judged)
        if self.cancelled():
            return [], None, "told to"
        action = next_look(self.rule, self.offered(), self.fits)
        if action is None:
            return super().look(belief, judged)
        share = self.purse.share(action.seconds, action.usd)
        return [], Appraisal(action, 0.0, 0.0, share, judged.stake), None

    def reason_for(self, chosen: Appraisal, found: Sequence[Appraisal], judged: Judged) -> str:
        if looks_at(self.rule, chosen.action):
            return telling.BY_RULE
        return super().reason_for(chosen, found, judged)


@dataclass(frozen=True)
class ByRule:
    """Decides as the rule says, among the strategies that are expected to serve the stated needs
    other than quality, until looks at the task make `judge` sure of an answer, or believe that the
    rule is rather wrong than right; it says the rest, and all where the rule has looked and has no
    say."""

    judge: Judge
    rule: Rule
    kind: Kind
    strategies: tuple[StrategyFacts, ...]
    confidence: float

    def __call__(self, belief: Belief, findings: Sequence[Finding]) -> Judged:
        judged = self.judge(belief, findings)
        looked = any(tells(one.action, judged) and not one.trouble for one in findings)
        if not judged.case.candidates:
            return judged
        if looked and judged.is_settled(self.confidence):
            return replace(judged, overruled=OVERRULED)
        able = serving(judged)
        asked = [one for one in self.strategies if one.id in able]
        said = self.rule.say(self.kind, asked, findings)
        if said.pick is None and has_looked(self.rule.name, findings):
            return replace(judged, overruled=NO_SAY)
        ruled = by_rule(judged, said, commit_of(said, asked), self.rule.name)
        if looked and said.pick is not None and ruled.chance < LIKELIER:
            return replace(judged, overruled=RULED_OUT)
        return ruled


def has_looked(rule: str, findings: Sequence[Finding]) -> bool:
    """Whether it went by something, if it goes by anything."""
    return not LOOKS_AT[rule] or any(looks_at(rule, one.action) for one in findings)


def serving(judged: Judged) -> set[str]:
    """The ids of those that take thought and miss no need whatever their quality; where each
    misses one, of all that take thought."""
    thoughtful = [c for c in judged.case.candidates if c.id not in judged.case.floor.trivial]
    able = {
        each.id
        for each in thoughtful
        if not any(j.standing == "missed" and j.need != "quality_at_least" for j in each.judgements)
    }
    return able or {each.id for each in thoughtful}


def by_rule(judged: Judged, said: Saying, answer: Commit, rule: str) -> Judged:
    """The judgement with the rule's choice in place of the predictor's, which comes second where it
    is another; its chance and regret are still by the predictor's worlds."""
    first = next((each for each in judged.case.candidates if each.id == said.pick), None)
    ours = judged.case.pick.first if judged.case.pick else None
    case = replace(
        judged.case,
        pick=Pick(first, (first,), {}) if first else None,
        runner_up=ours if first and ours and ours.id != first.id else judged.case.runner_up,
    )
    return replace(
        judged,
        case=case,
        commitment=Commitment(answer, why(said, rule), "by rule"),
        chance=float(rights(judged.worlds, judged.terms, said.pick, answer == "yes").mean()),
        regret=float(regrets(judged.worlds, judged.terms, said.pick).mean()),
    )


def why(said: Saying, rule: str) -> str:
    told = f"By the simple rule “{rule}”: {SAYS[rule]}"
    if said.pick is None:
        return f"{told}, and it has no say before it looked."
    expected = said.expected.get(said.pick)
    figure = f", by a figure of {wording.score(expected.value)}" if expected else ""
    return f"{told}. That is {said.pick}{figure}."


def commit_of(said: Saying, strategies: Sequence[StrategyFacts]) -> Commit:
    """A rule that takes a tuned strategy says yes, any other no, and none not yet."""
    if said.pick is None:
        return "not yet"
    return "yes" if any(s.id == said.pick and is_tuned(s) for s in strategies) else "no"
