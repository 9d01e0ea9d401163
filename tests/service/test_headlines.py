"""The headline and the commitment never contradict each other, in any view."""

import io
from pathlib import Path

import pytest
from planted import reported, strategy, summary_of
from rich.console import Console

from corpora.task import Needs
from service.cli_compare import show_report
from service.html import as_html
from service.markdown import as_markdown
from service.report import Report


@pytest.mark.parametrize(
    ("tuned", "verdict", "words"),
    [
        ("lora", "fine-tuning", "Fine-tuning"),
        ("lora+rag", "combined", "Fine-tuning with retrieval"),
    ],
)
@pytest.mark.parametrize(
    ("needs", "value"),
    [(Needs(requests_per_month=10_000), 0.53), (Needs(quality_at_least=0.99), 0.83)],
)
def test_no_headline_asks_for_a_tuning_that_is_not_to_be_committed_to(
    tuned: str, verdict: str, words: str, needs: Needs, value: float
) -> None:
    rival = strategy("prompt.nearest", 0.50, 0.055, n=100, per_1k=0.023)
    report = reported(summary_of(strategy(tuned, value, 0.065, n=100, per_1k=0.009), rival), needs)
    answer = report.recommendation
    assert (answer.verdict, answer.commit_to_fine_tuning) == (verdict, "not yet")
    shown_as(report, f"{words} may pay, but do not commit yet", tuned)


def test_a_proven_gain_is_asked_for() -> None:
    rival = strategy("prompt.nearest", 0.50, 0.055, n=100)
    report = reported(summary_of(strategy("lora", 0.83, 0.065, n=100), rival))
    assert report.recommendation.commit_to_fine_tuning == "yes"
    shown_as(report, "Fine-tune", "lora")


def test_a_combination_that_trains_nothing_is_not_called_fine_tuning() -> None:
    rows = (strategy("cascade", 0.83, 0.065, n=100), strategy("prompt.nearest", 0.50, 0.055, n=100))
    report = reported(summary_of(*rows))
    assert report.recommendation.verdict == "combined-untuned"
    shown_as(report, "Combine strategies, without tuning", "cascade")


def shown_as(report: Report, headline: str, strategy_id: str) -> None:
    said = io.StringIO()
    show_report(report, Path("out"), Console(file=said, width=200))
    assert f"{headline}: {strategy_id}" in said.getvalue()
    assert f'<h1 id="answer">{headline}</h1>' in as_html(report)
    assert as_markdown(report).startswith(f"# xquad: {headline}\n")
