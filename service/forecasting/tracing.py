"""The trace of a forecast: its steps, and how each moved the belief and the decision. Pure."""

from __future__ import annotations

from typing import Any

from benchmarks.belief.belief import Belief
from benchmarks.evidence.finding import Action, Finding
from service.forecasting import telling
from service.forecasting.appraisal import Appraisal
from service.forecasting.result import Moved, State, TraceStep
from service.forecasting.verdict import Judged

MOST_MOVED = 3
"""Strategies told of in a step, those that it moved most."""
STILL = 0.0005
"""A move of a twentieth of a point is none."""


def passed_over(action: Action, appraised: Appraisal | None, reason: str) -> TraceStep:
    """One that was not done."""
    return TraceStep(
        taken=False,
        **asked(action),
        expected_gain=appraised.gain if appraised else None,
        expected_call=appraised.call if appraised else None,
        expected_narrowing=appraised.narrows if appraised else None,
        reason=reason,
    )


def step_of(
    chosen: Appraisal,
    finding: Finding,
    reason: str,
    before: Belief,
    after: Belief,
    judged: Judged,
) -> TraceStep:
    """One that was done, and how it moved the belief and the decision."""
    action = chosen.action
    appraised = action.deed != "features" and reason not in telling.UNASKED
    return TraceStep(
        taken=True,
        **asked(action),
        expected_gain=chosen.gain if appraised else None,
        expected_call=chosen.call if appraised else None,
        expected_narrowing=chosen.narrows if appraised else None,
        reason=reason,
        seconds=finding.seconds,
        usd=finding.usd,
        operations=finding.operations,
        figures=finding.figures,
        trouble=finding.trouble,
        moved=moved(before, after),
        after=state_of(judged),
    )


def asked(action: Action) -> dict[str, Any]:
    """What there was to do, as a step of the trace tells it."""
    return {
        "deed": action.deed,
        "strategy": action.strategy,
        "rows": action.rows,
        "share": action.share,
        "expected_seconds": action.seconds,
        "expected_usd": action.usd,
    }


def state_of(judged: Judged) -> State:
    return State(
        strategy=judged.strategy,
        commit_to_fine_tuning=judged.commitment.answer,
        chance=judged.chance,
        expected_regret=judged.regret,
        stake=judged.stake,
    )


def moved(before: Belief, after: Belief) -> tuple[Moved, ...]:
    """The strategies whose expected quality or interval moved most."""
    found = []
    for name in after.ids:
        old, new = before.quality(name), after.quality(name)
        width = abs((new.high - new.low) - (old.high - old.low)) / 2
        found.append((max(abs(new.value - old.value), width), name, old, new))
    found.sort(key=lambda each: (-each[0], each[1]))
    return tuple(
        Moved(
            strategy=name,
            before=(old.value, old.low, old.high),
            after=(new.value, new.low, new.high),
        )
        for size, name, old, new in found[:MOST_MOVED]
        if size >= STILL
    )
