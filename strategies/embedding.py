"""Texts as vectors: the embedder of the catalogue, and a hashing one that needs no model."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from strategies.embedding_reuse import CachedEmbedder
from strategies.errors import NotFetched
from strategies.models.catalogue import ENTRIES, MINILM, model_folder

BATCH = 32


class Embedder(Protocol):
    """Gives the same text the same vector, so that a saved index stays valid.

    `fingerprint` names the vector space: vectors compare only under equal fingerprints.
    `max_tokens` is how much of a text is embedded, by `count_tokens`; the rest is cut off.
    """

    fingerprint: str
    max_tokens: int

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 of shape (texts, dimensions), each row of length 1."""
        ...

    def count_tokens(self, text: str) -> int: ...


def default_embedder() -> Embedder:
    """all-MiniLM-L6-v2, one per process. Raises NotFetched; loads torch only to embed."""
    return _sentence_embedder(model_folder(MINILM))


def warm_up(strategy: object) -> None:
    """Load the default embedder if `strategy` will use it: nobody's setup includes loading.

    Where its files are missing nothing happens; the strategy says so when it is prepared.
    """
    if getattr(strategy, "embedder", strategy) is not None:
        return
    try:
        default_embedder().embed(["ready"])
    except NotFetched:
        return


def let_go() -> None:
    """Forget the default embedder: whoever asks next loads a new one. Who holds it keeps it."""
    _sentence_embedder.cache_clear()


@cache
def _sentence_embedder(folder: Path) -> Embedder:
    weights = ENTRIES[MINILM].files["model.safetensors"]
    return CachedEmbedder(SentenceEmbedder(folder, fingerprint=f"{MINILM}:{weights[:16]}"))


class SentenceEmbedder:
    """A sentence-transformers folder on this machine, computed in float32."""

    def __init__(self, folder: Path, *, fingerprint: str, max_tokens: int = 254) -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        self.max_tokens = max_tokens  # two less than the network reads: its own marks
        self._loading = threading.Lock()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.zeros((0, self._dimensions), dtype=np.float32)
        with self._loading:  # one caller at a time: the tokenizer holds state, torch the cores
            vectors = self._network.encode(  # batches texts of like length together
                list(texts),
                batch_size=BATCH,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return np.asarray(vectors, dtype=np.float32)

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    @cached_property
    def _network(self) -> Any:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        network = SentenceTransformer(
            str(self.folder),
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "dtype": torch.float32},
        )
        network.max_seq_length = self.max_tokens + 2
        return network

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        # apart from the network's, which cuts texts: this one counts all of them, without torch
        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @property
    def _dimensions(self) -> int:
        return int(self._network.get_embedding_dimension())


class HashingEmbedder:
    """Words and the character trigrams in them, hashed into a fixed number of dimensions.

    Knows spelling, not meaning; needs no model and always gives the same vectors, for tests
    and examples. A text without any word gets the first unit vector.
    """

    max_tokens = 256

    def __init__(self, dimensions: int = 256) -> None:
        self.dimensions = dimensions
        self.fingerprint = f"hashing:{dimensions}"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        from sklearn.feature_extraction.text import HashingVectorizer

        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        hashing = HashingVectorizer(
            analyzer=lambda text: list(_features(text)),
            n_features=self.dimensions,
            norm="l2",
            dtype=np.float32,
        )
        vectors: np.ndarray = hashing.transform(list(texts)).toarray()
        vectors[~vectors.any(axis=1), 0] = 1.0
        return vectors

    def count_tokens(self, text: str) -> int:
        return len(re.findall(r"\w+|[^\w\s]", text))


def _features(text: str) -> Iterator[str]:
    for word in re.findall(r"\w+", text.lower()):
        yield word
        marked = f"<{word}>"
        for start in range(len(marked) - 2):
            yield marked[start : start + 3]
