"""What findings on a task teach the predictor of that task."""

import numpy as np
import pytest
from made_up import FAMILIES, World, believed, facts, fitting, read, rows_found

from benchmarks.belief.belief import Belief
from benchmarks.belief.channels import Lesson, observed, taught
from benchmarks.belief.figures import (
    ANSWERED_TEXTS,
    AT_ZERO,
    CENTRE,
    SHARES,
    Reading,
    guesses,
    to_come,
)
from benchmarks.belief.predictor import Predictor
from benchmarks.evidence.finding import Action
from benchmarks.evidence.offers import PILOT_ANSWERS, PILOT_SHARES
from strategies.pilot import ANSWERED_ROWS

EVERYTHING = tuple(facts(name) for name in FAMILIES)


def action(deed, strategy, rows=64, share=1.0):
    return Action(deed=deed, strategy=strategy, rows=rows, share=share, seconds=1.0)


class TestFindings:
    def test_their_order_does_not_matter(self, tasks, predictor):
        task = tasks[0]
        one = predictor.belief(task.kind, task.strategies, task.findings)
        other = predictor.belief(task.kind, task.strategies, task.findings[::-1])
        assert one.mean == pytest.approx(other.mean)
        assert one.covariance == pytest.approx(other.covariance)

    def test_troubles_and_strangers_say_nothing(self, predictor):
        strategies = fitting("extraction", documents=False)
        broken = rows_found("lora", [1.0] * 30).model_copy(update={"trouble": "broke"})
        findings = [broken, rows_found("rag.bm25", [1.0] * 30), read("features", None, 0, n=3.0)]
        after = predictor.belief("extraction", strategies, findings)
        before = predictor.belief("extraction", strategies, [])
        assert after.mean == pytest.approx(before.mean)
        assert after.covariance == pytest.approx(before.covariance)

    def test_likelihoods_of_rows_that_were_answered_are_not_counted_again(self, predictor):
        strategies = fitting("classification", documents=False)
        rows = rows_found("prompt.few-shot", [1.0, 0.0, 1.0, 1.0] * 4)
        few, more = (
            read("likelihood", "prompt.few-shot", n, accuracy=0.75, right_probability=0.7)
            for n in (16, 32)
        )

        def wide(*findings, kind="classification"):
            belief = predictor.belief(kind, strategies, findings)
            return belief.deviations[belief.ids.index("prompt.few-shot")]

        assert wide(rows, few) == wide(few, rows) == wide(rows)
        assert wide(rows, more) < wide(rows)
        read_again = predictor.foreseen("classification", strategies, [rows], few.action)
        assert read_again.deviations == pytest.approx(
            predictor.belief("classification", strategies, [rows]).deviations
        )
        # of texts, likelihoods are those of the right ones, which answers do not tell
        texts = read("likelihood", "prompt.few-shot", 16, nll=0.4)
        assert wide(rows, texts, kind="generation") < wide(rows, kind="generation")

    def test_without_training_rows_it_believes_as_ever(self, predictor):
        strategies = fitting("extraction", documents=False)
        data = read("features", None, 0, n_train=0.0)
        rows = rows_found("prompt.zero-shot", [1.0, 0.0] * 4)
        untaught = rows.model_copy(update={"action": rows.action.model_copy(update={"share": 0.0})})
        more = action("rows", "prompt.zero-shot", rows=16, share=0.0)
        then = predictor.foreseen("extraction", strategies, [data, untaught], more)
        now = predictor.belief("extraction", strategies, [data, untaught])
        place = now.ids.index("prompt.zero-shot")
        assert then.deviations[place] < now.deviations[place]

    def test_what_reads_nothing_as_a_pilot_reaches_little(self):
        guess = guesses("pilot", 0.25)["score"]
        line = guess.at_centre - guess.slope * CENTRE
        assert line == pytest.approx(0.0, abs=1e-9)
        # by hand: figure = z + g * angle with z within AT_ZERO of 0 and g unsure as at the centre
        zero = np.array([1.0, -CENTRE])
        assert float(zero @ guess.unsure @ zero) == pytest.approx(AT_ZERO**2)
        here = np.array([1.0, 0.0])
        assert float(here @ guess.unsure @ here) == pytest.approx(guess.unsure_at_centre**2)
        # tasks that reach a lot, whose pilots at a quarter read 0.3 of a right angle less
        told = [
            Lesson(Reading("lora", "pilot", 0.25, {"score": angle - 0.3}, 64), kind, angle, 0.02)
            for angle in (0.9, 1.0, 1.1, 1.2)
            for kind in ("extraction", "generation")
        ]
        channel = taught("pilot", 0.25, ("score",), told)
        belief = Belief(("lora",), np.array([0.8]), np.array([[0.09]]))
        nothing = Reading("lora", "pilot", 0.25, {"score": 0.05}, 64)
        after = belief.updated(observed([nothing], [channel], "extraction", [0.8]))
        assert after.mean[0] < 0.3

    def test_a_later_pilot_takes_the_place_of_an_earlier_one(self, tasks, predictor):
        task = tasks[0]
        pilots = [
            f for f in task.findings if f.action.deed == "pilot" and f.action.strategy == "lora"
        ]
        widths = [
            predictor.belief(task.kind, task.strategies, pilots[:count]).deviations[
                [s.id for s in task.strategies].index("lora")
            ]
            for count in range(5)
        ]
        assert widths == sorted(widths, reverse=True)
        again = predictor.belief(task.kind, task.strategies, [*pilots, pilots[0]])
        once = predictor.belief(task.kind, task.strategies, pilots)
        assert again.covariance == pytest.approx(once.covariance)

    @pytest.mark.parametrize("deed", ["rows", "pilot", "likelihood", "head"])
    def test_what_is_foreseen_is_what_comes(self, tasks, predictor, deed):
        task = tasks[0]
        first = next(f for f in task.findings if f.action.deed == deed)
        others = [f for f in task.findings if f.action.deed != deed and f.action.deed != "rows"]
        now = predictor.belief(task.kind, task.strategies, others)
        then = predictor.foreseen(task.kind, task.strategies, others, first.action)
        came = predictor.belief(task.kind, task.strategies, [*others, first])
        assert (then.mean == now.mean).all()
        assert then.deviations == pytest.approx(came.deviations, rel=0.05)
        assert np.linalg.eigvalsh(now.covariance - then.covariance).min() > -1e-6
        assert then.deviations.sum() < now.deviations.sum()

    def test_a_pilot_of_texts_promises_the_rows_that_it_will_answer(self, tasks, predictor):
        assert ANSWERED_TEXTS == PILOT_ANSWERS == ANSWERED_ROWS
        assert SHARES == PILOT_SHARES
        strategies = fitting("generation", documents=False)
        coming = action("pilot", "lora", share=0.25)
        told = to_come(coming, "generation", strategies, {})
        assert (told.rows, coming.rows) == (16, 64)
        assert to_come(coming, "classification", strategies, {}).rows == 64
        figures = {"score": 0.5, "nll": 0.7}
        scores = {f"row {n}": float(n % 2) for n in range(16)}
        came = read("pilot", "lora", 64, 0.25, **figures).model_copy(update={"scores": scores})
        then = predictor.foreseen("generation", strategies, [], coming)
        after = predictor.belief("generation", strategies, [came])
        assert then.covariance == pytest.approx(after.covariance, rel=0.02, abs=1e-6)

    def test_more_rows_of_the_same_are_foreseen_too(self, predictor):
        strategies = (facts("prompt.zero-shot"), facts("prompt.few-shot"))
        scores = (np.arange(64) % 3 == 0).astype(float)
        few = [rows_found(s.id, scores[:16]) for s in strategies]
        coming = predictor.foreseen(
            "extraction", strategies, few, action("rows", "prompt.few-shot")
        )
        came = predictor.belief(
            "extraction", strategies, [*few, rows_found("prompt.few-shot", scores)]
        )
        assert coming.deviations == pytest.approx(came.deviations, rel=0.03)

    @pytest.mark.parametrize(
        "nothing",
        [
            action("features", None),
            action("rows", "elsewhere"),
            action("rows", "prompt.zero-shot", rows=8),
            action("pilot", "lora", share=0.05),
        ],
    )
    def test_what_tells_nothing_new_leaves_the_belief_as_it_is(self, predictor, nothing):
        strategies = fitting("extraction", documents=False)
        findings = [
            rows_found("prompt.zero-shot", [1.0, 0.0] * 8),
            read("pilot", "lora", 64, 0.1, score=0.5, nll=0.5),
        ]
        now = predictor.belief("extraction", strategies, findings)
        then = predictor.foreseen("extraction", strategies, findings, nothing)
        assert then.covariance == pytest.approx(now.covariance)


@pytest.mark.parametrize(
    ("rough", "low", "high"), [(False, 0.87, 0.95), (True, 0.83, 0.96)], ids=["plain", "rough"]
)
def test_ninety_percent_intervals_hold_about_ninety_percent(rough, low, high):
    inside = {"rows alone": [], "everything": []}
    for seed in range(8):
        made = World(seed=seed, rough=rough).tasks(28)
        predictor = Predictor.fit([task for task, _ in made[:19]])
        for task, truth in made[19:]:
            rows = [f for f in task.findings if f.action.deed == "rows"]
            for name, findings in (("rows alone", rows), ("everything", task.findings)):
                belief = believed(predictor, task.kind, task.strategies, findings)
                told = {id: belief.quality(id) for id in belief.ids}
                inside[name] += [told[id].low <= truth[id] <= told[id].high for id in truth]
    for name, found in inside.items():
        assert low < np.mean(found) < high, name
