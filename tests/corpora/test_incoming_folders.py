"""Writing a task folder: the same rows when read back, whole or not at all."""

from pathlib import Path

import pytest
from test_incoming import TOPICS, file_of, semicolons, ticket, understood

from corpora.errors import InvalidInput
from corpora.incoming.writing import write_task
from corpora.reading import read_dataset


def test_the_folder_reads_back_as_the_same_rows(tmp_path: Path) -> None:
    source = semicolons(tmp_path)
    found = understood(source, instruction="Say which department\nshould answer: 'yes'.")
    folder = tmp_path / "made"
    dataset = write_task(folder, source, found.spec(), found.rows)
    assert dataset == read_dataset(folder)
    assert dataset.task.instruction == "Say which department\nshould answer: 'yes'."
    assert dataset.task.labels == ("billing", "delivery", "returns")
    read = {row.id: (row.input, row.output) for row in (*dataset.train, *dataset.validation)}
    read |= {row.id: (row.input, row.output) for row in dataset.test}
    assert read == {
        f"T{n}": (ticket(n % 40), "returns" if n == 40 else TOPICS[n % 3])
        for n in range(41)
        if n not in (15, 30)
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Tickets.csv", "made"]


def test_labels_that_yaml_would_read_otherwise_survive(tmp_path: Path) -> None:
    lines = [f"{ticket(n)},{('yes', 'no', '1')[n % 3]}" for n in range(30)]
    source = file_of(tmp_path, "t.csv", "text,label\n" + "\n".join(lines))
    found = understood(source, instruction="Say yes, no or 1 to it.")
    dataset = write_task(tmp_path / "made", source, found.spec(), found.rows)
    assert dataset.task.labels == ("1", "no", "yes")


def test_a_fault_found_on_reading_back_names_the_file_that_came_in(tmp_path: Path) -> None:
    lines = [f"{'twice' if n in (3, 9) else n},{ticket(n)},{TOPICS[n % 3]}" for n in range(30)]
    source = file_of(tmp_path, "t.csv", "code,text,label\n" + "\n".join(lines))
    found = understood(source, id="code", instruction="Say which department answers.")
    with pytest.raises(InvalidInput) as caught:
        write_task(tmp_path / "made", source, found.spec(), found.rows)
    assert caught.value.field == "t.csv line 11: id"
    assert "The same id is at t.csv line 5" in caught.value.fix
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_a_folder_in_use_is_refused_and_keeps_the_rest_when_forced(tmp_path: Path) -> None:
    source = semicolons(tmp_path)
    found = understood(source, instruction="Say which department should answer.")
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "notes.md").write_text("mine")
    with pytest.raises(InvalidInput, match="--force"):
        write_task(folder, source, found.spec(), found.rows)
    write_task(folder, source, found.spec(), found.rows, force=True)
    assert (folder / "notes.md").read_text() == "mine"
    assert len(read_dataset(folder).test) > 0
    with pytest.raises(InvalidInput, match="file to read"):
        write_task(folder, folder / "examples.jsonl", found.spec(), found.rows, force=True)
