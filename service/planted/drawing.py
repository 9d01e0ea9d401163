"""From what is true to the records of a run: the rows that one comparison happens to see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.incumbent import INCUMBENT
from benchmarks.records import (
    APART,
    BatchRecord,
    EndRecord,
    Environment,
    LatencyRecord,
    ModelFacts,
    OutcomeRecord,
    Record,
    RunRecord,
    SentinelRecord,
    SetupRecord,
    StatedRecord,
    StrategyFacts,
    TaskFacts,
)
from service.planted.worlds import Rng, Way, World

Floats = NDArray[np.float64]
MODEL = "made-up"
USD_PER_HOUR = 0.09
TIMED = 60
"""Requests timed one at a time, as in a real run."""
BATCHES = 5
JITTER, BATCH_JITTER = 0.15, 0.05
"""Spread of latencies and of batch times, on a logarithmic scale."""
SHARPNESS = 2.0
"""Of graded scores: below 2 / quality they pile up at 0 and 1, as those of short texts do."""


def records_of(world: World, rng: Rng, seed: int) -> list[Record]:
    """The journal of one comparison in that world; `seed` is that of the run."""
    leaked = leaked_rows(world, rng)
    scores = scores_of(world, leaked, rng)
    records: list[Record] = [run_record(world, seed), apart(leaked)]
    for way, line in zip(world.ways, scores, strict=True):
        records += way_records(way, world, line, rng)
    records.append(EndRecord(seconds=sum(way.setup for way in world.ways)))
    return records


def leaked_rows(world: World, rng: Rng) -> NDArray[np.bool_]:
    """Which test rows stand in the training rows: a fixed number, anywhere."""
    found = np.zeros(world.rows, dtype=bool)
    found[rng.permutation(world.rows)[: round(world.leaked * world.rows)]] = True
    return found


def scores_of(world: World, leaked: NDArray[np.bool_], rng: Rng) -> Floats:
    """Scores by strategy and row.

    Every strategy finds a row as hard as its own draw says, which it shares in part with the
    others (a Gaussian copula), and answers the easiest share `quality` of all rows right: so its
    expected score is exactly its quality, whatever the correlation.
    """
    shape = len(world.ways), world.rows
    shared = np.sqrt(world.correlation) * rng.standard_normal(world.rows)
    own = np.sqrt(1 - world.correlation) * rng.standard_normal(shape)
    hard: Floats = stats.norm.cdf(shared + own)
    quality = np.array([[way.quality] for way in world.ways])
    memory = np.array([[way.quality if way.memory is None else way.memory] for way in world.ways])
    expected = np.where(leaked, memory, quality)
    if world.graded:
        graded: Floats = stats.beta.ppf(1 - hard, SHARPNESS * expected, SHARPNESS * (1 - expected))
        return graded
    scores = (hard < expected).astype(float)
    wrong_label = rng.random(world.rows) < world.noise
    by_luck = (1 - scores) * (rng.random(shape) < 1 / max(1, world.labels - 1))
    return np.where(wrong_label, by_luck, scores)


def way_records(way: Way, world: World, scores: Floats, rng: Rng) -> Iterator[Record]:
    yield SetupRecord(
        strategy=way.name, status="completed", seconds=way.setup, training=training_of(way)
    )
    failed = rng.random(world.rows) < way.errors
    for row, score in enumerate(scores.tolist()):
        yield outcome(way, world.metric, row, None if failed[row] else score)
    if way.family == INCUMBENT:
        for row in range(world.rows):
            yield StatedRecord(strategy=way.name, example=name_of(row), usd=way.usd)
        return
    size = world.rows // BATCHES
    for jitter in np.exp(rng.normal(0, BATCH_JITTER, BATCHES)):
        yield BatchRecord(strategy=way.name, n=size, seconds=float(size * way.seconds * jitter))
    for row, jitter in enumerate(np.exp(rng.normal(0, JITTER, TIMED))):
        ms = float(way.latency_ms * jitter)
        yield LatencyRecord(strategy=way.name, example=name_of(row % world.rows), ms=ms)


def outcome(way: Way, metric: str, row: int, score: float | None) -> OutcomeRecord:
    """One answer; an error where there is no score."""
    return OutcomeRecord(
        strategy=way.name,
        example=name_of(row),
        state="error" if score is None else "ok",
        error="no reply" if score is None else None,
        scores={} if score is None else {metric: score},
        retrieved=3 if way.reads else 0,
    )


def training_of(way: Way) -> dict[str, Any] | None:
    """As strategies report it: epochs, and what a search tried."""
    if not way.epochs and not way.tried:
        return None
    given_up = {"validation_score": 0.5, "rows": 40, "seconds": way.tried}
    chosen = {"validation_score": 0.6, "rows": 40, "seconds": 1.0, "chosen": True}
    return {"epochs": way.epochs, "search": [given_up, chosen] if way.tried else []}


def apart(leaked: NDArray[np.bool_]) -> SentinelRecord:
    """What the guard says of training and test rows."""
    names = tuple(name_of(int(row)) for row in np.flatnonzero(leaked))
    message = f"{len(names)} test inputs are nearly the same as training inputs."
    return SentinelRecord(name=APART, passed=not names, message=message, examples=names)


def name_of(row: int) -> str:
    return f"row-{row}"


def run_record(world: World, seed: int) -> RunRecord:
    """The first line, which says nothing of the situation."""
    labels = tuple(f"label-{label}" for label in range(world.labels))
    return RunRecord(
        fingerprint="0" * 64,
        seed=seed,
        task=TaskFacts(
            name="made-up",
            kind=world.kind,
            metric=world.metric,
            labels=labels if world.kind == "classification" else (),
            n_train=200,
            n_validation=40,
            n_test=world.rows,
            n_documents=40 if any(way.reads for way in world.ways) else 0,
        ),
        needs=world.needs,
        models=(ModelFacts(name=MODEL, parameters=1, dtype="float32", fingerprint="0"),),
        strategies=tuple(
            StrategyFacts(
                id=way.name,
                name=way.name,
                family=way.family,
                model=None if way.family in ("baseline", INCUMBENT) else MODEL,
                searches=bool(way.tried),
            )
            for way in world.ways
        ),
        environment=Environment(
            cpu="none",
            cores=1,
            memory_gb=1.0,
            gpu=None,
            torch="none",
            versions={},
            started_at="2026-01-01T00:00:00+00:00",
        ),
        prices={
            "machine": "made-up",
            "usd_per_hour": USD_PER_HOUR,
            "source": "made up",
            "as_of": "2026-01",
        },
    )
