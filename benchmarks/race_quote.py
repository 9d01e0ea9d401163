"""What a race will take at most, before it is run; what it spares nobody can say beforehand."""

from __future__ import annotations

from collections.abc import Collection

from benchmarks.latency import REQUESTS, WARM_UPS
from benchmarks.quote import Quote, QuoteRow
from corpora.task import Dataset


def with_race(quote: Quote, dataset: Dataset, hosted: Collection[str]) -> Quote:
    """The quote with every validation row answered once by each strategy: the most that a race
    asks. `hosted` are the ids of those with a hosted model."""
    n_test, rows = len(dataset.test), len(dataset.validation)
    requests = n_test + WARM_UPS + max(0, REQUESTS - n_test // 2)
    raced = tuple(
        row if row.skipped else row_with_race(row, rows / requests, row.id in hosted)
        for row in quote.rows
    )
    return quote.model_copy(
        update={
            "rows": raced,
            "seconds": sum(row.seconds for row in raced),
            "usd": sum(row.usd for row in raced),
            "race_seconds": sum(row.race_seconds for row in raced),
        }
    )


def row_with_race(row: QuoteRow, share: float, hosted: bool) -> QuoteRow:
    """`share` is what the race asks of a strategy for each request that it is quoted for. Of a
    hosted model the whole price is taken to be that of requests: rather too much than too little.
    """
    seconds = share * max(0.0, row.seconds - row.setup_seconds - row.curve_seconds)
    part = share if hosted else seconds / row.seconds if row.seconds else 0.0
    update = {
        "race_seconds": seconds,
        "seconds": row.seconds + seconds,
        "usd": row.usd * (1 + part),
    }
    return row.model_copy(update=update)
