"""Sample sizes of paired comparisons, against the formula worked by hand."""

from math import erfc, sqrt

import pytest

from corpora.errors import InvalidInput
from corpora.power import design_effect, detectable_difference, examples_needed


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


def test_groups_call_for_more_rows_and_many_pairs_do_too() -> None:
    assert design_effect([5] * 20, 0.25) == pytest.approx(2.0)
    assert design_effect([1, 1, 10], 0.5) == pytest.approx(1 + 0.5 * (102 / 12 - 1))
    assert design_effect([1] * 9, 0.7) == 1.0
    assert examples_needed(0.1, effect=2.0) == 310  # twice 154.8
    assert detectable_difference(400, effect=2.0) == detectable_difference(200)
    # (3.26 * sqrt(0.2) + 0.84162 * sqrt(0.2 - 0.1^2))^2 / 0.1^2 = 332.5
    assert examples_needed(0.1, alpha=0.001114) == 333
    # (11.5 * sqrt(0.2) + 0.84162 * sqrt(0.2 - 0.1^2))^2 / 0.1^2 = 3035.9, and 1 - 1.3e-30 is 1
    assert examples_needed(0.1, alpha=erfc(11.5 / sqrt(2))) == 3036


def test_arguments_out_of_range() -> None:
    for call in (
        lambda: examples_needed(0),
        lambda: examples_needed(0.1, discordant=0),
        lambda: examples_needed(0.1, power=1),
        lambda: examples_needed(0.1, alpha=0),
        lambda: design_effect([], 0.1),
        lambda: design_effect([5, 0], 0.1),
        lambda: design_effect([5, 5], 1.5),
    ):
        with pytest.raises(InvalidInput):
            call()
