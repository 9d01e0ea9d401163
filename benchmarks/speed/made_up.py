"""A corpus of any size for speed: made-up texts, vectors of which only the first are real.

Embedding a million texts takes hours on two cores and tells nothing about searching them, so
all but the first vectors are perturbed copies of these.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from corpora.chunks import Chunk
from strategies.embedding import Embedder

VOCABULARY = 100_000
SHORTEST, LONGEST = 40, 160  # words of a chunk: about what 200 tokens of English hold
QUESTION = 10  # words
NOISE = 0.3  # length of what is added to a real vector of length 1: a cosine of about 0.96

_SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


def word(rank: int) -> str:
    """The word of this rank by frequency, from 0; frequent ones are short, as in a language."""
    name = ""
    left = rank + 1
    while left:
        left, last = divmod(left - 1, len(_SYLLABLES))
        name = _SYLLABLES[last] + name
    return name


class ZipfTexts:
    """Texts whose words are as frequent as 1 / rank (Zipf's law), the same for each seed."""

    def __init__(self, *, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._words = np.array([word(rank) for rank in range(VOCABULARY)], dtype=object)
        weights = 1 / np.arange(1, VOCABULARY + 1)
        self._up_to = np.cumsum(weights / weights.sum())

    def text(self, length: int) -> str:
        ranks = np.searchsorted(self._up_to, self._random.random(length))
        return " ".join(self._words[np.minimum(ranks, VOCABULARY - 1)])

    def chunks(self, number: int) -> Iterator[Chunk]:
        for place in range(number):
            length = int(self._random.integers(SHORTEST, LONGEST + 1))
            yield Chunk(f"d{place}", self.text(length), None)

    def question(self, chunk: Chunk) -> str:
        """Words drawn from a chunk: frequent ones often, rare ones at times."""
        return " ".join(self._random.choice(chunk.text.split(), QUESTION))


class PartlyReal:
    """Embeds the first `real` texts it is given, and makes up the vectors of all others.

    It says it is the embedder that it asks, so that this one may search what it filled. The
    seconds of the real and of the made-up part add up in `real_seconds` and `made_up_seconds`.
    """

    def __init__(self, embedder: Embedder, *, real: int, seed: int = 0) -> None:
        self.fingerprint = embedder.fingerprint
        self.max_tokens = embedder.max_tokens
        self.count_tokens = embedder.count_tokens
        self.real_seconds = self.made_up_seconds = 0.0
        self._embedder = embedder
        self._wanted = real
        self._kept: list[np.ndarray] = []
        self._pool: np.ndarray | None = None
        self._random = np.random.default_rng(seed)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        start = time.perf_counter()
        now, rest = texts[: self._wanted], len(texts[self._wanted :])
        parts = []
        if now:
            parts.append(self._embedder.embed(now))
            self._kept.append(parts[0])
            self._wanted -= len(now)
            self.real_seconds += time.perf_counter() - start
        if rest:
            start = time.perf_counter()
            parts.append(self._made_up(rest))
            self.made_up_seconds += time.perf_counter() - start
        return np.concatenate(parts)

    def _made_up(self, number: int) -> np.ndarray:
        if self._pool is None:
            self._pool = np.concatenate(self._kept)
        pool, random = self._pool, self._random
        noise = random.standard_normal((number, pool.shape[1]), dtype=np.float32)
        noise *= NOISE / np.sqrt(pool.shape[1])
        vectors: np.ndarray = pool[random.integers(0, len(pool), number)] + noise
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors
