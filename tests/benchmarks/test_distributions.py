"""The distributions are those of scipy.stats, and Wilson's interval is that of statsmodels."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from benchmarks.distributions import (
    binomial_cdf,
    f_quantile,
    normal_cdf,
    normal_quantile,
    student_quantile,
)
from benchmarks.statistics import wilson

SHARES = np.array([1e-12, 0.025, 0.5, 0.95, 0.999])
FREEDOM = np.array([[1], [2], [7], [500]])


def test_quantiles_and_shares() -> None:
    exact = np.testing.assert_array_equal
    exact(normal_quantile(SHARES), stats.norm.ppf(SHARES))
    exact(normal_cdf(np.linspace(-30, 8, 50)), stats.norm.cdf(np.linspace(-30, 8, 50)))
    exact(student_quantile(SHARES, FREEDOM), stats.t.ppf(SHARES, FREEDOM))
    exact(student_quantile(SHARES, 3.5), -stats.t.isf(SHARES, 3.5))
    exact(f_quantile(SHARES, 2, FREEDOM), stats.f.ppf(SHARES, 2, FREEDOM))


def test_shares_of_nothing_and_all() -> None:
    ends, freedom = np.array([-0.1, 0.0, 1.0, 1.1, np.nan]), np.array([[0], [1], [7], [np.inf]])
    exact = np.testing.assert_array_equal
    exact(student_quantile(ends, freedom), stats.t.ppf(ends, freedom))
    exact(normal_quantile(ends), stats.norm.ppf(ends))
    exact(f_quantile(ends, 2, 7), stats.f.ppf(ends, 2, 7))
    assert float(student_quantile(0, 3)) == -np.inf


@pytest.mark.parametrize("trials", [0, 1, 5])
def test_fewer_than_none_and_more_than_all_of_the_tosses(trials: int) -> None:
    beyond = np.arange(-3, trials + 4)
    np.testing.assert_allclose(
        binomial_cdf(beyond, trials, 0.3), stats.binom.cdf(beyond, trials, 0.3)
    )
    assert binomial_cdf(trials + 1, trials, 0.3) == 1.0


@pytest.mark.parametrize("trials", [0, 1, 2, 9, 200, 20_000])
def test_tosses_of_a_coin(trials: int) -> None:
    fewer = np.arange(trials // 2 + 1)
    found = binomial_cdf(fewer, np.full_like(fewer, trials), 0.5)
    np.testing.assert_allclose(found, stats.binom.cdf(fewer, trials, 0.5), rtol=1e-11)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_wilsons_interval(alpha: float) -> None:
    right = np.arange(41.0)
    found = wilson(right, 40, None if alpha == 0.05 else stats.norm.isf(alpha / 2))
    wanted = proportion_confint(right, 40, alpha=alpha, method="wilson")
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-15)
