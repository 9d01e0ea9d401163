"""Found chunks put in another order by a cross-encoder, which reads question and chunk together.

Passage re-ranking as in Nogueira and Cho 2019, "Passage Re-ranking with BERT".
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol

from strategies.errors import ModelError
from strategies.registry import ALLOW_DOWNLOAD

BATCH = 32
DEPTH = 20
"""Chunks of the retriever that are put in order anew."""


class Reranker(Protocol):
    """Says how well chunks answer a question."""

    @property
    def fingerprint(self) -> str:
        """Names the weights."""
        ...

    def scores(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One score a pair of question and chunk, higher for better; only the order counts."""
        ...


@cache
def reranker_of(source: str) -> Reranker:
    """The cross-encoder of a folder or a hub id, one per process, loaded when first used."""
    return CrossEncoderReranker(source)


class CrossEncoderReranker:
    """A sentence-transformers cross-encoder with one score a pair, in float32.

    From this machine's files alone, unless TUNEWORTH_ALLOW_DOWNLOAD=1; safetensors only, and no
    code that comes with the weights is run. Raises ModelError when it is first used.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._loading = threading.Lock()

    def scores(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        if not pairs:
            return []
        from torch.nn import Identity

        with self._loading:  # one caller at a time: the tokenizer holds state, torch the cores
            found = self._network.predict(
                list(pairs),
                batch_size=BATCH,
                activation_fn=Identity(),  # a sigmoid would make the best ones equal
                show_progress_bar=False,
            )
        return [float(score) for score in found]

    @cached_property
    def fingerprint(self) -> str:
        from strategies.models.local import fingerprint_of

        return fingerprint_of(self._network.model, self._network.tokenizer)

    @cached_property
    def _network(self) -> Any:
        import torch
        from sentence_transformers import CrossEncoder
        from transformers.utils.logging import disable_progress_bar

        from strategies.models.local import UNREADABLE

        disable_progress_bar()  # type: ignore[no-untyped-call]
        download = os.environ.get(ALLOW_DOWNLOAD) == "1"
        folder = Path(self.source).expanduser()
        try:
            network = CrossEncoder(
                str(folder) if folder.is_dir() else self.source,
                local_files_only=not download,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True, "dtype": torch.float32},
            )
        except UNREADABLE as error:
            raise ModelError(
                f"reranker: {self.source!r} cannot be loaded ({error}). Give a folder with "
                "config.json, safetensors weights and the tokenizer's files, or a hub id that is "
                f"in the local cache; {ALLOW_DOWNLOAD}=1 lets a hub id be downloaded."
            ) from error
        head = "ForSequenceClassification"  # drawn at random where the weights have none
        kinds = network.model.config.architectures or []
        if type(network.model).__name__.endswith(head) and not any(head in kind for kind in kinds):
            raise ModelError(
                f"reranker: {self.source!r} is no cross-encoder ({', '.join(kinds) or 'no kind'})."
                " Give a model that was trained to score pairs of a question and a text."
            )
        labels = network.model.config.num_labels
        if labels != 1:
            raise ModelError(
                f"reranker: {self.source!r} gives {labels} scores a pair. Give a cross-encoder "
                "that gives one."
            )
        return network


class RememberingReranker:
    """Another reranker that scores each pair once, for trials that ask the same again."""

    def __init__(self, inner: Reranker) -> None:
        self.inner = inner
        self._known: dict[tuple[str, str], float] = {}

    @property
    def fingerprint(self) -> str:
        return self.inner.fingerprint

    def scores(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        self._known.update(zip(new, self.inner.scores(new), strict=True))
        return [self._known[pair] for pair in pairs]


def best_first(scores: Sequence[float]) -> list[int]:
    """Places from the highest score to the lowest, equal ones in their order.

    Rounded, so that the noise of float32 sums in another batch size moves no tie.
    """
    return sorted(range(len(scores)), key=lambda place: (-round(scores[place], 4), place))


def reranked(
    reranker: Reranker, queries: Sequence[str], found: Sequence[Sequence[tuple[int, str]]]
) -> list[list[int]]:
    """Numbers of chunks in the reranker's order, for each query; `found` has number and text."""
    pairs = [(query, text) for query, of in zip(queries, found, strict=True) for _, text in of]
    scores = iter(reranker.scores(pairs))
    ordered = []
    for of in found:
        places = best_first([next(scores) for _ in of])
        ordered.append([of[place][0] for place in places])
    return ordered
