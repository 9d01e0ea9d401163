"""An index whose retriever was chosen, and whose passages a reranker may put in order.

Saved so that it can be loaded without being told what was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from strategies.embedding import Embedder
from strategies.errors import ModelError
from strategies.passage_index import PassageIndex
from strategies.prompting import Passage
from strategies.reranking import DEPTH, Reranker, reranked, reranker_of
from strategies.retrieval import (
    Bm25Retriever,
    DenseRetriever,
    HybridRetriever,
    Retriever,
    searchable,
)
from strategies.saving import read_json, write_json

RetrieverName = Literal["bm25", "dense", "hybrid"]
RETRIEVERS: dict[RetrieverName, type[Retriever]] = {
    "bm25": Bm25Retriever,
    "dense": DenseRetriever,
    "hybrid": HybridRetriever,
}


@dataclass(frozen=True)
class SearchedIndex(PassageIndex):
    """As its base, which it can take the place of everywhere. Saved with `index.json`.

    With a reranker the best `depth` chunks, or as many as are asked for if these are more, are
    put in its order.
    """

    name: RetrieverName = "hybrid"
    reranker: Reranker | None = None
    depth: int = DEPTH

    def find(self, queries: Sequence[str], k: int) -> list[tuple[Passage, ...]]:
        if self.reranker is None:
            return super().find(queries, k)
        found = self.retriever.search(queries, max(k, self.depth))
        ordered = reranked(
            self.reranker,
            queries,
            [[(hit.chunk, searchable(self.chunks[hit.chunk])) for hit in hits] for hits in found],
        )
        return [tuple(self._passage(chunk) for chunk in chunks[:k]) for chunks in ordered]

    def save(self, folder: Path) -> None:
        super().save(folder)
        facts: dict[str, object] = {"retriever": self.name}
        if self.reranker is not None:
            # its weights by content: a folder of this machine is nobody else's business
            facts |= {"reranker": self.reranker.fingerprint, "depth": self.depth}
        write_json(folder / "index.json", facts)

    @classmethod
    def restore(cls, folder: Path, embedder: Embedder, reranker: str | None) -> SearchedIndex:
        """The inverse of `save`; `reranker` is where its weights are now.

        Raises ModelError where a reranker belongs to it and that is another one, or none.
        """
        facts = read_json(folder / "index.json")
        plain = PassageIndex.load(folder, RETRIEVERS[facts["retriever"]], embedder)
        if "reranker" not in facts:
            return cls(plain.chunks, plain.retriever, facts["retriever"])
        if reranker is None:
            raise ModelError(
                "reranker: the saved passages were put in order by one, and none is given. Name "
                "it in the task's `reranker:`."
            )
        loaded = reranker_of(reranker)
        if loaded.fingerprint != facts["reranker"]:
            raise ModelError(
                f"reranker: {reranker!r} has other weights than the one that the passages were "
                "chosen with. Give that one, or prepare the strategy again."
            )
        return cls(plain.chunks, plain.retriever, facts["retriever"], loaded, facts["depth"])
