"""The file of bookings: what stands in it, whole lines and others."""

import json

import pytest

from benchmarks.errors import DamagedJournal
from service.file_book import FileBook
from service.ledger import Booking, Sum
from strategies.models.account import Kept
from strategies.models.base import Generation, Usage

BOOKING = Booking("a", "m", Sum(0.0002, 110))
BILL = Sum(0.00006, 42)
REPLY = Kept(Generation("yes", Usage(40, 10, 2)), seconds=0.5)


def settled(path):
    book = FileBook(path)
    book.settle(book.book(BOOKING, lambda spent, held: True), BILL, REPLY)
    return book


@pytest.fixture
def path(tmp_path):
    return tmp_path / "paid.jsonl"


def test_a_torn_line_was_never_written(path):
    settled(path)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"booked": "1", "key"')
    again = FileBook(path)
    assert again.recall("a") == REPLY
    assert path.read_bytes() == whole
    again.book(BOOKING, lambda spent, held: True)
    assert [json.loads(line).get("booked") for line in path.open()] == ["0", None, "1"]


@pytest.mark.parametrize(
    "line",
    ['{"settled": "7", "usd": 0, "tokens": 0, "kept": null}', "[]", "{", '{"released": "0"}'],
)
def test_a_line_that_is_none_is_told(path, line):
    path.write_text(f"{line}\n")
    with pytest.raises(DamagedJournal, match=r"paid\.jsonl, line 1"):
        FileBook(path).recall("a")


def test_without_a_file_it_ends_with_the_process(tmp_path):
    assert settled(None).spent == BILL
    assert [*tmp_path.iterdir()] == []
    assert FileBook(None).spent == Sum()
