"""The records that units store in the database, on each kind of it."""

import sqlite3
from contextlib import ExitStack, contextmanager

import pytest
import sqlalchemy as sa
from example_run import example_records

from benchmarks.journal import JOURNAL, Journal
from benchmarks.records import BatchRecord, EndRecord, FailureRecord, OutcomeRecord, SetupRecord
from service.database import open_database
from service.errors import DamagedRecords
from service.storage import RecordsRow, UnitRow
from service.store import Store
from service.stored_records import StoredRecords, records_of, setup_of

WORK = "0123456789abcdef012345"
FINISH = 1_000_000


class Overtaken(Exception):
    """Another worker has the unit."""


@pytest.fixture
def store(settings):
    engine = open_database(settings.database_url)
    yield Store(engine)
    engine.dispose()


def lost() -> sa.exc.OperationalError:
    """The error of a connection that broke."""
    gone = sqlite3.OperationalError("disk I/O error")
    gone.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return sa.exc.OperationalError("COMMIT", {}, gone)


def unit(store, position, seen=None, guard=lambda session: None) -> StoredRecords:
    return StoredRecords(store.begin, guard, WORK, position, seen)


def answers(strategy: str, *examples: str, state="ok", **more):
    rows = [OutcomeRecord(strategy=strategy, example=e, state=state, **more) for e in examples]
    return [*rows, BatchRecord(strategy=strategy, n=len(rows), seconds=1.0)]


def rows(store) -> int:
    with store.begin() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(RecordsRow))


def test_records_come_back_in_the_order_of_the_run_whoever_was_quicker(store, settings) -> None:
    run, *others = example_records()[:3]
    unit(store, FINISH).append([EndRecord(seconds=1)])
    unit(store, 3).append(answers("second", "1", text="line\u2028break\x85\r\n\0 and “quotes”"))
    unit(store, 2).append(answers("first", "1"))
    unit(store, 3).append(answers("second", "2"))
    unit(store, 0).append([run])
    unit(store, 1).append(others)
    everything = [
        *(run, *others),
        *answers("first", "1"),
        *answers("second", "1", text="line\u2028break\x85\r\n\0 and “quotes”"),
        *answers("second", "2"),
        EndRecord(seconds=1),
    ]
    mine = unit(store, FINISH)
    assert mine.read() == mine.mend() == list(mine) == everything
    assert records_of(store, settings, WORK) == everything
    assert records_of(store, settings, WORK[::-1]) == []
    assert unit(store, 2, (0, 1, 2)).read() == [run, *others, *answers("first", "1")]


def test_all_pages_are_read(store, monkeypatch) -> None:
    monkeypatch.setattr("service.stored_records.PAGE", 2)
    for position in (3, 2):
        for example in "12345":
            unit(store, position).append(answers(str(position), example))
    found = [(r.strategy, r.example) for r in unit(store, 0) if isinstance(r, OutcomeRecord)]
    assert found == [(s, e) for s in "23" for e in "12345"]


def test_what_a_unit_answered_and_spent_is_counted(store) -> None:
    run = example_records()[0]
    price = {"input": 2.0, "cached": 1.0, "output": 10.0, "source": "a test", "as_of": "today"}
    prices = {**run.prices, "models": {run.models[0].name: price}}
    unit(store, 0).append([run.model_copy(update={"prices": prices})])
    hosted = next(s.id for s in run.strategies if s.model)
    tokens = {"prompt_tokens": 1000, "cached_tokens": 400, "completion_tokens": 100}
    unit(store, 3).append(answers("another", "1", **tokens))
    mine = unit(store, 2, (0, 1, 2))
    assert mine.counts.samples == 0
    mine.append(answers(hosted, "1", "2", **tokens))
    mine.append(answers(hosted, "3", state="error"))
    failed = SetupRecord(strategy=hosted, status="failed")
    mine.append([failed, FailureRecord(strategy=hosted, reason="broke")])
    told = (mine.counts.samples, mine.counts.errors, mine.counts.failures)
    assert told == (3, 1, 2)
    spent = (mine.counts.prompt_tokens, mine.counts.cached_tokens, mine.counts.completion_tokens)
    assert spent == (2000, 800, 200)
    assert mine.counts.usd == pytest.approx(0.0052)
    later = unit(store, 2, (0, 1, 2))
    later.read()
    assert later.counts == mine.counts
    later.append(answers(hosted, "4"))
    assert later.counts.samples == 4


def test_who_was_overtaken_stores_nothing(store) -> None:
    def guard(session) -> None:
        raise Overtaken

    mine = unit(store, 2, guard=guard)
    with pytest.raises(Overtaken):
        mine.append(answers("a", "1"))
    assert rows(store) == mine.counts.samples == 0


@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_connection_neither_loses_nor_doubles(store, monkeypatch, committed) -> None:
    monkeypatch.setattr("service.database.time.sleep", lambda seconds: None)
    whole, guarded = store.begin, []

    @contextmanager
    def breaking():
        with ExitStack() as stack:
            session = stack.enter_context(whole())
            yield session
            if session.info.pop("stored", False):
                if committed:
                    stack.close()
                store.begin = whole
                raise lost()

    def guard(session) -> None:
        session.info["stored"] = True
        guarded.append(session)

    mine = StoredRecords(lambda: store.begin(), guard, WORK, 2)
    mine.append(answers("a", "1"))
    store.begin = breaking
    mine.append(answers("a", "2"))
    assert len(guarded) == 3, "the second was tried twice"
    mine.append(answers("a", "2"))  # the same once more is no second try
    assert mine.read() == [*answers("a", "1"), *answers("a", "2"), *answers("a", "2")]
    assert mine.counts.samples == 3


def test_answers_end_the_count_of_fruitless_starts(store) -> None:
    def fruitless() -> int:
        with store.begin() as session:
            return session.get(UnitRow, (WORK, 2)).fruitless

    told = {"kind": "comparisons", "name": "a", "flow": "f", "queue": "cpu", "band": 1, "tag": 0}
    with store.begin() as session:
        session.add(UnitRow(work=WORK, position=2, state="running", fruitless=4, **told))
    mine = unit(store, 2)
    mine.append([SetupRecord(strategy="a", status="completed"), *answers("a", "1", state="error")])
    assert fruitless() == 4, "what only failed is no progress"
    mine.append(answers("a", "1"))
    assert fruitless() == 0


def test_a_row_that_was_changed_is_told(store, settings) -> None:
    unit(store, 2).append(answers("a", "1"))
    with store.begin() as session:
        session.execute(sa.update(RecordsRow).values(lines='{"record":"outcome"}\n'))
    for read in (unit(store, 2).read, lambda: records_of(store, settings, WORK)):
        with pytest.raises(DamagedRecords, match=f"{WORK}, row 1 of its records"):
            read()


def journal_of(settings) -> Journal:
    folder = settings.comparison_folder(WORK)
    folder.mkdir(parents=True)
    return Journal(folder / JOURNAL)


def test_what_an_older_version_left_is_taken_over_once(store, settings, monkeypatch) -> None:
    monkeypatch.setattr("service.stored_records.TAKEN_OVER", 100)
    old, journal = example_records(), journal_of(settings)
    begin = unit(store, 0, (0,))
    begin.take_over(journal.path)
    assert begin.read() == [], "there is nothing"
    journal.append(old)
    with journal.path.open("ab") as file:
        file.write(b'{"record":"outcome","str')  # cut short
    assert records_of(store, settings, WORK) == old
    assert begin.mend() == []
    for _ in range(2):
        begin.take_over(journal.path)
    begin.append([EndRecord(seconds=1)])
    assert begin.counts.samples == sum(isinstance(r, OutcomeRecord) for r in old)
    assert unit(store, 4, (0, 1, 4)).read() == [*old, EndRecord(seconds=1)]
    unit(store, 0).take_over(journal.path)
    assert records_of(store, settings, WORK) == [*old, EndRecord(seconds=1)]


def test_setups_are_found_in_rows_and_in_files(store, settings) -> None:
    setups = [SetupRecord(strategy="a", status="completed", artifact=f"a{n}") for n in range(2)]
    other = SetupRecord(strategy="b", status="completed", artifact="b")
    talk = answers("a", "1", text='"record":"setup"')
    journal_of(settings).append([setups[0], other, *talk])
    assert setup_of(store, settings, WORK, "a") == setups[0]
    unit(store, 3).append([other])
    unit(store, 1).append([setups[0]])
    unit(store, 2).append([setups[1], *talk])
    assert setup_of(store, settings, WORK, "a") == setups[1]
    assert setup_of(store, settings, WORK, "c") is None
