"""Whether an answer rests on what it cites: its words looked up in the cited documents.

A lexical check, not a proof: words may stand in a source and say something else there, and a
right paraphrase shares few of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from benchmarks.text_metrics import normalised_tokens
from corpora.task import Document

SHORTEST = 4
"""Letters from which on a word counts; with no list of stop words it serves any language that
writes spaces."""


class SourceTexts:
    """The words of documents by id. Each document is read when it is first cited."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._words: dict[str, frozenset[str]] = {}

    def supported(self, answer: str, sources: Sequence[str]) -> float | None:
        """The share of the answer's distinct content words that stand in the cited documents.

        None where nothing known is cited or the answer has no content word.
        """
        known = [source for source in sources if source in self._by_id]
        words = content_words(answer)
        if not known or not words:
            return None
        found = frozenset[str]().union(*(self._of(source) for source in known))
        return len(words & found) / len(words)

    @cached_property
    def _by_id(self) -> dict[str, Document]:
        return {document.id: document for document in self._documents}

    def _of(self, source: str) -> frozenset[str]:
        if source not in self._words:
            document = self._by_id[source]
            text = f"{document.title or ''} {document.text}"
            self._words[source] = frozenset(normalised_tokens(text))
        return self._words[source]


def content_words(text: str) -> frozenset[str]:
    """Words of SHORTEST letters or more, and whatever holds a digit; normalised."""
    tokens = normalised_tokens(text)
    return frozenset(
        token for token in tokens if len(token) >= SHORTEST or any(map(str.isdigit, token))
    )
