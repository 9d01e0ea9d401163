"""Waiting under load, against values worked out by hand and against queueing theory."""

import numpy as np
import pytest

from benchmarks.load import ARRIVALS, BUSIEST, arrivals, replicas_for, under_load, waits


def test_waits_by_hand():
    """Requests at 0, 1 and 2 that take 3, 1 and 1."""
    came, service = np.array([0.0, 1.0, 2.0]), np.array([3.0, 1.0, 1.0])
    assert waits(came, service, 1).tolist() == [0.0, 2.0, 2.0]
    assert waits(came, service, 2).tolist() == [0.0, 0.0, 1.0]
    assert waits(came, service, 3).tolist() == [0.0, 0.0, 0.0]
    assert waits(came, service, 7).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("replicas", [1, 2, 3, 7])
def test_waits_are_those_of_going_through_the_queue_step_by_step(replicas):
    rng = np.random.default_rng(3)
    came = np.cumsum(rng.exponential(size=200))
    service = rng.exponential(scale=0.9 * replicas, size=200)
    free, expected = [0.0] * replicas, []
    for number, (at, takes) in enumerate(zip(came, service, strict=True)):
        start = max(at, free[number % replicas])
        expected.append(start - at)
        free[number % replicas] = start + takes
    assert waits(came, service, replicas) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("busy", [0.3, 0.5, 0.8])
def test_the_mean_wait_is_that_of_pollaczek_and_khinchine(busy):
    """Equal service times of 1: busy / (2 (1 - busy))."""
    gaps, _ = arrivals(0)
    found = waits(np.cumsum(gaps) / busy, np.ones(ARRIVALS), 1).mean()
    assert found == pytest.approx(busy / (2 * (1 - busy)), rel=0.15)


@pytest.mark.parametrize(
    ("mean_ms", "rate", "fewest", "replicas"),
    [
        (100, 0.001, 1, 1),
        (100, 8, 1, 1),
        (100, 8.01, 1, 2),
        (250, 100, 1, 32),
        (250, 100, 40, 40),
    ],
)
def test_replicas_carry_the_peak(mean_ms, rate, fewest, replicas):
    assert replicas_for(mean_ms, rate, fewest) == replicas
    assert rate * mean_ms / 1000 / replicas <= BUSIEST + 1e-9


def test_a_quiet_service_answers_in_the_measured_times():
    load = under_load([100.0] * 60, 0.0001)
    assert (load.replicas, load.p50, load.p95) == (1, 100.0, 100.0)


def test_a_higher_rate_is_never_quicker_on_the_same_machines():
    times = [float(ms) for ms in range(20, 80)]
    found = [under_load(times, rate, fewest=4) for rate in (1, 5, 20, 40, 60)]
    assert {load.replicas for load in found} == {4}
    p95 = [load.p95 for load in found]
    assert p95 == sorted(p95)
    assert p95[-1] > p95[0] + 10


def test_the_same_seed_gives_the_same_figures():
    times = [10.0, 20.0, 90.0]
    assert under_load(times, 7, seed=1) == under_load(times, 7, seed=1)
    assert under_load(times, 7, seed=1) != under_load(times, 7, seed=2)
