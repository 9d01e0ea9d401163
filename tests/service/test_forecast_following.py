"""A forecast that a simple rule decides, because it did better than the predictor."""

import io

import pytest
from foretold import STRATEGIES, Scripted, measured, planned
from rich.console import Console

from benchmarks.belief.gate import PREDICTOR, Gate
from benchmarks.belief.predictor import Predictor
from benchmarks.belief.rivals import RIVALS
from corpora.task import Needs
from service.forecasting import view
from service.forecasting.following import NO_SAY, OVERRULED, RULED_OUT, SAYS
from service.forecasting.pages import as_html, as_markdown
from service.forecasting.result import Forecast
from service.forecasting.running import forecast
from service.forecasting.shown import forecast_text
from service.forecasting.telling import BY_RULE

CLOSE = {"baseline.majority": 0.25, "baseline.linear": 0.9, "prompt.few-shot": 0.5, "lora": 0.96}
"""By rank LoRA, which is rather right than wrong; by the predictor nobody is sure enough of it."""
WHY = "On 9 measured tasks the rule did better."
RANK = "rank at pilot size"


UNREACHED = 0.999
"""What looks at the task never settle here."""
SILENT = [measured(number, 0.9).model_copy(update={"qualities": {}}) for number in range(4)]
"""Measured tasks of the kind that taught nothing."""


def foretold(
    model, way, *, tasks=SILENT, tested=4, source=None, seconds=1e4, confidence=UNREACHED, **more
):
    plan = planned(model, budget_seconds=seconds, **more)
    known = {s.facts.model for s in plan.outlook.fitting} - {None}
    gate = Gate(way=way, why=WHY, kinds={"classification": tested}, models=tuple(known))
    predictor = Predictor.fit(tasks).model_copy(update={"gate": gate})
    source = source or Scripted(CLOSE)
    return forecast(
        plan, confidence=confidence, source=source, predictor=predictor, clock=lambda: 0.0
    )


def taken(found):
    return [step for step in found.trace if step.taken]


@pytest.fixture
def ranked(tmp_path) -> Forecast:
    return foretold(tmp_path, RANK)


def test_the_answer_is_the_rules_and_the_predictor_would_have_said_another(ranked, tmp_path):
    assert (ranked.answer.strategy, ranked.answer.commit_to_fine_tuning) == ("lora", "yes")
    assert ranked.answer.runner_up == "baseline.linear"
    assert (ranked.rule, ranked.tested) == (RANK, WHY)
    plain = foretold(tmp_path, PREDICTOR)
    assert plain.answer.commit_to_fine_tuning == "not yet"
    assert plain.rule is None
    assert '"rule"' not in plain.as_json()
    assert Forecast.model_validate_json(ranked.as_json()) == ranked


def test_it_looks_at_what_the_rule_goes_by_the_quickest_first_and_then_at_the_rest(ranked):
    steps = [step for step in taken(ranked) if step.reason == BY_RULE]
    rest = [step for step in taken(ranked) if step.reason != BY_RULE]
    assert {step.deed for step in steps} == {"rows"}
    # where looks speak against the rule for a while, the predictor explores
    assert len(steps) >= 12
    assert len(steps) + sum(step.deed == "rows" for step in rest) == 4 * 4
    assert all(step.expected_gain is None for step in steps)
    seconds = [step.expected_seconds for step in steps]
    assert seconds == sorted(seconds)
    assert [step.deed for step in rest].count("features") == 1
    assert ranked.stop == "nothing left"
    assert taken(ranked)[-1].after.strategy == "lora"


def test_it_stays_within_the_budget(tmp_path):
    found = foretold(tmp_path, RANK, seconds=4.0)
    assert 0 < found.spent.seconds <= 4.0
    assert found.stop == "budget"
    assert "more than is left" in found.trace[-1].reason


def test_a_rule_that_goes_by_other_tasks_is_held_against_looks_at_this_one(tmp_path):
    tasks = [measured(number, 0.95) for number in range(9)]
    found = foretold(tmp_path, "majority strategy", tasks=tasks)
    assert (found.answer.strategy, found.answer.commit_to_fine_tuning) == ("lora", "yes")
    assert found.rule == "majority strategy"
    assert found.answer.chance != found.start.chance
    assert not [step for step in found.trace if step.reason == BY_RULE]


def test_what_looks_at_the_task_settle_is_not_the_rules(tmp_path):
    """LoRA was best on all measured tasks; here it is far from it."""
    tasks = [measured(number, 0.95) for number in range(9)]
    clear = Scripted({**CLOSE, "lora": 0.3})
    found = foretold(tmp_path, "majority strategy", tasks=tasks, source=clear, confidence=0.9)
    assert found.start.strategy == "lora"
    assert (found.answer.strategy, found.answer.commit_to_fine_tuning) == ("baseline.linear", "no")
    assert (found.stop, found.rule) == ("clear", None)
    assert found.tested == f"{WHY} {OVERRULED}"
    assert "simple rule" not in view.sentence(found)


def test_a_rule_that_looks_at_the_task_rule_out_does_not_decide(tmp_path):
    """Linear was best on all measured tasks; here it is far from what tuning and prompts reach, of
    which nobody knows the better."""
    tasks = [measured(number, 0.6) for number in range(9)]
    source = Scripted({**CLOSE, "baseline.linear": 0.3, "prompt.few-shot": 0.6, "lora": 0.62})
    found = foretold(tmp_path, "majority strategy", tasks=tasks, source=source, confidence=0.9)
    assert (found.start.strategy, found.rule) == ("baseline.linear", None)
    assert found.answer.strategy in ("prompt.few-shot", "lora")
    assert found.answer.commit_to_fine_tuning == "not yet"
    assert found.tested == f"{WHY} {RULED_OUT}"
    assert "simple rule" not in view.sentence(found)


@pytest.mark.parametrize(("linear", "decides"), [(0.5, False), (0.58, False), (0.6, True)])
def test_a_rule_decides_only_where_it_is_rather_right_than_wrong(tmp_path, linear, decides):
    """However sure one wants to be: with more confidence no worse answer is believed."""
    tasks = [measured(number, 0.6) for number in range(9)]
    source = Scripted({**CLOSE, "baseline.linear": linear, "prompt.few-shot": 0.6, "lora": 0.62})
    found = foretold(tmp_path, "majority strategy", tasks=tasks, source=source)
    assert found.confidence == UNREACHED
    told = ("majority strategy", WHY) if decides else (None, f"{WHY} {RULED_OUT}")
    assert (found.rule, found.tested) == told
    assert found.answer.chance > 0.5
    assert (found.answer.strategy == "baseline.linear") == decides
    assert (found.answer.commit_to_fine_tuning == "no") == decides


def test_a_rule_without_a_say_leaves_it_to_the_predictor(tmp_path):
    plain = foretold(tmp_path, PREDICTOR)
    # nothing was measured, so nothing was best
    found = foretold(tmp_path, "majority strategy")
    # linear was best, and is not among the strategies
    tasks = [measured(number, 0.6) for number in range(9)]
    less = ("baseline.majority", "prompt.few-shot", "lora")
    other = foretold(tmp_path, "majority strategy", tasks=tasks, strategies=less)
    assert found.answer == plain.answer
    assert (found.rule, found.tested) == (None, f"{WHY} {NO_SAY}")
    assert (other.rule, other.tested) == (None, f"{WHY} {OVERRULED}")
    assert other.start.strategy != "baseline.linear"
    early = foretold(tmp_path, "majority strategy", tasks=tasks, strategies=less, seconds=0.05)
    assert early.tested == f"{WHY} {NO_SAY}"
    assert early.answer.commit_to_fine_tuning == "not yet"


def test_a_rule_that_could_not_look_leaves_it_open(tmp_path):
    found = foretold(tmp_path, RANK, seconds=1e-6)
    assert (found.rule, found.tested) == (RANK, WHY)
    assert (found.answer.strategy, found.answer.commit_to_fine_tuning) == (None, "not yet")
    assert "had nothing to go by" in view.sentence(found)


def test_on_a_kind_of_which_few_were_tested_the_predictor_decides(ranked, tmp_path):
    few = foretold(tmp_path, RANK, tested=3)
    assert (ranked.rule, ranked.tested) == (RANK, WHY)
    assert few.rule is None
    assert few.tested.startswith(f"{WHY} But of classification 3 were tested, too few")
    assert few.answer.commit_to_fine_tuning == "not yet"
    assert ranked.answer.commit_to_fine_tuning == "yes"


def test_what_broke_is_not_taken(tmp_path):
    source = Scripted(CLOSE, broken=("lora",))
    assert foretold(tmp_path, RANK, source=source).answer.strategy == "baseline.linear"


def test_it_chooses_among_what_meets_the_stated_cost(tmp_path):
    def slow():
        return Scripted(CLOSE, seconds={"lora": 5.0})

    free = foretold(tmp_path, RANK, source=slow())
    assert free.answer.strategy == "lora"
    costs = {row.id: row.cost.per_1k_requests_usd for row in free.strategies}
    limit = (costs["lora"] * costs["baseline.linear"]) ** 0.5
    dear = foretold(tmp_path, RANK, source=slow(), needs=Needs(cost_per_1k_requests=limit))
    assert dear.answer.strategy == "baseline.linear"
    # a quality that the predictor does not expect rules nothing out
    bar = foretold(tmp_path, RANK, needs=Needs(quality_at_least=0.99))
    assert bar.answer.strategy == "lora"
    assert any("0.99" in need for need in bar.answer.unmet_needs)


def test_every_view_says_that_a_rule_decided(ranked):
    sentence = view.sentence(ranked)
    assert sentence.endswith(
        "use lora. The simple rule “rank at pilot size” says so, which did better than the"
        " predictor on measured tasks."
    )
    to = Console(width=400, record=True, file=io.StringIO())
    for part in forecast_text(ranked):
        to.print(part)
    for text in (as_markdown(ranked), as_html(ranked), to.export_text()):
        assert "The simple rule “rank at pilot size” says so" in text
        assert "whatever scored best so far is taken" in text
    for text in (as_markdown(ranked), as_html(ranked)):
        assert WHY in text
        assert "Yes is said from a chance" not in text
    assert "decided by a simple rule" in view.sureness(ranked)
    assert "That is lora, by a figure of 0.9" in ranked.answer.why


def test_a_predictor_says_how_it_was_tested(tmp_path):
    plain = foretold(tmp_path, PREDICTOR)
    assert WHY in as_markdown(plain)
    assert "Yes is said from a chance" in as_markdown(plain)
    assert {row.id for row in plain.strategies} == set(STRATEGIES)


def test_every_rule_that_may_ship_is_told_in_words():
    assert sorted(SAYS) == sorted(rule.name for rule in RIVALS)
