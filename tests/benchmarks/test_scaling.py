"""Curves of known truth: what is fitted, what is refused, and how often intervals hold it."""

import numpy as np
import pytest
from curves import SHARES, TRAININGS, Truth, measured, some_truth

from benchmarks.resampling import bounds
from benchmarks.scaling import WIDEST, Growth, fitted, growth_of, law_of, refusal

SIZES = (20, 50, 100, 200)


def exact(means, *, sizes=SIZES, spread=0.01):
    """Points as given, with as much noise as trainings of such a spread have."""
    means = np.array(means, dtype=float)
    trainings = np.array(TRAININGS[-len(means) :], dtype=float)
    rng = np.random.default_rng(0)
    noise = spread * rng.standard_normal((2000, len(means))) / np.sqrt(trainings)
    return Growth(
        sizes=np.array(sizes, dtype=float),
        trainings=trainings,
        means=means,
        draws=means + noise,
        spread=spread**2,
        freedom=5,
        clusters=150,
    )


@pytest.mark.parametrize(
    ("a", "b", "c"), [(0.9, 0.2, 0.5), (0.7, 0.05, 1.0), (0.98, 0.4, 0.2), (0.8, 0.01, 1.8)]
)
def test_a_law_without_noise_is_found_again(a, b, c):
    truth = Truth(a, b, c, 200, 0.0)
    laws = law_of(exact([truth.at(n) for n in SIZES]))
    beyond = (200, 400, 800)
    assert laws.at(beyond)[0] == pytest.approx([truth.at(n) for n in beyond], abs=0.005)


def test_bounds_hold_whatever_the_points():
    rng = np.random.default_rng(1)
    growth = exact([0.5, 0.5, 0.5, 0.5])
    laws = fitted(growth, rng.uniform(0, 1, (500, 4)))
    assert (laws.a <= 1).all()
    assert (laws.b >= 0).all()
    assert ((laws.c > 0) & (laws.c <= 2)).all()
    reached = laws.at(np.geomspace(200, 800, 10))
    assert ((reached >= 0) & (reached <= 1)).all()
    assert (np.diff(reached, axis=1) >= -1e-12).all()


def test_where_the_height_is_bound_the_rest_is_the_best_under_that_bound():
    """Points on a line in log n would go past 1: a is 1, and no other b does better."""
    growth = exact([0.2, 0.45, 0.7, 0.95])
    laws = law_of(growth)
    assert laws.a[0] == 1.0
    shapes = (growth.sizes / 200) ** -laws.c[0]
    for b in (laws.b[0] - 0.01, laws.b[0] + 0.01):
        off = growth.trainings @ (growth.means - (1 - b * shapes)) ** 2
        assert off > laws.off[0]


def test_a_single_training_gets_the_noise_that_the_others_show():
    rng = np.random.default_rng(2)
    values = [[0.40, 0.44, 0.48], [0.60, 0.60, 0.66], [0.70, 0.74], [0.80]]
    draws = [np.tile(each, (20_000, 1)) for each in values]
    growth = growth_of(SIZES, values, draws, clusters=150, rng=rng)
    assert growth.freedom == 5
    assert growth.spread == pytest.approx((0.0032 + 0.0024 + 0.0008) / 5)
    assert growth.means == pytest.approx([0.44, 0.62, 0.72, 0.80])
    # a scaled inverse chi-square of 5 has the mean variance × 5 / 3
    expected = growth.spread * 5 / 3 / np.array([3, 3, 2, 1])
    assert growth.draws.var(axis=0) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize(
    ("means", "said"),
    [
        ([0.5, 0.6, 0.65, 0.68], None),
        ([0.6, 0.65, 0.68], "4 sizes of training data are needed"),
        ([0.65, 0.64, 0.66, 0.65], "does not rise"),
        ([0.7, 0.6, 0.55, 0.5], "does not rise"),
        ([0.2, 0.21, 0.24, 0.45], "gains still speed up"),
        ([0.3, 0.7, 0.5, 0.52], "lie off every curve"),
    ],
)
def test_what_the_points_do_not_determine_is_refused(means, said):
    found = refusal(exact(means, sizes=SIZES[-len(means) :]))
    assert found is None if said is None else said in found


def test_single_trainings_everywhere_are_refused():
    draws = [np.full((100, 1), value) for value in (0.5, 0.6, 0.65, 0.68)]
    growth = growth_of(
        SIZES, [[each[0, 0]] for each in draws], draws, clusters=150, rng=np.random.default_rng(0)
    )
    assert "more than once" in refusal(growth)


def test_intervals_hold_the_truth_for_1000_curves():
    """At twice the examples, where something is told of them, in at least 90 of 100."""
    rng = np.random.default_rng(3)
    held, told = 0, 0
    for _ in range(1000):
        truth = some_truth(rng)
        growth = measured(truth.at, truth.largest, truth.spread, rng)
        if refusal(growth) is not None:
            continue
        n = 2 * truth.largest
        value = law_of(growth).at([n])[0, 0]
        low, high = bounds(fitted(growth, growth.draws).at([n]), growth.clusters)
        if high[0] - low[0] > WIDEST:
            continue
        told += 1
        held += min(low[0], value) <= truth.at(n) <= max(high[0], value)
    assert told >= 400, f"only {told} of 1000 were extrapolated"
    assert held / told >= 0.90, f"{held} of {told} intervals hold the truth"


def test_a_task_that_is_only_beginning_to_be_learned_is_seldom_extrapolated():
    """Before the power law holds, gains speed up: most of the gain of this curve lies beyond the
    examples at hand."""
    rng = np.random.default_rng(4)

    def at(n):
        return 0.1 + 0.8 / (1 + (400 / n) ** 3)

    refused = [refusal(measured(at, 200, 0.01, rng)) for _ in range(60)]
    assert sum(each is not None for each in refused) >= 54
    assert sum("speed up" in (each or "") for each in refused) >= 30


def test_shares_and_trainings_are_those_of_a_run():
    from benchmarks.curve import SHARES as RUN

    assert (*RUN, (1.0, 1)) == tuple(zip(SHARES, TRAININGS, strict=True))
