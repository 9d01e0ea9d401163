"""A logistic regression over sentence embeddings, as plain weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpora.task import Task
from strategies.base import Answer, Training
from strategies.embedding import Embedder
from strategies.saving import check_embedder, read_json, write_json

CHOICES = (1.0, 10.0, 100.0)
"""Values of C tried, from the most regularised on. Embeddings have length 1, so C = 1 is firm."""


@dataclass(frozen=True)
class LinearHead:
    """`weights` is seen labels × dimensions, `bias` one value a seen label (float64).

    A label of the task that no training row shows gets probability 0.
    """

    labels: tuple[str, ...]
    seen: tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray
    c: float
    embedder: Embedder
    training: Training | None = None

    @classmethod
    def fit(
        cls, task: Task, vectors: np.ndarray, outputs: Sequence[str], c: float, embedder: Embedder
    ) -> LinearHead:
        """`vectors` is rows × dimensions, in the order of `outputs`."""
        from sklearn.linear_model import LogisticRegression

        seen = tuple(sorted(set(outputs)))
        labels = tuple(dict.fromkeys([*task.labels, *seen]))
        if len(seen) == 1:
            weights, bias = np.zeros((1, vectors.shape[1])), np.zeros(1)
            return cls(labels, seen, weights, bias, c, embedder)
        model = LogisticRegression(C=c, max_iter=2000)
        model.fit(vectors.astype(np.float64), outputs)
        weights, bias = model.coef_, model.intercept_
        if len(seen) == 2:  # one row, for the second label against the first
            weights = np.vstack([np.zeros_like(weights), weights])
            bias = np.concatenate([np.zeros_like(bias), bias])
        return cls(labels, seen, weights, bias, c, embedder)

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        if not inputs:
            return []
        logits = self.embedder.embed(inputs).astype(np.float64) @ self.weights.T + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = odds / odds.sum(axis=1, keepdims=True)
        return [self._answer(row) for row in shares]

    def _answer(self, shares: np.ndarray) -> Answer:
        known = dict(zip(self.seen, shares.tolist(), strict=True))
        probabilities = {label: known.get(label, 0.0) for label in self.labels}
        best = self.seen[int(shares.argmax())]
        return Answer(best, probabilities=probabilities)

    def save(self, folder: Path) -> None:
        """`head.json` names labels and settings; `head.npz` holds the two arrays."""
        np.savez(folder / "head.npz", weights=self.weights, bias=self.bias)
        settings = {
            "labels": self.labels,
            "seen": self.seen,
            "c": self.c,
            "embedder": self.embedder.fingerprint,
        }
        write_json(folder / "head.json", settings)

    @classmethod
    def load(cls, folder: Path, embedder: Embedder) -> LinearHead:
        """Raises ModelError where `embedder` is not the one that the head was fitted on."""
        settings = read_json(folder / "head.json")
        check_embedder(settings["embedder"], embedder)
        with np.load(folder / "head.npz", allow_pickle=False) as arrays:
            weights, bias = arrays["weights"], arrays["bias"]
        labels, seen = tuple(settings["labels"]), tuple(settings["seen"])
        return cls(labels, seen, weights, bias, settings["c"], embedder)
