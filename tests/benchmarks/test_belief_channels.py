"""What figures other than rows say: learned where tasks tell, ignored where they do not."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import facts, read

from benchmarks.belief.angles import measured_angle
from benchmarks.belief.belief import Belief
from benchmarks.belief.channels import (
    CENTRE,
    KINDS,
    Lesson,
    channel_for,
    learned,
    observed,
    taught,
)
from benchmarks.belief.figures import (
    Reading,
    latest,
    readings_of,
    spoken_of,
    to_come,
    train_rows_in,
)
from benchmarks.evidence.finding import Action

LORA = facts("lora")
STRATEGIES = (facts("prompt.zero-shot"), LORA, facts("lora+rag"))


def reading(rows=64, strategy="lora", **figures):
    return Reading(strategy, "likelihood", 1.0, figures, rows)


def pilot(share, score, strategy="lora"):
    return Reading(strategy, "pilot", share, {"score": score}, 64)


def lessons(count, noise, seed=0, error=0.0, slope=0.7, kinds=KINDS, **extra):
    """The likelihood is 0.3 + slope × (angle - 0.8), half a tenth higher for each further kind;
    the true angle is measured with `error`."""
    rng = np.random.default_rng(seed)
    found = []
    for place in range(count):
        kind = kinds[place % len(kinds)]
        truth = rng.normal(CENTRE, 0.3)
        told = 0.3 + 0.05 * KINDS.index(kind) + slope * (truth - CENTRE)
        figures = {"likelihood": told + noise * rng.standard_normal()}
        if "score" in extra:
            figures = {"score": truth - 0.1 + extra["score"] * rng.standard_normal(), **figures}
        angle = truth + error * rng.standard_normal()
        found.append(Lesson(replace(reading(**figures), model="small"), kind, angle, error))
    return found


def test_what_another_model_reads_is_trusted_less():
    channels = learned(lessons(40, 0.02))
    one = reading(likelihood=0.4)
    known = replace(one, model="small")
    strange = replace(one, model="large")
    assert channels[0].models == ("small",)
    assert told(channels, known).deviations[0] == told(channels, one).deviations[0]
    assert told(channels, strange).deviations[0] > 1.2 * told(channels, known).deviations[0]
    # guesses know of no model: their errors are wide already
    assert told((), strange).deviations[0] == told((), known).deviations[0]


def told(channels, one, kind="extraction", mean=0.8, deviation=0.3):
    """The belief in `lora` after a reading."""
    before = Belief(("lora",), np.array([mean]), np.array([[deviation**2]]))
    return before.updated(observed([one], channels, kind, [mean]))


class TestLearning:
    def test_many_lessons_are_believed(self):
        (channel,) = learned(lessons(400, 0.05))
        assert channel.slopes[0] == pytest.approx(0.7, abs=0.02)
        assert channel.noise[0][0] ** 0.5 == pytest.approx(0.05, rel=0.15)
        assert channel.tasks == 400
        after = told([channel], reading(likelihood=0.3 + 0.05 + 0.7 * 0.2))
        assert after.mean[0] == pytest.approx(1.0, abs=0.02)

    def test_few_lessons_are_believed_less(self):
        few, many = learned(lessons(4, 0.05))[0], learned(lessons(40, 0.05))[0]
        one = reading(likelihood=0.5)
        assert told([few], one).covariance[0, 0] > 1.5 * told([many], one).covariance[0, 0]

    @pytest.mark.parametrize("seed", range(3))
    def test_a_figure_that_says_nothing_is_hardly_listened_to(self, seed):
        channels = learned(lessons(18, 0.2, seed=seed, slope=0.0))
        after = told(channels, reading(likelihood=0.9))
        assert after.covariance[0, 0] > 0.75 * 0.3**2
        assert after.mean[0] == pytest.approx(0.8, abs=0.2)

    def test_without_lessons_an_unknown_figure_says_nothing_at_all(self):
        after = told([], reading(likelihood=0.9))
        assert after.mean[0] == 0.8
        assert after.covariance[0, 0] == pytest.approx(0.09)

    def test_without_lessons_a_score_says_what_it_names_with_a_wide_error(self):
        after = told([], pilot(0.5, 1.0))
        # at half the rows it is guessed to lie 0.05 below the end
        assert 0.9 < after.mean[0] < 1.05
        assert 0.08 < after.covariance[0, 0] ** 0.5 < 0.2

    def test_a_smaller_share_says_less(self):
        small, large = (told([], pilot(share, 0.9)).covariance for share in (0.05, 0.5))
        assert small[0, 0] > 1.5 * large[0, 0]

    def test_the_error_of_measured_qualities_is_not_laid_to_the_figure(self):
        exact = taught("likelihood", 1.0, ("likelihood",), lessons(300, 0.1))
        inexact = taught("likelihood", 1.0, ("likelihood",), lessons(300, 0.1, error=0.1))
        blind = [
            Lesson(one.reading, one.kind, one.angle, 0.0) for one in lessons(300, 0.1, error=0.1)
        ]
        unaware = taught("likelihood", 1.0, ("likelihood",), blind)
        right = exact.noise[0][0]
        assert abs(inexact.noise[0][0] - right) < 0.5 * abs(unaware.noise[0][0] - right)

    def test_a_second_figure_adds_to_the_first(self):
        channels = learned(lessons(100, 0.05, score=0.1))
        both = told(channels, reading(score=0.9, likelihood=0.5))
        assert channels[0].names == ("score", "likelihood")
        alone = told(learned(lessons(100, 0.05)), reading(likelihood=0.5))
        assert both.covariance[0, 0] < alone.covariance[0, 0]

    def test_every_set_of_figures_has_its_channel_and_the_fullest_reads(self):
        channels = learned([*lessons(10, 0.05), *lessons(6, 0.05, score=0.1)])
        assert [(one.names, one.tasks) for one in channels] == [
            (("likelihood",), 16),
            (("score", "likelihood"), 6),
        ]
        assert channel_for(reading(score=0.5, likelihood=0.5), channels).names == (
            "score",
            "likelihood",
        )
        assert channel_for(reading(likelihood=0.5), channels).tasks == 16
        assert channel_for(reading(score=0.5), channels).tasks == 0
        assert channel_for(pilot(0.5, 0.5), channels).tasks == 0

    def test_fewer_rows_than_it_was_fitted_to_make_a_score_noisier(self):
        channels = learned(lessons(50, 0.05, score=0.1))
        few, many = (
            told(channels, reading(rows=rows, score=0.9, likelihood=0.4)).covariance[0, 0]
            for rows in (4, 64)
        )
        assert few > many

    def test_two_strategies_read_by_one_channel_share_its_errors(self):
        pair = Belief(("lora", "lora+rag"), np.array([0.8, 0.8]), 0.09 * np.eye(2))
        readings = [pilot(0.1, 0.9), pilot(0.1, 0.9, strategy="lora+rag")]
        after = pair.updated(observed(readings, [], "extraction", [0.8, 0.8]))
        assert after.covariance[0, 1] > 0.002
        assert after.mean[0] == pytest.approx(after.mean[1])


class TestReadings:
    def test_a_pilot_is_read_by_its_score_at_its_largest_share(self):
        findings = [
            read("pilot", "lora", 64, 0.1, score=0.6, nll=1.0),
            read("pilot", "lora", 64, 0.05, score=0.4, nll=1.5),
        ]
        found = readings_of(findings, STRATEGIES)
        assert [share for _, share, _ in found] == [0.05, 0.1]
        last = latest(found)["pilot", "lora"]
        assert last.share == 0.1
        assert last.figures == {"score": pytest.approx(measured_angle(0.6, 64))}

    def test_a_pilot_on_few_rows_counts_as_a_smaller_share(self):
        few, many = (
            [
                read("features", None, 0, n_train=rows),
                read("pilot", "lora", 64, 0.5, score=0.6, learned_rows=rows / 2),
            ]
            for rows in (60.0, 2000.0)
        )
        assert set(readings_of(few, STRATEGIES)) == {("pilot", 0.1, "lora")}
        assert set(readings_of(many, STRATEGIES)) == {("pilot", 0.5, "lora")}
        coming = few[1].action
        for findings, share in ((few, 0.1), (many, 0.5), ([], 0.5)):
            told = to_come(coming, "extraction", STRATEGIES, {}, train_rows_in(findings))
            assert told.share == share

    def test_a_pilot_is_foreseen_as_it_is_read_where_training_rows_judge(self):
        """Of 58 training rows 14 judge: half of the rest is a share of 0.379 of all."""
        data = read("features", None, 0, n_train=44.0)
        rows = read("rows", "prompt.few-shot", 8, 44 / 58, score=0.5)
        for share, count in ((0.379, 22.0), (0.19, 11.0)):
            done = read("pilot", "lora", 24, share, score=0.4, learned_rows=count)
            [(_, as_read, _)] = readings_of([done], STRATEGIES)
            told = to_come(done.action, "extraction", STRATEGIES, {}, train_rows_in([data, rows]))
            assert told.share == as_read

    def test_a_share_counts_as_the_nearest_that_is_known(self):
        found = readings_of([read("pilot", "lora", 64, 0.0375, score=0.5)], STRATEGIES)
        assert list(found) == [("pilot", 0.05, "lora")]

    def test_labels_give_a_likelihood_of_their_own(self):
        figures = {"accuracy": 0.8, "nll": 3.0, "right_probability": 0.7}
        found = readings_of([read("likelihood", "prompt.zero-shot", 64, **figures)], STRATEGIES)
        (one,) = found.values()
        assert one.figures["likelihood"] == pytest.approx(np.arcsin(0.7**0.5))
        assert set(one.figures) == {"score", "likelihood"}

    def test_trouble_and_strangers_say_nothing(self):
        broken = read("pilot", "lora", 64, 0.1, nll=1.0).model_copy(update={"trouble": "broke"})
        strange = read("pilot", "elsewhere", 64, 0.1, nll=1.0)
        assert readings_of([broken, strange, read("features", None, 0)], STRATEGIES) == {}

    def test_a_head_without_a_strategy_speaks_of_lora(self):
        action = read("head", None, 64, accuracy=0.9).action
        assert spoken_of(action, (facts("lora.optimized"), LORA)) == "lora"
        assert spoken_of(action, (facts("prompt.zero-shot"),)) is None

    def test_a_head_is_judged_by_training_rows_too(self):
        found = readings_of([read("head", "lora", 60, accuracy=0.9, out_of_fold=0.7)], STRATEGIES)
        (one,) = found.values()
        alone = [measured_angle(share, 60) for share in (0.9, 0.7)]
        assert one.figures == {"accuracy": pytest.approx(sum(alone) / 2)}

    def test_what_is_already_known_is_not_to_come(self):
        seen = latest(readings_of([read("pilot", "lora", 64, 0.1, score=0.5)], STRATEGIES))
        action = Action(deed="pilot", strategy="lora", rows=64, share=0.25, seconds=1.0)
        coming = to_come(action, "extraction", STRATEGIES, seen)
        assert coming is not None
        assert coming.share == 0.25
        again = action.model_copy(update={"share": 0.1})
        assert to_come(again, "extraction", STRATEGIES, seen) is None
        assert to_come(again, "extraction", STRATEGIES, {}) is not None

    def test_likelihoods_are_scored_only_among_labels(self):
        action = Action(deed="likelihood", strategy="lora", rows=64, share=1.0, seconds=1.0)
        figures = {
            kind: set(to_come(action, kind, STRATEGIES, {}).figures)
            for kind in ("classification", "generation")
        }
        assert figures == {
            "classification": {"score", "likelihood"},
            "generation": {"likelihood"},
        }
