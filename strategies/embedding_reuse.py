"""An embedder that embeds the same texts once, as far as the cache is open."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.reuse import computed_once

if TYPE_CHECKING:
    from strategies.embedding import Embedder


class CachedEmbedder:
    """Another embedder's vectors, bit for bit.

    The key is the whole list of texts: a vector depends in its last bits on the texts that were
    embedded along with it, and the seconds are those of the whole call.
    """

    def __init__(self, inner: Embedder) -> None:
        self.inner = inner
        self.fingerprint = inner.fingerprint
        self.max_tokens = inner.max_tokens
        self._is_ready = False

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        texts = list(texts)
        if not texts:
            return self.inner.embed(texts)

        def parts() -> dict[str, Any]:
            return {
                "embedder": self.fingerprint,
                "class": f"{type(self.inner).__module__}.{type(self.inner).__qualname__}",
                "max_tokens": self.max_tokens,
                "texts": texts,
            }

        return computed_once(
            "embedding",
            parts,
            lambda: self.inner.embed(texts),
            write=to_bytes,
            read=lambda data: from_bytes(data, len(texts)),
            ready=self._load,
        )

    def count_tokens(self, text: str) -> int:
        return self.inner.count_tokens(text)

    def _load(self) -> None:
        """Embed something, so that the network is loaded before a call is timed."""
        if not self._is_ready:
            self.inner.embed(["ready"])
            self._is_ready = True


def to_bytes(vectors: np.ndarray) -> bytes:
    """As a .npy file; never pickle."""
    file = io.BytesIO()
    np.save(file, vectors, allow_pickle=False)
    return file.getvalue()


def from_bytes(data: bytes, rows: int) -> np.ndarray:
    """Raises ValueError for anything but float32 vectors of that many rows."""
    try:
        vectors: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    except EOFError as error:
        raise ValueError(str(error)) from error
    if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != rows:
        raise ValueError(f"not {rows} float32 vectors: {vectors.dtype} of shape {vectors.shape}")
    return vectors


class RememberingEmbedder:
    """Another embedder that embeds each text once, up to `most` texts of memory.

    For a search over settings that cut the same documents again and again. Whoever keeps an
    index afterwards takes this out again: a remembered question costs no time.
    """

    def __init__(self, inner: Embedder, *, most: int = 50_000) -> None:
        self.inner = inner
        self.fingerprint = inner.fingerprint
        self.max_tokens = inner.max_tokens
        self.most = most
        self._known: dict[str, np.ndarray] = {}

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if len(new) == len(texts):
            vectors = self.inner.embed(texts)
            self._keep(new, vectors)
            return vectors
        fresh = dict(zip(new, self.inner.embed(new), strict=True)) if new else {}
        vectors = np.stack([fresh[t] if t in fresh else self._known[t] for t in texts])
        self._keep(new, [fresh[text] for text in new])
        return vectors

    def count_tokens(self, text: str) -> int:
        return self.inner.count_tokens(text)

    def _keep(self, texts: Sequence[str], vectors: Sequence[np.ndarray] | np.ndarray) -> None:
        room = self.most - len(self._known)
        for text, vector in zip(texts[: max(0, room)], vectors, strict=False):
            self._known[text] = vector
