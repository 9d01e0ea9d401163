"""What the next action will take, from first guesses and from what the earlier ones took. Pure.

A guess has a part for every step, one for each row and one for the training rows, and names what
it shares with others. A chain that has begun goes on at its own pace; another one is taken to
differ from its guess as the chains of the same pace did, on average.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import fmean

from pydantic import Field

from benchmarks.evidence.finding import Chain, Deed, Finding
from benchmarks.evidence.steps import Step, step_of
from corpora.task import Frozen

LOADING = ("model ", "embedder")
"""How the names of what is loaded begin: how long that takes says nothing of other work."""


class Guess(Frozen):
    """What one chain is thought to take before anything is known of it.

    Seconds: `again` for each step, `row` for each row that is new to it, `whole` for learning
    from all training rows, and by name those that are `shared` with other chains. `usd_row` is
    what a row costs in tokens. Chains of one `pace` are as quick or slow as each other against
    their guesses; where none of a pace was measured, those of the same model tell most (`is_kin`).
    """

    deed: Deed
    strategy: str | None
    again: float = 0.05
    row: float = 0.0
    whole: float = 0.0
    shared: dict[str, float] = Field(default_factory=dict)
    usd_row: float = 0.0
    pace: str = "data"

    def work(self, step: Step, before: Step | None) -> float:
        """Seconds of the step itself, where `before` is what the chain did last."""
        rows = step.rows - (before.rows if before else 0)
        share = step.share - (before.share if before else 0.0)
        return self.again + self.row * rows + self.whole * share


class Expectation:
    """What steps will take, as far as is known by now."""

    def __init__(self, guesses: Iterable[Guess]) -> None:
        self._guesses = {(guess.deed, guess.strategy): guess for guess in guesses}
        self._last: dict[Chain, Step] = {}
        self._guessed: dict[Chain, float] = {}
        self._took: dict[Chain, float] = {}
        self._usd: dict[Chain, float] = {}
        self._paid: set[str] = set()
        self._named: set[str] = set()
        self._shared: list[float] = []

    def took(self, finding: Finding) -> None:
        """Learn from what an action took; from one with trouble only what is paid by now."""
        chain, step = finding.action.chain, step_of(finding.action)
        guess = self._guess(chain)
        own = finding.seconds - self._pay(finding.shared, guess.shared)
        if finding.trouble is None:
            work = guess.work(step, self._last.get(chain))
            self._guessed[chain] = self._guessed.get(chain, 0.0) + work
            self._took[chain] = self._took.get(chain, 0.0) + max(own, 1e-6)
            self._usd[chain] = self._usd.get(chain, 0.0) + finding.usd
            self._last[chain] = step

    def made(self, shared: Mapping[str, float]) -> None:
        """What serves several steps was made, and is in no finding."""
        self._pay(shared, {})

    def of(self, step: Step) -> tuple[float, float]:
        """Seconds and US dollars."""
        guess, before = self._guess(step.chain), self._last.get(step.chain)
        new = {name: took for name, took in guess.shared.items() if name not in self._named}
        ratio = math.exp(fmean(self._shared)) if self._shared else 1.0
        shared = loading(new) + made(new) * ratio
        seconds = shared + guess.work(step, before) * self._ratio(step.chain, guess.pace)
        rows = step.rows - (before.rows if before else 0)
        return seconds, self._usd_row(step.chain, guess) * rows

    def _pay(self, shared: Mapping[str, float], guessed: Mapping[str, float]) -> float:
        """Seconds of what nobody had needed before; how they compare with the guess is noted."""
        new = {name: took for name, took in shared.items() if name not in self._paid}
        thought = {name: took for name, took in guessed.items() if name not in self._named}
        self._paid |= set(new)
        self._named |= set(thought)
        if made(new) and made(thought):
            self._shared.append(math.log(made(new) / made(thought)))
        return math.fsum(new.values())

    def _ratio(self, chain: Chain, pace: str) -> float:
        """How much longer work takes than it was thought to."""
        if chain in self._took:
            return self._took[chain] / self._guessed[chain]
        measured = [
            (self._guess(other).pace, math.log(self._took[other] / self._guessed[other]))
            for other in self._took
        ]
        alike = [ratio for known, ratio in measured if known == pace]
        # what trains a model is quick where reading with it is
        alike = alike or [ratio for known, ratio in measured if is_kin(known, pace)]
        return math.exp(fmean(alike)) if alike else 1.0

    def _usd_row(self, chain: Chain, guess: Guess) -> float:
        if chain in self._usd and self._last[chain].rows:
            return self._usd[chain] / self._last[chain].rows
        return guess.usd_row

    def _guess(self, chain: Chain) -> Guess:
        return self._guesses.get(chain) or Guess(deed=chain[0], strategy=chain[1])


def is_kin(one: str, other: str) -> bool:
    """Whether two paces are of one model: `model m` and `training m`."""
    (_, _, model), (_, _, known) = one.partition(" "), other.partition(" ")
    return bool(model) and model == known


def loading(shared: Mapping[str, float]) -> float:
    return math.fsum(took for name, took in shared.items() if name.startswith(LOADING))


def made(shared: Mapping[str, float]) -> float:
    return math.fsum(took for name, took in shared.items() if not name.startswith(LOADING))
