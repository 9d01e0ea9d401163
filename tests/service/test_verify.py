"""A report that was tampered with, in any place, is found out."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from example_run import example_records

from benchmarks.journal import JOURNAL, Journal
from benchmarks.records import OutcomeRecord, Record, RunRecord
from corpora.task import Rule
from service.report import build_report
from service.verify import verify


def write(folder: Path, records: list[Record]) -> None:
    Journal(folder / JOURNAL).append(records)
    (folder / "report.json").write_text(build_report(records).as_json())


def tamper(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "report.json"
    report = json.loads(path.read_text())
    change(report)
    path.write_text(json.dumps(report))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, example_records())
    return tmp_path


def test_an_honest_report_agrees(folder: Path) -> None:
    assert verify(folder) == []


def test_rounding_beyond_the_ninth_digit_agrees(folder: Path) -> None:
    def nudge(report: dict[str, Any]) -> None:
        report["strategies"][0]["quality"]["low"] += 1e-12

    tamper(folder, nudge)
    assert verify(folder) == []


def test_a_changed_figure_is_found(folder: Path) -> None:
    def raise_lora(report: dict[str, Any]) -> None:
        row = next(row for row in report["strategies"] if row["id"] == "lora")
        row["quality"]["value"] = 0.99

    tamper(folder, raise_lora)
    (found,) = verify(folder)
    assert found.path == "strategies[lora].quality.value"
    assert found.stored == 0.99
    assert found.recomputed == pytest.approx(0.933, abs=1e-3)
    assert str(found).startswith("strategies[lora].quality.value: stored 0.99, recomputed 0.93")


def test_a_changed_verdict_is_found(folder: Path) -> None:
    def turn(report: dict[str, Any]) -> None:
        report["recommendation"]["verdict"] = "fine-tuning"
        report["recommendation"]["commit_to_fine_tuning"] = "yes"

    tamper(folder, turn)
    assert {found.path for found in verify(folder)} == {
        "recommendation.verdict",
        "recommendation.commit_to_fine_tuning",
    }


def test_a_removed_strategy_is_found(folder: Path) -> None:
    tamper(folder, lambda report: report["strategies"].pop())
    assert verify(folder)[0].path == "strategies.length"


def test_a_changed_difference_is_named_by_its_pair(folder: Path) -> None:
    def change(report: dict[str, Any]) -> None:
        report["comparisons"][0]["p_value"] = 0.5

    tamper(folder, change)
    (found,) = verify(folder)
    assert found.path == "comparisons[baseline.linear, lora].p_value"


def test_a_changed_score_is_found_by_scoring_again(tmp_path: Path) -> None:
    records = example_records()
    place = next(
        index
        for index, row in enumerate(records)
        if isinstance(row, OutcomeRecord) and row.strategy == "lora" and not row.scores["accuracy"]
    )
    wrong = records[place]
    assert isinstance(wrong, OutcomeRecord)
    records[place] = replace(wrong, scores={"accuracy": 1.0, "macro_f1": 0.0})
    write(tmp_path, records)
    (found,) = verify(tmp_path)
    assert found.path == f"outcomes[lora, {wrong.example}].scores.accuracy"
    assert (found.stored, found.recomputed) == (1.0, 0.0)


def test_a_changed_refusal_is_found(tmp_path: Path) -> None:
    records = [
        record.model_copy(
            update={"task": record.task.model_copy(update={"no_answer": "not known"})}
        )
        if isinstance(record, RunRecord)
        else record
        for record in example_records()
    ]
    place = next(at for at, row in enumerate(records) if isinstance(row, OutcomeRecord))
    row = records[place]
    assert isinstance(row, OutcomeRecord)
    records[place] = replace(row, declined=True, answerable=False)
    write(tmp_path, records)
    found = {each.path: (each.stored, each.recomputed) for each in verify(tmp_path)}
    outcome = f"outcomes[{row.strategy}, {row.example}]"
    assert found == {f"{outcome}.declined": (True, False), f"{outcome}.answerable": (False, True)}


def test_a_changed_right_answer_is_found(tmp_path: Path) -> None:
    records = example_records()
    place = next(at for at, row in enumerate(records) if isinstance(row, OutcomeRecord))
    row = records[place]
    assert isinstance(row, OutcomeRecord)
    records[place] = replace(row, expected="delivery by owl")
    write(tmp_path, records)
    paths = {found.path for found in verify(tmp_path)}
    assert f"outcomes[{row.strategy}, {row.example}].expected" in paths


def test_accepted_alternatives_count_when_scoring_again(tmp_path: Path) -> None:
    records: list[Record] = []
    for record in example_records():
        if isinstance(record, RunRecord):
            task = record.task.model_copy(
                update={"kind": "question-answering", "metric": "exact_match", "labels": ()}
            )
            records.append(record.model_copy(update={"task": task}))
        elif isinstance(record, OutcomeRecord):
            right = replace(
                record,
                reference="42",
                alternatives=("forty-two",),
                text="forty-two",
                predicted=None,
                expected=None,
                scores={"exact_match": 1.0, "token_f1": 1.0, "containment": 1.0},
            )
            records.append(right)
        else:
            records.append(record)
    write(tmp_path, records)
    assert verify(tmp_path) == []


def test_rules_of_style_count_when_scoring_again(tmp_path: Path) -> None:
    rules = (Rule(name="calm", forbid="!"), Rule(name="short", max_words=2))
    records: list[Record] = []
    for record in example_records():
        if isinstance(record, RunRecord):
            changed = {"kind": "generation", "metric": "rules_kept", "labels": (), "rules": rules}
            task = record.task.model_copy(update=changed)
            records.append(record.model_copy(update={"task": task}))
        elif isinstance(record, OutcomeRecord):
            scores = {"chrf": 1.0, "rouge_l": 1.0, "rules_kept": 0.5}
            texts = {"reference": "Done now!", "text": "Done now!"}
            cleared = replace(record, predicted=None, expected=None)
            records.append(replace(cleared, scores=scores, **texts))
        else:
            records.append(record)
    write(tmp_path, records)
    assert verify(tmp_path) == []


def test_a_broken_report_is_one_difference(folder: Path) -> None:
    (folder / "report.json").write_text('{"schema": ')
    (found,) = verify(folder)
    assert found.path == "report.json"


def test_a_missing_report_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verify(tmp_path)
