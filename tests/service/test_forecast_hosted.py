"""A hosted model in a forecast: what is known of its speed and cost, what it is paid at most."""

from dataclasses import dataclass

import pytest
from foretold import PlainMind, Scripted, dataset

from benchmarks.costs import TokenPrice, read_prices
from benchmarks.errors import SpendingLimit
from benchmarks.evidence.finding import Action, Finding
from corpora.task import Needs
from service.forecasting.controller import Explorer
from service.forecasting.judging import Bench
from service.forecasting.planning import plan_forecast

MODEL = "team-gpt"
NAMES = ("baseline.majority", "baseline.linear", "prompt.zero-shot", "prompt.few-shot")
PRICE = TokenPrice(input=2.5, cached=0.5, output=10.0, source="made up", as_of="2026")


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Of a task with needs and limits, beside a hosted model that nobody asks."""
    named = tmp_path / "models.yaml"
    named.write_text(f"{MODEL}:\n  base_url: http://127.0.0.1:9/v1\n  model: m-1\n")
    monkeypatch.setenv("TUNEWORTH_MODELS", str(named))
    prices = read_prices().model_copy(update={"models": {MODEL: PRICE}})

    def planned(needs=None, **limits):
        data = dataset(MODEL, needs=needs)
        return plan_forecast(data, strategies=NAMES, prices=prices, **limits)

    return planned


def answered(strategy, ms, prompt=100.0, completion=5.0, cached=0.0):
    return Finding(
        action=Action(deed="rows", strategy=strategy, rows=32, share=1.0, seconds=1.0),
        figures={
            "score": 0.9,
            "ms_per_row": ms,
            "prompt_tokens": prompt,
            "cached_tokens": cached,
            "completion_tokens": completion,
        },
        scores={f"validation {n}": 0.9 for n in range(32)},
        seconds=1.0,
    )


def judged(plan, *findings):
    mind = PlainMind(ids=NAMES)
    return Bench(plan.outlook)(mind.belief(findings), list(findings))


def standing(found, need, strategy="prompt.few-shot"):
    [candidate] = [each for each in found.case.candidates if each.id == strategy]
    [one] = [each for each in candidate.judgements if each.need == need]
    return one.standing, one.hopeless


@pytest.mark.parametrize("limit", [10.0, 700.0, 1e5])
def test_its_latency_is_uncertain_until_it_was_timed(plan, limit):
    needs = Needs(latency_p95_ms=limit)
    found = judged(plan(needs))
    assert standing(found, "latency_p95_ms") == ("uncertain", False)
    [one] = [each for each in found.case.candidates if each.id == "prompt.few-shot"]
    assert one.judgements[0].text.endswith(": not known before it is timed")


@pytest.mark.parametrize(
    ("limit", "ms", "is_now"),
    [
        (700.0, 30.0, ("met", False)),  # even had all sixteen been served at once
        (700.0, 60.0, ("uncertain", False)),  # by how many were served at once
        (700.0, 200.0, ("uncertain", False)),
        (1500.0, 6000.0, ("missed", True)),  # a request takes no less
    ],
)
def test_then_it_is_known_as_far_as_rows_sent_at_once_tell(plan, limit, ms, is_now):
    found = judged(plan(Needs(latency_p95_ms=limit)), answered("prompt.few-shot", ms))
    assert standing(found, "latency_p95_ms") == is_now


def test_its_cost_follows_the_tokens_that_were_counted(plan):
    made = plan(Needs(cost_per_1k_requests=1.0))
    quoted, counted = (
        {row.id: row for row in judged(made, *findings).case.summary.strategies}
        for findings in ((), (answered("prompt.few-shot", 500.0, 600.0, 2000.0),))
    )
    cost = counted["prompt.few-shot"].cost.per_1k_requests_usd
    assert cost == pytest.approx(1000 * (600 * 2.5 + 2000 * 10.0) / 1e6, rel=0.01)
    assert quoted["prompt.few-shot"].cost.per_1k_requests_usd < 1.0
    half = judged(made, answered("prompt.few-shot", 500.0, 600.0, 2000.0, cached=300.0))
    cheaper = next(row for row in half.case.summary.strategies if row.id == "prompt.few-shot")
    assert cheaper.cost.per_1k_requests_usd == pytest.approx(
        cost - 1000 * 300 * 2.0 / 1e6, rel=0.01
    )
    dear = judged(made, answered("prompt.few-shot", 500.0, 600.0, 2000.0))
    assert standing(dear, "cost_per_1k_requests")[0] == "missed"
    # what the model was not asked by is taken to differ from its quote by as much
    other = "prompt.zero-shot"
    assert counted[other].tokens.completion_per_request == pytest.approx(
        quoted[other].tokens.completion_per_request
        * 2000.0
        / quoted["prompt.few-shot"].tokens.completion_per_request
    )
    assert counted["baseline.linear"].tokens == quoted["baseline.linear"].tokens
    # a pilot answers too few rows, and too odd ones, to count by
    pilot = answered("prompt.few-shot", 500.0, 1.0, 0.0)
    pilot = pilot.model_copy(update={"action": pilot.action.model_copy(update={"deed": "pilot"})})
    rows = {row.id: row for row in judged(made, pilot).case.summary.strategies}
    assert rows[other].tokens == quoted[other].tokens


def test_what_may_pass_the_spending_limit_is_not_begun(plan):
    free, bound = plan(budget_usd=10.0), plan(budget_usd=10.0, spend_at_most=0.01)
    assert free.purse.covers(0.0, 0.02)
    assert not bound.purse.covers(0.0, 0.02)
    assert bound.purse.covers(1.0, 0.005)
    assert bound.paid_usd == min(0.01, bound.outlook.paid_usd)
    assert plan(spend_at_most=1e6).paid_usd == plan().paid_usd


def is_paid(action):
    return str(action.strategy).startswith("prompt")


@dataclass
class Spent(Scripted):
    """Answers of the hosted model are not sent any more once there were two."""

    usd: float = 0.01

    def actions(self):
        return [
            one.model_copy(update={"usd": self.usd if is_paid(one) else 0.0})
            for one in super().actions()
        ]

    def take(self, action):
        if is_paid(action) and sum(map(is_paid, self.taken)) == 2:
            raise SpendingLimit("spending limit: $1 of $1 are spent")
        return super().take(action).model_copy(update={"usd": action.usd})


@pytest.mark.parametrize("usd", [0.01, 0.0])
def test_where_nothing_may_be_sent_any_more_the_rest_goes_on(plan, usd):
    made = plan(budget_seconds=1e6, budget_usd=1e6)
    explorer = Explorer(
        source=Spent({"baseline.linear": 0.6, "prompt.few-shot": 0.62}, usd=usd),
        mind=PlainMind(ids=NAMES),
        judge=Bench(made.outlook),
        purse=made.purse,
        confidence=0.99,
        rows=64,
        clock=lambda: 0.0,
    )
    found = explorer.explore()
    rows = {one.action.strategy: one.action.rows for one in found.findings}
    assert (rows["prompt.few-shot"], rows["baseline.linear"]) == (16, 64)
    assert found.stop == "budget"
    assert found.stopped.endswith("; the spending limit lets nothing more be sent.")
    [left] = [step for step in found.trace if not step.taken]
    assert left.reason == "The spending limit lets nothing more of it be sent."
    assert {row.status for row in found.judged.case.summary.strategies} == {"completed"}
