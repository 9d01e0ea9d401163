"""The report's public keys, its three forms, and that nobody's text becomes markup."""

import io
import json
from pathlib import Path

import pytest
from example_run import example_records
from planted import TRIAGE, absent, reported, strategy, summary_of
from rich.console import Console

from benchmarks.errors import BenchmarkError
from benchmarks.journal import publish_records
from benchmarks.records import OutcomeRecord, RunRecord, SetupRecord
from benchmarks.results import BreakEven, Disagreement, GivenAnswer, Retrieval
from corpora.task import Check
from service.cli_compare import show_report
from service.html import as_html
from service.markdown import as_markdown
from service.published import write_reports
from service.report import Report, build_report

KEYS = {
    "schema",
    "task",
    "models",
    "environment",
    "strategies",
    "comparisons",
    "break_even",
    "recommendation",
    "sentinels",
    "checks",
    "disagreements",
    "learning_curve",
}


@pytest.fixture(scope="module")
def report() -> Report:
    return build_report(example_records())


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return as_html(report)


def with_training(**fields: object) -> Report:
    records = [
        record.model_copy(update={"training": {**record.training, **fields}})
        if isinstance(record, SetupRecord) and record.training
        else record
        for record in example_records()
    ]
    return build_report(records)


def test_training_rows_left_out_are_told_where_there_are_some() -> None:
    told = with_training(left_out=7, tokens=90)
    said = "lora was trained without 7 of 200 training examples, which are too long for the model."
    assert said in as_html(told)
    assert said in as_markdown(told)
    [row] = [row for row in json.loads(told.as_json())["strategies"] if row["training"]]
    assert row["training"] == {"epochs": 3, "seeds": [0], "left_out": 7, "tokens": 90}
    assert "trained without" not in as_html(with_training(left_out=0))


def test_a_threshold_chosen_on_validation_is_no_training_run() -> None:
    one_seed = "A tuned strategy was trained with one seed."
    assert one_seed in as_html(with_training())
    chosen = with_training(epochs=0, seeds=[], search=[{"threshold": 0.9}])
    assert one_seed not in as_html(chosen)
    assert "epochs" not in as_markdown(chosen)
    assert "epochs" in as_markdown(with_training())


def test_the_stable_keys(report: Report) -> None:
    found = json.loads(report.as_json())
    assert found["schema"] == "tuneworth.report/1"
    assert set(found) >= KEYS
    assert set(found["task"]) >= {
        "name",
        "kind",
        "metric",
        "n_train",
        "n_validation",
        "n_test",
        "n_documents",
    }
    assert set(found["environment"]) >= {
        "cpu",
        "cores",
        "gpu",
        "torch",
        "versions",
        "started_at",
        "seconds",
        "spent_usd",
    }
    assert set(found["break_even"][0]) == {"from", "to", "requests", "low", "high"}
    assert set(found["recommendation"]) == {
        "strategy",
        "model",
        "family",
        "verdict",
        "confidence",
        "expected_regret",
        "runner_up",
        "commit_to_fine_tuning",
        "reasons",
        "would_change_if",
        "switch_points",
        "unmet_needs",
        "examples_needed",
    }
    assert found["learning_curve"] == []


def test_the_recommendation_is_the_one_measured(report: Report) -> None:
    answer = report.recommendation
    assert (answer.strategy, answer.verdict) == ("baseline.linear", "no-llm")
    assert answer.commit_to_fine_tuning == "no"
    assert report.environment.seconds == 412.0


def test_strategies_come_best_first_and_unscored_last(report: Report) -> None:
    values = [row.quality.value for row in report.strategies if row.quality]
    assert values == sorted(values, reverse=True)
    assert [row.id for row in report.strategies[-2:]] == ["lora+rag", "rag.hybrid"]


def test_json_reads_back_as_the_same_report(report: Report) -> None:
    assert Report.model_validate_json(report.as_json()) == report
    assert build_report(example_records()).as_json() == report.as_json()


def test_records_without_a_run_are_refused() -> None:
    with pytest.raises(BenchmarkError, match="no run record"):
        build_report([])


def test_the_page_answers_first_and_loads_nothing(page: str) -> None:
    assert page.index("No language model needed") < page.index("Every strategy")
    assert "Commit to fine-tuning: no" in page
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    links = page.replace("http://www.w3.org/", "")
    assert "http://" not in links
    assert "https://" not in links
    assert "<script" not in page
    assert "src=" not in page
    assert "url(" not in page


def test_every_strategy_is_in_both_views_with_its_reason(report: Report, page: str) -> None:
    text = as_markdown(report)
    for row in report.strategies:
        assert row.id in page
        assert row.id in text
    assert "skipped: rag needs documents" in page
    assert "skipped: rag needs documents" in text
    assert "A guard failed for prompt.nearest" in page


def test_texts_of_users_and_models_are_escaped() -> None:
    evil = '<script>alert("1")</script>|`x`\n# [y](z)'
    summary = summary_of(
        strategy("prompt.few-shot", 0.6, 0.05, metric="token_f1"),
        absent("lora", "failed", evil),
    ).model_copy(
        update={
            "disagreements": (
                Disagreement(
                    id=evil,
                    input=evil,
                    reference=evil,
                    answers={"prompt.few-shot": GivenAnswer(text=evil, score=0.5)},
                ),
            )
        }
    )
    report = reported(summary)
    page, text = as_html(report), as_markdown(report)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<script" not in text
    assert "\n# [" not in text


def test_a_strategy_named_like_markup_is_escaped_in_the_charts() -> None:
    row = strategy("prompt.few-shot", 0.6, 0.05, metric="token_f1")
    summary = summary_of(row.model_copy(update={"id": "<b>&x@m"}))
    page = as_html(reported(summary))
    assert "<b>&x" not in page
    assert "&lt;b&gt;&amp;x@m" in page


def test_nothing_solved_says_so_in_the_first_screen() -> None:
    summary = summary_of(strategy("lora", 0.02, 0.02, metric="token_f1", n=100))
    report = reported(summary)
    page = as_html(report)
    assert "<h1" in page
    assert "No approach tried here solves this task</h1>" in page
    assert as_markdown(report).startswith("# xquad: No approach tried here solves this task\n")


def test_nothing_measured_still_makes_a_report() -> None:
    report = reported(summary_of(absent("lora", "failed", "out of memory")))
    assert "Nothing could be measured" in as_html(report)
    assert "out of memory" in as_markdown(report)


def test_published_records_give_the_same_figures_without_texts(report: Report) -> None:
    published = build_report(publish_records(example_records()))
    assert published.recommendation == report.recommendation
    assert published.strategies == report.strategies
    assert "text not published" in as_html(published)


def test_reports_are_written_whole(tmp_path: Path, report: Report) -> None:
    (tmp_path / "report.json").write_text("an older one")
    write_reports(report, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html",
        "report.json",
        "report.md",
    ]
    assert (tmp_path / "report.json").read_text() == report.as_json()


def test_the_guide_does_not_deny_that_strategies_are_chosen_on_the_test() -> None:
    text = as_markdown(build_report(example_records()))
    assert "Every choice of a setting was made on validation rows." in text
    assert "Every choice was made" not in text


def test_break_even_is_told_in_markdown() -> None:
    summary = summary_of(
        strategy("prompt.few-shot", 0.6, 0.05, metric="token_f1"),
        strategy("lora", 0.6, 0.05, metric="token_f1", setup=1.0),
        break_even=(BreakEven(from_="prompt.few-shot", to="lora", requests=12_345.6),),
    )
    text = as_markdown(reported(summary))
    assert "- `lora` costs less than `prompt.few-shot` from 12,000 requests a month" in text


def test_the_example_is_scored_as_its_texts_say() -> None:
    rows = [row for row in example_records() if isinstance(row, OutcomeRecord)]
    assert len(rows) == 7 * TRIAGE.n_test


def test_hits_among_another_number_of_documents_say_so() -> None:
    summary = summary_of(
        strategy("rag.bm25", 0.6, 0.05, retrieval=Retrieval(hit_at_k=0.93, mrr=0.9, k=3)),
        strategy("baseline.passage", 0.4, 0.05, retrieval=Retrieval(hit_at_k=0.85, mrr=0.85, k=1)),
    )
    text = as_markdown(reported(summary))
    assert "| strategy | hit@3 | MRR |" in text
    assert "| `rag.bm25` | 0.93 | 0.90 |" in text
    assert "| `baseline.passage` | 0.85 (@1) | 0.85 |" in text


def test_token_prices_are_told_with_source_and_date() -> None:
    price = {"input": 0.15, "cached": 0.075, "output": 0.6, "source": "bill", "as_of": "2026-06"}
    records = [
        record.model_copy(update={"prices": {**record.prices, "models": {"team-gpt": price}}})
        if isinstance(record, RunRecord)
        else record
        for record in example_records()
    ]
    said = "$0.15 read, $0.075 read from a cache, $0.60 written a million: bill, 2026-06"
    told = build_report(records)
    assert f"- Tokens of team-gpt: {said}" in as_markdown(told)
    assert said in as_html(told)


def test_checks_are_counted_and_what_matters_less_is_folded(report: Report) -> None:
    checks = [Check(check="bad", severity="error", message="Error <0>.", examples=("a<b",))]
    checks += [Check(check=f"w{n}", severity="warning", message=f"Warning {n}.") for n in range(7)]
    checks += [Check(check="note", severity="info", message="Remark.")]
    told = report.model_copy(update={"checks": tuple(checks)})
    page = as_html(told)
    shown, _, folded = page.partition("<summary>2 warnings and 1 remark on the data</summary>")
    folded = folded.partition("</details>")[0]
    assert "Error &lt;0&gt;. <small>a&lt;b</small>" in shown
    assert [n for n in range(7) if f"Warning {n}." in shown] == [0, 1, 2, 3, 4]
    assert [n for n in range(7) if f"Warning {n}." in folded] == [5, 6]
    assert "Remark." in folded
    text = as_markdown(told)
    assert "## Data checks\n\n1 error, 7 warnings and 1 remark:\n\n- error: Error" in text
    assert as_html(report.model_copy(update={"checks": ()})).count("<summary>") == (
        page.count("<summary>") - 1
    )


def test_a_failed_guard_is_told_in_the_terminal_too(report: Report, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    show_report(report, tmp_path, console)
    assert "Warning: A guard failed for prompt.nearest: " in console.file.getvalue()
