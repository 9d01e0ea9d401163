"""Which action may come next: chains of steps, each of which goes further than the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from benchmarks.evidence.finding import Action, Chain, Deed, Finding

DEEDS: tuple[Deed, ...] = get_args(Deed)


@dataclass(frozen=True)
class Step:
    """An action without what it is expected to take."""

    deed: Deed
    strategy: str | None
    rows: int
    share: float

    @property
    def chain(self) -> Chain:
        return self.deed, self.strategy


def step_of(action: Action) -> Step:
    return Step(action.deed, action.strategy, action.rows, action.share)


class Standing:
    """Which steps were taken, and which chains are over.

    A chain is over after a finding with trouble; where a strategy could not answer rows, nothing
    is left to learn of it, so that all its chains are.
    """

    def __init__(self, chains: Mapping[Chain, Sequence[Step]]) -> None:
        self._left = {chain: list(steps) for chain, steps in chains.items()}
        self.taken: dict[Chain, list[Finding]] = {}

    @property
    def chains(self) -> list[Chain]:
        """All that there are, those that are over too."""
        return list(self._left)

    def open(self) -> list[Step]:
        """The next step of every chain, by deed and then by strategy."""
        steps = [steps[0] for steps in self._left.values() if steps]
        return sorted(steps, key=place)

    def took(self, finding: Finding) -> None:
        """Go on behind the finding's step. Raises ValueError where that was not the next one."""
        chain = finding.action.chain
        steps = self._left.get(chain, [])
        if not steps or steps[0] != step_of(finding.action):
            raise ValueError(f"{described(finding.action)} is not what comes next")
        steps.pop(0)
        self.taken.setdefault(chain, []).append(finding)
        if finding.trouble is not None:
            everything = finding.action.deed == "rows"
            self.close(
                other
                for other in self._left
                if other == chain or (everything and other[1] == chain[1])
            )

    def close(self, chains: Iterable[Chain]) -> None:
        """Offer nothing more of these."""
        for chain in list(chains):
            self._left[chain] = []

    def last(self, chain: Chain) -> Finding | None:
        """The latest finding of a chain."""
        found = self.taken.get(chain)
        return found[-1] if found else None


def place(step: Step) -> tuple[int, str]:
    return DEEDS.index(step.deed), step.strategy or ""


def described(action: Action) -> str:
    about = f" of {action.strategy}" if action.strategy else ""
    return f"{action.deed}{about} ({action.rows} rows, a share of {action.share:g})"
