"""What actions are expected to take, worked out by hand."""

import pytest

from benchmarks.evidence.expectation import Expectation, Guess
from benchmarks.evidence.finding import Action, Finding
from benchmarks.evidence.steps import Step


def finding(step, seconds, shared=None, usd=0.0, trouble=None):
    action = Action(
        deed=step.deed, strategy=step.strategy, rows=step.rows, share=step.share, seconds=0.0
    )
    return Finding(action=action, seconds=seconds, shared=shared or {}, usd=usd, trouble=trouble)


def rows(strategy, count):
    return Step("rows", strategy, count, 1.0)


def guess(strategy, **more):
    return Guess(deed="rows", strategy=strategy, again=0.0, **more)


def test_a_guess_is_a_part_for_the_step_each_row_and_the_training_rows():
    pilot = Guess(deed="pilot", strategy="lora", again=2.0, row=0.5, whole=100.0)
    first, second = Step("pilot", "lora", 8, 0.1), Step("pilot", "lora", 8, 0.25)
    assert pilot.work(first, None) == pytest.approx(2 + 4 + 10)
    assert pilot.work(second, first) == pytest.approx(2 + 15)


def test_a_chain_goes_on_at_its_own_pace():
    found = Expectation([guess("a", row=1.0)])
    assert found.of(rows("a", 8)) == (8.0, 0.0)
    found.took(finding(rows("a", 8), 4.0))
    assert found.of(rows("a", 32))[0] == pytest.approx(12.0)
    found.took(finding(rows("a", 32), 20.0))  # 24 s for 32 rows by now
    assert found.of(rows("a", 40))[0] == pytest.approx(6.0)


def test_one_that_has_not_begun_is_as_slow_as_those_of_its_pace():
    found = Expectation(
        [
            guess("a", row=1.0, pace="model m"),
            guess("b", row=2.0, pace="model m"),
            guess("c", row=3.0, pace="model m"),
            guess("d", row=1.0, pace="embedding"),
            guess("e", row=1.0, pace="training m"),
            guess("f", row=1.0, pace="training other"),
        ]
    )
    found.took(finding(rows("a", 8), 32.0))  # four times the guess
    assert found.of(rows("c", 8))[0] == pytest.approx(96.0)
    found.took(finding(rows("b", 8), 16.0))  # once the guess: twice on average
    assert found.of(rows("c", 8))[0] == pytest.approx(48.0)
    assert found.of(rows("d", 8))[0] == pytest.approx(8.0)
    assert found.of(rows("e", 8))[0] == pytest.approx(16.0)  # of the same model
    assert found.of(rows("f", 8))[0] == pytest.approx(8.0)
    found.took(finding(rows("e", 8), 24.0))
    assert found.of(rows("c", 8))[0] == pytest.approx(48.0)


def test_what_is_shared_is_expected_once_and_is_no_pace():
    shared = {"model m": 5.0, "embedded training rows": 10.0}
    found = Expectation(
        [
            guess("a", row=1.0, shared=shared, pace="model m"),
            guess("b", row=1.0, shared=shared, pace="model m"),
            guess("c", row=1.0, shared={"embedded chunks": 7.0}, pace="model m"),
        ]
    )
    assert found.of(rows("a", 8))[0] == pytest.approx(23.0)
    took = {"model m": 9.0, "embedding 12ab": 20.0, "prepared a": 0.0}
    found.took(finding(rows("a", 8), 37.0, shared=took))  # 8 of its own, as was guessed
    assert found.of(rows("b", 8))[0] == pytest.approx(8.0)
    assert found.of(rows("c", 8))[0] == pytest.approx(8.0 + 14.0)  # embedding takes twice as long
    found.took(finding(rows("b", 8), 16.0, shared=took))  # paid for already: all its own
    assert found.of(rows("b", 16))[0] == pytest.approx(16.0)


def test_money_is_expected_by_the_row():
    found = Expectation([guess("a", row=1.0, usd_row=0.5)])
    assert found.of(rows("a", 8))[1] == pytest.approx(4.0)
    found.took(finding(rows("a", 8), 8.0, usd=1.6))
    assert found.of(rows("a", 16))[1] == pytest.approx(1.6)


def test_trouble_teaches_only_what_is_paid_by_now():
    shared = {"model m": 5.0}
    found = Expectation(
        [
            guess("a", row=1.0, shared=shared, pace="model m"),
            guess("b", row=1.0, shared=shared, pace="model m"),
        ]
    )
    found.took(finding(rows("a", 8), 300.0, shared={"model m": 6.0}, trouble="broke"))
    assert found.of(rows("b", 8))[0] == pytest.approx(8.0)


def test_what_an_action_without_a_finding_made_is_no_work_of_the_next():
    found = Expectation([guess("a", row=1.0, shared={"model m": 10.0})])
    found.made({"vectors": 60.0})
    found.took(finding(rows("a", 8), 8.0, shared={"vectors": 60.0}))
    assert found.of(rows("a", 16))[0] == pytest.approx(8.0)
