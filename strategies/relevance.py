"""How well rankings of chunks find what labelled rows need, without asking a model.

A row tells by its `sources`, by the words of its answer, or by both.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

from corpora.chunks import Chunk
from corpora.task import Example, Task
from strategies.retrieval import searchable, words
from strategies.shots import is_unanswerable

DEEP = 10
"""Ranks that are looked at."""
HITS = (1, 2, 3, 5)
MOST_ROWS = 256
LONG = 5
"""An answer of more words counts as held where a chunk has half of them or more."""


@dataclass(frozen=True)
class Figures:
    """Means over rows, 0 to 1. `score` is what settings are chosen by; it weighs a chunk by how
    much of the answer it holds, where `mrr` and `hits` (by k) only ask for a right chunk. `ranks`
    are those of each row's first right chunk, 0 where none is among the first DEEP."""

    score: float
    mrr: float
    hits: Mapping[int, float]
    ranks: tuple[int, ...]

    @property
    def rows(self) -> int:
        return len(self.ranks)


def telling_rows(
    task: Task, train: Sequence[Example], validation: Sequence[Example], *, seed: int
) -> list[Example]:
    """Up to MOST_ROWS rows that tell which chunks are right, those of validation first.

    An answer that many rows share ("yes", a label) stands in chunks by chance, so it says nothing.
    """
    rows = [*validation, *train]
    common = Counter(row.output for row in rows)
    often = max(2, len(rows) // 10)
    dice = random.Random(seed)
    chosen: list[Example] = []
    for part in (validation, train):
        telling = [
            row
            for row in part
            if row.sources or (answers_of(task, row) and common[row.output] <= often)
        ]
        dice.shuffle(telling)
        chosen += telling
    return chosen[:MOST_ROWS]


def answers_of(task: Task, row: Example) -> list[list[str]]:
    """The words of each accepted answer, where such words may stand in a document: none for
    labels, JSON, an answer that no document holds, and rows said to have no source."""
    if task.kind not in ("question-answering", "generation") or row.sources == ():
        return []
    if is_unanswerable(task, row):
        return []
    found = [words(text) for text in (row.output, *row.alternatives)]
    return [answer for answer in found if answer]


@dataclass
class Jury:
    """Judges rankings of one set of chunks by the same rows."""

    task: Task
    rows: Sequence[Example]
    chunks: Sequence[Chunk]
    _words: dict[int, list[str]] = field(default_factory=dict)
    _worth: dict[tuple[int, int], float] = field(default_factory=dict)

    def figures(self, rankings: Sequence[Sequence[int]]) -> Figures:
        """Of numbers of chunks, best first, for each row or for the first rows."""
        scores, ranks = [], []
        for row, ranking in enumerate(rankings):
            worth = [self.worth(row, chunk) for chunk in ranking[:DEEP]]
            scores.append(max((each / rank for rank, each in enumerate(worth, 1)), default=0.0))
            ranks.append(next((rank for rank, each in enumerate(worth, 1) if each > 0), 0))
        return Figures(
            mean(scores),
            mean([1 / rank if rank else 0.0 for rank in ranks]),
            {k: mean([0 < rank <= k for rank in ranks]) for k in HITS},
            tuple(ranks),
        )

    def worth(self, row: int, chunk: int) -> float:
        """0 for a wrong chunk. One of a right document is worth half, and its share of the answer
        up to another half; without `sources` that share is all."""
        if (row, chunk) not in self._worth:
            example = self.rows[row]
            right = self.chunks[chunk].document in (example.sources or ())
            if example.sources and not right:
                self._worth[row, chunk] = 0.0
            else:
                share = max((self.held(answer, chunk) for answer in self._answers[row]), default=0)
                self._worth[row, chunk] = (1 + share) / 2 if right else share
        return self._worth[row, chunk]

    def held(self, answer: Sequence[str], chunk: int) -> float:
        """How much of an answer a chunk holds: a short one as it stands or not at all; of a long
        one the share of its words, from a half on."""
        if chunk not in self._words:
            self._words[chunk] = words(searchable(self.chunks[chunk]))
        text = self._words[chunk]
        if len(answer) <= LONG:
            return float(f" {' '.join(answer)} " in f" {' '.join(text)} ")
        share = len(set(answer) & set(text)) / len(set(answer))
        return share if share >= 0.5 else 0.0

    @cached_property
    def _answers(self) -> list[list[list[str]]]:
        return [answers_of(self.task, row) for row in self.rows]


def mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0
