"""A joint belief: how evidence moves it, what it says, and what further evidence is worth."""

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

    def test_what_a_measurement_would_find_is_less_certain(self):
        one = belief(0.8, deviations=[0.03])
        exact, inexact = one.quality("a"), one.quality("a", error=0.05)
        assert inexact.value == exact.value
        # 0.03 and 0.05 are independent: their squares add up
        assert inexact.high - inexact.low == pytest.approx(
            2 * 1.645 * (0.03**2 + 0.05**2) ** 0.5, rel=0.02
        )

    def test_odds_are_shared_between_equals_and_sum_to_1(self):
        odds = belief(0.8, 0.8, 0.2, deviations=[0.1, 0.1, 0.01]).odds()
        assert sum(one.p_best for one in odds.values()) == pytest.approx(1.0)
        assert odds["a"].p_best == pytest.approx(0.5, abs=0.03)
        assert odds["c"].p_best == 0.0
        assert odds["c"].regret > odds["a"].regret > 0

    def test_the_few_are_believed_as_before(self):
        start = belief(0.8, 0.7, 0.9, correlation=0.6)
        few = start.among(["c", "a"])
        assert few.quality("c") == start.quality("c")
        assert few.covariance[0, 1] == start.covariance[2, 0]


class TestWorth:
    def brute_force(self, gap, prior, noise, margin, draws=400_000):
        """`b` is known to be at 0.8; `a` is `gap` from it with the deviation `prior`, and seen with
        `noise`: written out anew, without matrices."""
        rng = np.random.default_rng(9)
        truth = 0.8 + gap + prior * rng.standard_normal(draws)
        read = truth + noise * rng.standard_normal(draws)
        pull = prior**2 / (prior**2 + noise**2)
        after = 0.8 + gap + pull * (read - 0.8 - gap)
        left = prior * (1 - pull) ** 0.5
        known = np.sin(0.8) ** 2
        quality = np.sin(np.clip(truth, 0, np.pi / 2)) ** 2

        def mean_of(angle, deviation):
            return 0.5 - 0.5 * np.exp(-2 * deviation**2) * np.cos(2 * angle)

        def lost(takes_a):
            taken = np.where(takes_a, quality, known)
            return np.maximum(np.maximum(quality, known) - taken - margin, 0).mean()

        now = lost(np.full(draws, mean_of(0.8 + gap, prior) > known))
        return now - lost(mean_of(after, left) > known)

    @pytest.mark.parametrize("margin", [0.0, 0.05])
    @pytest.mark.parametrize("noise", [0.02, 0.1])
    @pytest.mark.parametrize("gap", [-0.1, 0.03])
    def test_it_agrees_with_brute_force(self, gap, noise, margin):
        start = belief(0.8 + gap, 0.8, deviations=[0.12, 1e-4])
        expected = self.brute_force(gap, 0.12, noise, margin)
        found = start.worth(seen("a", [0.0], noise**2), margin=margin)
        assert found == pytest.approx(expected, abs=0.0015)
        assert expected > 0.002

    def test_evidence_on_one_is_worth_something_through_another_like_it(self):
        apart = belief(0.8, 0.8, deviations=[0.1, 0.1]).among(["a", "b"])
        three = Belief(("a", "b", "c"), np.full(3, 0.8), np.full((3, 3), 0.0))
        covariance = np.diag([0.01, 0.01, 0.01])
        covariance[0, 2] = covariance[2, 0] = 0.009
        three = Belief(three.ids, np.array([0.8, 0.8, 0.2]), covariance)
        through = three.worth(seen("c", [0.0], 1e-6), margin=0.0)
        straight = apart.worth(seen("a", [0.0], 1e-6), margin=0.0)
        assert 0.5 * straight < through < straight

    def test_nothing_learned_is_worth_nothing(self):
        start = belief(0.8, 0.85, correlation=0.3)
        assert start.worth(start, margin=0.02) == 0.0

    def test_the_surer_the_dearer(self):
        start = belief(0.8, 0.85, 0.7, correlation=0.3)
        worth = [start.worth(seen("a", [0.0], s**2), margin=0.02) for s in (0.02, 0.1, 0.4, 5.0)]
        assert worth == sorted(worth, reverse=True)
        assert worth[-1] < 0.1 * worth[0]

    def test_where_all_differences_lie_within_the_margin_nothing_is_worth_anything(self):
        start = belief(0.8, 0.81, deviations=[0.01, 0.01])
        assert start.worth(seen("a", [0.0], 1e-6), margin=0.2) == 0.0

    def test_an_observation_is_worth_what_the_belief_it_leads_to_is(self):
        start = belief(0.8, 0.85, correlation=0.3)
        observation = seen("a", [1.1], 0.01)
        through = start.worth(start.updated(observation), margin=0.01)
        assert start.worth(observation, margin=0.01) == through > 0


def test_angles_go_there_and_back():
    qualities = np.linspace(0, 1, 11)
    assert to_quality(to_angle(qualities)) == pytest.approx(qualities)


def test_all_rows_right_is_no_proof():
    assert float(to_quality(measured_angle(1.0, 8))) == pytest.approx(0.957, abs=0.001)
    assert float(to_quality(measured_angle(1.0, 800))) > 0.999
    assert float(to_quality(measured_angle(0.5, 8))) == pytest.approx(0.5)
