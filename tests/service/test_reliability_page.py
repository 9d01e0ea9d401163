"""The page of what the service was put through."""

import json
import shutil

import pytest

from service.reliability.bench import PARTS
from service.reliability.page import PAGE, RESULTS, table, written_anew


def test_the_page_shows_the_committed_measurements() -> None:
    assert PAGE.read_text(encoding="utf-8") == written_anew()


def test_it_tells_what_each_part_does() -> None:
    page = PAGE.read_text(encoding="utf-8").partition("<!-- figures")[0]
    assert [name for name in PARTS if f"\n| {name} | " not in page] == []


def test_a_part_that_was_not_measured_is_shown_as_such(tmp_path) -> None:
    shutil.copy(RESULTS / "polling.jsonl", tmp_path)
    rows = [line.split(" | ") for line in table(tmp_path).splitlines()[2:]]
    assert {row[0].strip("| ") for row in rows} == set(PARTS)
    assert {row[2] for row in rows if "polling" not in row[0]} == {"not measured"}
    assert "not measured" not in {row[2] for row in rows if "polling" in row[0]}


def test_a_missed_target_stands_out(tmp_path) -> None:
    head, row = (RESULTS / "polling.jsonl").read_text().splitlines()
    facts = json.loads(row)
    facts["facts"]["poll_errors"] = 3
    (tmp_path / "polling.jsonl").write_text(f"{head}\n{json.dumps(facts)}\n")
    assert "| poll_errors | 3 requests | at most 0 | **missed** |" in table(tmp_path)


def test_what_was_measured_in_small_is_not_published(tmp_path) -> None:
    text = (RESULTS / "polling.jsonl").read_text().replace('"quick": false', '"quick": true')
    (tmp_path / "polling.jsonl").write_text(text)
    with pytest.raises(ValueError, match=r"polling\.jsonl is no measurement at full size"):
        table(tmp_path)
