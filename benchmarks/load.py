"""Answers under load: the measured times of single requests replayed with requests at random.

Computed, not measured. Requests come as a Poisson process at the stated peak and are handed to
the replicas in turn; a replica answers one at a time, in order, and each takes one of the
measured times, drawn at random. A request that finds its replica busy waits; its waiting time
follows from the one before by Lindley's recursion (1952, "The Theory of Queues with a Single
Server"):

    wait = max(0, wait before + service before - time between the two)

With equal service times, turns are the same as one queue for all replicas (M/D/c); otherwise they
wait a little longer, so the figure errs on the side of more.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Load

ARRIVALS = 10_000
BUSIEST = 0.8
"""No replica is planned busier than this at the peak: beyond it, waiting grows without measure."""


def replicas_for(mean_ms: float, per_second: float, fewest: int = 1) -> int:
    """How many carry the peak with none busier than BUSIEST; never below `fewest`."""
    return int(replicas_for_each(np.array([mean_ms]), per_second, fewest)[0])


def replicas_for_each(
    mean_ms: NDArray[np.float64], per_second: float, fewest: int
) -> NDArray[np.float64]:
    """The same for each of many means."""
    needed = np.ceil(per_second * mean_ms / 1000 / BUSIEST - 1e-9)
    return np.asarray(np.maximum(needed, fewest), dtype=float)


def under_load(
    service_ms: Sequence[float], per_second: float, *, fewest: int = 1, seed: int = 0
) -> Load:
    """Percentiles of waiting plus service at that rate, over ARRIVALS replayed requests."""
    times = np.asarray(service_ms, dtype=float)
    mean = float(times.mean())
    replicas = replicas_for(mean, per_second, fewest)
    gaps, places = arrivals(seed)
    came = np.cumsum(gaps) / per_second * 1000
    service = times[(places * len(times)).astype(np.intp)]
    taken = waits(came, service, replicas) + service
    p50, p95 = np.quantile(taken, [0.5, 0.95])
    return Load(
        per_second=per_second,
        replicas=replicas,
        busy=per_second * mean / 1000 / replicas,
        p50=float(p50),
        p95=float(p95),
    )


@lru_cache(maxsize=4)
def arrivals(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times between requests, 1 on average, and a number from 0 to 1 that draws each one's
    service time. The same for every strategy and rate, so that a higher rate never looks
    quicker by luck."""
    rng = np.random.default_rng(seed)
    return rng.exponential(size=ARRIVALS), rng.random(size=ARRIVALS)


def waits(
    came: NDArray[np.float64], service: NDArray[np.float64], replicas: int
) -> NDArray[np.float64]:
    """How long each request waits for its replica, in the unit of the others.

    Lindley's recursion unrolled: with the sums S of (service before - time between), a replica's
    n-th request waits S_n - min(S_0 .. S_n).
    """
    if replicas >= len(came):  # one for each request, or more
        return np.zeros(len(came))
    turns = ceil(len(came) / replicas)
    # the last turn may be short: what fills it up comes behind all requests that count
    missing = turns * replicas - len(came)
    filler = np.full(missing, came[-1])
    at = np.concatenate([came, filler]).reshape(turns, replicas)
    takes = np.concatenate([service, np.zeros(missing)]).reshape(turns, replicas)
    steps = np.zeros_like(at)
    steps[1:] = takes[:-1] - np.diff(at, axis=0)
    sums = np.cumsum(steps, axis=0)
    found: NDArray[np.float64] = sums - np.minimum.accumulate(sums, axis=0)
    return found.reshape(-1)[: len(came)]
