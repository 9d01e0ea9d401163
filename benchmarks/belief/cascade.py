"""Strategies that stand between two others: about as good as the better of them. Pure.

A cascade takes its cheap part's answers where these are sure, and its dear part's elsewhere. So it
follows its parts, whatever they are worth, and no look at it is needed; what it reached on other
tasks, where its parts were worth something else, says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.belief.belief import Belief
from benchmarks.records import StrategyFacts
from corpora.task import Kind
from strategies.cascade import Cascade, default_parts

SHORT = 0.01
"""By how much a cascade is expected to fall short of the better of its parts, on the scale of
angles: a point at a quality of one half. The threshold between them lets cheap answers stand as
long as that loses no more than the practical margin on validation rows, which is two points where
nobody states another."""
GIVE_OR_TAKE = 0.02
"""A standard deviation around that, on the same scale."""


def with_cascades(
    belief: Belief, kind: Kind, strategies: Sequence[StrategyFacts], *, has_documents: bool
) -> Belief:
    """The belief with each cascade bound to its parts, where both are among the strategies."""
    parts = parts_among(kind, strategies, has_documents=has_documents)
    return belief.tied(parts, -SHORT, GIVE_OR_TAKE)


def parts_among(
    kind: Kind, strategies: Sequence[StrategyFacts], *, has_documents: bool
) -> dict[str, tuple[str, str]]:
    """The two parts of each cascade by its id, where both are among the strategies; those of its
    model, if it has one. They are taken to be the task's default ones."""
    wanted = default_parts(kind, has_documents=has_documents)
    found = {}
    for cascade in strategies:
        if cascade.name == Cascade.name:
            cheap, dear = (
                [s.id for s in strategies if s.name == part and s.model in (None, cascade.model)]
                for part in wanted
            )
            if cheap and dear:
                found[cascade.id] = (cheap[0], dear[0])
    return found
