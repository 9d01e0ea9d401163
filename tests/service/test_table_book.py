"""Bookings in the database: one limit for all workers of a piece of work, whatever is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import sessionmaker

from benchmarks.errors import Cancelled, DamagedJournal
from benchmarks.guard import guarded
from service.database import open_database
from service.errors import StatementCancelled
from service.file_book import FileBook
from service.ledger import Booking, Limits, Sum
from service.storage import PaymentRow, SpentRow
from service.table_book import TableBook, held, settle_open, spent, take_over
from strategies.models.account import Kept
from strategies.models.base import Generation, Usage

MOST = Sum(0.5, 100)
BILL = Sum(0.25, 40)
BOOKING = Booking("a", "m", MOST)
REPLY = Kept(Generation("yes", Usage(30, 10, 10)), seconds=0.5)


class Overtaken(Exception):
    """What a guard raises."""


def always(spent, held):
    return True


def within(limit):
    def fits(spent, held):
        return not (spent + held + MOST).passes(Limits(usd=limit))

    return fits


@pytest.fixture
def begin(settings):
    engine = open_database(settings.database_url)
    yield sessionmaker(engine, expire_on_commit=False).begin
    engine.dispose()


@pytest.fixture
def book(begin):
    """The book as the worker of a unit has it."""

    def make(unit=2, work="w", guard=lambda session: None, cancelled=lambda: False, begin=begin):
        return TableBook(begin, guard, work, unit, cancelled)

    return make


@pytest.fixture
def states(begin):
    """The unit, the state and the dollars of all that was booked."""

    def read():
        columns = PaymentRow.unit, PaymentRow.state, PaymentRow.usd
        with begin() as session:
            return [tuple(row) for row in session.execute(sa.select(*columns))]

    return read


@pytest.fixture
def losing(begin):
    """Transactions of which the word is lost, once `lost` says so: done, and nobody is told."""

    @contextmanager
    def made():
        with begin() as session:
            yield session
        if made.lost:
            made.lost -= 1
            raise sa.exc.DBAPIError("COMMIT", {}, Exception("gone"), connection_invalidated=True)

    made.lost = 0
    return made


def give_out_again(begin, unit=2):
    with begin() as session:
        settle_open(session, "w", unit)


def test_workers_of_one_comparison_never_pass_the_limit_together(book, begin) -> None:
    """Twelve of them ask for half a dollar at the same moment, of three dollars."""
    together = threading.Barrier(12)

    def ask(unit):
        together.wait()
        return book(unit).book(BOOKING, within(3.0))

    with ThreadPoolExecutor(12) as pool:
        given = [*pool.map(ask, range(12))]
    assert sum(name is not None for name in given) == 6
    with begin() as session:
        assert held(session, "w") == Sum(3.0, 600)


def test_where_there_is_no_limit_there_is_always_room(book, begin, states) -> None:
    name = book().book(BOOKING, None)
    assert states() == [(2, "booked", MOST.usd)]
    book().settle(name, BILL, REPLY)
    assert book().spent == BILL
    assert book().book(BOOKING, within(BILL.usd + MOST.usd)) is not None
    assert book().book(BOOKING, within(BILL.usd + MOST.usd)) is None


def test_what_another_work_spends_is_its_own(book) -> None:
    book().settle(book().book(BOOKING, always), BILL, REPLY)
    other = book(work="v")
    assert other.spent == Sum()
    assert other.recall("a") is None
    assert other.book(BOOKING, within(0.5)) is not None


def test_a_reply_is_recalled_by_every_worker_of_the_work(book) -> None:
    mine = book()
    mine.settle(mine.book(BOOKING, always), BILL, REPLY)
    assert book(unit=7).recall("a") == REPLY
    assert book(unit=7).recall("b") is None
    assert book(unit=7).spent == BILL


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "é \U0001f600"])
def test_any_text_can_be_kept(book, text) -> None:
    mine, kept = book(), Kept(Generation(text, Usage(1, 0, 1)), 0.1)
    mine.settle(mine.book(BOOKING, always), BILL, kept)
    assert book().recall("a") == kept


def test_who_was_given_up_books_nothing(book, states) -> None:
    def guard(session):
        raise Overtaken

    with pytest.raises(Overtaken):
        book(guard=guard).book(BOOKING, always)
    assert states() == []


def test_what_a_worker_left_open_counts_in_full_and_others_bookings_stay(book, begin) -> None:
    book(unit=2).book(BOOKING, always)
    book(unit=3).book(BOOKING, always)
    give_out_again(begin, unit=2)
    give_out_again(begin, unit=2)  # there is nothing more to count
    with begin() as session:
        assert (spent(session, "w"), held(session, "w")) == (MOST, MOST)


def test_a_bill_that_comes_after_all_corrects_what_was_counted_in_full(book, begin) -> None:
    late, refused = book(), book()
    one, other = late.book(BOOKING, always), refused.book(BOOKING, always)
    give_out_again(begin)
    assert book().spent == MOST + MOST
    late.settle(one, BILL, REPLY)
    assert (book().spent, book().recall("a")) == (MOST + BILL, REPLY)
    refused.release(other)
    assert book().spent == BILL


@pytest.mark.parametrize("lost", [1, 2])
def test_a_booking_whose_word_was_lost_is_made_once(book, losing, states, lost) -> None:
    mine = book(begin=losing)
    first = mine.book(BOOKING, always)
    losing.lost = lost
    second = mine.book(BOOKING, always)
    assert first != second
    assert states() == [(2, "booked", 0.5)] * 2


def test_a_bill_whose_word_was_lost_counts_once(book, losing) -> None:
    mine = book(begin=losing)
    first, second = mine.book(BOOKING, always), mine.book(BOOKING, always)
    losing.lost = 1
    mine.settle(first, BILL, REPLY)
    losing.lost = 1
    mine.release(second)
    assert mine.spent == BILL


def test_a_database_that_is_away_is_not_waited_for_once_told_to_stop(book, losing, begin) -> None:
    told = threading.Event()
    mine = book(begin=losing, cancelled=told.is_set)
    name = mine.book(BOOKING, always)
    losing.lost = 2
    told.set()
    with pytest.raises(Cancelled, match="while the database was away"):
        mine.book(BOOKING, always)
    with pytest.raises(Cancelled):
        mine.settle(name, BILL, None)
    assert losing.lost == 0  # asked once each


def test_statements_that_are_always_cancelled_are_no_fault_of_the_strategy_that_books(
    book, begin, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr("service.database.CANCELLED_SECONDS", 0.0)
    monkeypatch.setattr("service.database.WAIT_SECONDS", 0.0)
    told = threading.Event()

    @contextmanager
    def slow():
        if told.is_set():
            error = psycopg.errors.QueryCanceled("canceling statement due to statement timeout")
            raise sa.exc.OperationalError("UPDATE", {}, error)
        with begin() as session:
            yield session

    mine = book(begin=slow)
    name = mine.book(BOOKING, always)
    told.set()
    for asks in (lambda: mine.book(BOOKING, always), lambda: mine.settle(name, BILL, REPLY)):
        with pytest.raises(StatementCancelled, match="statement_timeout"):
            guarded(asks, tmp_path)


def test_of_removed_work_nothing_comes_back(book, begin, states) -> None:
    mine = book()
    first, second = mine.book(BOOKING, always), mine.book(BOOKING, always)
    book(work="v").book(BOOKING, always)
    with begin() as session:
        for table in (PaymentRow, SpentRow):
            session.execute(sa.delete(table).where(table.work == "w"))
    mine.settle(first, BILL, REPLY)  # a worker that has not heard of it
    mine.release(second)
    assert mine.spent == Sum()
    assert states() == [(2, "booked", 0.5)]


def test_what_an_older_version_paid_is_taken_over_once(book, begin, tmp_path) -> None:
    old = FileBook(tmp_path / "paid.jsonl")
    old.settle(old.book(BOOKING, always), BILL, REPLY)
    old.book(Booking(None, "m", MOST), always)  # left open by a process that was killed
    for _ in range(2):
        with begin() as session:
            take_over(session, "w", 2, tmp_path / "paid.jsonl")
    assert book().spent == BILL + MOST
    assert book(unit=5).recall("a") == REPLY


def test_a_damaged_file_is_not_taken_over_in_part(book, begin, tmp_path, states) -> None:
    path = tmp_path / "paid.jsonl"
    old = FileBook(path)
    old.settle(old.book(BOOKING, always), BILL, REPLY)
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(DamagedJournal, match="line 3"), begin() as session:
        take_over(session, "w", 2, path)
    assert (states(), book().spent) == ([], Sum())
