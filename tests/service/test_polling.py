"""The measurement of many clients, with few of them."""

import math

import pytest

from benchmarks.speed.sheet import Measurement, Sheet
from service.reliability.bench import Bench
from service.reliability.polling import checks, measure, nearest_rank, polled


def test_few_clients_beside_a_training(tmp_path) -> None:
    found = polled(tmp_path, clients=6, streams=3, seconds=2.0)
    assert found.requests == 12
    assert (found.poll_errors, found.stream_errors) == (0, 0)
    assert 0 < found.poll_p50_ms <= found.poll_p99_ms <= found.poll_most_ms
    assert found.events >= 3
    assert 0 < found.progress_late_p99_s <= found.progress_late_s < 60
    assert found.api_mb > 10
    assert found.worker_mb > found.api_mb
    assert found.database_mb > 0


@pytest.mark.parametrize(
    ("values", "share", "rank"),
    [
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        (range(1, 101), 0.99, 99.0),
        ([7.0], 0.99, 7.0),
        ([], 1, math.inf),
    ],
)
def test_the_nearest_rank(values, share, rank) -> None:
    assert nearest_rank(list(values), share) == rank


def test_its_targets_are_held_against_the_sheet(tmp_path) -> None:
    sheet = Sheet(tmp_path / "reliability.jsonl", {}, schema="tuneworth.reliability/1")
    facts = {"poll_p99_ms": 260.0, "poll_errors": 1, "stream_errors": 2, "progress_late_s": 1.5}
    sheet.add(Measurement("polling", "service", 0, 90.0, facts))
    measure(Bench(tmp_path, False, sheet, print))  # it has it already
    found = {
        check.name: (check.value, check.met) for check in checks(sheet.measurements, quick=False)
    }
    assert found == {
        "poll_p99_ms": (260.0, False),
        "poll_errors": (3, False),
        "progress_late_s": (1.5, True),
    }
