"""Calibration figures against values worked out by hand."""

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.confidence import (
    accuracy_at,
    calibration_error,
    edges,
    error_if_calibrated,
    expected_distance,
)


def test_one_confidence_is_one_bin_whatever_the_order_of_the_rows():
    right = [1.0] * 20 + [0.0] * 20
    assert edges(np.full(40, 0.9)) == [0, 40]
    assert calibration_error([0.9] * 40, right) == pytest.approx(0.4)
    assert calibration_error([0.9] * 40, right[::-1]) == pytest.approx(0.4)


def test_bins_have_equal_mass_and_errors_of_either_sign_add_up():
    told = [0.6] * 10 + [0.9] * 10
    assert edges(np.array(told)) == [0, 10, 20]
    right = [1.0] * 9 + [0.0] + [1.0] * 6 + [0.0] * 4  # 0.9 and 0.6: neither cancels the other
    assert calibration_error(told, right) == pytest.approx(0.3)
    assert calibration_error(told, [1.0] * 6 + [0.0] * 4 + [1.0] * 9 + [0.0]) == pytest.approx(0.0)


def test_no_more_than_ten_bins():
    assert len(edges(np.linspace(0, 1, 1000))) == 11
    assert edges(np.linspace(0, 1, 7)) == [0, 7]


def test_what_chance_shows_is_exact():
    assert expected_distance(np.array([0.5, 0.5])) == pytest.approx(0.5)
    counts = np.arange(41)
    by_hand = float((binom.pmf(counts, 40, 0.9) * abs(counts - 36)).sum()) / 40
    assert error_if_calibrated([0.9] * 40) == pytest.approx(by_hand)
    assert error_if_calibrated([1.0] * 40) == 0.0
    exact, normal = (expected_distance(np.full(n, 0.5)) / np.sqrt(n) for n in (500, 501))
    assert exact == pytest.approx(normal, rel=1e-3)


def test_true_probabilities_show_just_that_error():
    rng = np.random.default_rng(0)
    told = rng.uniform(0.3, 1.0, 100)
    shown = [calibration_error(told, (rng.random(100) < told).astype(float)) for _ in range(400)]
    assert np.mean(shown) == pytest.approx(error_if_calibrated(told), rel=0.05)


@pytest.mark.parametrize(
    ("coverage", "wanted"), [(0.25, 1.0), (0.5, 0.75), (0.75, 2 / 3), (1, 0.5)]
)
def test_rows_that_tie_at_the_border_count_by_their_mean(coverage, wanted):
    found = accuracy_at([0.1, 0.8, 0.9, 0.8], [0, 1, 1, 0], coverage)
    assert found == pytest.approx(wanted)
