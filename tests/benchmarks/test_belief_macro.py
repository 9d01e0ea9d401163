"""What answered rows say where the metric is macro-F1, against repeated draws of known truth."""

from dataclasses import dataclass

import numpy as np
import pytest
from made_up import World, facts, read, rows_found

from benchmarks.belief.angles import measured_angle
from benchmarks.belief.belief import Belief
from benchmarks.belief.figures import readings_of
from benchmarks.belief.macro import (
    GAP,
    balanced,
    enough_of,
    expected_of,
    extra_of,
    macro_score,
)
from benchmarks.belief.predictor import Predictor
from benchmarks.belief.rows import Drift, answered, rows_observation, with_more
from benchmarks.evidence.finding import Action, Finding
from benchmarks.evidence.tally import scored
from corpora.task import Dataset, Example, Task

TINY = Drift(shared=1e-6, own=1e-6)
WIDE = Belief(("a",), np.array([0.8]), np.array([[4.0]]))


@dataclass(frozen=True)
class Classifier:
    """`prior` of each label, and the chance that a row of it is answered rightly; wrong answers go
    to the other labels by their prior."""

    prior: tuple[float, ...]
    recall: tuple[float, ...]

    @property
    def joint(self):
        """Right label × answer."""
        prior, recall = np.array(self.prior), np.array(self.recall)
        off = np.tile(prior, (len(prior), 1)) * (1 - np.eye(len(prior)))
        found = off / off.sum(axis=1, keepdims=True) * (1 - recall)[:, None]
        return prior[:, None] * (found + np.diag(recall))

    @property
    def truth(self):
        right = np.diag(self.joint)
        return float(np.mean(2 * right / (self.joint.sum(axis=0) + np.array(self.prior))))

    def drawn(self, rng, rows, everything=100):
        """The finding of so many of its answers, and the right labels of everything that judges."""
        size = len(self.prior)
        cells = rng.choice(size * size, everything, p=self.joint.ravel() / self.joint.sum())
        wanted, said = cells // size, cells % size
        found = rows_found("a", (wanted == said)[:rows].astype(float))
        labels = {f"row {n}": str(said[n]) for n in range(rows)}
        expected = {f"row {n}": str(wanted[n]) for n in range(everything)}
        return found.model_copy(update={"labels": labels}), expected


TEN = Classifier((0.1,) * 10, (0.92,) * 10)
MANY = Classifier((1 / 30,) * 30, (0.8,) * 30)
SPAM = Classifier((0.125, 0.875), (0.8, 0.97))
UNEVEN = Classifier(tuple(np.array([8, 6, 4, 3, 2, 2]) / 25), (0.9, 0.85, 0.8, 0.75, 0.7, 0.6))


def seen(finding, expected):
    return answered([finding], ["a"], expected)["a"]


def believed(finding, expected):
    return WIDE.updated(rows_observation({"a": seen(finding, expected)}, TINY))


@pytest.mark.parametrize("classifier", [TEN, SPAM, UNEVEN], ids=["ten", "spam", "uneven"])
@pytest.mark.parametrize("rows", [8, 16, 32, 64, 100])
def test_beliefs_are_about_the_quality_whatever_the_rows(classifier, rows):
    rng = np.random.default_rng(rows)
    draws = [classifier.drawn(rng, rows) for _ in range(200)]
    told = [believed(*draw).quality("a") for draw in draws]
    held = np.mean([one.low <= classifier.truth <= one.high for one in told])
    assert 0.84 < held <= 1.0
    values = np.array([one.value for one in told])
    if rows > 8:
        assert abs(values.mean() - classifier.truth) < 0.5 * values.std() + 0.015


def test_macro_f1_of_few_rows_read_as_it_is_would_be_far_too_low():
    rng = np.random.default_rng(1)
    draws = [MANY.drawn(rng, 16) for _ in range(300)]
    plain = np.mean([figures(*draw)["score"] for draw in draws])
    assert plain < MANY.truth - 0.08
    assert np.mean([seen(*draw).score for draw in draws]) == pytest.approx(MANY.truth, abs=0.025)


def figures(finding, expected):
    """As evidence tells them."""
    known = {row: Example(id=row, input=row, output=label) for row, label in expected.items()}
    return scored(task(expected), finding.scores, finding.labels, known)


def task(expected, metric="macro_f1"):
    return Task(
        name="t",
        kind="classification",
        instruction="Name it.",
        labels=tuple(sorted(set(expected.values()))),
        metric=metric,
    )


def test_the_noise_is_that_of_the_rarest_labels():
    """An eighth of the rows decides half of the figure."""
    rng = np.random.default_rng(2)
    draws = [seen(*SPAM.drawn(rng, 100)) for _ in range(400)]
    as_share = np.mean([1 / (4 * one.rows + 2) for one in draws]) ** 0.5
    spread = np.std([rows_observation({"a": one}, TINY).values[0] for one in draws])
    told = np.mean([one.deviation**2 for one in draws]) ** 0.5
    assert spread > 1.2 * as_share
    assert told == pytest.approx(spread, rel=0.25)


def test_of_enough_rows_it_is_the_figure_of_the_metric():
    finding, expected = UNEVEN.drawn(np.random.default_rng(3), 100)
    unsure = finding.model_copy(update={"labels": dict(list(finding.labels.items())[5:])})
    for each in (finding, unsure):
        assert macro_score(each, expected).value == pytest.approx(figures(each, expected)["score"])
        assert macro_score(each, expected).enough <= 100


def test_of_fewer_rows_it_is_the_share_of_right_ones_with_all_labels_alike():
    expected = {f"row {n}": "a" if n < 9 else "b" for n in range(10)}
    scores = {"row 0": 1.0, "row 1": 0.0, "row 2": 0.0, "row 9": 1.0}
    few = rows_found("a", [1.0, 0.0, 0.0, 1.0]).model_copy(update={"scores": scores})
    found = macro_score(few, expected)
    # three rows of one label weigh a ninth each, one of the other weighs 1
    assert found.value == pytest.approx((1 / 9 + 1) / (3 / 9 + 1))
    # half of the figure rests on a tenth of the rows: 10 / 9 and 10 rows for one of each label
    extra = (10 / 9 + 10) / 2 / 2
    assert found.variance == pytest.approx(extra * found.value * (1 - found.value) / 4)
    assert found.enough == 45


def test_few_rows_leave_a_gap_that_more_rows_close():
    expected = {f"row {n}": str(n % 10) for n in range(100)}
    few, whole = (seen(found_right(rows), expected) for rows in (16, 100))
    assert few.enough == whole.enough == 80
    assert few.deviation**2 == pytest.approx(few.ratio / (4 * 16 + 2) + GAP**2)
    assert whole.deviation**2 == pytest.approx(whole.ratio / (4 * 100 + 2))
    for rows, gap in ((79, GAP), (80, 0.0)):
        action = Action(deed="rows", strategy="a", rows=rows, share=1.0, seconds=1.0)
        more = with_more({"a": few}, action, expected)["a"]
        assert more.deviation**2 == pytest.approx(more.ratio / (4 * rows + 2) + gap**2)


def found_right(rows):
    """Three of four rows right."""
    found = rows_found("a", [float(n % 4 > 0) for n in range(rows)])
    labels = {f"row {n}": str(n % 10 if n % 4 else (n + 1) % 10) for n in range(rows)}
    return found.model_copy(update={"labels": labels})


def test_rows_whose_right_label_is_not_known_are_read_as_they_are():
    finding = found_right(16)
    assert macro_score(finding, {"row 0": "0"}) is None
    assert seen(finding, {"row 0": "0"}) == seen(finding, {})


def test_only_macro_f1_expects_labels():
    rows = tuple(Example(id=f"r{n}", input=f"text {n}", output="ab"[n % 2]) for n in range(6))
    labels = {row.id: row.output for row in rows}
    judging = {row.id: row.output for row in rows[2:]}  # two rows to learn from: none is held out
    for metric, told in (("macro_f1", judging), ("accuracy", {})):
        data = Dataset(task=task(labels, metric), train=rows[:2], validation=rows[2:], test=())
        assert expected_of(data, 0) == told


def test_rows_foretold_of_a_task_not_yet_looked_at_are_as_noisy_as_they_come():
    """Before any row: the variance beside that of rows that count alike is that of the labels."""
    action = Action(deed="rows", strategy="a", rows=16, share=1.0, seconds=1.0)
    more = with_more({}, action, HAM)["a"]
    assert more.ratio == extra_of(HAM)
    assert more.enough == enough_of(HAM) > 16
    assert with_more({}, action)["a"].ratio == 1.0


def test_the_predictor_believes_by_them():
    strategies = (facts("prompt.few-shot"),)
    finding, expected = MANY.drawn(np.random.default_rng(5), 16)
    finding = finding.model_copy(
        update={
            "action": finding.action.model_copy(update={"strategy": "prompt.few-shot"}),
            "figures": figures(finding, expected),
        }
    )
    blind = Predictor().belief("classification", strategies, [finding])
    told = Predictor().belief("classification", strategies, [finding], expected)
    id = "prompt.few-shot"
    plain = figures(finding, expected)["score"]
    assert macro_score(finding, expected).value > plain + 0.05
    assert told.quality(id).value > blind.quality(id).value + 0.02
    action = Action(deed="rows", strategy=id, rows=64, share=1.0, seconds=1.0)
    then = Predictor().foreseen("classification", strategies, [finding], action, expected)
    assert (then.mean == told.mean).all()
    assert then.deviations[0] < told.deviations[0]


def test_other_figures_weigh_all_labels_alike():
    """Nine rows of ham are right, one of spam is wrong, read in two parts of a chain."""
    expected = {str(row): "spam" if row == 9 else "ham" for row in range(10)}
    scores = {row: float(label == "ham") for row, label in expected.items()}
    action = Action(deed="likelihood", strategy="a", rows=10, share=1.0, seconds=1.0)
    told = {"accuracy": 0.9, "right_probability": 0.83, "nll": 0.3}
    halves = [
        Finding(
            action=action,
            figures=told,
            scores=scores,
            readings={"share": {row: 0.2 if row == "9" else 0.9 for row in rows}},
            seconds=1.0,
        )
        for rows in (list(expected)[:5], list(expected)[5:])
    ]
    assert balanced(halves, {}) == halves
    first, last = balanced(halves, expected)
    # by hand: the mean over labels; of the first half no spam was read
    assert last.figures == pytest.approx({**told, "accuracy": 0.5, "right_probability": 0.55})
    assert first.figures["right_probability"] == pytest.approx(0.9)
    assert balanced(halves, {"elsewhere": "ham"}) == halves


HAM = {str(row): "spam" if row % 8 == 0 else "ham" for row in range(16)}
EVEN = {str(row): ("ham", "spam")[row % 2] for row in range(16)}


def test_rare_labels_take_more_rows():
    # by hand: labels weighed alike have (1/9 + 1/1) / 2^2 of a row's variance, rows 1/10
    nine_to_one = {str(row): "spam" if row == 9 else "ham" for row in range(10)}
    assert extra_of(nine_to_one) == pytest.approx((1 / 9 + 1) / 4 * 10)
    assert extra_of(EVEN) == 1.0
    assert extra_of({}) == 1.0


def test_a_pilots_own_macro_f1_and_training_rows_as_they_are_are_not_read():
    """All of spam is missed: half of what is right, labels weighed alike."""
    scores = {row: float(label == "ham") for row, label in HAM.items()}
    told = {"accuracy": 0.875, "score": 0.31, "out_of_fold": 0.88}
    for deed in ("pilot", "head"):
        found = read(deed, "lora", 16, 0.05, **told).model_copy(update={"scores": scores})
        [weighed] = balanced([found], HAM)
        assert weighed.figures == {"accuracy": 0.5}
        [read_] = readings_of([weighed], (facts("lora"),)).values()
        assert set(read_.figures.values()) == {measured_angle(0.5, 16)}


def pilot(expected):
    """Says the same of either: 15 of 16 right, of each label as many."""
    return read("pilot", "lora", 16, 0.05, accuracy=15 / 16, nll=0.3).model_copy(
        update={"scores": dict.fromkeys(expected, 15 / 16)}
    )


def test_a_pilot_read_of_rows_with_a_rare_label_says_less():
    strategies = (facts("lora"),)
    predictor = Predictor.fit([task for task, _ in World(seed=11).tasks(12)])
    rare, even = (
        predictor.belief("classification", strategies, [pilot(expected)], expected)
        for expected in (HAM, EVEN)
    )
    assert rare.deviations[0] > 1.05 * even.deviations[0]
    assert rare.mean[0] < even.mean[0]  # 15 of 16 is less of a proof
    for expected, came in ((HAM, rare), (EVEN, even)):
        action = pilot(expected).action
        then = predictor.foreseen("classification", strategies, [], action, expected)
        assert then.deviations[0] == pytest.approx(came.deviations[0], rel=0.03)
