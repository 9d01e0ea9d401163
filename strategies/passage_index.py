"""Documents cut into chunks and made searchable: what every strategy that reads documents uses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora.chunks import Chunk, chunk_documents
from corpora.task import Document
from strategies.embedding import Embedder
from strategies.prompting import Passage
from strategies.retrieval import Retriever
from strategies.saving import write_lines


@dataclass(frozen=True)
class PassageIndex:
    """Saved as `chunks.jsonl`, beside the retriever's own files."""

    chunks: tuple[Chunk, ...]
    retriever: Retriever

    @classmethod
    def build(
        cls,
        documents: Iterable[Document],
        retriever: type[Retriever],
        embedder: Embedder,
        *,
        chunk_tokens: int = 200,
        overlap: int = 0,
    ) -> PassageIndex:
        """Chunks of at most `chunk_tokens` of the embedder's tokens, sharing `overlap`.

        Documents are read once, and each is cut and indexed before the next is asked for. The
        texts of the chunks are held once, here.
        """
        chunks: list[Chunk] = []

        def noted() -> Iterator[Chunk]:
            for chunk in cut(documents, embedder, chunk_tokens=chunk_tokens, overlap=overlap):
                chunks.append(chunk)
                yield chunk

        searched = retriever.build(noted(), embedder)
        return cls(tuple(chunks), searched)

    def find(self, queries: Sequence[str], k: int) -> list[tuple[Passage, ...]]:
        """Up to `k` passages for each query, best first; one document may appear twice."""
        return [
            tuple(self._passage(hit.chunk) for hit in hits)
            for hits in self.retriever.search(queries, k)
        ]

    def _passage(self, number: int) -> Passage:
        chunk = self.chunks[number]
        return Passage(chunk.document, chunk.text, chunk.title)

    @property
    def memory_bytes(self) -> int:
        """The texts and what searches them; 0 for a retriever that does not tell."""
        texts = sum(len(chunk.text.encode()) for chunk in self.chunks)
        return texts + int(getattr(self.retriever, "memory_bytes", 0))

    def save(self, folder: Path) -> None:
        write_lines(
            folder / "chunks.jsonl",
            ({"document": c.document, "text": c.text, "title": c.title} for c in self.chunks),
        )
        self.retriever.save(folder)

    @classmethod
    def load(cls, folder: Path, retriever: type[Retriever], embedder: Embedder) -> PassageIndex:
        # line by line: the whole file would stand in memory beside the chunks
        with (folder / "chunks.jsonl").open(encoding="utf-8", newline="\n") as lines:
            chunks = tuple(Chunk(**json.loads(line)) for line in lines)
        return cls(chunks, retriever.load(folder, chunks, embedder))


def cut(
    documents: Iterable[Document], embedder: Embedder, *, chunk_tokens: int, overlap: int
) -> Iterator[Chunk]:
    """The chunks of the documents, each of which is cut before the next is asked for."""
    for document in documents:
        yield from chunk_documents(
            [document],
            size=min(chunk_tokens, embedder.max_tokens),
            overlap=overlap,
            count_tokens=embedder.count_tokens,
        )
