"""The loop of a forecast: what it looks at, in which order, and when it has seen enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from foretold import STRATEGIES, PlainMind, Scripted, planned

from benchmarks.belief.angles import to_angle
from benchmarks.belief.belief import Belief
from benchmarks.errors import Cancelled
from benchmarks.evidence.finding import Action, Finding
from service.forecasting.controller import Explored, Explorer
from service.forecasting.judging import Bench

CLEAR = {"baseline.majority": 0.25, "baseline.linear": 0.95, "prompt.few-shot": 0.4, "lora": 0.5}


def explored(tmp_path: Path, source: Scripted, **options: object) -> Explored:
    """A whole exploration with beliefs that know nothing beforehand."""
    plan = planned(tmp_path, budget_seconds=options.pop("budget", 1e6))
    mine = {"confidence": 0.9, "clock": lambda: 0.0, "mind": PlainMind(), **options}
    explorer = Explorer(
        source=source,
        judge=Bench(plan.outlook, mine["confidence"]),
        purse=plan.purse,
        rows=64,
        **mine,
    )
    return explorer.explore()


def test_it_stops_as_soon_as_the_decision_is_clear(tmp_path) -> None:
    found = explored(tmp_path, Scripted(CLEAR))
    assert found.stop == "clear"
    assert (found.judged.strategy, found.judged.commitment.answer) == ("baseline.linear", "no")
    assert found.judged.chance >= 0.9
    earlier = [step.after for step in found.trace if step.taken][:-1]
    assert all(
        state.chance < 0.9 or state.commit_to_fine_tuning == "not yet" for state in earlier[1:]
    )
    assert sum(one.action.rows for one in found.findings) < 4 * 64


def test_a_higher_confidence_takes_longer(tmp_path) -> None:
    close = {**CLEAR, "baseline.linear": 0.7, "prompt.few-shot": 0.55}
    hasty, careful = (
        explored(tmp_path, Scripted(close), confidence=confidence).seconds
        for confidence in (0.7, 0.99)
    )
    assert hasty < careful


def test_the_data_come_first_and_nothing_is_decided_by_the_prior_alone(tmp_path) -> None:
    source = Scripted(CLEAR)
    found = explored(tmp_path, source, mind=PlainMind(value=0.9, spread=0.001))
    assert [action.deed for action in source.taken[:2]] == ["features", "rows"]
    assert found.trace[0].reason == "It costs next to nothing and says what the task is."


@dataclass
class WithRetrieval(Scripted):
    """Offers a look at what is retrieved besides, for next to nothing."""

    retrieved: bool = False

    def actions(self) -> list[Action]:
        look = Action(
            deed="retrieval", strategy="prompt.few-shot", rows=64, share=1.0, seconds=1e-6
        )
        return [*super().actions(), *([] if self.retrieved else [look])]

    def take(self, action: Action) -> Finding:
        if action.deed != "retrieval":
            return super().take(action)
        self.taken.append(action)
        self.retrieved = True
        return Finding(action=action, figures={"hit_at_3": 0.9}, seconds=action.seconds)


class Sure(PlainMind):
    """Other tasks leave no doubt about this one."""

    def belief(self, findings: Sequence[Finding]) -> Belief:
        means = [float(to_angle(CLEAR[name])) for name in self.ids]
        return Belief(self.ids, np.array(means), np.eye(len(self.ids)) * 1e-8)


def test_looks_that_tell_nothing_of_the_task_settle_nothing(tmp_path) -> None:
    free = {"baseline.majority": 1e-9}
    source = WithRetrieval(CLEAR, seconds=free)
    found = explored(tmp_path, source, mind=Sure())
    assert found.start.chance >= 0.9
    told = [one for one in source.taken if one.deed == "rows" and one.strategy not in free]
    assert len(told) == 1
    assert found.stop == "clear"


@pytest.mark.parametrize("budget", [0.5, 3.0, 7.0])
def test_the_budget_is_never_knowingly_passed(tmp_path, budget) -> None:
    found = explored(tmp_path, Scripted({**CLEAR, "lora": 0.93}), budget=budget)
    assert found.seconds <= budget
    left = [step for step in found.trace if not step.taken]
    if found.stop == "budget":
        assert all(found.seconds + step.expected_seconds > budget for step in left)
        assert all("more than is left" in step.reason for step in left)


def test_thinking_is_paid_for(tmp_path) -> None:
    ticks = (0.05 * number for number in range(100_000))
    found = explored(tmp_path, Scripted(CLEAR), budget=2.0, clock=lambda: next(ticks))
    assert found.thinking_seconds > 0.5
    assert found.seconds <= 2.0 + 0.5  # the last look, which ends it, is booked too
    assert found.stop == "budget"


def test_money_is_a_budget_too(tmp_path) -> None:
    plan = planned(tmp_path, budget_seconds=1e6, budget_usd=2.5e-5 * 2)  # two seconds
    explorer = Explorer(
        source=Scripted(CLEAR),
        mind=PlainMind(),
        judge=Bench(plan.outlook),
        purse=plan.purse,
        confidence=0.99,
        rows=64,
        clock=lambda: 0.0,
    )
    found = explorer.explore()
    assert plan.purse.usd_per_second == pytest.approx(2.5e-5)
    assert found.stop == "budget"
    assert found.seconds <= 2.0


def test_what_costs_more_than_it_is_worth_is_not_done(tmp_path) -> None:
    whole = planned(tmp_path).outlook.seconds
    dear = dict.fromkeys(STRATEGIES[1:], whole)  # one row takes as long as the whole comparison
    found = explored(tmp_path, Scripted(CLEAR, seconds=dear))
    assert found.stop == "not worth it"
    assert found.stopped.startswith("Nothing that is left promises to settle or to narrow")
    dearer = Scripted(CLEAR, seconds={**dear, "lora": 2 * whole})
    tight = explored(tmp_path, dearer, budget=17 * whole)
    assert tight.stopped.startswith("Of what fits the budget of ")
    # beside what is cheap, a single look at a strategy that takes thought
    looked = [one.action for one in found.findings if one.action.strategy in dear]
    assert [(one.strategy, one.rows) for one in looked] == [("baseline.linear", 8)]
    left = [step for step in found.trace if not step.taken and step.strategy in dear]
    assert len(left) == 3
    assert all("the comparison settles all of it for that" in step.reason for step in left)


def test_what_promises_less_than_the_comparison_is_done_too(tmp_path) -> None:
    whole = planned(tmp_path).outlook.seconds
    slow = dict.fromkeys(STRATEGIES[1:], whole / 20)  # 8 rows take 40% of the comparison
    close = {**CLEAR, "prompt.few-shot": 0.94, "lora": 0.95}
    steps = [step for step in explored(tmp_path, Scripted(close, seconds=slow)).trace if step.taken]
    stakes = [0.0, *(step.after.stake for step in steps)]  # the first is a look at the data
    promises = [
        step.expected_gain / stake + step.expected_call
        for stake, step in zip(stakes, steps, strict=False)
        if step.strategy in slow
    ]
    # that of the first look does not count, which is always taken
    assert min(promises[1:]) < 0.4


def test_where_nothing_is_left_to_look_at_it_ends(tmp_path) -> None:
    even = dict.fromkeys(STRATEGIES[1:], 0.6)
    free = dict.fromkeys(STRATEGIES, 1e-9)
    found = explored(tmp_path, Scripted(even, seconds=free), confidence=0.99)
    assert found.stop in ("nothing left", "not worth it")
    assert found.judged.commitment.answer in ("no", "not yet")


def test_it_stops_when_told_to(tmp_path) -> None:
    source = Scripted(CLEAR)
    found = explored(tmp_path, source, cancelled=lambda: len(source.taken) >= 2)
    assert found.stop == "told to"
    assert len(found.findings) == 2


class Interrupted(Scripted):
    """Is told to stop in the middle of its third action."""

    def take(self, action: Action) -> Finding:
        if len(self.taken) == 2:
            raise Cancelled("stopped during a request")
        return super().take(action)


def test_it_stops_in_the_middle_of_an_action(tmp_path) -> None:
    found = explored(tmp_path, Interrupted(CLEAR))
    assert found.stop == "told to"
    assert len(found.findings) == 2


def test_the_last_step_tells_the_final_share(tmp_path) -> None:
    steps: list[tuple[str, float]] = []
    found = explored(
        tmp_path, Scripted(CLEAR), budget=100.0, on_step=lambda *step: steps.append(step)
    )
    assert len(steps) == len(found.findings) + 1
    assert steps[-1] == ("enough was looked at", pytest.approx(found.seconds / 100))
    assert steps[-2][1] < steps[-1][1] < 1


def test_a_strategy_that_breaks_is_out_and_the_rest_goes_on(tmp_path) -> None:
    found = explored(tmp_path, Scripted(CLEAR, broken=("baseline.linear",)))
    [row] = [r for r in found.judged.case.summary.strategies if r.id == "baseline.linear"]
    assert (row.status, row.reason) == ("failed", "it caught fire")
    assert "baseline.linear" not in found.judged.terms.ids
    [step] = [step for step in found.trace if step.trouble]
    assert step.trouble == "it caught fire"


def test_the_same_findings_lead_the_same_way(tmp_path) -> None:
    one, two = (explored(tmp_path, Scripted(CLEAR)) for _ in range(2))
    assert one.trace == two.trace


def test_the_trace_tells_what_was_believed_before_and_after(tmp_path) -> None:
    found = explored(tmp_path, Scripted(CLEAR))
    steps = [step for step in found.trace if step.taken and step.deed == "rows"]
    moved = {one.strategy: one for one in steps[0].moved}[steps[0].strategy]
    score = CLEAR[steps[0].strategy]
    assert abs(moved.after[0] - score) < abs(moved.before[0] - score)
    assert moved.after[2] - moved.after[1] < moved.before[2] - moved.before[1]
    assert "points off what is at stake, with a chance of" in steps[0].reason
    assert steps[-1].after.chance == found.judged.chance


def test_where_no_strategy_is_left_the_budget_is_not_blamed(tmp_path) -> None:
    plan = planned(tmp_path, budget_seconds=60.0)
    left = SimpleNamespace(terms=SimpleNamespace(ids=()))
    explorer = Explorer(
        source=Scripted(CLEAR),
        mind=PlainMind(),
        judge=Bench(plan.outlook, 0.9),
        purse=plan.purse,
        confidence=0.9,
        rows=40,
    )
    assert explorer.source.actions()
    assert explorer.reason_for_none([], left) == "nothing left"
    some = SimpleNamespace(terms=SimpleNamespace(ids=("a",)))
    assert explorer.reason_for_none([], some) == "budget"
