"""Floating-point operations of a strategy, counted from tokens.

A parameter takes two operations a token that is read or written (Kaplan et al. 2020, section
2.1). A token that an adapter learns from takes four: one reading, and the gradient towards the
inputs; the frozen weights have none of their own, and the adapter's are few. Sentence embeddings
and what needs no language model are left out: they are hundreds of times less.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.latency import WARM_UPS
from benchmarks.records import RunRecord
from benchmarks.track import Track
from strategies.optimized_lora import UPPER

READ, LEARNED = 2.0, 4.0


def operations_of(track: Track, run: RunRecord) -> float | None:
    """Of setup, test answers and timed requests; None for a model of unknown size.

    A lower bound for what trains: trainings that were given up count as nothing, and neither does
    reading validation rows for their loss.
    """
    if track.facts.model is None:
        return 0.0
    parameters = next((m.parameters for m in run.models if m.name == track.facts.model), 0)
    if not parameters:
        return None
    rows = track.scored
    counted = sum(r.prompt_tokens - r.cached_tokens + r.completion_tokens for r in rows)
    each = counted / max(1, len(rows))
    batched = sum(batch.n for batch in track.batches) + track.reused_answers
    asked = batched + len(track.latencies) + WARM_UPS * bool(track.latencies)
    training = track.training or {}
    read = asked * each + tokens_asked(training.get("usage"))
    return parameters * (READ * read + LEARNED * tokens_learned(training))


def tokens_learned(training: Mapping[str, Any]) -> float:
    """Of all trainings of a search that tell them, else of the one that is kept. One of the upper
    layers alone counts as their share."""
    told = [row for row in training.get("search") or () if "tokens" in row]
    if not told:
        return float(training.get("tokens", 0))
    return sum(
        float(row["tokens"]) / (UPPER if row.get("depth") == "upper third" else 1) for row in told
    )


def tokens_asked(usage: Mapping[str, Any] | None) -> float:
    counts = usage or {}
    read = float(counts.get("prompt", 0)) - float(counts.get("cached", 0))
    return read + float(counts.get("completion", 0))
