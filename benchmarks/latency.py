"""Latency: requests sent one at a time, after a warm-up, with no answer ever cached.

An answer to a single request is as good as one out of a batch (a sentinel holds batch sizes to
that), so the first requests are test examples whose answers count: nothing is computed twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice

from benchmarks.records import LatencyRecord
from corpora.task import Example
from strategies.base import Answer

REQUESTS = 60
WARM_UPS = 3
PAID_SECONDS = 90.0
PAID_REQUESTS = 20
FAILURES_IN_A_ROW = 10

AnswerInputs = Callable[[Sequence[str]], list[Answer]]


def enough(taken: Sequence[LatencyRecord], *, hosted: bool) -> bool:
    """Whether so many requests do: 60, or for a model billed by the token at least 20 once they
    have taken 90 seconds.
    """
    if hosted and len(taken) >= PAID_REQUESTS:
        return len(taken) >= REQUESTS or sum(one.ms for one in taken) >= PAID_SECONDS * 1000
    return len(taken) >= REQUESTS


def time_requests(
    strategy: str,
    answer: AnswerInputs,
    examples: Sequence[Example],
    *,
    hosted: bool,
    taken: Sequence[LatencyRecord] = (),
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[tuple[Example, Answer, LatencyRecord | None]]:
    """Measure until there is enough, going through the examples in a circle from where `taken`
    stopped. A request that ends in an error has no latency; ten in a row end the measuring.
    """
    measured = list(taken)
    if not examples or enough(measured, hosted=hosted):
        return
    for example in islice(cycle(examples), WARM_UPS):
        answer([example.input])
    failures = 0
    for example in islice(cycle(examples), len(measured) % len(examples), None):
        began = clock()
        (given,) = answer([example.input])
        ms = 1000 * (clock() - began)
        if given.error is not None:
            yield example, given, None
            failures += 1
            if failures == FAILURES_IN_A_ROW:
                return
            continue
        failures = 0
        record = LatencyRecord(strategy=strategy, example=example.id, ms=ms)
        measured.append(record)
        yield example, given, record
        if enough(measured, hosted=hosted):
            return
