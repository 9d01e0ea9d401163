"""Label-prior calibration, by hand-made probabilities."""

import math

import pytest

from corpora.task import Example
from strategies.base import Answer
from strategies.calibration import calibrated, label_shares, prior_of, weights_from


def answer(a, b):
    return Answer("a" if a >= b else "b", probabilities={"a": a, "b": b})


def test_a_liking_for_one_label_is_divided_out():
    answers = [answer(0.9, 0.1), answer(0.75, 0.25), answer(0.6, 0.4)]
    prior = prior_of(answers)
    assert prior["a"] == pytest.approx(math.log(0.9 * 0.75 * 0.6) / 3)
    weights = weights_from(prior)
    read = [calibrated(each, weights).text for each in answers]
    assert read == ["a", "b", "b"]


def test_probabilities_are_divided_by_the_prior_and_sum_to_one():
    weights = weights_from({"a": math.log(0.8), "b": math.log(0.2)})
    shares = calibrated(answer(0.6, 0.4), weights).probabilities
    odds = (0.6 / 0.8, 0.4 / 0.2)
    assert shares["a"] == pytest.approx(odds[0] / sum(odds))
    assert sum(shares.values()) == pytest.approx(1.0)


def test_the_shares_of_training_can_take_the_place_of_the_prior():
    rows = [Example(id=str(n), input="x", output="a" if n < 8 else "b") for n in range(10)]
    shares = label_shares(("a", "b"), rows)
    assert shares == {"a": 9 / 12, "b": 3 / 12}
    weights = weights_from({"a": math.log(0.5), "b": math.log(0.5)}, shares)
    assert calibrated(answer(0.5, 0.5), weights).probabilities["a"] == pytest.approx(0.75)


def test_a_model_without_likelihoods_has_no_prior():
    assert prior_of([answer(1.0, 0.0), answer(0.0, 1.0)]) is None
    assert prior_of([Answer("text")]) is None
    assert prior_of([]) is None


def test_errors_and_texts_stay_as_they_are():
    broken = Answer("", error="too long")
    assert calibrated(broken, {"a": 1.0}) is broken
    text = Answer("a text")
    assert calibrated(text, {"a": 1.0}) is text
