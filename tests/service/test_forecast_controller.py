"""The loop of a forecast: what it looks at, in which order, and when it has seen enough."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from foretold import STRATEGIES, PlainMind, Scripted, planned

from benchmarks.belief.angles import to_angle
from benchmarks.belief.belief import Belief
from benchmarks.errors import Cancelled
from benchmarks.evidence.finding import Action, Finding
from service.forecasting.appraisal import Purse, appraise, looked_ahead
from service.forecasting.controller import Explored, Explorer
from service.forecasting.judging import Bench
from service.forecasting.worlds import Terms
from service.forecasting.worth import promise

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
    assert found.stopped == "Nothing that is left promises to settle more."
    dearer = Scripted(CLEAR, seconds={**dear, "lora": 2 * whole})
    tight = explored(tmp_path, dearer, budget=17 * whole)
    assert tight.stopped.startswith("Of what fits the budget of ")
    # beside what is cheap, a single look at a strategy that takes thought
    looked = [one.action for one in found.findings if one.action.strategy in dear]
    assert [(one.strategy, one.rows) for one in looked] == [("baseline.linear", 8)]
    left = [step for step in found.trace if not step.taken and step.strategy in dear]
    assert len(left) == 3
    assert all("the comparison is the better bargain" in step.reason for step in left)


def test_the_budget_is_used_while_there_is_no_answer(tmp_path) -> None:
    whole = planned(tmp_path).outlook.seconds
    slow = dict.fromkeys(STRATEGIES[1:], whole / 16)  # a sample of rows takes half the comparison
    found = explored(tmp_path, Scripted({**CLEAR, "lora": 0.93}, seconds=slow))
    steps = [step for step in found.trace if step.taken and step.strategy in slow]
    stakes = [found.start.stake, *(step.after.stake for step in found.trace if step.taken)]
    parts = [
        (step.expected_gain or 0) / stake + (step.expected_call or 0)
        for stake, step in zip(stakes, found.trace, strict=False)
        if step in steps
    ]
    assert len(steps) > 1
    # the comparison would have settled more in that time; the first look is always taken
    assert min(parts[1:]) < 0.5


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


def worth(now: Belief, then: Belief, terms: Terms) -> float:
    return promise(now, then, terms, confidence=0.9).gain


def two(margin: float = 0.0) -> Terms:
    """Two strategies without tuning, the first the cheaper one; no floor."""
    return Terms(
        ids=("a", "b"),
        rank=np.array([0, 1]),
        shortfall=np.array([0, 0]),
        tuned=np.array([False, False]),
        trivial=np.array([False, False]),
        limit=0.0,
        margin=margin,
        bar=None,
        cheaper=np.zeros((2, 2), dtype=bool),
    )


def believed(difference: float, spread: float) -> Belief:
    """`a` known exactly at 0.5, where an angle is as large as a quality, and `b` to ± spread."""
    return Belief(
        ("a", "b"),
        np.array([np.pi / 4, np.pi / 4 + difference]),
        np.diag([1e-12, spread**2]),
    )


@pytest.mark.parametrize("difference", [0.0, 0.03, -0.03])
def test_the_value_of_knowing_all_is_the_expected_loss(difference) -> None:
    """E[max(0, X)] for X normal: what is lost by the better choice of now."""
    from service.evidence import expected_excess

    spread = 0.04
    found = worth(believed(difference, spread), believed(difference, 1e-9), two())
    assert found == pytest.approx(expected_excess(-abs(difference), spread), rel=0.2)


def test_evidence_that_cannot_turn_the_choice_is_worth_nothing() -> None:
    now = believed(0.0, 0.01)
    assert worth(now, now, two()) == 0.0
    # b is at most some three points better, and five are asked for
    assert worth(now, believed(0.0, 1e-9), two(margin=0.05)) == 0.0
    assert worth(believed(0.0, 0.04), believed(0.0, 1e-9), two(margin=0.05)) > 0.0


def test_more_evidence_is_worth_more() -> None:
    now = believed(0.0, 0.05)
    gains = [worth(now, believed(0.0, left), two()) for left in (0.045, 0.03, 0.01)]
    assert gains == sorted(gains)
    assert gains[0] > 0


def test_evidence_that_turns_nothing_may_still_make_the_answer_sure() -> None:
    """Tuning is expected to lose three points: that is known to ± 4 points, which forgoes more
    than a quarter of the margin, or, once it is known to ± 0.5, mostly less."""
    terms = replace(two(margin=0.02), tuned=np.array([False, True]))
    now, then = believed(-0.03, 0.04), believed(-0.03, 0.005)
    found = promise(now, then, terms, confidence=0.9)
    # by hand: E[max(0, gain - 0.02)] is 0.0033 at ± 4 points around -0.03; the call is P(mean of
    # the gap <= 0.02), P(Z <= 0.05 / 0.0397) = 0.90, or a yes beyond 0.0264, 0.08
    assert found.call == pytest.approx(0.96, abs=0.06)
    wide = promise(believed(0.0, 0.1), believed(0.0, 0.099), terms, confidence=0.9)
    assert wide.call == 0.0


def test_the_larger_share_of_time_and_money_counts() -> None:
    purse = Purse(
        seconds=100.0, usd=0.5, whole_seconds=1000.0, whole_usd=1.0, usd_per_second=0.0001
    )
    assert purse.share(10.0, 0.0) == pytest.approx(0.01)
    assert purse.share(10.0, 0.2) == pytest.approx(0.201)
    assert purse.covers(100.0, 0.49)
    assert not purse.covers(100.0, 0.495)
    assert not purse.covers(101.0, 0.0)


def test_chains_are_looked_ahead_at_the_price_of_their_next_step() -> None:
    action = Action(deed="rows", strategy="a", rows=16, share=1.0, seconds=4.0, usd=0.1)
    before = action.model_copy(update={"rows": 8})
    found = [Finding(action=before, seconds=4.0)]
    ahead = looked_ahead(action, found, rows=40)
    # by hand: 8 rows took 4 seconds; the way to 40 is 32 rows
    assert ahead == action.model_copy(update={"rows": 40, "seconds": 16.0, "usd": 0.4})
    pilot = Action(deed="pilot", strategy="a", rows=16, share=0.1, seconds=10.0)
    first = [Finding(action=pilot.model_copy(update={"share": 0.05}), seconds=10.0)]
    further = looked_ahead(pilot, first, rows=40)
    assert further.share == pytest.approx(0.25)
    assert further.seconds == pytest.approx(40.0)
    head = Action(deed="head", strategy="a", rows=16, share=1.0, seconds=1.0)
    assert looked_ahead(head, [], rows=40) is None


@pytest.mark.parametrize(
    ("seconds", "usd", "spent", "far"),
    [
        (100.0, 1.0, (0.0, 0.0), True),
        (100.0, 1.0, (97.0, 0.0), False),
        (100.0, 0.35, (0.0, 0.0), False),
        (100.0, 1.0, (0.0, 0.7), False),
    ],
)
def test_a_chain_that_time_or_money_does_not_cover_is_not_looked_at(
    seconds, usd, spent, far
) -> None:
    """Eight rows tell nothing; thirty-two, at four times their price, tell everything."""
    action = Action(deed="rows", strategy="b", rows=8, share=1.0, seconds=1.0, usd=0.1)
    now = believed(0.0, 0.05)
    mind = SimpleNamespace(
        foreseen=lambda findings, one: believed(0.0, 1e-9) if one.rows > 8 else now
    )
    judged = SimpleNamespace(terms=two(), is_clear=True, stake=0.02)
    purse = Purse(
        seconds=seconds, usd=usd, whole_seconds=1000.0, whole_usd=10.0, usd_per_second=0.0
    )
    found = appraise(
        action, mind, [], now, judged, purse, confidence=0.9, rows=32, spent=spent, seed=0
    )
    assert (found.ahead is not None) is far
    assert (found.gain > 0) is far


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
