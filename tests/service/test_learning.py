"""What a report says of learning curves and epochs, and that it follows from the records."""

import io
import json
from pathlib import Path

import pytest
from curve_run import PARTS, curve_records
from example_run import example_records
from planted import TRIAGE, reported, strategy, summary_of
from rich.console import Console

from benchmarks.journal import JOURNAL, Journal, publish_records
from benchmarks.results import CurvePoint, LearningCurve, PredictedGap, Prediction
from corpora.task import Needs
from service.cli_compare import show_report
from service.html import as_html
from service.learning import HOW, TITLE, epoch_note, learning_notes, risen_from
from service.learning_chart import learning_chart
from service.markdown import as_markdown
from service.published import write_reports
from service.recommendation import recommend
from service.report import Report, build_report
from service.verify import verify


@pytest.fixture(scope="module")
def report() -> Report:
    return build_report(curve_records())


def test_the_points_are_in_the_report_with_their_seeds(report: Report) -> None:
    found = json.loads(report.as_json())["learning_curve"]
    assert [(row["strategy"], row["n"], row["seeds"]) for row in found] == [
        ("lora", 20, [0, 1, 2]),
        ("lora", 50, [0, 1, 2]),
        ("lora", 100, [0, 1]),
        ("lora", 200, [0]),
    ]
    for row, shares in zip(found, PARTS.values(), strict=False):
        assert row["quality"] == pytest.approx(sum(shares) / len(shares), abs=0.004)
    whole = next(row for row in report.strategies if row.id == "lora").quality
    assert whole is not None
    assert [found[-1][key] for key in ("quality", "low", "high")] == [
        whole.value,
        whole.low,
        whole.high,
    ]


def test_a_curve_changes_nothing_else_of_the_report(report: Report) -> None:
    plain, curve = (
        json.loads(each.as_json()) for each in (build_report(example_records()), report)
    )
    assert "learning_forecasts" not in plain
    for key in ("strategies", "comparisons", "break_even", "recommendation", "disagreements"):
        assert curve[key] == plain[key], key
    assert curve["environment"]["spent_usd"] > plain["environment"]["spent_usd"]


def test_what_more_examples_would_bring_is_told_in_all_views(
    report: Report, tmp_path: Path
) -> None:
    (forecast,) = report.learning_forecasts
    assert [each.n for each in forecast.predictions] == [400, 700]
    assert 0.93 < forecast.predictions[0].quality <= 1.0
    said = learning_notes(report)[0]
    assert said.startswith("lora scored 0.50 with 20 training examples and 0.93 with all 200.")
    assert "With 500 more (700 in all) it is expected to score 0.9" in said
    assert "(95% interval 0." in said
    assert "That would probably not change the decision: −" in said
    assert "against baseline.linear, as that scores now." in said
    console = Console(file=io.StringIO(), width=1000)
    show_report(report, tmp_path, console)
    for text in (as_html(report), as_markdown(report), console.file.getvalue()):
        assert said in text
    for text in (as_html(report), as_markdown(report)):
        assert TITLE in text
        assert "a − b × n^−c" in text
    assert "| `lora` | 50 | 0.70 |" in as_markdown(report)
    assert "| `lora` | 700 | 0.9" in as_markdown(report)


def test_without_a_curve_nothing_is_said() -> None:
    plain = build_report(example_records())
    assert learning_notes(plain) == []
    assert learning_chart(plain) is None
    assert TITLE not in as_html(plain) + as_markdown(plain)


def test_the_chart_shows_points_and_what_is_expected(report: Report, drawings) -> None:
    chart = learning_chart(report)
    assert len(drawings) == 2
    assert chart is not None
    assert chart.title.startswith("500 more training examples would ")
    assert "lora: 0.50 with 20 (0." in chart.text
    assert "expected with 700 (0." in chart.text
    for drawing in (chart.wide, chart.narrow):
        assert drawing.startswith("<svg")
        assert "href" not in drawing
        assert "lora" in drawing
        assert "baseline.linear now" in drawing
        assert "stroke-dasharray" in drawing
    assert chart.title in as_html(report)


def test_a_refused_curve_says_why_and_is_drawn_all_the_same() -> None:
    flat = build_report(curve_records(parts={20: (0.93,) * 3, 50: (0.94,) * 3, 100: (0.93,) * 2}))
    said = learning_notes(flat)[0]
    assert "What more would bring is not foretold: the score does not rise" in said
    chart = learning_chart(flat)
    assert chart is not None
    assert chart.title == "lora scored 0.93 with 20 training examples, 0.93 with 200"
    few = build_report(curve_records(parts={100: (0.8, 0.9)}))
    assert "4 sizes of training data are needed" in learning_notes(few)[0]


def test_a_training_that_ended_early_is_told_beside_its_curve() -> None:
    early = {"curve": [{"epoch": 1.0, "validation_score": 0.4}, {"epoch": 2.0}], "epochs": 2}
    early["curve"][1] |= {"validation_score": 0.7}  # type: ignore[index,operator]
    told = "It was still gaining when its training ended"
    notes = learning_notes(reported(summary_with(curve(), training=early)))
    assert told in notes[0]
    assert told not in learning_notes(reported(summary_with(curve())))[0]


def test_verify_computes_the_points_again(report: Report, tmp_path: Path) -> None:
    records = curve_records()
    Journal(tmp_path / JOURNAL).append(records)
    write_reports(report, tmp_path)
    assert verify(tmp_path) == []
    path = tmp_path / "report.json"
    stored = json.loads(path.read_text())
    stored["learning_curve"][1]["quality"] = 0.9
    stored["learning_forecasts"][0]["predictions"][0]["low"] = 0.99
    path.write_text(json.dumps(stored))
    assert [found.path for found in verify(tmp_path)] == [
        "learning_curve[lora, 50].quality",
        "learning_forecasts[lora].predictions[0].low",
    ]


def test_published_records_give_the_same_curve(report: Report) -> None:
    published = build_report(publish_records(curve_records()))
    assert published.learning_curve == report.learning_curve
    assert published.learning_forecasts == report.learning_forecasts


def curve(overtakes: dict[str, int] | None = None, **gap: float) -> LearningCurve:
    """One of `lora`, expected to score 0.85 with 700 examples."""
    pairs = {"lora": {"difference": 0.15, "low": 0.10, "high": 0.20}, "prompt.few-shot": gap}
    return LearningCurve(
        strategy="lora",
        points=tuple(
            CurvePoint(n=n, quality=q, low=q - 0.05, high=q + 0.05, seeds=(0,))
            for n, q in ((20, 0.4), (50, 0.5), (100, 0.6), (200, 0.7))
        ),
        predictions=(Prediction(n=700, quality=0.85, low=0.8, high=0.9),),
        gaps=tuple(PredictedGap(other=name, n=700, **each) for name, each in pairs.items() if each),
        overtakes=overtakes or {},
    )


def summary_with(found: LearningCurve, **more: object):  # type: ignore[no-untyped-def]
    few, lora = strategy("prompt.few-shot", 0.80, 0.03), strategy("lora", 0.70, 0.03, **more)
    return summary_of(few, lora).model_copy(update={"curves": (found,)})


def test_the_number_of_examples_at_which_another_would_win_is_a_switch_point() -> None:
    found = recommend(summary_with(curve({"prompt.few-shot": 531})), TRIAGE, Needs())
    assert found.strategy == "prompt.few-shot"
    turn = next(point for point in found.switch_points if point.what == "n_train")
    assert (turn.at, turn.beyond, turn.to) == (531, "above", "lora")
    said = "From about 531 training examples on, if all others score as now: lora."
    assert said in found.would_change_if


def test_nothing_turns_for_one_that_misses_another_need_or_is_not_certain() -> None:
    slow = summary_with(curve({"prompt.few-shot": 531}), p95=900.0)
    found = recommend(slow, TRIAGE, Needs(latency_p95_ms=500))
    assert not [point for point in found.switch_points if point.what == "n_train"]
    open_ = recommend(summary_with(curve()), TRIAGE, Needs())
    assert not [point for point in open_.switch_points if point.what == "n_train"]


@pytest.mark.parametrize(
    ("difference", "low", "high", "said"),
    [
        (0.05, 0.01, 0.09, "That would change the decision: +5.0 points (+1.0 to +9.0)"),
        (-0.05, -0.09, -0.01, "That would not change the decision: −5.0 points"),
        (0.03, -0.01, 0.07, "That may change the decision, but it is not certain: +3.0 points"),
        (0.01, -0.04, 0.06, "That would probably not change the decision: +1.0 points"),
    ],
)
def test_whether_the_decision_would_change_is_what_the_interval_shows(
    difference: float, low: float, high: float, said: str
) -> None:
    found = curve(difference=difference, low=low, high=high)
    notes = learning_notes(reported(summary_with(found)))
    assert f"{said}" in notes[0]
    assert "against prompt.few-shot, as that scores now." in notes[0]
    assert notes[-1] == HOW


def test_a_gain_changes_nothing_for_one_that_misses_another_need() -> None:
    found = curve(difference=0.05, low=0.01, high=0.09)
    slow = reported(summary_with(found, p95=900.0), Needs(latency_p95_ms=500))
    said = learning_notes(slow)[0]
    assert "not change the decision, as it misses p95 latency of at most 500 ms: 900 ms" in said


def test_what_lies_too_far_beyond_is_said_to() -> None:
    near = curve().model_copy(
        update={
            "predictions": (Prediction(n=400, quality=0.8, low=0.7, high=0.9),),
            "gaps": (PredictedGap(other="lora", n=400, difference=0.1, low=0.0, high=0.2),),
        }
    )
    said = learning_notes(reported(summary_with(near)))[0]
    assert "With 200 more (400 in all) it is expected to score 0.80" in said
    assert "500 more lie too far beyond what was measured to be foretold." in said
    assert "too far" not in learning_notes(reported(summary_with(curve())))[0]


def epochs(*losses: tuple[float, float], kept: int = 1) -> dict[str, object]:
    rows = [
        {"epoch": float(at), "train_loss": seen, "validation_loss": unseen}
        for at, (seen, unseen) in enumerate(losses, start=1)
    ]
    return {"curve": rows, "epochs": kept}


@pytest.mark.parametrize(
    ("training", "said"),
    [
        (
            epochs((1.5, 0.9), (0.8, 0.61), (0.3, 0.74), (0.1, 0.92), kept=2),
            "lora began to learn its training examples by heart: after epoch 2 its loss, which says"
            " how far it is from the right answers, rose on validation examples (0.61, 0.74, 0.92),"
            " while on those it learned from it went 0.80, 0.30, 0.10. Epoch 2, the best on"
            " validation, was kept.",
        ),
        (
            epochs((1.5, 0.9), (0.4, 0.8), kept=2),
            "lora knows its training examples better than new ones: in the epoch that was kept its"
            " loss, which says how far it is from the right answers, was 0.40 on them and 0.80 on"
            " validation examples.",
        ),
        (epochs((1.5, 0.9), (0.5, 0.8), (0.4, 0.75), kept=1), ""),
        (epochs((1.5, 0.9), (0.04, 0.1), kept=2), ""),
        (epochs((1.5, 0.9), (0.5, 0.95), (0.4, 0.7), kept=3), ""),
        ({"curve": [{"epoch": 1.0, "train_loss": 0.5}], "epochs": 1}, ""),
        ({"epochs": 3, "seeds": [0]}, ""),
    ],
)
def test_learning_by_heart_is_told_where_it_matters(training: dict[str, object], said: str) -> None:
    found = epoch_note("lora", training)
    assert found.startswith(said) if said else found == ""


def test_two_rises_in_a_row_are_wanted() -> None:
    assert risen_from([0.9, 0.6, 0.7, 0.8]) == 2
    assert risen_from([0.6, 0.7, 0.8]) == 1
    assert risen_from([0.6, 0.7, 0.6, 0.7]) == 0
    assert risen_from([0.6]) == 0
