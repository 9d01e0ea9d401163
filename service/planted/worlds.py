"""What is true in a made-up task: the parameters that its rows are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp
from typing import Any

import numpy as np

from benchmarks.incumbent import INCUMBENT
from corpora.task import Kind, Needs

Rng = np.random.Generator
FAMILIES = {
    "baseline": "baseline",
    "prompt": "prompting",
    "rag": "rag",
    "lora": "fine-tuning",
    "lora+rag": "combined",
    "cascade": "combined",
    INCUMBENT: INCUMBENT,
}
COSTS = {
    "baseline.majority": (0.00001, 0.01, 0.02),
    "baseline.linear": (0.011, 4.0, 14.0),
    "baseline.nearest": (0.016, 4.0, 14.0),
    "baseline.passage": (0.015, 10.0, 20.0),
    "prompt.zero-shot": (0.12, 0.4, 140.0),
    "prompt.few-shot": (0.19, 1.6, 210.0),
    "prompt.nearest": (0.42, 5.0, 440.0),
    "prompt.optimized": (0.46, 180.0, 460.0),
    "rag.bm25": (0.50, 1.0, 500.0),
    "rag.dense": (0.54, 10.0, 520.0),
    "rag.hybrid": (0.58, 10.0, 540.0),
    "rag.optimized": (0.80, 200.0, 800.0),
    "lora": (0.14, 130.0, 150.0),
    "lora+rag": (0.62, 200.0, 560.0),
    INCUMBENT: (0.0, 0.0, 300.0),
}
"""Seconds of the machine a request and for setup, and milliseconds of a single request: about
what a model of 135 million parameters takes on two cores."""
SPREAD = 0.1
"""Costs are drawn up to a tenth around those, on a logarithmic scale."""


@dataclass(frozen=True)
class Way:
    """One strategy as it truly is.

    `quality` is the score to expect of an answer to an input that nobody has seen, 0 to 1, and
    `memory` that of one that stands in the training rows (None: the same). `seconds` of the
    machine are spent on a request, `setup` ones before; `latency_ms` is the median of a single
    request. `errors` is the share of requests that fail. `reads` says whether it uses documents;
    `epochs` and `tried` (seconds of settings that a search gave up) are what its setup did.
    `usd` is what a request costs where that is stated instead of measured.
    """

    name: str
    quality: float
    seconds: float
    setup: float
    latency_ms: float
    errors: float = 0.0
    memory: float | None = None
    reads: bool = False
    epochs: int = 0
    tried: float = 0.0
    usd: float | None = None

    @property
    def family(self) -> str:
        return family_of(self.name)


@dataclass(frozen=True)
class World:
    """A task and its strategies as they truly are.

    `correlation` is that of the hidden difficulty of one row for two strategies. `noise` is the
    share of test labels that are wrong, `leaked` that of test rows that stand in the training
    rows. Where `graded`, an answer scores anything from 0 to 1, else 0 or 1.
    """

    ways: tuple[Way, ...]
    rows: int
    needs: Needs
    kind: Kind = "classification"
    metric: str = "accuracy"
    labels: int = 10
    correlation: float = 0.5
    noise: float = 0.0
    leaked: float = 0.0
    graded: bool = False

    def way(self, name: str) -> Way:
        return next(way for way in self.ways if way.name == name)

    def gap(self, one: str, other: str) -> float:
        """True quality of one minus the other's."""
        return self.way(one).quality - self.way(other).quality


def family_of(name: str) -> str:
    return FAMILIES[name] if name in FAMILIES else FAMILIES[name.split(".")[0]]


def way_of(rng: Rng, name: str, quality: float, **true: Any) -> Way:
    """A strategy of that quality at about its usual costs, or as said."""
    seconds, setup, ms = (cost * exp(rng.uniform(-SPREAD, SPREAD)) for cost in COSTS[name])
    reads = name.startswith("rag") or name in ("lora+rag", "baseline.passage")
    epochs = 3 if name.startswith("lora") else 0
    usual = Way(name, quality, seconds, setup, ms, reads=reads, epochs=epochs)
    return replace(usual, **true)


def ways_of(rng: Rng, qualities: dict[str, float], **true: dict[str, Any]) -> tuple[Way, ...]:
    """Several at once; what is said of one comes under its name with `_` for `.`, `-` and `+`."""
    plain = str.maketrans(".-+", "___")
    return tuple(
        way_of(rng, name, quality, **true.get(name.translate(plain), {}))
        for name, quality in qualities.items()
    )
