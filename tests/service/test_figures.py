"""Published records: where they go by their seed, and the table of decisions over seeds."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from curve_run import curve_records
from example_run import example_records

from benchmarks.journal import JOURNAL, Journal
from benchmarks.records import Record, RunRecord
from service import view, wording
from service.decided import decided
from service.figures import curves, publish, published, seeds, with_figures
from service.markdown import plain
from service.published import write_reports
from service.report import build_report


def finished(folder: Path, seed: int, of: Sequence[Record] | None = None) -> Path:
    """A finished run with that seed, of the example's records unless others are given."""
    records = [
        row.model_copy(update={"seed": seed}) if isinstance(row, RunRecord) else row
        for row in of or example_records()
    ]
    folder.mkdir()
    Journal(folder / JOURNAL).append(records)
    write_reports(build_report(records), folder)
    return folder


def test_runs_with_other_seeds_stand_beside_the_first(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    assert seeds(results) == "No task has been run with other seeds yet."
    paths = [publish(finished(tmp_path / f"run{n}", n), results) for n in (0, 2, 1)]
    name = paths[0].stem
    assert [str(path.relative_to(results)) for path in paths] == [
        f"{name}.jsonl",
        f"seeds/{name}.2.jsonl",
        f"seeds/{name}.1.jsonl",
    ]
    _, _, *rows = seeds(results).splitlines()
    assert [row.split(" | ")[1] for row in rows] == ["0", "1", "2"]
    assert all("`lora` " in row.split(" | ")[3] for row in rows)
    assert "lora" not in rows[0].split(" | ")[2]


def test_a_run_with_a_learning_curve_stands_apart(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    assert curves(results) == "No learning curve has been measured yet."
    path = publish(finished(tmp_path / "run", 1, curve_records()), results)
    assert path.parent == results / "curves"
    assert published(results) == []
    told = curves(results).splitlines()
    assert told[:3] == [
        f"### {path.stem}",
        "",
        "| strategy | training examples | quality | 95% interval | seeds |",
    ]
    assert [row.split(" | ")[1] for row in told[4:8]] == ["20", "50", "100", "200"]


def test_a_run_without_a_report_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="finish the comparison first"):
        publish(tmp_path, tmp_path)


def test_a_table_goes_between_its_own_marks() -> None:
    page = "a <b> old <c> d <e> other <f>"
    assert with_figures(page, "new", "<b>", "<c>") == "a <b>\n\nnew\n\n<c> d <e> other <f>"


def test_a_decision_is_told_as_the_first_page_of_its_report(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    path = publish(finished(tmp_path / "run", 0), results)
    (report,) = published(results)
    told = decided([report])
    assert told.startswith(f"## {path.stem}: {view.headline(report)}\n")
    assert wording.COMMITMENTS[report.recommendation.commit_to_fine_tuning] in told
    for reason in report.recommendation.reasons:
        assert plain(reason, 1000) in told
    assert not [line for line in told.splitlines() if line.startswith("# ")]
