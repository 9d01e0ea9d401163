"""What runs today in the recommendation and in every view: it wins ties, and is never free."""

import io
import json
from dataclasses import replace as changed
from pathlib import Path

import pytest
from example_run import N, example_records, outcome
from planted import TRIAGE, strategy, summary_of
from rich.console import Console

from benchmarks.journal import JOURNAL, Journal
from benchmarks.records import RunRecord, SetupRecord, StatedRecord, StrategyFacts
from benchmarks.results import StrategyResult
from corpora.task import Needs
from service.cli_compare import show_report
from service.html import as_html
from service.markdown import as_markdown
from service.published import write_reports
from service.recommendation import recommend
from service.report import build_report
from service.verify import verify

MONTHLY = Needs(requests_per_month=10_000)
REASON = "no answer of the incumbent is given for this row"


def today(value, reach=0.02, *, per_1k=None, p95=None, **more) -> StrategyResult:
    """What runs today, its cost and latency stated or unknown."""
    row = strategy("baseline.x", value, reach, per_1k=per_1k or 0.0, p95=p95 or 1.0, **more)
    cost = row.cost.model_copy(update={"stated": True}) if per_1k is not None else None
    latency = row.latency_ms.model_copy(update={"stated": True}) if p95 is not None else None
    names = {"id": "incumbent", "name": "incumbent", "family": "incumbent", "model": None}
    return row.model_copy(update={**names, "cost": cost, "latency_ms": latency, "tokens": None})


def answer(*rows, needs=MONTHLY, pairing=0.9):
    return recommend(summary_of(*rows, pairing=pairing), TRIAGE, needs)


@pytest.mark.parametrize("needs", [Needs(), MONTHLY])
def test_it_wins_ties_and_an_unknown_cost_is_not_free(needs) -> None:
    rival = strategy("prompt.few-shot", 0.91, 0.02, per_1k=0.001)
    found = answer(today(0.90), rival, needs=needs)
    assert (found.strategy, found.family, found.verdict) == ("incumbent", "incumbent", "keep")
    assert found.runner_up == "prompt.few-shot"
    told = " ".join(found.reasons)
    assert "+1.0 points" in told
    assert "what they cost today is not stated" in told
    assert ("Whether changing saves money is unknown" in told) == (needs == MONTHLY)
    assert "costs $0 " not in told


def test_what_is_better_by_the_margin_takes_its_place() -> None:
    found = answer(today(0.80, per_1k=0.0), strategy("prompt.few-shot", 0.91, 0.02, per_1k=50))
    assert (found.strategy, found.verdict) == ("prompt.few-shot", "prompting")
    assert (
        "Changing from what runs today (incumbent) to prompt.few-shot brings +11.0 points"
        in found.reasons[1]
    )
    assert "1,000 requests cost $50.00 instead of $0 (stated)" in found.reasons[1]


@pytest.mark.parametrize(
    ("per_1k", "value", "picked"),
    [
        (0.50, 0.900, "prompt.few-shot"),  # half the cost, and no worse
        (0.95, 0.900, "incumbent"),  # a twentieth is not worth the work
        (0.50, 0.880, "incumbent"),  # cheaper, but may lose more than the margin
    ],
)
def test_money_alone_must_be_worth_it_and_lose_nothing(per_1k, value, picked) -> None:
    rival = strategy("prompt.few-shot", value, 0.02, per_1k=per_1k)
    found = answer(today(0.90, per_1k=1.0), rival)
    assert found.strategy == picked
    told = " ".join(found.reasons)
    assert ("costs less over the horizon and loses no more than 2 points" in told) == (
        picked != "incumbent"
    )
    assert ("would cost less over the horizon, but it is not shown" in told) == (value < 0.9)


def test_a_saving_without_a_stated_volume_changes_nothing() -> None:
    rival = strategy("prompt.few-shot", 0.90, 0.02, per_1k=0.001, volume=None)
    found = answer(today(0.90, per_1k=9.0, volume=None), rival, needs=Needs())
    assert found.verdict == "keep"


def test_more_examples_could_show_a_saving() -> None:
    rival = strategy("prompt.few-shot", 0.89, 0.03, per_1k=0.1)
    found = answer(today(0.90, 0.03, per_1k=1.0), rival)
    assert found.strategy == "incumbent"
    assert any(
        "could show that prompt.few-shot, which costs less" in s for s in found.would_change_if
    )


def test_a_need_that_nobody_stated_its_figure_for_is_not_met() -> None:
    needs = Needs(latency_p95_ms=500)
    rival = strategy("prompt.few-shot", 0.90, 0.02, p95=100)
    found = answer(today(0.90), rival, needs=needs)
    assert found.strategy == "prompt.few-shot"
    why = "it cannot be judged: p95 latency of at most 500 ms: not stated."
    assert f"incumbent is out, because {why}" in found.reasons
    assert answer(today(0.90, p95=400.0), rival, needs=needs).strategy == "incumbent"
    assert answer(today(0.90, p95=600.0), rival, needs=needs).strategy == "prompt.few-shot"


def test_one_that_is_probably_better_leaves_it_open() -> None:
    rival = strategy("lora", 0.95, 0.06)
    found = answer(today(0.88, 0.06), rival, pairing=0.0)
    assert (found.strategy, found.verdict) == ("incumbent", "inconclusive")
    assert "Until then incumbent stays, since nothing is proven to beat it." in found.reasons[1]


def test_a_gain_over_what_runs_today_can_pay_for_tuning() -> None:
    found = answer(
        today(0.80), strategy("lora", 0.95, 0.02), strategy("prompt.few-shot", 0.5, 0.02)
    )
    assert (found.strategy, found.commit_to_fine_tuning) == ("lora", "yes")
    assert any("against incumbent, what runs today." in reason for reason in found.reasons)


def test_rows_that_it_is_not_known_to_answer_are_no_failures_of_it() -> None:
    rival = strategy("prompt.few-shot", 0.90, 0.02)
    kept = answer(today(0.92, n=145, errors=5), rival)
    told = "5 test examples have no answer of it (3%); the score leaves them out."
    assert kept.strategy == "incumbent"
    assert told in kept.reasons
    out = answer(today(0.95, n=120, errors=30), rival)
    assert out.strategy == "prompt.few-shot"
    assert "incumbent is out: 20% of the test examples have no answer of it." in out.reasons


def with_incumbent(usd, ms, *, right=143, missing=0, needs=None):
    """The example's records with what runs today; its last rows are wrong, its first missing."""
    records = example_records(needs or Needs(requests_per_month=40_000))
    facts = StrategyFacts(id="incumbent", name="incumbent", family="incumbent", model=None)
    run = records[0]
    assert isinstance(run, RunRecord)
    given = [SetupRecord(strategy="incumbent", status="completed")]
    import random

    for row in range(N):
        one = outcome("baseline.incumbent", row, row < right, random.Random(row))
        one = changed(one, strategy="incumbent")
        if row < missing:
            one = changed(one, state="error", error=REASON, scores={}, predicted=None, text=None)
        given.append(one)
        stated = row >= missing
        given.append(
            StatedRecord(
                strategy="incumbent",
                example=one.example,
                usd=usd if stated else None,
                ms=ms if stated else None,
            )
        )
    names = (facts, *run.strategies)
    return [run.model_copy(update={"strategies": names}), *given, *records[1:]]


def shown(report):
    said = io.StringIO()
    show_report(report, Path("out"), Console(file=said, width=200))
    return said.getvalue()


def test_every_view_says_what_changing_would_bring() -> None:
    report = build_report(with_incumbent(0.0004, 900.0, right=100, missing=3))
    assert report.recommendation.strategy == "baseline.linear"
    change = next(each for each in report.changes if each.to == "baseline.linear")
    assert (change.n, change.latency_p95_ms < -800) == (147, True)
    assert change.per_1k_requests_usd == pytest.approx(-0.4, abs=0.001)
    points = f"{100 * change.difference:+.1f}"
    for view in (shown(report), as_markdown(report), as_html(report)):
        assert "What changing would bring" in view
        assert f"{points} (" in view
        assert "instead of $0.40" in view
        assert "instead of 900 ms" in view
        assert "+ 3 errors" in view or "3 errors" in view
    assert f"- Against what runs today: **{points} points**" in as_markdown(report)
    assert "<dt>Against what runs today</dt>" in as_html(report)
    assert "$0.40 stated" in as_markdown(report)
    assert '$0.40<small class="below">stated</small>' in as_html(report)


def test_a_dash_stands_where_nothing_is_stated() -> None:
    report = build_report(with_incumbent(None, None))
    assert (report.recommendation.verdict, report.recommendation.strategy) == ("keep", "incumbent")
    row = next(line for line in as_markdown(report).splitlines() if "**`incumbent`** ◀" in line)
    assert row.endswith("| – | – | – | – |")
    (line,) = [line for line in shown(report).splitlines() if line.startswith("incumbent")]
    assert line.split()[-4:] == ["–", "–", "–", "completed"]
    html = as_html(report)
    assert "Keep what runs today" in html
    assert "not stated" in html
    assert "instead of –" in html
    cells = html.partition('<em class="second now">runs today</em></th>')[2].partition("</tr>")[0]
    assert cells.count('<td class="n">–</td>') == 4


def test_reports_without_one_say_nothing_of_it() -> None:
    report = build_report(example_records())
    texts = (shown(report), as_markdown(report), as_html(report), report.as_json())
    for text in texts:
        assert "incumbent" not in text
        assert "What changing would bring" not in text
    assert not {"changes"} & json.loads(report.as_json()).keys()


def test_verify_recomputes_it_from_the_records(tmp_path) -> None:
    journal = Journal(tmp_path / JOURNAL)
    journal.append(with_incumbent(0.0004, 900.0, right=100, missing=3))
    report = build_report(journal.read())
    write_reports(report, tmp_path)
    assert verify(tmp_path) == []
    stored = json.loads((tmp_path / "report.json").read_text())
    stored["changes"][0]["difference"] += 0.1
    (tmp_path / "report.json").write_text(json.dumps(stored))
    assert [each.path for each in verify(tmp_path)] == ["changes[0].difference"]
