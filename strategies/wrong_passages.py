"""An index that answers beside the point: what does a strategy do with a corpus that is no help?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol, runtime_checkable

from strategies.base import Prepared
from strategies.errors import StrategyError
from strategies.passage_index import PassageIndex
from strategies.prompting import Passage

DRAWS = 100
"""Draws for one passage before a corpus is said to hold nothing irrelevant."""


@runtime_checkable
class ReadsPassages(Protocol):
    """A prepared strategy whose passages come from an index that can be exchanged."""

    def with_index(self, change: Callable[[PassageIndex], PassageIndex]) -> Prepared | None:
        """The same strategy with another index, made of its own; None if it reads no passages."""
        ...


@dataclass(frozen=True)
class WrongIndex(PassageIndex):
    """As many passages as its `inner` index finds, drawn by seed from documents that it did not
    find for the query and that are not among the query's `right` ones.
    """

    inner: PassageIndex
    right: Mapping[str, Sequence[str]]
    seed: int

    @classmethod
    def around(
        cls, inner: PassageIndex, right: Mapping[str, Sequence[str]], seed: int
    ) -> WrongIndex:
        """`right`: ids of documents by query, none for one whose documents nobody told."""
        return cls(inner.chunks, inner.retriever, inner, right, seed)

    def find(self, queries: Sequence[str], k: int) -> list[tuple[Passage, ...]]:
        """Raises StrategyError where the corpus has no other documents."""
        found = self.inner.find(queries, k)
        return [
            self._others(query, passages) for query, passages in zip(queries, found, strict=True)
        ]

    def _others(self, query: str, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        rng = Random(f"{self.seed}/{query}")
        own = {*(passage.document for passage in passages), *self.right.get(query, ())}
        drawn: dict[int, Passage] = {}
        for _ in range(DRAWS * len(passages)):
            if len(drawn) == len(passages):
                break
            number = rng.randrange(len(self.chunks))
            if self.chunks[number].document not in own:
                drawn[number] = self._passage(number)
        if len(drawn) < len(passages):
            raise StrategyError("the documents hold too few passages that are beside the point.")
        return tuple(drawn.values())
