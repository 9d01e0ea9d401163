"""Choosing how documents are cut and searched by what is found, without asking a model.

Every cut is indexed once and each text embedded once; all retrievers, weights and forms of the
query are then read off the same lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from corpora.task import Document, Example, Task
from strategies.base import Progress, no_progress
from strategies.cuts import Cut, RetrievalSettings, prefix_of
from strategies.embedding import Embedder
from strategies.embedding_reuse import RememberingEmbedder
from strategies.passage_index import cut
from strategies.relevance import DEEP, Figures, Jury, telling_rows
from strategies.reranking import DEPTH, RememberingReranker, Reranker, reranked, reranker_of
from strategies.retrieval import Bm25Retriever, DenseRetriever, searchable
from strategies.reuse import charged_clock
from strategies.search import OUT_OF_TIME, Setting
from strategies.searched_index import SearchedIndex

SIZES = (100, 300, 50)
"""Tokens of chunks that are tried besides those to begin with, as far as the embedder reads."""
OVERLAP = 4
"""A quarter of the best size is tried as overlap."""
RERANKED_ROWS = 64
RERANKED_AT_ONCE = 8
ENOUGH = 0.95
"""Fewer passages are enough where they hold this share of what five hold."""


@dataclass(frozen=True)
class Look:
    """Settings of retrieval and how they did. `seconds` are those of a whole cut, indexing
    included, in the row of the first settings on it, and those of reranking in its row."""

    settings: RetrievalSettings
    figures: Figures
    told_by: str
    seconds: float = 0.0
    dropped: str = ""

    def told(self, *, chosen: bool = False) -> dict[str, Setting]:
        """A row of `Training.search`, with figures of retrieval in place of a validation score."""
        row: dict[str, Setting] = {"stage": "retrieval", **self.settings.told()}
        row |= {"mrr": round(self.figures.mrr, 4), "hit_at_3": round(self.figures.hits[3], 4)}
        row |= {"retrieval_score": round(self.figures.score, 4), "told_by": self.told_by}
        row |= {"rows": float(self.figures.rows), "seconds": round(self.seconds, 3)}
        if self.dropped:
            row["dropped"] = self.dropped
        if chosen:
            row["chosen"] = 1.0
        return row


@dataclass(frozen=True)
class Retrieval:
    """The best retrieval found without a model: an index that finds, saves and is loaded by
    `SearchedIndex.restore`; how many passages to take; what was tried, the chosen marked.

    The form of the query and the reranker are within the index. `for_trials` finds the same, and
    embeds and reranks nothing twice.
    """

    index: SearchedIndex
    for_trials: SearchedIndex
    top_k: int
    settings: RetrievalSettings
    rows: tuple[dict[str, Setting], ...]


def best_retrieval(
    task: Task,
    train: Sequence[Example],
    validation: Sequence[Example],
    documents: Sequence[Document],
    embedder: Embedder,
    budget_seconds: float,
    *,
    reranker: str | None = None,
    start: RetrievalSettings | None = None,
    top_k: int = 3,
    seed: int = 0,
    progress: Progress = no_progress,
    clock: Callable[[], float] = charged_clock,
) -> Retrieval:
    """What finds best of all that is tried in `budget_seconds`, or while the first index is
    made if that takes longer. Where no row tells what is right: the start and `top_k`."""
    search = RetrievalSearch(
        task,
        documents,
        embedder,
        telling_rows(task, train, validation, seed=seed),
        budget_seconds,
        reranker=reranker,
        start=start or RetrievalSettings(),
        progress=progress,
        clock=clock,
    )
    best = search.run()
    rows = tuple(look.told(chosen=look is best) for look in search.looks)
    return Retrieval(
        search.index_of(best.settings),
        search.index_of(best.settings, for_trial=True),
        enough_passages(best.figures) or top_k,
        best.settings,
        rows,
    )


def told_by(rows: Sequence[Example]) -> str:
    """What says which chunks are right: the rows' sources, their answers, or now this, now that."""
    if not rows:
        return "nothing"
    with_sources = sum(bool(row.sources) for row in rows)
    if with_sources == len(rows):
        return "sources"
    return "sources and answers" if with_sources else "answers"


def enough_passages(figures: Figures) -> int | None:
    """The fewest passages that hold nearly as much as five do; None where nothing is found."""
    most = max(figures.hits.values())
    if not most:
        return None
    return min(k for k, hit in figures.hits.items() if hit >= ENOUGH * most)


@dataclass
class RetrievalSearch:
    """Looks at settings until all were seen or the seconds are over; a cut that would not be
    ready in time, by the slowest so far, is not begun.

    The best look has the highest score. Equal ones go to the first, and `start` comes first.
    """

    task: Task
    documents: Sequence[Document]
    embedder: Embedder
    rows: Sequence[Example]
    seconds: float
    reranker: str | None = None
    start: RetrievalSettings = field(default_factory=RetrievalSettings)
    progress: Progress = no_progress
    clock: Callable[[], float] = charged_clock
    looks: list[Look] = field(default_factory=list)
    best: Look = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()
        self.remembering = RememberingEmbedder(self.embedder)
        self.told_by = told_by(self.rows)
        self.queries = [row.input for row in self.rows]
        self.slowest = 0.0
        self.cuts: dict[tuple[int, int], Cut] = {}
        self.seen: set[int] = set()

    def run(self) -> Look:
        """The best there is time for. Without rows only the start is indexed."""
        for query in ("input", "instruction"):  # apart from the cuts: it is done once for all
            prefix = prefix_of(query, self.task.instruction)
            self.remembering.embed([prefix + text for text in self.queries])
        self.try_cut(self.start)
        if self.rows:
            for size in dict.fromkeys(min(size, self.embedder.max_tokens) for size in SIZES):
                self.try_cut(replace(self.start, chunk_tokens=size, overlap=0))
            size = self.best.settings.chunk_tokens
            self.try_cut(replace(self.start, chunk_tokens=size, overlap=size // OVERLAP))
            if self.remembering_reranker is not None:
                self.try_reranking(self.remembering_reranker)
        return self.best

    @property
    def is_late(self) -> bool:
        return self.clock() - self.began + self.slowest >= self.seconds

    @cached_property
    def remembering_reranker(self) -> RememberingReranker | None:
        return None if self.reranker is None else RememberingReranker(reranker_of(self.reranker))

    def index_of(self, settings: RetrievalSettings, *, for_trial: bool = False) -> SearchedIndex:
        """An index of the best cut or of the first one; for a trial one that does not embed or
        rerank again what it did before."""
        made = self.cuts[settings.chunk_tokens, settings.overlap]
        embedder = self.remembering if for_trial else self.embedder
        reranker: Reranker | None = self.remembering_reranker
        if self.remembering_reranker is not None and not for_trial:
            reranker = self.remembering_reranker.inner
        return made.index(settings, embedder, self.task.instruction, reranker)

    def try_cut(self, settings: RetrievalSettings) -> None:
        """Index the documents cut so, and look at all settings on that index, these first."""
        if self.looks and self.is_late:
            return
        self.progress(0.0, f"indexing the documents in chunks of {settings.chunk_tokens} tokens")
        began = self.clock()
        made = self.indexed(settings.chunk_tokens, settings.overlap)
        if made is None:
            return
        jury = Jury(self.task, self.rows, made.chunks)
        each = list(settings.others()) if self.rows else [settings]
        rankings = made.rankings(each, self.queries, self.remembering, self.task.instruction, DEEP)
        pairs = zip(each, rankings, strict=True)
        new = [Look(tried, jury.figures(found), self.told_by) for tried, found in pairs]
        took = self.clock() - began
        self.slowest = max(self.slowest, took)
        new[0] = replace(new[0], seconds=took)
        self.looks += new
        best = max(new, key=lambda look: look.figures.score)
        first = (self.start.chunk_tokens, self.start.overlap)
        if not self.cuts or best.figures.score > self.best.figures.score:
            self.best = best
            place = (settings.chunk_tokens, settings.overlap)
            # two at most are held: a large corpus takes much memory
            self.cuts = {key: held for key, held in self.cuts.items() if key == first}
            self.cuts[place] = made

    def indexed(self, chunk_tokens: int, overlap: int) -> Cut | None:
        """None where that cuts as an earlier one did."""
        found = cut(self.documents, self.embedder, chunk_tokens=chunk_tokens, overlap=overlap)
        chunks = tuple(found)
        if (digest := hash(chunks)) in self.seen:
            return None
        self.seen.add(digest)
        sparse = Bm25Retriever.build(chunks, self.remembering)
        dense = DenseRetriever.build(chunks, self.remembering)
        return Cut(chunk_tokens, overlap, chunks, sparse, dense)

    def try_reranking(self, reranker: Reranker) -> None:
        """Put what the best settings find in order anew, and compare on the same rows."""
        self.progress(0.0, "trying the reranker")
        began = self.clock()
        held = self.best.settings
        made = self.cuts[held.chunk_tokens, held.overlap]
        queries = self.queries[:RERANKED_ROWS]
        [plain] = made.rankings([held], queries, self.remembering, self.task.instruction, DEPTH)
        ordered: list[list[int]] = []
        while len(ordered) < len(queries) and self.clock() - self.began < self.seconds:
            part = slice(len(ordered), len(ordered) + RERANKED_AT_ONCE)
            found = [[(n, searchable(made.chunks[n])) for n in of] for of in plain[part]]
            ordered += reranked(reranker, queries[part], found)
        jury = Jury(self.task, self.rows, made.chunks)
        look = Look(
            replace(held, reranked="yes"),
            jury.figures(ordered),
            self.told_by,
            self.clock() - began,
            "" if len(ordered) == len(queries) else OUT_OF_TIME,
        )
        self.looks.append(look)
        if not look.dropped and look.figures.score > jury.figures(plain).score:
            self.best = look
