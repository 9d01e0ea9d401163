"""The example run with a learning curve of `lora`."""

from example_run import example_records, strategy_records

from benchmarks.records import CurveRecord, EndRecord, LatencyRecord, Record
from corpora.task import Needs

PARTS = {20: (0.50, 0.54, 0.46), 50: (0.70, 0.73, 0.68), 100: (0.85, 0.83)}
"""Shares of right answers by the number of training examples; with all 200 it is 0.93."""


def curve_records(
    needs: Needs | None = None, parts: dict[int, tuple[float, ...]] = PARTS
) -> list[Record]:
    """The whole journal."""
    records = [row for row in example_records(needs) if not isinstance(row, EndRecord)]
    for n, shares in parts.items():
        for seed, share in enumerate(shares):
            point = f"lora[n={n},seed={seed}]"
            records.append(CurveRecord(point=point, strategy="lora", n=n, seed=seed))
            mine = strategy_records(point, share, n / 2, 1.25, 148.0)
            records += [row for row in mine if not isinstance(row, LatencyRecord)]
    return [*records, EndRecord(seconds=1200.0)]
