"""Test rows that nearly repeat training rows count for no score."""

import pytest
from test_summary import run_record, summary_of, track

from benchmarks.records import APART, SentinelRecord


def test_test_rows_that_leaked_count_for_no_score_but_for_cost() -> None:
    """Of 20 rows lora knows the first 8, which stand in its training rows, and 3 of the others."""
    run = run_record("zero", "lora")
    tracks = [
        *track("zero", [0.0] * 8 + [1.0] * 6 + [0.0] * 6),
        *track("lora", [1.0] * 11 + [0.0] * 9),
    ]
    names = tuple(f"e{number}" for number in range(8))
    fired = SentinelRecord(name=APART, passed=False, message="m", examples=names)
    plain, clean = summary_of(run, *tracks), summary_of(run, fired, *tracks)
    assert plain.leak is None
    assert [row.quality.value for row in plain.strategies] == pytest.approx([0.3, 0.55])
    assert clean.leak is not None
    assert clean.leak.rows == 8
    assert [(row.quality.value, row.quality.n) for row in clean.strategies] == [
        (pytest.approx(0.5), 12),
        (pytest.approx(0.25), 12),
    ]
    assert (clean.comparisons[0].difference, clean.comparisons[0].n) == (pytest.approx(0.25), 12)
    assert clean.strategies[0].p_best > 0.5 > plain.strategies[0].p_best
    assert [row.cost for row in clean.strategies] == [row.cost for row in plain.strategies]
    assert clean.spent_usd == plain.spent_usd
    unnamed = summary_of(run, fired.model_copy(update={"examples": ()}), *tracks)
    assert (unnamed.leak.rows, unnamed.strategies) == (None, plain.strategies)
    mended = fired.model_copy(update={"passed": True})
    assert summary_of(run, fired, mended, *tracks) == plain


@pytest.mark.parametrize("metric", ["token_f1", "macro_f1"])
def test_where_every_test_row_leaked_nothing_was_measured(metric: str) -> None:
    run = run_record("zero", "lora")
    task = run.task.model_copy(update={"metric": metric, "labels": ("a", "b")})
    rows = [*track("zero", [1.0] * 4), *track("lora", [0.0] * 4)]
    names = tuple(f"e{number}" for number in range(4))
    fired = SentinelRecord(name=APART, passed=False, message="m", examples=names)
    found = summary_of(run.model_copy(update={"task": task}), fired, *rows)
    assert [(row.quality.n, row.quality.low, row.quality.high) for row in found.strategies] == [
        (0, 0.0, 1.0),
        (0, 0.0, 1.0),
    ]
    assert (found.comparisons[0].low, found.comparisons[0].high) == (-1.0, 1.0)
