"""The measurement of many clients, with few of them."""

import math

import pytest

from service.reliability.polling import measure, nearest_rank


def test_few_clients_beside_a_training(tmp_path) -> None:
    found = measure(tmp_path, clients=6, streams=3, seconds=2.0)
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
