"""The part `stored` of the benchmark: what it fills a database with, and its figures."""

import httpx
import pytest
import sqlalchemy as sa

from benchmarks.records import RECORD, OutcomeRecord
from benchmarks.speed.sheet import Measurement
from service.database import open_database
from service.reliability import stored
from service.reliability.filling import QUALITIES, Filling, batches, fill
from service.reliability.server import serving
from service.settings import Settings
from service.shapes import API
from service.storage import ComparisonRow, RecordsRow

SMALL = Filling(large=160, small=80, copies=3)


def outcomes(lines: str) -> int:
    found = [RECORD.validate_json(line) for line in lines.splitlines()]
    return sum(isinstance(record, OutcomeRecord) for record in found)


def test_every_strategy_answers_every_row() -> None:
    by_unit: dict[int, int] = {}
    for unit, lines in batches(40):
        by_unit[unit] = by_unit.get(unit, 0) + outcomes(lines)
    assert [n for n in by_unit.values() if n] == [40] * len(QUALITIES)


def test_what_is_filled_in_is_there_and_answered(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(stored, "SETTLE_SECONDS", 0.0)
    settings = Settings(tmp_path / "data")
    large = fill(settings, SMALL, tmp_path / "worker.log")
    engine = open_database(settings.database_url)
    with engine.connect() as connection:
        lines = connection.scalars(sa.select(RecordsRow.lines)).all()
        works = connection.scalars(sa.select(ComparisonRow.id)).all()
    engine.dispose()
    assert sum(map(outcomes, lines)) == SMALL.samples == 400
    assert len(works) == 4
    with serving(settings.data, settings.for_worker()) as server:
        stored.settle(server.address)
        taken = stored.timed(server.address, large)
        for work in works:  # those that were copied, too
            reply = httpx.post(f"{server.address}{API}/comparisons/{work}/what-if", json={})
            assert reply.status_code == 200, reply.text
    assert list(taken["first"]) == list(stored.ASKED)
    assert next(iter(stored.ASKED)) == "what_if"  # as soon as a user may, and nothing before it
    assert [len(times) for times in taken["again"].values()] == [stored.AGAIN] * len(stored.ASKED)


@pytest.mark.parametrize("slow", [0.4, 1.2])
def test_the_figures_are_the_slowest_of_all(slow) -> None:
    quick = {"first": dict.fromkeys(stored.ASKED, 0.1)}
    quick["again"] = {name: [0.1, 0.2] for name in stored.ASKED}
    late = {**quick, "first": {**quick["first"], "what_if": slow}}
    rows = [
        Measurement("stored", side, 0, 1.0, {"samples": 1_000_000, "megabytes": 5.0, **facts})
        for side, facts in (("sqlite", late), ("postgres", quick))
    ]
    found = {one.name: (one.value, one.met) for one in stored.checks(rows, quick=False)}
    assert found["stored_samples"] == (1_000_000, True)
    assert found["what_if_s"] == (slow, slow < 1)
    assert found["report_s"] == (0.2, True)
    assert found["settle_s"] == (stored.SETTLE_SECONDS, None)
