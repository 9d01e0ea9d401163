"""What a belief means for the decision: the rule of the recommendation, asked of its draws. Pure.

Nothing of the rule is written here a second time: needs, floor, what beats what, the order of cost
and the asymmetry of yes, no and not yet are those of `service.suitability`, `service.choosing` and
`service.commitment`. What a forecast adds is the chance that a tuned strategy is the right choice
(`held_to_chance`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.odds import TIE
from benchmarks.records import TaskFacts
from benchmarks.resampling import Floats
from benchmarks.results import Quality, StrategyResult, Summary
from benchmarks.sitting import CHUNK
from corpora.power import detectable_difference
from corpora.task import Needs
from service.choosing import Case, case_of
from service.commitment import Commitment, commit, why_open
from service.evidence import Evidence
from service.forecasting.defaults import CONFIDENCE
from service.forecasting.drawn import PROBABLY_BETTER, evidence_from
from service.forecasting.worlds import Terms, losses, picks, regrets, rights, terms_of, tuned_right
from service.suitability import Candidate, Floor, Judgement, candidates_of, floor_of, judge_limit

QUOTED_DOUBT, TIMED_DOUBT = 2.0, 1.25
"""A cost or latency within this factor of a stated limit may lie on either side of it: quoted from
counts of words, or timed on a few rows in batches."""

UNDECIDED = "But here nothing was looked at, so nothing is decided."
UNSEEN = "What other tasks were like decides nothing alone, and nothing of this one was looked at."


@dataclass(frozen=True)
class Seen:
    """What answers on validation rows told beside their scores: whose were `timed`, and the share
    of them that were errors, 0 to 1. Of strategies with a hosted model `at_least_ms` is what a
    request takes at least, 0 where none was timed: up to CHUNK are sent at once, and how many of
    them an endpoint serves at once nobody knows."""

    timed: frozenset[str] = frozenset()
    errors: Mapping[str, float] = field(default_factory=dict)
    at_least_ms: Mapping[str, float] = field(default_factory=dict)

    def doubt(self, strategy: str) -> float:
        """The factor within which its expected cost and speed may be off."""
        return TIMED_DOUBT if strategy in self.timed else QUOTED_DOUBT


@dataclass(frozen=True)
class Judged:
    """The decision that a belief leads to.

    `worlds` are its draws, one column for each of `terms.ids`. `chosen` is how often the rule
    picks each there, and `p_tuned` how often one that is tuned (`worlds.tuned_right`), None where
    there is none, or one that broke may be better. `chance` is that of the decision being right,
    `regret` what it is worse by than the rule's pick on average, and `stake` what the best choice
    would lose on average, a needless tuning included. `overruled` is why a simple rule that decides
    on such tasks does not here. `unseen`: it would be a yes or a no, but
    nothing of the task itself was looked at.
    """

    case: Case
    commitment: Commitment
    terms: Terms
    worlds: Floats
    best: dict[str, float]
    chosen: dict[str, float]
    chance: float
    regret: float
    stake: float
    p_tuned: float | None
    overruled: str | None = None
    unseen: bool = False

    @property
    def strategy(self) -> str | None:
        return self.case.pick.first.id if self.case.pick else None

    def is_settled(self, confidence: float) -> bool:
        """A yes or a no that is right with that confidence."""
        return self.commitment.answer != "not yet" and self.chance >= confidence


def held_back(judged: Judged) -> Judged:
    """The judgement where nothing of the task itself was looked at: no yes and no no."""
    if judged.commitment.answer == "not yet":
        return judged
    held = Commitment("not yet", UNSEEN, "not measured")
    overruled = UNDECIDED if judged.commitment.ground == "by rule" else judged.overruled
    return replace(judged, commitment=held, unseen=True, overruled=overruled)


def judge_worlds(
    worlds: Floats,
    ids: Sequence[str],
    rows: Sequence[StrategyResult],
    facts: TaskFacts,
    needs: Needs,
    *,
    confidence: float = CONFIDENCE,
    seen: Seen = Seen(),
) -> Judged:
    """`worlds` is draws × strategies in the order of `ids`; `rows` are all strategies with expected
    cost and speed, those that completed among `ids`."""
    columns = {name: worlds[:, place] for place, name in enumerate(ids)}
    scored = tuple(
        with_quality(row, columns[row.id], facts, confidence, seen.errors.get(row.id, 0.0))
        if row.id in columns
        else row
        for row in rows
    )
    done = [row.id for row in scored if row.status == "completed" and row.quality is not None]
    kept = np.column_stack([columns[name] for name in done]) if done else worlds[:, :0]
    qualities = {row.id: row.quality for row in scored if row.quality is not None}
    evidence = evidence_from(kept, done, {name: qualities[name] for name in done})
    floor = floor_of(scored, facts)
    candidates = tuple(
        in_doubt(
            replace(each, clear=is_clear(each.id, columns[each.id], floor, evidence)),
            needs,
            seen,
        )
        for each in candidates_of(scored, floor, evidence, needs)
    )
    case = case_of(summary_of(scored, facts), facts, needs, evidence, floor, candidates)
    return judged(case, kept, confidence, seen)


def judged(case: Case, worlds: Floats, confidence: float, seen: Seen) -> Judged:
    """Everything from a case and the worlds of its candidates, in the same order."""
    commitment = commit(case, confidence)
    doubts = {each.id: seen.doubt(each.id) for each in case.candidates}
    terms = terms_of(case.candidates, case.floor, case.needs, doubts)
    if not case.candidates:
        return Judged(case, commitment, terms, worlds, {}, {}, 0.0, 0.0, 0.0, None)
    if commitment.ground == "saving" and commitment.pair is not None:
        one, other = map(terms.place, commitment.pair)
        if not terms.cheaper[one, other]:  # by no more than the quotes may be off
            commitment = replace(commitment, answer="not yet", ground="unproven")
    picked = picks(worlds, terms)
    tuning = float(tuned_right(worlds, terms, picked).mean())
    commitment = held_to_chance(commitment, case, tuning, confidence)
    first = case.pick.first.id if case.pick else None
    chance = float(rights(worlds, terms, first, commitment.answer == "yes").mean())
    if first is None and commitment.answer == "no" and chance < confidence:
        # that nothing solves the task is no small claim, and was not measured
        commitment = Commitment("not yet", commitment.why, "floor in doubt")
    top = worlds >= worlds.max(axis=1, keepdims=True) - TIE
    best = (top / top.sum(axis=1, keepdims=True)).mean(axis=0)
    return Judged(
        case=case,
        commitment=commitment,
        terms=terms,
        worlds=worlds,
        best={name: float(best[at]) for at, name in enumerate(terms.ids)},
        chosen={name: float((picked == at).mean()) for at, name in enumerate(terms.ids)},
        chance=chance,
        regret=float(regrets(worlds, terms, first).mean()),
        stake=float(losses(worlds, terms, picked).mean(axis=0).min()),
        p_tuned=tuning if terms.tuned.any() and why_open(case, tuned=True) is None else None,
    )


def held_to_chance(
    commitment: Commitment, case: Case, tuning: float, confidence: float
) -> Commitment:
    """A yes only where a tuned strategy is the right choice with that confidence: a gain on the
    strongest rival is not one on all. And a no, too, where none is with that confidence, however
    much one would gain in the rest; not over tuned strategies that broke."""
    if commitment.answer == "yes" and tuning < confidence:
        return replace(commitment, answer="not yet", ground="contested")
    doubted = commitment.ground == "gain in doubt" and why_open(case, tuned=True) is None
    if doubted and 1 - tuning >= confidence:
        return replace(commitment, answer="no", ground="unlikely")
    return commitment


def is_clear(name: str, drawn: Floats, floor: Floor, evidence: Evidence) -> bool:
    """More likely than not above the fixed floor, and above each strategy that takes no thought."""
    if name in floor.trivial:
        return False
    above = float((drawn > floor.limit).mean()) > PROBABLY_BETTER
    return above and all(evidence.gap(name, other).is_shown for other in floor.trivial)


def with_quality(
    row: StrategyResult, drawn: Floats, facts: TaskFacts, confidence: float, errors: float
) -> StrategyResult:
    """The row with the mean of its draws, and the interval that needs are held against. `n` is
    that of the comparison, whose quality is foretold, with as large a share of `errors`."""
    failing = round(errors * facts.n_test)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    quality = Quality(
        metric=facts.metric,
        value=float(drawn.mean()),
        low=float(low),
        high=float(high),
        n=max(1, facts.n_test - failing),
        errors=failing,
    )
    return row.model_copy(update={"quality": quality})


def in_doubt(candidate: Candidate, needs: Needs, seen: Seen) -> Candidate:
    """The candidate with limits uncertain that its expected cost and latency are near to; that of
    latency with a hosted model unless what was timed leaves no doubt."""
    cost, factor = candidate.result.cost, seen.doubt(candidate.id)
    least = seen.at_least_ms.get(candidate.id)
    values = {
        "latency_p95_ms": (candidate.result.counted_p95, needs.latency_p95_ms),
        "cost_per_1k_requests": (
            cost.per_1k_requests_usd if cost else None,
            needs.cost_per_1k_requests,
        ),
    }

    def held(judgement: Judgement) -> Judgement:
        value, limit = values.get(judgement.need, (None, None))
        if not value or limit is None:
            return judgement
        if judgement.need == "latency_p95_ms" and least is not None:
            if not least:
                return judge_limit(judgement.need, None, limit, "not known before it is timed")
            sure = least > limit or least * CHUNK * factor <= limit
        else:
            sure = not limit / factor < value < limit * factor
        if sure:
            return judgement
        text = f"{judgement.text} expected, too near to tell"
        return replace(judgement, standing="uncertain", hopeless=False, text=text)

    return replace(candidate, judgements=tuple(map(held, candidate.judgements)))


def summary_of(rows: tuple[StrategyResult, ...], facts: TaskFacts) -> Summary:
    """What the rule reads beside the evidence: the rows and their states."""
    return Summary(
        strategies=rows,
        comparisons=(),
        break_even=(),
        disagreements=(),
        detectable_difference=detectable_difference(max(1, facts.n_test)),
        seconds=0.0,
        spent_usd=0.0,
    )
