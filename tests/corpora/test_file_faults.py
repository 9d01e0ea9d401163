"""Faults of files: what is read, line by line, and never outside the task folder."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from faulty import ROWS, SPEC, fault

from corpora.reading import read_dataset


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("name: x\nkind: [", "expected"),
        ("a: &a [1]\nb: *a\n", "Aliases"),
        ("name: x\nname: y\n", "given twice"),
        ("- a\n- b\n", "mapping"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
        ("? [a, b]\n: c\n", "unhashable"),
        ("a: 2024-99-99", "not YAML"),
        ("a: " + "[" * 5000, ""),
        ("a: " + "x" * 2**20, "JSONL"),
        ("", "empty"),
        ("\ufeff", "empty"),
    ],
)
def test_broken_yaml(tmp_path: Path, text: str, fix: str) -> None:
    (tmp_path / "task.yaml").write_text(text, encoding="utf-8")
    error = fault(tmp_path)
    assert error.field.startswith("task.yaml")
    assert fix in error.fix


def task_folder(folder: Path, rows: bytes | None = None, **spec: Any) -> Path:
    lines = "\n".join(json.dumps(row) for row in ROWS).encode()
    (folder / "examples.jsonl").write_bytes(lines if rows is None else rows)
    text = json.dumps({**SPEC, "examples": "examples.jsonl", **spec})
    (folder / "task.yaml").write_text(text, encoding="utf-8")  # JSON is YAML
    return folder


def test_yaml_reads_yes_and_no_as_booleans(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text(
        "name: x\nkind: classification\ninstruction: Say yes or no.\n"
        "labels: [maybe, no]\nexamples: rows.jsonl\n"
    )
    error = fault(tmp_path)
    assert (error.field, error.value) == ("labels[1]", False)
    assert "quotes" in error.fix


def test_faults_in_a_file_name_the_line(tmp_path: Path) -> None:
    lines = [json.dumps(row).encode() for row in ROWS]
    cases = {
        b'{"input": "x", "output": "a"': ("examples.jsonl line 17", "not JSON"),
        b'["x"]': ("examples.jsonl line 17", "one JSON object"),
        b'{"input": "x", "output": "c"}': ("examples.jsonl line 17: output", "not in `labels`"),
        b'{"input": "\xff", "output": "a"}': ("examples.jsonl line 17", "not UTF-8"),
        b'{"input": "\x00", "output": "a"}': ("examples.jsonl line 17", "NUL"),
        b'{"input": "\\u0000", "output": "a"}': ("examples.jsonl line 17: input", "NUL"),
        b'{"id": "r2", "input": "x", "output": "a"}': ("examples.jsonl line 17: id", "line 3"),
        b"[" * 100_000: ("examples.jsonl line 17", "deep"),
        b'{"a":' * 300 + b"1" + b"}" * 300: ("examples.jsonl line 17: a", "deep"),
    }
    for line, (field, fix) in cases.items():
        error = fault(task_folder(tmp_path, b"\n".join([*lines[:16], line, *lines[17:]])))
        assert (error.field, fix in error.fix) == (field, True), error
    for empty in (b"", b"\n \n"):
        assert "empty" in fault(task_folder(tmp_path, empty)).fix


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    lines = "\r\n".join(json.dumps(row) for row in ROWS)
    dataset = read_dataset(task_folder(tmp_path, b"\xef\xbb\xbf" + lines.encode()))
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == 20


@pytest.mark.parametrize(
    "path",
    ["missing.jsonl", "/etc/passwd", "../outside.jsonl", "a/../../b", "C:\\x", "", "x" * 5000],
)
def test_paths_stay_in_the_task_folder(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside.jsonl").write_text("{}")
    (tmp_path / "task").mkdir()
    assert fault(task_folder(tmp_path / "task", examples=path)).field == "examples"
    assert fault(task_folder(tmp_path / "task", documents=path)).field == "documents"


def test_links_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.md").write_text("# Secret")
    folder = tmp_path / "task"
    (folder / "docs" / "deep").mkdir(parents=True)
    (folder / "docs" / "a.md").write_text("# A\n\ntext")
    os.symlink(tmp_path / "outside", folder / "linked")
    assert "link" in fault(task_folder(folder, documents="linked")).fix
    os.symlink(tmp_path / "outside" / "secret.md", folder / "docs" / "deep" / "b.md")
    error = fault(task_folder(folder, documents="docs"))
    assert error.field == "docs/deep/b.md"
    (folder / "docs" / "deep" / "b.md").unlink()
    os.symlink(tmp_path / "outside", folder / "docs" / "deep" / "folder")
    assert "link" in fault(task_folder(folder, documents="docs")).fix


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.jsonl")
    assert fault(task_folder(tmp_path, examples="rows.jsonl")).field == "rows.jsonl"


def test_an_unknown_source_says_what_there_is(tmp_path: Path) -> None:
    assert "built-in" in fault("no-such-task").fix
    assert fault("x" * 5000).field == "spec"
    assert fault("a\0b").field == "spec"
    assert "task.yaml" in fault(tmp_path).fix
    (tmp_path / "task.toml").write_text("x")
    assert ".yaml" in fault(tmp_path / "task.toml").fix
    task_folder(tmp_path)
    (tmp_path / "task.json").write_text("{}")
    assert "both" in fault(tmp_path).fix
