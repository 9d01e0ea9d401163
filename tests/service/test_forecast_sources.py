"""Where the findings of a forecast come from: what was found before, and the task itself."""

import pytest
from foretold import TRUTH, Scripted, foretold, planned

from benchmarks.belief.predictor import Predictor
from benchmarks.evidence.finding import Finding
from benchmarks.evidence.live import LiveSource
from service.forecasting.running import forecast
from service.forecasting.sources import Continued


def broken_off() -> tuple[Scripted, list[Finding]]:
    """A source that stands behind what it found, which a forecast would not look for again."""
    whole = Scripted(TRUTH)
    earlier = [whole.take(whole.actions()[0])]
    while (step := whole.actions()[3]).rows < 64:  # the last one, lora
        earlier.append(whole.take(step).model_copy(update={"usd": 0.5}))
    return whole, earlier


def test_a_source_goes_on_behind_earlier_findings() -> None:
    whole, earlier = broken_off()
    kept: list[Finding] = []
    source = Continued(whole, earlier, kept.append)
    assert source.actions() == whole.actions()
    new = source.take(source.actions()[3])
    assert (kept, new.action.rows) == ([new], 64)


@pytest.mark.parametrize("budget", [3.3, 1e4])
def test_all_that_was_found_before_is_booked_from_the_start(tmp_path, budget) -> None:
    whole, earlier = broken_off()
    spent = sum(one.seconds for one in earlier)  # by hand: 32 rows of 0.1 s, and the data
    assert spent == pytest.approx(3.21)
    kept: list[Finding] = []
    told = foretold(tmp_path, Continued(whole, earlier, kept.append), budget_seconds=budget)
    assert told.spent.seconds == pytest.approx(spent + sum(one.seconds for one in kept))
    assert told.spent.seconds <= budget
    tokens = sum(one.usd for one in earlier)
    assert tokens == pytest.approx(1.5)
    assert told.spent.usd > tokens
    taken = [step for step in told.trace if step.taken]
    assert told.spent.actions == len(taken) == len(earlier) + len(kept)
    before = [step for step in taken if "broken off" in step.reason]
    assert [(step.strategy, step.rows) for step in before] == [
        (one.action.strategy, one.action.rows) for one in earlier
    ]
    assert bool(kept) == (budget > 4)


def test_the_live_source_takes_what_a_forecast_plans(tmp_path) -> None:
    plan = planned(tmp_path, strategies=["baseline.majority"], budget_seconds=100.0)
    source = LiveSource(plan.dataset, plan.outlook.fitting, {}, 0)
    told = forecast(plan, source=source, predictor=Predictor(), clock=lambda: 0.0)
    [row] = told.strategies
    assert row.rows > 0
    assert row.quality.value == pytest.approx(0.25, abs=0.1)
    assert told.answer.commit_to_fine_tuning == "not yet"
    assert told.answer.settles == ("A tuned strategy among those that are foretold, such as lora.",)
