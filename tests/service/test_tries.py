"""Whether the seconds of a budget ended a search, from what it tried."""

import pytest

from service.tries import ended_by_time


@pytest.mark.parametrize(
    ("more", "seconds", "ended"),
    [
        ({"epochs": 3}, 179, True),  # 120 seconds of two trainings, and a third takes 60
        ({"epochs": 3}, 181, False),
        ({}, 134, True),  # a round of 16 rows takes 15 seconds
        ({}, 136, False),
        ({"dropped": "out of time"}, 1_000, True),
    ],
)
def test_a_search_was_ended_by_time_where_no_more_would_have_fit(
    more: dict[str, object], seconds: float, ended: bool
) -> None:
    tries = [{"rows": 64.0, "seconds": 60.0, "validation_score": 0.5, **more}] * 2
    assert ended_by_time(tries, seconds) is ended
