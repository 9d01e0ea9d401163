"""What broke, erred or was never looked at decides nothing for fine-tuning."""

import numpy as np
import pytest
from foretold import STRATEGIES, PlainMind, Scripted, planned

from benchmarks.belief.angles import to_angle
from benchmarks.belief.belief import Belief
from benchmarks.belief.predictor import Predictor
from benchmarks.evidence.finding import Action, Finding
from service.forecasting.expected import broken_in, expected_rows
from service.forecasting.judging import Bench
from service.forecasting.running import forecast
from service.forecasting.verdict import UNSEEN

TUNED = (*STRATEGIES, "lora.optimized")
SURE = {"lora": 0.95, "baseline.linear": 0.4, "prompt.few-shot": 0.4, "baseline.majority": 0.25}


def broke(deed, strategy, trouble="it caught fire", **more):
    action = Action(deed=deed, strategy=strategy, rows=16, share=0.1, seconds=1.0)
    return Finding(action=action, seconds=1.0, trouble=trouble, **more)


def status(outlook, *findings):
    return {row.id: row.status for row in expected_rows(outlook, findings)}


def test_a_pilot_that_broke_is_a_training_that_will(tmp_path):
    outlook = planned(tmp_path, strategies=TUNED).outlook
    found = status(outlook, broke("pilot", "lora"))
    assert {name for name, state in found.items() if state == "failed"} == {
        "lora",
        "lora.optimized",
    }
    assert set(status(outlook, broke("head", "lora")).values()) == {"completed"}


def test_a_model_that_cannot_be_loaded_answers_nothing(tmp_path):
    outlook = planned(tmp_path, strategies=TUNED).outlook
    finding = broke("likelihood", "prompt.few-shot", "no such weights", model_lost=True)
    found = status(outlook, finding)
    left = {name for name, state in found.items() if state == "completed"}
    assert left == {"baseline.majority", "baseline.linear"}
    assert set(broken_in(outlook, [finding]).values()) == {"no such weights"}
    other = broke("likelihood", "prompt.few-shot")
    assert set(status(outlook, other).values()) == {"completed"}


def believed(values):
    """Qualities that leave no doubt."""
    means = np.array([float(to_angle(value)) for value in values.values()])
    return Belief(tuple(values), means, np.eye(len(means)) * 1e-4)


class Sure(PlainMind):
    """Other tasks were clear: tuning wins."""

    def belief(self, findings):
        return believed(SURE)


def test_no_yes_over_a_pilot_that_broke(tmp_path):
    bench = Bench(planned(tmp_path).outlook)
    belief = believed(SURE)
    assert bench(belief, []).commitment.answer == "yes"
    found = bench(belief, [broke("pilot", "lora")])
    assert (found.commitment.answer, found.p_tuned) == ("not yet", None)


@pytest.mark.parametrize("budget", [1e-9, 0.02])
def test_what_other_tasks_were_like_decides_nothing_alone(tmp_path, monkeypatch, budget):
    plan = planned(tmp_path, budget_seconds=budget)
    monkeypatch.setattr("service.forecasting.running.Learned", lambda *told: Sure())
    source = Scripted(dict.fromkeys(STRATEGIES, 0.5), seconds=dict.fromkeys(STRATEGIES, 1.0))
    found = forecast(plan, source=source, predictor=Predictor(), clock=lambda: 0.0)
    answer = found.answer
    assert {step.deed for step in found.trace if step.taken} <= {"features"}
    assert (answer.commit_to_fine_tuning, answer.why) == ("not yet", UNSEEN)
    assert answer.chance > 0.9
    assert answer.settles[0] == "A look at the task itself."
    assert answer.settles[1].startswith("The comparison (tuneworth compare) measures it")
    assert found.start.commit_to_fine_tuning == "not yet"
    after = [step.after for step in found.trace if step.taken]
    assert all(state.commit_to_fine_tuning == "not yet" for state in after)
    looked = forecast(
        planned(tmp_path, budget_seconds=1e6),
        source=Scripted(dict.fromkeys(STRATEGIES, 0.5)),
        predictor=Predictor(),
        clock=lambda: 0.0,
    )
    assert looked.answer.commit_to_fine_tuning == "yes"


def erring(strategy, right, wrong):
    action = Action(deed="rows", strategy=strategy, rows=right + wrong, share=1.0, seconds=1.0)
    figures = {"score": 1.0, "errors": float(wrong), "ms_per_row": 10.0}
    scores = {f"validation {n}": 1.0 for n in range(right)}
    return Finding(action=action, figures=figures, scores=scores, seconds=1.0)


def test_one_that_errs_too_often_is_no_rival_in_any_draw(tmp_path):
    """The chance of tuning is that which it has without the strategy that nobody could use."""
    values = dict(zip(STRATEGIES, (0.25, 0.7, 0.95, 0.85), strict=True))
    belief = believed(values)
    bench = Bench(planned(tmp_path).outlook)
    fine, errs = bench(belief, []), bench(belief, [erring("prompt.few-shot", 50, 14)])
    assert fine.p_tuned < 0.1
    assert errs.p_tuned > 0.9
    assert errs.chosen["prompt.few-shot"] == 0.0
    assert errs.chosen["lora"] > 0.9
    assert errs.strategy == "lora"


def settled_by(tmp_path, strategies):
    plan = planned(tmp_path, strategies=strategies, budget_seconds=1e6)
    truth = dict.fromkeys((name for name in strategies if name in STRATEGIES), 0.5)
    found = forecast(plan, source=Scripted(truth), predictor=Predictor(), clock=lambda: 0.0)
    assert found.answer.commit_to_fine_tuning == "not yet"
    return found.answer.settles


def test_what_would_settle_it_is_what_is_missing(tmp_path):
    [tuned] = settled_by(tmp_path, ("baseline.linear", "prompt.few-shot"))
    assert tuned == "A tuned strategy among those that are foretold, such as lora."
    [untuned] = settled_by(tmp_path, ("lora",))
    assert untuned.startswith("A strategy without tuning among those that are foretold")
