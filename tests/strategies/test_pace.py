"""How many requests run at once: halved when an endpoint is busy, more again when it is well."""

import threading
import time

import pytest

from strategies.models.pace import Pace, pace_of


def never_stop():
    pass


def test_it_halves_and_recovers():
    pace = Pace(8)
    with pace.slot(never_stop) as began:
        pace.slower(began)
    assert pace.limit == 4
    for _ in range(4):
        pace.well()
    assert pace.limit == 5
    for _ in range(5 + 6 + 7 + 100):
        pace.well()
    assert pace.limit == 8


def test_a_burst_halves_once():
    pace = Pace(8)
    with pace.slot(never_stop) as first, pace.slot(never_stop) as second:
        pace.slower(first)
        pace.slower(second)
    assert pace.limit == 4
    with pace.slot(never_stop) as third:
        pace.slower(third)
    assert pace.limit == 2


def test_it_never_stops_altogether():
    pace = Pace(2)
    for _ in range(5):
        with pace.slot(never_stop) as began:
            pace.slower(began)
    assert pace.limit == 1


def test_no_more_run_than_the_limit():
    pace, running, most = Pace(3), [], []

    def run():
        with pace.slot(never_stop):
            running.append(1)
            most.append(len(running))
            time.sleep(0.01)
            running.pop()

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 20
    assert max(most) <= 3


def test_retry_after_pauses_everybody():
    pace = Pace(4)
    with pace.slot(never_stop) as began:
        pace.slower(began, pause=0.4)
    told, begun = time.monotonic(), []

    def run():
        with pace.slot(never_stop):
            begun.append(time.monotonic() - told)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 2
    assert min(begun) >= 0.39


def test_who_waits_can_be_told_to_stop():
    pace = Pace(1)

    def stop():
        raise KeyError("told to stop")

    with pace.slot(never_stop), pytest.raises(KeyError), pace.slot(stop):
        pass
    with pace.slot(stop):  # there is room at once
        pass


def test_an_endpoint_has_one_pace():
    assert pace_of("http://a", "m", 8) is pace_of("http://a", "m", 8)
    assert pace_of("http://a", "m", 8) is not pace_of("http://b", "m", 8)
