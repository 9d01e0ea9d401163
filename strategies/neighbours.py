"""The training inputs most similar to a text, by cosine of sentence embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from strategies.embedding import Embedder
from strategies.saving import check_embedder, read_json, write_json


@dataclass(frozen=True)
class Neighbours:
    """`vectors` is rows × dimensions, each row of length 1."""

    vectors: np.ndarray
    embedder: Embedder

    @classmethod
    def build(cls, texts: Sequence[str], embedder: Embedder) -> Neighbours:
        return cls(embedder.embed(texts), embedder)

    def nearest(self, texts: Sequence[str], k: int) -> list[list[int]]:
        """For each text up to `k` row numbers, most similar first; ties go to the earlier row."""
        return [[row for row, _ in rows] for rows in self.ranked(texts, k)]

    def ranked(self, texts: Sequence[str], k: int) -> list[list[tuple[int, float]]]:
        """As `nearest`, each row number with its cosine, to five decimals."""
        if not texts:
            return []
        # rounded, so that the noise of float32 sums in another batch size moves no tie
        similarity = np.round(self.embedder.embed(texts) @ self.vectors.T, 5)
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        return [
            [(int(row), round(float(cosines[row]), 5)) for row in rows]
            for rows, cosines in zip(order, similarity, strict=True)
        ]

    @property
    def memory_bytes(self) -> int:
        return int(self.vectors.nbytes)

    def save(self, folder: Path) -> None:
        np.save(folder / "vectors.npy", self.vectors, allow_pickle=False)
        write_json(folder / "vectors.json", {"embedder": self.embedder.fingerprint})

    @classmethod
    def load(cls, folder: Path, embedder: Embedder) -> Neighbours:
        """Raises ModelError where `embedder` is not the one that made the vectors."""
        check_embedder(read_json(folder / "vectors.json")["embedder"], embedder)
        return cls(np.load(folder / "vectors.npy", allow_pickle=False), embedder)
