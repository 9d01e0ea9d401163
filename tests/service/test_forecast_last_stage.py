"""The last stage of a forecast: what is done where nothing promises to settle the answer."""

from types import SimpleNamespace

from foretold import PlainMind, Scripted, planned

from benchmarks.evidence.finding import Action, Finding
from corpora.task import Needs
from service.forecasting.appraisal import Appraisal
from service.forecasting.controller import Explorer
from service.forecasting.judging import Bench

SCORES = {"baseline.majority": 0.25, "baseline.linear": 0.3, "prompt.few-shot": 0.3, "lora": 0.7}


def test_what_is_left_of_the_budget_is_for_those_that_may_be_chosen(tmp_path) -> None:
    plan = planned(tmp_path, budget_seconds=60.0)
    explorer = Explorer(Scripted(SCORES), PlainMind(), Bench(plan.outlook), plan.purse, 0.9, 64)
    explorer.findings = [Finding(action=look("lora"), seconds=1.0)]
    judged = SimpleNamespace(case=SimpleNamespace(floor=SimpleNamespace(trivial=())))
    little, much, dear, nothing = (
        Appraisal(look(name), 0.0, 0.0, share, stake=0.1, narrows=narrows)
        for name, share, narrows in (
            ("prompt.few-shot", 0.01, 0.02),
            ("lora", 0.01, 0.25),
            ("baseline.nearest", 1.0, 0.9),
            ("baseline.linear", 1e-6, 0.001),
        )
    )
    everything = [little, much, dear, nothing]
    assert explorer.chosen(everything, judged) is much
    assert "narrows most" in explorer.reason_for(much, everything, judged)
    assert "by 25%." in explorer.reason_for(much, everything, judged)
    assert explorer.chosen([dear, nothing], judged) is None
    turning = Appraisal(look("lora"), 0.001, 0.0, 0.5, stake=0.1)
    assert explorer.chosen([*everything, turning], judged) is turning
    explorer.findings = []
    assert "cheapest look" in explorer.reason_for(little, everything, judged)


def test_what_thinking_took_the_room_for_makes_way_for_what_still_fits(tmp_path) -> None:
    """The better bargain fits the budget until the other one was thought about as well."""
    plan = planned(tmp_path, budget_seconds=10.0)
    ticks = iter([0.0, 0.0, 0.0, 2.0])  # the mark, a look before each, and one after both
    explorer = Explorer(
        Scripted(SCORES),
        PlainMind(),
        Bench(plan.outlook),
        plan.purse,
        0.9,
        64,
        clock=ticks.__next__,
    )
    explorer.findings = [Finding(action=look("lora"), seconds=1.0)]
    large, small = (
        Appraisal(look(name).model_copy(update={"seconds": seconds}), 0.1, 0.0, 0.01, stake=1.0)
        for name, seconds in (("lora", 8.0), ("prompt.few-shot", 7.0))
    )
    explorer.mark = explorer.clock()
    explorer.appraised = lambda belief, judged: [
        one for one in (large, small) if explorer.fits(one.action)
    ]
    explorer.reason_to_stop = lambda judged: None
    judged = SimpleNamespace(case=SimpleNamespace(floor=SimpleNamespace(trivial=())))
    found, chosen, stop = explorer.look(None, judged)
    assert (found, chosen, stop) == ([small], small, None)


def test_where_thinking_took_the_room_for_all_that_came_first_the_rest_is_appraised(tmp_path):
    plan = planned(tmp_path, budget_seconds=10.0)
    judge, clock = Bench(plan.outlook), iter([2.0, 2.5]).__next__
    explorer = Explorer(Scripted(SCORES), PlainMind(), judge, plan.purse, 0.9, 64, clock=clock)
    explorer.findings = [Finding(action=look("lora"), seconds=1.0)]
    data = Action(deed="features", strategy=None, rows=64, share=1.0, seconds=8.0)
    first = Appraisal(data, 0.0, 0.0, 0.01, stake=1.0)
    rest = Appraisal(look("prompt.few-shot"), 0.1, 0.0, 0.01, stake=1.0)
    offered = iter([[first], [rest]])
    explorer.appraised = lambda belief, judged: next(offered)
    explorer.reason_to_stop = lambda judged: None
    judged = SimpleNamespace(case=SimpleNamespace(floor=SimpleNamespace(trivial=())))
    assert explorer.look(None, judged) == ([rest], rest, None)


def test_a_whole_forecast_ends_with_what_narrows_and_uses_its_budget(tmp_path) -> None:
    """The best by far falls short of the stated quality, so no answer is ever sure enough."""
    plan = planned(tmp_path, budget_seconds=40.0, needs=Needs(quality_at_least=0.9))
    explorer = Explorer(
        Scripted(SCORES), PlainMind(), Bench(plan.outlook), plan.purse, 0.9, 64, clock=lambda: 0.0
    )
    found = explorer.explore()
    last = [step for step in found.trace if step.taken and "narrows most" in step.reason]
    assert last
    assert all((step.expected_gain, step.expected_call) == (0.0, 0.0) for step in last)
    assert all(step.expected_narrowing >= 0.01 for step in last)


def look(strategy: str) -> Action:
    return Action(deed="rows", strategy=strategy, rows=8, share=1.0, seconds=1.0)
