"""Answered validation rows: unbiased, noisy, and noisy together."""

import numpy as np
import pytest
from made_up import read, rows_found, score_rows

from benchmarks.belief.angles import to_angle
from benchmarks.belief.belief import Belief
from benchmarks.belief.rows import Drift, answered, rows_observation, with_more
from benchmarks.evidence.finding import Action

TINY = Drift(shared=1e-6, own=1e-6)


def observe(*findings, drift=TINY):
    ids = [finding.action.strategy for finding in findings]
    return rows_observation(answered(findings, ids), drift)


def difference(observation):
    """Value and deviation of the first less the second, near 0.5 in points of quality."""
    turned = np.array([1.0, -1.0])
    noise = float(turned @ observation.noise @ turned) ** 0.5
    return observation.values[0] - observation.values[1], noise


class TestOneStrategy:
    @pytest.mark.parametrize("quality", [0.3, 0.6, 0.9])
    @pytest.mark.parametrize("rows", [16, 64])
    @pytest.mark.parametrize("binary", [True, False])
    def test_its_noise_is_that_of_repeated_samples(self, quality, rows, binary):
        rng = np.random.default_rng(3)
        samples = [score_rows(rng, [quality], rows, binary=binary)[:, 0] for _ in range(600)]
        observed = [observe(rows_found("a", scores)) for scores in samples]
        spread = np.std([one.values[0] for one in observed])
        told = np.mean([one.noise[0, 0] for one in observed]) ** 0.5
        # graded scores are held to be a little noisier than they are while rows are few
        assert spread * 0.93 < told < spread * (1.25 if rows == 16 else 1.15)

    @pytest.mark.parametrize("quality", [0.05, 0.5, 0.95])
    def test_graded_scores_are_told_with_less_of_a_bias_than_right_and_wrong_ones(self, quality):
        rng = np.random.default_rng(5)
        scores = rng.beta(20 * quality, 20 * (1 - quality), (400, 8))
        told = np.mean([observe(rows_found("a", each)).values[0] for each in scores])
        # corrected as if they were right or wrong they would be 0.077 off at the ends; of 8 rows
        # nobody knows yet that they spread so little
        assert told == pytest.approx(float(to_angle(quality)), abs=0.055)

    def test_8_right_of_8_leave_room(self):
        wide = Belief(("a",), np.array([0.8]), np.array([[0.2]]))
        after = wide.updated(observe(rows_found("a", np.ones(8)))).quality("a")
        assert 0.6 < after.low < 0.8
        assert after.high > 0.99

    def test_the_figure_of_the_metric_counts_where_it_is_not_the_mean(self):
        finding = rows_found("a", [1, 1, 0, 0], **{"score": 0.25})
        assert observe(finding).values[0] < observe(rows_found("a", [1, 1, 0, 0])).values[0]

    def test_without_scores_by_row_the_figures_do(self):
        by_row = rows_found("a", [1.0, 0.0] * 20)
        alone = by_row.model_copy(update={"scores": {}})
        assert observe(alone).values == pytest.approx(observe(by_row).values)
        assert observe(alone).noise == pytest.approx(observe(by_row).noise)


class TestTwoStrategies:
    def test_rows_that_agree_leave_one_row_of_doubt(self):
        scores = np.array([1.0, 0.0] * 30)
        value, noise = difference(observe(rows_found("a", scores), rows_found("b", scores)))
        assert value == 0
        assert 0.5 / 60 < noise < 2 / 60

    def test_rows_of_all_right_agree_too(self):
        _, noise = difference(observe(rows_found("a", np.ones(60)), rows_found("b", np.ones(60))))
        assert noise < 2 / 60

    def test_the_noise_of_a_difference_is_that_of_repeated_samples(self):
        rng = np.random.default_rng(4)
        found = []
        for _ in range(600):
            scores = score_rows(rng, [0.6, 0.5], 64, binary=True, alike=0.8)
            found.append(difference(observe(*map(rows_found, "ab", scores.T))))
        values, noises = np.array(found).T
        assert float((noises**2).mean()) ** 0.5 == pytest.approx(values.std(), rel=0.08)

    def test_a_smaller_sample_within_a_larger_one_shares_its_part_of_the_noise(self):
        rng = np.random.default_rng(5)
        scores = (rng.random(64) < 0.5).astype(float)
        whole, part = rows_found("a", scores), rows_found("b", scores[:16])
        noise = observe(whole, part).noise
        shared = noise[0, 1] / (noise[0, 0] * noise[1, 1]) ** 0.5
        # correlation 1, less the few rows' doubt, times the square root of 16 / 64
        assert shared == pytest.approx(0.5 * (16 + 4 * 0.4) / 20, rel=0.01)

    def test_other_rows_share_no_noise(self):
        one = rows_found("a", [1.0, 0.0] * 8)
        other = one.model_copy(
            update={
                "action": one.action.model_copy(update={"strategy": "b"}),
                "scores": {f"other {id}": score for id, score in one.scores.items()},
            }
        )
        noise = observe(one, other).noise
        assert noise[0, 1] == pytest.approx(0, abs=1e-9)

    def test_drift_of_all_together_does_not_blur_their_difference(self):
        rows = [rows_found("a", [1.0, 0.0] * 30), rows_found("b", [1.0, 1.0, 0.0] * 20)]
        _, without = difference(observe(*rows))
        _, shared = difference(observe(*rows, drift=Drift(shared=0.2, own=1e-6)))
        _, own = difference(observe(*rows, drift=Drift(shared=1e-6, own=0.2)))
        assert shared == pytest.approx(without, rel=1e-3)
        assert own > 2 * without


def test_the_finding_with_most_rows_counts():
    few, many = rows_found("a", [1.0] * 8), rows_found("a", [1.0, 0.0] * 8)
    for order in ((few, many), (many, few)):
        assert answered(order, ["a"])["a"].score == 0.5


def test_troubles_and_strangers_and_other_deeds_say_nothing():
    broken = rows_found("a", [1.0] * 8).model_copy(update={"trouble": "it broke"})
    assert (
        answered([broken, rows_found("z", [1.0]), read("pilot", "a", 8, 0.1, score=1.0)], ["a"])
        == {}
    )
    assert rows_observation({}, TINY) is None


def test_more_rows_to_come_mean_less_noise():
    seen = answered([rows_found("a", [1.0, 0.0] * 8), rows_found("b", [1.0, 0.0] * 8)], ["a", "b"])
    action = Action(deed="rows", strategy="a", rows=64, share=1.0, seconds=1.0)
    before, after = rows_observation(seen, TINY), rows_observation(with_more(seen, action), TINY)
    assert after.noise[0, 0] < 0.3 * before.noise[0, 0]
    assert after.noise[1, 1] == pytest.approx(before.noise[1, 1], rel=0.01)
    fewer = action.model_copy(update={"rows": 8})
    assert with_more(seen, fewer) == seen
