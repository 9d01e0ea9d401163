"""The same rows read from every format give the same data set."""

import json
from pathlib import Path
from typing import Any

import pytest

from corpora.errors import InvalidInput
from corpora.reading import read_dataset
from corpora.task import Needs

ROWS: list[dict[str, Any]] = [
    {
        "id": f"q{n}",
        "input": f"What, in case {n}, does the guide say?",
        "output": f"It says\n{n}",
        "split": ["train", "validation", "test"][n % 3],
        "group": f"g{n}",
        "sources": ["guide"] if n else [],
        "alternatives": [f"{n}", "well, so"],
    }
    for n in range(6)
]
SPEC: dict[str, Any] = {
    "name": "guide",
    "kind": "question-answering",
    "instruction": "Answer from the guide.",
    "documents": [{"id": "guide", "text": "The guide."}],
    "model": ["m1", "m2"],
    "strategies": ["prompt.zero-shot"],
    "needs": {"quality_at_least": 1, "documents_change": "daily"},
}


def write(folder: Path, name: str, text: str, **spec: Any) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    (folder / "task.json").write_text(json.dumps({**SPEC, "examples": name, **spec}))
    return folder


def csv_text(delimiter: str = ",", **names: str) -> str:
    fields = ["id", "input", "output", "split", "group", "sources", "alternatives", "note"]
    lines = [delimiter.join(names.get(field, field) for field in fields)]
    for row in ROWS:
        cells = [row[field] for field in fields[:5]]
        cells += ["|".join(row["sources"]) or "[]", json.dumps(row["alternatives"]), "passed over"]
        lines.append(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in cells))
    return "\r\n".join(lines) + "\r\n"


def test_all_formats_read_alike(tmp_path: Path) -> None:
    inline = read_dataset({**SPEC, "examples": ROWS}, allow_paths=False)
    assert [row.id for row in inline.test] == ["q2", "q5"]
    assert inline.train[0].sources == ()
    assert inline.test[0].alternatives == ("2", "well, so")
    assert inline.task.models == ("m1", "m2")
    assert inline.task.metric == "token_f1"
    assert inline.task.needs == Needs(quality_at_least=1, documents_change="daily")
    jsonl = "\n".join(json.dumps(row) for row in ROWS)
    assert read_dataset(write(tmp_path, "rows.jsonl", jsonl)) == inline
    assert read_dataset(write(tmp_path, "rows.json", json.dumps(ROWS))) == inline
    for delimiter in ",;\t":
        assert read_dataset(write(tmp_path, "rows.csv", csv_text(delimiter))) == inline
    assert read_dataset(tmp_path / "task.json") == inline
    columns = {"input": "body", "output": "reply"}
    text = csv_text(input="body", output="reply")
    assert read_dataset(write(tmp_path, "rows.csv", text, columns=columns)) == inline


def test_rows_without_an_id_are_numbered() -> None:
    rows = [{key: value for key, value in row.items() if key != "id"} for row in ROWS]
    dataset = read_dataset({**SPEC, "examples": rows})
    assert [row.id for row in dataset.train] == ["row-1", "row-4"]


def test_labels_come_from_the_rows_when_left_out() -> None:
    rows = [{"input": f"text {n}", "output": "cab"[n % 3]} for n in range(30)]
    spec = {"name": "x", "kind": "classification", "instruction": "Say a, b or c."}
    assert read_dataset({**spec, "examples": rows}).task.labels == ("a", "b", "c")


@pytest.mark.parametrize(
    ("text", "columns", "field", "fix"),
    [
        ("body,output\nx,a\n", {}, "rows.csv line 1: input", "Found: body, output"),
        ("a,b\nx,a\n", {"input": "a", "output": "c"}, "rows.csv line 1: output", "Found: a, b"),
        ("input,output\nx,a,b\n", {}, "rows.csv line 2", "more cells"),
        ("input,input,output\n", {}, "rows.csv line 1", "Two columns"),
        ('input,output\n"x,a\n', {}, "rows.csv line 2", "not CSV"),
        ("input,output\nx,\n", {}, "rows.csv line 2: output", "required"),
        ("input,output\n", {}, "rows.csv", "no rows"),
    ],
)
def test_faults_in_csv(
    tmp_path: Path, text: str, columns: dict[str, str], field: str, fix: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_dataset(write(tmp_path, "rows.csv", text, columns=columns))
    assert caught.value.field == field
    assert fix in caught.value.fix


def test_a_renamed_field_that_is_there_too_is_refused() -> None:
    rows = [{"input": f"no {n}", "body": f"yes {n}", "output": f"topic {n}"} for n in range(6)]
    spec = {**SPEC, "kind": "classification", "examples": rows, "columns": {"input": "body"}}
    with pytest.raises(InvalidInput, match=r"`columns` takes input from 'body'") as caught:
        read_dataset(spec)
    assert caught.value.field == "examples[0].input"
    swapped = {**spec, "columns": {"input": "output", "output": "input"}}
    for row in rows:
        del row["body"]
    whole = read_dataset(swapped)
    assert whole.task.labels == tuple(f"no {n}" for n in range(6))


def test_a_separator_too_many_in_a_cell_adds_no_blank_alternative(tmp_path: Path) -> None:
    lines = [f"no {n},topic {n},one {n}||two {n}|" for n in range(6)]
    text = "\n".join(["input,output,alternatives", *lines])
    dataset = read_dataset(write(tmp_path, "rows.csv", text))
    first = dataset.test[0]
    number = first.input.removeprefix("no ")
    assert first.alternatives == (f"one {number}", f"two {number}")
