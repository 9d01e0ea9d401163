"""Which strategies stand between two others, as good as the better of them. Pure.

A cascade takes its cheap part's answers where these are sure, and its dear part's elsewhere; how
sure is enough is chosen on validation rows. Measured on test rows it was seldom better than the
better of its parts, and seldom much worse, whatever the parts were worth. So no evidence about it
is needed, and what it reached on other tasks says nothing: its parts were others there, or worth
something else.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.belief.traits import traits_of
from benchmarks.records import StrategyFacts
from corpora.task import Kind
from strategies.cascade import Cascade, default_parts

SHIFT = 0.02
"""How far a cascade is from the better of its parts, a standard deviation on the scale of angles:
two points at a quality of one half."""


def parts_among(kind: Kind, strategies: Sequence[StrategyFacts]) -> dict[str, tuple[str, str]]:
    """The two parts of each cascade by its id, where both are among the strategies; those of its
    model, if it has one. They are taken to be the task's default ones, of a task with documents
    where a strategy uses any."""
    has_documents = any("documents" in traits_of(one) for one in strategies)
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
