"""A model on this machine ends its work at the next batch or token, once the account says so."""

import pytest

from strategies.models.account import Unlimited, accounting
from strategies.models.base import Message, Prompt
from strategies.models.batching import halving
from strategies.models.decoding import replayed

LONG = 24


class Stopped(Exception):
    """What the account raises."""


class Stopping(Unlimited):
    """Raises at a check, the first being number 1."""

    def __init__(self, at=None):
        self.at = at
        self.checks = 0

    def check(self):
        self.checks += 1
        if self.checks == self.at:
            raise Stopped


def prompts(count):
    return [Prompt((Message("user", f"order {number} " * 3),)) for number in range(count)]


def test_no_batch_is_begun_once_told_to_stop():
    begun = []
    with accounting(Stopping(at=3)), pytest.raises(Stopped):
        list(halving([[1], [2], [3]], begun.append))
    assert begun == [[1], [2]]


def test_half_of_a_batch_that_was_too_large_is_a_batch():
    def compute(batch):
        if len(batch) > 1:
            raise MemoryError
        return batch[0]

    with accounting(stopping := Stopping(at=3)), pytest.raises(Stopped):
        list(halving([[1, 2]], compute))
    assert stopping.checks == 3


@pytest.mark.parametrize("rows", [1, 3])
def test_a_text_is_ended_in_the_middle_and_the_model_is_as_before(tiny_model, rows):
    """One row is decoded with guesses, several step by step."""
    with accounting(whole := Stopping()):
        expected = tiny_model.generate(prompts(rows), max_new_tokens=LONG)
    assert whole.checks > 3
    for at in (2, whole.checks // 2, whole.checks):
        with accounting(stopping := Stopping(at)), pytest.raises(Stopped):
            tiny_model.generate(prompts(rows), max_new_tokens=LONG)
        assert stopping.checks == at
    assert tiny_model.generate(prompts(rows), max_new_tokens=LONG) == expected


def test_a_recorded_step_is_not_played_once_told_to_stop():
    class Steps:
        played = 0

        def next(self):
            self.played += 1
            return [7]

    with accounting(Stopping(at=3)), pytest.raises(Stopped):
        replayed(steps := Steps(), [7], LONG, frozenset())
    assert steps.played == 2


def test_choices_are_ended_before_the_next_batch(tiny_model):
    with accounting(Stopping(at=1)), pytest.raises(Stopped):
        tiny_model.choose(prompts(2), ["card", "order"])
