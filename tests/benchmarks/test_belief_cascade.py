"""A cascade is believed to be about as good as the better of its parts."""

import numpy as np
import pytest
from made_up import rows_found

from benchmarks.belief.angles import to_angle
from benchmarks.belief.belief import Belief, of_better
from benchmarks.belief.cascade import GIVE_OR_TAKE, SHORT, parts_among, with_cascades
from benchmarks.belief.history import history_of, table_of
from benchmarks.belief.measured import Measured, MeasuredQuality
from benchmarks.belief.predictor import Predictor
from benchmarks.belief.spread import Spread
from benchmarks.evidence.finding import Action
from benchmarks.records import StrategyFacts
from service.forecasting.mind import Learned

FAMILIES = {"rag.hybrid": "rag", "prompt.nearest": "prompting", "lora": "fine-tuning"}


def facts(*ids):
    return tuple(
        StrategyFacts(
            id=id,
            name=id.partition("@")[0],
            family=FAMILIES.get(id.partition("@")[0], "baseline"),
            model=None if id.startswith("baseline") else id.partition("@")[2] or "m",
        )
        for id in ids
    )


LABELS = facts("baseline.linear", "prompt.nearest", "cascade", "lora")


def mind(strategies=LABELS):
    return Learned(Predictor(), "classification", strategies, has_documents=False)


def three(means, covariance, shift=0.0, deviation=0.0):
    """Two parts and what stands between them, whatever was believed of it before."""
    whole = np.full((3, 3), 0.01)
    whole[:2, :2] = covariance
    before = Belief(("cheap", "dear", "c"), np.append(means, 0.3), whole)
    return before.tied({"c": ("cheap", "dear")}, shift, deviation)


@pytest.mark.parametrize(
    ("means", "covariance"),
    [
        ([0.5, 0.6], [[0.04, 0.01], [0.01, 0.02]]),
        ([0.9, 0.4], [[0.01, 0.0], [0.0, 0.01]]),
        ([0.7, 0.7], [[0.02, -0.015], [-0.015, 0.02]]),
    ],
)
def test_the_greater_of_two_normal_figures_is_that_of_many_draws(means, covariance):
    drawn = np.random.default_rng(0).multivariate_normal(means, covariance, 400_000).max(axis=1)
    found = of_better(np.array(means), np.array(covariance))
    assert found == pytest.approx((drawn.mean(), drawn.std()), abs=1e-3)


def test_two_that_are_always_the_same_distance_apart_leave_the_greater():
    same = np.full((2, 2), 0.04)
    assert of_better(np.array([0.5, 0.6]), same) == pytest.approx((0.6, 0.2))
    assert of_better(np.array([0.5, 0.5]), np.zeros((2, 2))) == (0.5, 0.0)


def test_in_every_world_it_is_as_good_as_the_better_part():
    told = three([0.7, 0.8], [[0.02, 0.005], [0.005, 0.03]])
    drawn = told.draws(np.random.default_rng(0), 1000)
    assert (drawn[:, 2] == drawn[:, :2].max(axis=1)).all()
    assert 0.1 < (drawn[:, 2] == drawn[:, 0]).mean() < 0.9


def test_it_is_a_little_off_whatever_the_parts_reach():
    told = three([0.7, 0.8], [[0.02, 0.005], [0.005, 0.03]], -0.03, 0.02)
    angles = to_angle(told.draws(np.random.default_rng(0), 20_000))
    off = angles[:, 2] - angles[:, :2].max(axis=1)
    assert (off.mean(), off.std()) == pytest.approx((-0.03, 0.02), abs=0.001)
    assert np.corrcoef(off, angles[:, 0])[0, 1] == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize(("shift", "deviation"), [(0.0, 0.0), (-0.1, 0.0), (-0.01, 0.2)])
def test_its_estimate_and_width_are_those_of_its_draws(shift, deviation):
    told = three([0.7, 0.8], [[0.02, 0.005], [0.005, 0.03]], shift, deviation)
    drawn = told.draws(np.random.default_rng(0), 100_000)[:, 2]
    found = told.quality("c")
    assert found.value == pytest.approx(drawn.mean(), abs=0.003)
    low, high = np.percentile(drawn, [5, 95])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)
    assert told.widths[2] == pytest.approx(found.high - found.low)


@pytest.mark.parametrize(
    ("kind", "has_documents", "parts"),
    [
        ("classification", False, ("baseline.linear", "prompt.nearest")),
        ("classification", True, ("baseline.linear", "prompt.nearest")),
        ("question-answering", True, ("baseline.passage", "rag.hybrid")),
        ("extraction", True, ("baseline.nearest", "prompt.nearest")),
        ("generation", False, ("baseline.nearest", "prompt.nearest")),
    ],
)
def test_its_parts_are_those_that_the_task_decides(kind, has_documents, parts):
    own = facts("baseline.linear", "baseline.nearest", "prompt.nearest", "cascade")
    beside = facts("baseline.passage", "rag.hybrid")
    assert parts_among(kind, (*own, *beside), has_documents=has_documents) == {"cascade": parts}


def test_beside_documents_it_is_not_bound_to_strategies_that_use_none():
    left = facts("baseline.nearest", "prompt.nearest", "cascade")
    assert parts_among("question-answering", left, has_documents=True) == {}


def test_each_model_has_a_cascade_of_its_own():
    two = facts(
        *("baseline.linear", "prompt.nearest@a", "prompt.nearest@b", "cascade@a", "cascade@b")
    )
    assert parts_among("classification", two, has_documents=False) == {
        "cascade@a": ("baseline.linear", "prompt.nearest@a"),
        "cascade@b": ("baseline.linear", "prompt.nearest@b"),
    }


@pytest.mark.parametrize("absent", ["baseline.linear", "prompt.nearest", "cascade"])
def test_without_a_part_it_is_believed_like_one_never_measured(absent):
    left = tuple(one for one in LABELS if one.id != absent)
    plain = Predictor().belief("classification", left, [])
    found = mind(left).belief([])
    assert found.between == {}
    assert (found.mean == plain.mean).all()
    assert (found.covariance == plain.covariance).all()


def test_it_is_known_by_what_its_parts_answered():
    rows = [
        rows_found("baseline.linear", [1.0] * 57 + [0.0] * 3),
        rows_found("prompt.nearest", [1.0] * 24 + [0.0] * 36),
    ]
    told = mind().belief(rows)
    best = told.quality("baseline.linear").value
    assert best > 0.85
    assert best - 0.02 < told.quality("cascade").value < best
    plain = Predictor().belief("classification", LABELS, rows)
    bound = with_cascades(plain, "classification", LABELS, has_documents=False)
    assert told.quality("cascade") == bound.quality("cascade")
    assert told.quality("lora") == plain.quality("lora")


def test_what_cascades_reached_elsewhere_says_nothing():
    def taught(quality):
        reached = {one.id: 0.5 for one in LABELS} | {"cascade": quality}
        known = {name: MeasuredQuality(value=q, error=0.03, n=200) for name, q in reached.items()}
        task = Measured(
            name="a", source="a", kind="classification", strategies=LABELS, qualities=known
        )
        return history_of(table_of([task]), Spread(), 1.0).belief("classification", LABELS).mean

    assert (taught(0.9) == taught(0.1)).all()


def test_a_look_at_a_part_narrows_it():
    action = Action(deed="rows", strategy="baseline.linear", rows=60, share=1.0, seconds=1.0)
    now, then = mind().belief([]), mind().foreseen([], action)
    assert then.between == now.between == {"cascade": ("baseline.linear", "prompt.nearest")}
    assert (then.mean == now.mean).all()
    at = now.ids.index("cascade")
    assert then.deviations[at] < now.deviations[at]
    assert (now.mean[at], now.covariance[at, at]) == (-SHORT, GIVE_OR_TAKE**2)
