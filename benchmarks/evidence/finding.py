"""What a step of a forecast may do, and what it found. Only training and validation rows count.

A source offers actions and takes them: a live one computes, a recorded one looks up what a live
one found earlier, so that what decides on the next action can be replayed exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from pydantic import Field

from corpora.task import Frozen

Deed = Literal["features", "retrieval", "rows", "likelihood", "head", "pilot"]
"""Kinds of actions, about from the cheapest to the dearest.

features: the data itself and its checks, no model. retrieval: which passages are found, no
generation. rows: a strategy is prepared whole and answers some validation rows. likelihood: how
likely the model finds right answers, given worked examples or none. head: a linear classifier on
states of the frozen model. pilot: an adapter is trained on a part of the training rows, further
than before, and read by the likelihood of right answers.
"""

Chain = tuple[Deed, str | None]
"""A deed and the strategy that it speaks of: its actions go on with each other, in order."""


class Action(Frozen):
    """One thing that could be done next.

    `strategy` is the id that it speaks of directly, None where it speaks of the task. `rows` are
    the rows it will rest on, all in all; `share` the part of the training rows it will have
    learned from. `seconds` and `usd` are what it is expected to take.
    """

    deed: Deed
    strategy: str | None
    rows: int
    share: float
    seconds: float
    usd: float = 0.0

    @property
    def chain(self) -> Chain:
        """What it goes on with."""
        return self.deed, self.strategy


class Finding(Frozen):
    """What one action found.

    `figures` hold means by name, over all rows of this chain so far; docs/evidence.md lists them.
    `scores` is the score of each validation row by id, where rows were answered or labels weighed,
    those of earlier actions of the same chain included, and `labels` what was said to each or
    found the likeliest, where that is a label. `readings` are what else was read of each row, by
    name and then by row id, of the rows alone that are new to this action: all rows for a pilot,
    which has learned since; docs/evidence.md lists them, too.
    `seconds` is what this action took, what earlier ones left it not counted again; `shared`, by
    name, what it used that serves other actions too, each with the seconds that it took once,
    which are part of `seconds` for the first action that needs it alone. `cpu_seconds` are those
    of all cores together that this process computed meanwhile, None where that is not known: much
    fewer than usual beside `seconds` say that something else kept the machine busy. `usd` is what
    the tokens of a hosted model cost, `operations` are floating-point ones of language models, 0
    where not counted. `trouble` is why nothing was found; with `model_lost` it is that the
    strategy's model cannot be loaded, so that nothing that needs it can answer.
    """

    action: Action
    figures: dict[str, float] = Field(default_factory=dict)
    scores: dict[str, float] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    readings: dict[str, dict[str, float]] = Field(default_factory=dict)
    seconds: float
    shared: dict[str, float] = Field(default_factory=dict)
    cpu_seconds: float | None = None
    usd: float = 0.0
    operations: float = 0.0
    trouble: str | None = None
    model_lost: bool = False


class Source(Protocol):
    """Where findings come from."""

    def actions(self) -> Sequence[Action]:
        """What can be done next: of each deed and strategy the smallest step not yet taken."""
        ...

    def take(self, action: Action) -> Finding:
        """Do it. Never raises for a strategy that breaks: that is a finding with its trouble."""
        ...
