"""Findings as they were made earlier, offered and taken as a live source would."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchmarks.evidence.expectation import Expectation, Guess
from benchmarks.evidence.finding import Action, Chain, Finding
from benchmarks.evidence.steps import Standing, Step, described, step_of


class RecordedSource:
    """Replays the findings of one live source, in any order that it would have allowed.

    In the recorded order it gives back what was recorded. In another order what is shared between
    actions is booked to the one that needs it first then. Actions are offered with what a live
    source would have expected of them, given its first `guesses`; without these, with what it
    expected when it took them.
    """

    def __init__(self, findings: Sequence[Finding], guesses: Sequence[Guess] = ()) -> None:
        self._findings: dict[Step, Finding] = {}
        self._booked: dict[Step, Booked] = {}
        chains: dict[Chain, list[Step]] = {}
        paid: set[str] = set()
        for finding in findings:
            step = step_of(finding.action)
            chains.setdefault(step.chain, []).append(step)
            self._findings[step] = finding
            self._booked[step] = Booked(finding, paid)
            paid |= set(finding.shared)
        self._standing = Standing(chains)
        self._expectation = Expectation(guesses) if guesses else None
        self._paid: set[str] = set()

    def actions(self) -> list[Action]:
        """As `Source.actions`, in the order of a live source."""
        return [self._action(step) for step in self._standing.open()]

    def take(self, action: Action) -> Finding:
        """What was found. Raises ValueError for what is not offered."""
        step = step_of(action)
        if step not in self._standing.open():
            raise ValueError(f"{described(action)} is not offered now")
        finding = self._findings[step].model_copy(
            update={"action": action, "seconds": self._booked[step].seconds(self._paid)}
        )
        self._paid |= set(finding.shared)
        self._standing.took(finding)
        if self._expectation is not None:
            self._expectation.took(finding)
        return finding

    def _action(self, step: Step) -> Action:
        action = self._findings[step].action
        if self._expectation is None:
            return action
        seconds, usd = self._expectation.of(step)
        return action.model_copy(update={"seconds": seconds, "usd": usd})


class Booked:
    """The seconds of a finding, whoever pays first. `paid` is what was when it was made."""

    def __init__(self, finding: Finding, paid: set[str]) -> None:
        self._recorded = finding.seconds
        self._shared: Mapping[str, float] = finding.shared
        self._new = set(finding.shared) - paid

    def seconds(self, paid: set[str]) -> float:
        """What it takes where `paid` is paid for already."""
        new = set(self._shared) - paid
        if new == self._new:
            return self._recorded
        own = self._recorded - self._sum(self._new)
        return max(0.0, own) + self._sum(new)

    def _sum(self, names: set[str]) -> float:
        return math.fsum(self._shared[name] for name in names)
