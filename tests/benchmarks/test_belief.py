"""A joint belief: how evidence moves it, and what it says."""

import numpy as np
import pytest

from benchmarks.belief.angles import expected_quality, measured_angle, to_angle, to_quality
from benchmarks.belief.belief import Belief, Observation


def belief(*means, deviations=None, correlation=0.0):
    sizes = np.array(deviations or [0.2] * len(means))
    shared = correlation + (1 - correlation) * np.eye(len(means))
    ids = tuple("abcdefgh"[: len(means)])
    return Belief(ids, np.array(means), shared * np.outer(sizes, sizes))


def seen(about, values, noise):
    return Observation(
        tuple(about), np.eye(len(about)), np.array(values), np.atleast_2d(np.array(noise))
    )


class TestUpdates:
    def test_an_observation_moves_by_its_share_of_certainty(self):
        after = belief(0.8, 0.8, correlation=0.5).updated(seen("a", [1.0], 0.04))
        # prior variance 0.04 and noise 0.04 meet halfway; b follows by half of it
        assert after.mean == pytest.approx([0.9, 0.85])
        assert np.diag(after.covariance) == pytest.approx([0.02, 0.035])

    def test_the_order_of_independent_observations_does_not_matter(self):
        one, other = seen("a", [1.0], 0.01), seen("b", [0.6], 0.02)
        start = belief(0.8, 0.7, 0.9, correlation=0.6)
        here, there = start.updated(one).updated(other), start.updated(other).updated(one)
        assert here.mean == pytest.approx(there.mean)
        assert here.covariance == pytest.approx(there.covariance)

    def test_noise_that_is_shared_tells_differences_better_than_levels(self):
        start = belief(0.8, 0.8)
        noise = 0.04 * np.array([[1.0, 0.9], [0.9, 1.0]])
        after = start.updated(seen("ab", [0.9, 0.7], noise))
        difference = np.array([1.0, -1.0])
        spread = float(difference @ after.covariance @ difference)
        apart = start.updated(seen("ab", [0.9, 0.7], np.diag([0.04, 0.04])))
        assert spread < 0.2 * float(difference @ apart.covariance @ difference)
        assert after.mean[0] - after.mean[1] > apart.mean[0] - apart.mean[1]

    def test_an_exact_observation_leaves_no_doubt_and_no_negative_variance(self):
        after = belief(0.8, 0.8, correlation=0.999).updated(seen("a", [1.2], 1e-12))
        assert after.quality("a").value == pytest.approx(float(to_quality(1.2)), abs=1e-6)
        assert (np.linalg.eigvalsh(after.covariance) > -1e-12).all()


class TestQualities:
    @pytest.mark.parametrize(
        ("mean", "deviation"), [(0.8, 0.1), (1.5, 0.3), (0.05, 0.2), (0.8, 1.0)]
    )
    def test_the_value_is_the_mean_of_draws(self, mean, deviation):
        one = belief(mean, deviations=[deviation])
        drawn = one.draws(np.random.default_rng(0), 200_000)
        assert one.quality("a").value == pytest.approx(float(drawn.mean()), abs=0.01)
        assert (
            float(expected_quality(np.array(mean), np.array(deviation))) == one.quality("a").value
        )

    def test_ninety_percent_of_draws_lie_inside(self):
        one = belief(0.9, deviations=[0.15])
        told = one.quality("a")
        drawn = one.draws(np.random.default_rng(1), 100_000)
        inside = (drawn >= told.low) & (drawn <= told.high)
        assert inside.mean() == pytest.approx(0.9, abs=0.005)

    def test_the_interval_stays_within_0_and_1(self):
        told = belief(1.5, deviations=[0.4]).quality("a")
        assert told.high == 1.0
        assert 0 < told.low < told.value < 1


def test_angles_go_there_and_back():
    qualities = np.linspace(0, 1, 11)
    assert to_quality(to_angle(qualities)) == pytest.approx(qualities)


def test_all_rows_right_is_no_proof():
    assert float(to_quality(measured_angle(1.0, 8))) == pytest.approx(0.957, abs=0.001)
    assert float(to_quality(measured_angle(1.0, 800))) > 0.999
    assert float(to_quality(measured_angle(0.5, 8))) == pytest.approx(0.5)
