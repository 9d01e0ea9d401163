"""What a forecast holds, and how it reads in the terminal, in Markdown and in HTML."""

import io
import json
import re

import pytest
from foretold import STRATEGIES, TRUTH, Scripted, dataset, foretold, planned
from rich.console import Console

from benchmarks.costs import read_prices
from benchmarks.evidence.finding import Finding
from corpora.errors import InvalidInput
from corpora.task import Check, Needs
from service.comparing import plan
from service.forecasting import view
from service.forecasting.blind import checks_of, with_stand_ins, without_test
from service.forecasting.chart import forecast_chart
from service.forecasting.expected import expected_rows, speeds_of
from service.forecasting.pages import as_html, as_markdown, write_forecast
from service.forecasting.result import Forecast
from service.forecasting.shown import forecast_text
from service.wording import VERDICTS


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Forecast:
    return foretold(tmp_path_factory.mktemp("model"))


def test_every_strategy_is_foretold_best_first(found) -> None:
    assert {row.id for row in found.strategies} == set(STRATEGIES)
    values = [row.quality.value for row in found.strategies]
    assert values == sorted(values, reverse=True)
    top = found.strategies[0]
    assert top.id == found.answer.strategy == "baseline.linear"
    assert top.quality.low < top.quality.value < top.quality.high
    assert top.rows > 0
    assert sum(row.p_best for row in found.strategies) == pytest.approx(1.0)
    assert top.cost.per_1k_requests_usd > 0
    assert all(row.compare_seconds >= 0 for row in found.strategies)


def test_what_was_spent_stands_beside_what_the_comparison_takes(found) -> None:
    taken = [step for step in found.trace if step.taken]
    assert found.spent.actions == len(taken)
    assert found.spent.seconds == pytest.approx(sum(step.seconds for step in taken))
    whole = found.exhaustive
    assert whole.saved == pytest.approx(1 - found.spent.seconds / whole.seconds)
    assert found.spent.usd == pytest.approx(found.spent.seconds * whole.usd / whole.seconds)


def test_the_json_is_read_back_as_it_was(found) -> None:
    text = found.as_json()
    assert Forecast.model_validate_json(text) == found
    assert json.loads(text)["schema"] == "tuneworth.forecast/1"


def test_markdown_begins_with_the_answer_and_ends_with_how_to_read_it(found) -> None:
    text = as_markdown(found)
    lines = text.splitlines()
    assert lines[0].startswith("# Forecast for colours: ")
    assert "Commit to fine-tuning: " in lines[2]
    parts = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert parts[-4:] == [
        "What each strategy is expected to reach",
        "What it took",
        "Step by step",
        "How to read this",
    ]
    assert text.count("\n1. ") == 1
    for row in found.strategies:
        assert f"`{row.id}`" in text


def test_html_is_one_page_that_loads_nothing(found, drawings) -> None:
    page = as_html(found)
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="', page)
    assert view.sentence(found).split(";")[0] in page
    assert page.count("<svg") >= len(drawings) == 2
    chart = forecast_chart(found)
    assert chart is not None
    assert "baseline.linear" in chart.title


def test_texts_of_the_user_are_escaped(tmp_path) -> None:
    model = tmp_path / "<b>bold|model"
    model.mkdir()
    source = Scripted(TRUTH, broken=("lora",))
    told = foretold(model, source)
    evil = told.model_copy(
        update={"task": told.task.model_copy(update={"name": "<script>alert(1)</script>"})}
    )
    assert "<script>" not in as_html(evil)
    assert "<script>" not in as_markdown(evil)


def test_the_terminal_shows_answer_table_bill_and_trace(found) -> None:
    to = Console(width=160, record=True, file=io.StringIO())
    for part in forecast_text(found):
        to.print(part)
    said = to.export_text()
    assert said.index("Commit to fine-tuning") < said.index("chance to be best")
    assert said.index("chance to be best") < said.index("Spent ") < said.index("what tasks like")
    assert "answer validation rows: baseline.linear (8 rows)" in said


def test_not_yet_names_what_would_settle_it(tmp_path) -> None:
    close = {**TRUTH, "baseline.linear": 0.60, "lora": 0.62}
    told = foretold(tmp_path, Scripted(close), n_test=50)
    assert told.answer.commit_to_fine_tuning == "not yet"
    settles = " ".join(told.answer.settles)
    assert "The comparison (tuneworth compare) measures it on 50 test examples" in settles
    assert "more labelled test examples" in settles
    assert "What would settle it" in as_html(told)
    assert "What would settle it" in as_markdown(told)


@pytest.mark.parametrize("kind", sorted(VERDICTS))
def test_the_heading_of_an_open_answer_claims_nothing(found, kind) -> None:
    answer = found.answer.model_copy(update={"verdict": kind, "commit_to_fine_tuning": "not yet"})
    said = view.headline(found.model_copy(update={"answer": answer}))
    assert "yet" in said
    assert found.answer.commit_to_fine_tuning == "no"
    assert view.headline(found) == "No language model needed"


def test_one_that_breaks_is_told_with_its_reason(tmp_path) -> None:
    close = {**TRUTH, "baseline.linear": 0.60, "lora": 0.66}  # so that all are looked at
    told = foretold(tmp_path, Scripted(close, broken=("prompt.few-shot",)))
    [row] = [row for row in told.strategies if row.id == "prompt.few-shot"]
    assert (row.status, row.reason, row.quality) == ("failed", "it caught fire", None)
    assert "it caught fire" in as_markdown(told)
    assert "nothing: it caught fire" in as_html(told)


@pytest.mark.parametrize("ending", [".json", ".md", ".html"])
def test_it_is_written_whole_by_its_ending(found, tmp_path, ending) -> None:
    path = tmp_path / "new" / f"forecast{ending}"
    write_forecast(found, path)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert "colours" in path.read_text(encoding="utf-8")


def test_another_ending_is_refused_before_anything_is_written(found, tmp_path) -> None:
    with pytest.raises(InvalidInput, match="--out"):
        write_forecast(found, tmp_path / "new" / "forecast.pdf")
    assert not (tmp_path / "new").exists()


def test_no_test_row_is_seen(tmp_path) -> None:
    data = dataset(tmp_path)
    hidden = without_test(data)
    assert hidden.test == ()
    assert hidden.incumbent is None
    inputs = {row.input for row in data.test}
    quoted = with_stand_ins(data)
    assert len(quoted.test) == len(data.test)
    assert not inputs & {row.input for row in quoted.test}
    assert len({row.id for row in quoted.test}) == len(data.test)
    other = data.model_copy(
        update={"test": tuple(row.model_copy(update={"input": "x " * 500}) for row in data.test)}
    )
    names = STRATEGIES
    one, two = (planned_seconds(each, names) for each in (data, other))
    assert one == two


def planned_seconds(data, names) -> float:
    from service.forecasting.planning import plan_forecast

    return plan_forecast(data, strategies=names, prices=read_prices()).outlook.seconds


def test_checks_leave_the_test_out(tmp_path) -> None:
    data = dataset(tmp_path, n_test=3)
    assert not [check for check in checks_of(data) if "test" in check.check]
    vague = data.model_copy(update={"task": data.task.model_copy(update={"instruction": "do it"})})
    assert [check.severity for check in checks_of(vague)].count("error") == 1


def test_nothing_to_learn_from_and_nothing_that_fits(tmp_path) -> None:
    from service.forecasting.planning import plan_forecast

    data = dataset(tmp_path)
    bare = data.model_copy(update={"train": (), "validation": ()})
    with pytest.raises(InvalidInput, match="examples"):
        plan_forecast(bare, strategies=STRATEGIES, prices=read_prices())
    with pytest.raises(InvalidInput, match="strategies"):
        plan_forecast(data, strategies=["rag.bm25"], prices=read_prices())


def test_the_default_budget_is_a_share_of_the_quote(tmp_path) -> None:
    plan = planned(tmp_path)
    assert plan.purse.seconds == pytest.approx(0.07 * plan.outlook.seconds)
    assert (plan.purse.usd, plan.paid_usd) == (None, 0.0)


def test_cost_and_latency_are_quoted_as_the_comparison_would_charge(tmp_path) -> None:
    needs = Needs(requests_per_month=10_000)
    planning = planned(tmp_path, needs=needs)
    rows = {row.id: row for row in expected_rows(planning.outlook, ())}
    outlook = planning.outlook
    request = outlook.requests["prompt.few-shot"]
    usd = planning.purse.usd_per_second
    cost = rows["prompt.few-shot"].cost
    assert cost.per_1k_requests_usd == pytest.approx(1000 * request.batched_seconds * usd)
    assert cost.horizon_usd == pytest.approx(cost.setup_usd + 12 * cost.monthly_usd)
    assert rows["prompt.few-shot"].latency_ms.p95 == pytest.approx(1000 * request.single_seconds)
    quoted = plan(with_stand_ins(dataset(tmp_path)), strategies=STRATEGIES, prices=read_prices())
    setup = {row.id: row.setup_seconds for row in quoted.quote.rows}
    assert rows["lora"].cost.setup_seconds == pytest.approx(setup["lora"])
    assert rows["lora"].training["epochs"] > 0


def test_what_was_timed_corrects_the_others_of_that_model(tmp_path) -> None:
    outlook = planned(tmp_path).outlook
    source = Scripted(TRUTH)
    [action] = [one for one in source.actions() if one.strategy == "prompt.few-shot"]
    quoted = outlook.requests["prompt.few-shot"].batched_seconds
    timed = Finding(action=action, figures={"ms_per_row": 3000 * quoted}, seconds=1.0)
    before, after = speeds_of(outlook, ()), speeds_of(outlook, [timed])
    assert after["prompt.few-shot"][0] == pytest.approx(3 * before["prompt.few-shot"][0])
    assert after["lora"][0] == pytest.approx(3 * before["lora"][0])
    assert after["baseline.linear"] == before["baseline.linear"]


def test_what_the_data_checks_found_stands_on_both_pages(tmp_path) -> None:
    made = foretold(tmp_path)
    assert "Data checks" not in as_markdown(made.model_copy(update={"checks": ()}))
    assert "Data checks" not in as_html(made.model_copy(update={"checks": ()}))
    faults = (
        Check(
            check="conflict", severity="error", message="Rows <b>differ</b>.", examples=("a", "b")
        ),
        Check(check="length", severity="info", message="Some are long."),
    )
    text = as_markdown(made.model_copy(update={"checks": faults}))
    assert (
        "## Data checks\n\n1 error and 1 remark:\n\n- error: Rows &lt;b>differ&lt;/b>. (a, b)"
        in text
    )
    page = as_html(made.model_copy(update={"checks": faults}))
    assert "Rows &lt;b&gt;differ&lt;/b&gt;." in page
    assert "<summary>1 remark on the data</summary>" in page
