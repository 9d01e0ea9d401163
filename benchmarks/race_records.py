"""What the journal holds of a race: how it began, its rounds, and whom it stopped and why.

What strategies answered in it stands in the journal as test answers do, under an id of its own
(`benchmarks.raced`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from corpora.task import Frozen, Needs

Ground = Literal["beaten", "no better", "not worth", "forecast"]
"""Why a strategy can no longer win. beaten: shown to be worse than another one by more than the
practical margin. no better: shown to be no better than a cheaper one. not worth: shown not to be
better than a cheaper one by more than the margin. forecast: stopped before it was prepared, for a
reason that was given in words."""


class Expected(Frozen):
    """What a strategy is quoted to take: seconds of `setup`, of all that comes after it
    (`answering`), and of its learning curve; dollars of all together."""

    setup: float
    answering: float
    curve: float
    usd: float


class RaceRecord(Frozen):
    """A race begins: `examples` are all validation rows in the order in which they are asked, with
    their `groups`.

    `error` is the chance at most that the strategy which the rule would pick is stopped, `level`
    that of one wrong claim about one pair, at whatever look. `refused` says why nobody can be
    stopped.
    """

    record: Literal["race"] = "race"
    examples: tuple[str, ...]
    groups: tuple[str | None, ...]
    error: float
    level: float
    expected: dict[str, Expected] = Field(default_factory=dict)
    refused: str | None = None


class RoundRecord(Frozen):
    """A round begins: by its end each of these strategies has answered so many of the rows."""

    record: Literal["round"] = "round"
    rows: dict[str, int]


class Elimination(Frozen):
    """Why a strategy was stopped: because of another one, `by` (None for a forecast).

    `difference` is its quality minus the other's on the `n` validation rows that both answered,
    and `at_most` the bound on the true difference; `needs` are those that were stated then.
    """

    ground: Ground
    by: str | None = None
    difference: float | None = None
    at_most: float | None = None
    n: int = 0
    needs: Needs


class EliminationRecord(Elimination):
    """A strategy is stopped; `reason` says why in words."""

    record: Literal["elimination"] = "elimination"
    strategy: str
    reason: str

    @property
    def evidence(self) -> Elimination:
        """Without the record's own fields."""
        return Elimination(**{name: getattr(self, name) for name in Elimination.model_fields})


class RaceResult(Frozen):
    """What a race was, for the report. `rows` are those that could be asked.

    `seconds` and `usd` are what its answers took, `spared_seconds` and `spared_usd` what the
    `stopped` strategies would have gone on to take: an estimate, from the quote and from how long
    those that ran took against theirs.
    """

    rows: int
    error: float
    refused: str | None = None
    seconds: float = 0.0
    usd: float = 0.0
    stopped: int = 0
    spared_seconds: float = 0.0
    spared_usd: float = 0.0
