"""Everything that is chosen in `rag.optimized` besides the index, and the order of trying it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from corpora.task import Example, Task
from strategies.answering import answer_limit
from strategies.cuts import RetrievalSettings
from strategies.models.base import Model
from strategies.prompting import Shot, answer_form
from strategies.rag import PreparedRag, worked_examples
from strategies.retrieval_search import RetrievalSearch
from strategies.search import Search, Setting, Trial
from strategies.searched_index import SearchedIndex
from strategies.shots import typical_examples

MOVES: tuple[tuple[str, Setting], ...] = (
    ("top_k", 1),
    ("shots", 0),
    ("top_k", 5),
    ("shots", 5),
    ("form", "none"),
    ("order", "best first"),
    ("form", "quoting"),
    ("shots", 1),
    ("shot_passages", 2),
    ("top_k", 2),
    ("top_k", 8),
    ("shots", 3),
    ("top_k", 3),
    ("form", "length"),
    ("order", "best last"),
)
"""Single changes, those that move most first."""
RETRIEVERS: tuple[tuple[str, Setting], ...] = (("retriever", "dense"), ("retriever", "bm25"))
RERANKING: tuple[tuple[str, Setting], ...] = (("reranked", "yes"), ("reranked", "no"))
QUOTING = "Use the words of the passages."


@dataclass(frozen=True)
class Setup:
    """All that is chosen. `form` says how long an answer is (`length`), that and to keep to the
    words of the passages (`quoting`), or neither (`none`)."""

    retrieval: RetrievalSettings
    top_k: int
    shots: int
    shot_passages: int = 1
    form: str = "length"
    order: str = "best last"

    def told(self) -> dict[str, Setting]:
        own: dict[str, Setting] = {"top_k": self.top_k, "shots": self.shots}
        own |= {"shot_passages": self.shot_passages, "form": self.form, "order": self.order}
        return {"stage": "answers", **self.retrieval.told(), **own}

    def moved(self, name: str, value: Setting) -> Setup:
        if hasattr(self, name):
            return replace(self, **{name: value})  # type: ignore[arg-type]
        changed: Any = {name: value}
        return replace(self, retrieval=replace(self.retrieval, **changed))


@dataclass
class Assembler:
    """Makes of a setup what answers."""

    task: Task
    train: Sequence[Example]
    model: Model
    retrieval: RetrievalSearch
    seed: int

    @cached_property
    def forms(self) -> dict[str, str]:
        """The texts of the forms; the same ones where they make no difference."""
        length = answer_form(self.task, self.train)
        is_asked = self.task.kind == "question-answering"
        quoting = f"{length}\n{QUOTING}".strip() if is_asked else length
        return {"length": length, "quoting": quoting, "none": ""}

    @cached_property
    def limit(self) -> int:
        return answer_limit(self.task, self.model, self.train)

    def shots(self, setup: Setup, index: SearchedIndex) -> tuple[Shot, ...]:
        rows = typical_examples(self.task, self.train, setup.shots, seed=self.seed)
        return worked_examples(index, rows, passages=setup.shot_passages)

    def prepared(self, setup: Setup, *, for_trial: bool = False) -> PreparedRag:
        index = self.retrieval.index_of(setup.retrieval, for_trial=for_trial)
        return PreparedRag(
            self.task,
            self.model,
            index,
            self.shots(setup, index),
            setup.top_k,
            self.limit,
            self.forms[setup.form],
            best_last=setup.order == "best last",
        )

    @property
    def moves(self) -> tuple[tuple[str, Setting], ...]:
        """Where no row tells what is right, answers must choose the retriever too."""
        moves = MOVES if self.retrieval.rows else (*RETRIEVERS, *MOVES)
        return moves if self.retrieval.reranker is None else (*moves, *RERANKING)

    def mark(self, setup: Setup) -> tuple[object, ...]:
        """Equal for setups that ask the same."""
        retrieval = setup.retrieval
        chunks = len(self.retrieval.cuts[retrieval.chunk_tokens, retrieval.overlap].chunks)
        shots = len(typical_examples(self.task, self.train, setup.shots, seed=self.seed))
        of_shot = min(setup.shot_passages, chunks) if shots else 0
        top_k = min(setup.top_k, chunks)
        order = setup.order if max(top_k, of_shot) > 1 else ""
        return retrieval, top_k, shots, of_shot, self.forms[setup.form], order


def choose(search: Search, assembler: Assembler, default: Setup, challenger: Setup) -> Setup:
    """The best of the setups that the search has room for, the default tried first.

    The challenger finds more, so it stands where it does as well. Then single changes of the
    best so far, in the order of MOVES, over and over until a whole round changes nothing.
    """

    def judged(setup: Setup) -> Trial:
        since = search.clock()
        made = assembler.prepared(setup, for_trial=True)
        return search.judge(made, setup.told(), since=since)

    judged(default)
    chosen, tried = default, {assembler.mark(default)}

    def attempt(setup: Setup, *, stands_if_equal: bool = False) -> None:
        nonlocal chosen
        mark = assembler.mark(setup)
        if mark in tried or not search.rows or not search.open:
            return
        tried.add(mark)
        trial = judged(setup)
        equal = search.best is not None and trial.standing == search.best.standing
        if stands_if_equal and equal and not trial.dropped:
            search.best = trial
        if trial is search.best:
            chosen = setup

    attempt(challenger, stands_if_equal=True)
    before = None
    while before != chosen:
        before = chosen
        for move in assembler.moves:
            attempt(chosen.moved(*move))
        for other in (default, challenger):
            attempt(replace(chosen, retrieval=other.retrieval))
        if before == chosen:  # two changes at once: what lost in one prompt may win in another
            for move in assembler.moves:
                attempt(replace(chosen, retrieval=challenger.retrieval).moved(*move))
    return chosen
