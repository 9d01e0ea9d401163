"""Sample sizes of paired comparisons, against the formula worked by hand."""

import pytest

from corpora.errors import InvalidInput
from corpora.power import detectable_difference, examples_needed


def test_examples_needed() -> None:
    # (1.95996 * sqrt(0.2) + 0.84162 * sqrt(0.2 - 0.05^2))^2 / 0.05^2 = 625.4
    assert examples_needed(0.05) == 626
    assert examples_needed(0.1) == 155
    assert examples_needed(-0.1) == 155
    assert examples_needed(0.1, power=0.9) == 206
    assert examples_needed(0.5) == 14


def test_detectable_difference_is_the_inverse() -> None:
    assert detectable_difference(200) == pytest.approx(0.0880, abs=5e-4)
    for n in (20, 60, 155, 626, 10_000):
        assert examples_needed(detectable_difference(n)) == n
    assert detectable_difference(0) == detectable_difference(3) == 1.0


def test_arguments_out_of_range() -> None:
    for call in (
        lambda: examples_needed(0),
        lambda: examples_needed(0.1, discordant=0),
        lambda: examples_needed(0.1, power=1),
    ):
        with pytest.raises(InvalidInput):
            call()
