"""What the API tells of the parts of a comparison, and what is noted of where they ran."""

import json

import pytest
from in_process import NAME, begun, do_all, idle, key_of, queued, services_of
from serving import client_of, start, submit

from benchmarks.records import SeatRecord
from service.at_hand import Worker
from service.computing import Computer
from service.orders import BEGIN, FINISH, RACE, Next, Planned
from service.stored_records import records_of

PARTS = (Planned(RACE), Planned("a"), Planned("b"))


@pytest.fixture
def client(tmp_path):
    with client_of(tmp_path) as found:
        yield found


def told(client, address):
    return [
        (unit["part"], unit["strategy"], unit["state"], unit["attempts"], unit["reason"])
        for unit in client.get(address).json()["units"]
    ]


def scripted(order):
    return Next(units=PARTS) if order.name == BEGIN else idle(order)


def test_a_comparison_tells_of_its_parts_in_the_order_of_the_run(client) -> None:
    reply = client.post(f"{submit(client)}/comparisons", json={})
    waits = {"part": "begin", "strategy": None, "state": "queued", "attempts": 0, "reason": None}
    assert reply.json()["units"] == [waits]
    address, at = reply.headers["Location"], services_of(client)
    Worker(at, NAME, scripted).run(queued(at, key_of(address))[0].id)
    assert at.store.comparison(key_of(address), None).revision > 1
    rows = [unit.name for unit in at.store.comparison(key_of(address), None).units]
    assert rows == [BEGIN, RACE, "a", "b", FINISH]
    do_all(at, key_of(address), scripted)
    found = [(part, name, state, tries) for part, name, state, tries, _ in told(client, address)]
    assert found == [
        ("begin", None, "done", 1),
        ("race", None, "done", 1),
        ("strategy", "a", "done", 1),
        ("strategy", "b", "done", 1),
        ("finish", None, "done", 1),
    ]


def test_whoever_watches_sees_why_a_part_was_given_out_once_more(client) -> None:
    at, address = services_of(client), start(client, submit(client))
    work = key_of(address)
    begun(at, work)
    job = queued(at, work)[0]
    before = at.store.comparison(work, None).revision
    at.units.claim(job.id, NAME)
    claimed = at.store.comparison(work, None).revision
    at.units.hand_back(job, "its worker was not heard of any more", fruitless=True)
    after = at.store.comparison(work, None)
    assert before < claimed < after.revision
    unit = after.units[1]
    assert (unit.state, unit.attempts) == ("queued", 1)
    at.hub.forget(type(after), work)
    assert ("strategy", "a", "queued", 1, "its worker was not heard of any more") in told(
        client, address
    )


def test_a_part_that_is_done_is_seen_though_others_run(client) -> None:
    at, address = services_of(client), start(client, submit(client))
    work = key_of(address)
    Worker(at, NAME, lambda order: Next(units=PARTS[1:])).run(queued(at, work)[0].id)
    first, second = queued(at, work)
    for job in (first, second):
        at.units.claim(job.id, NAME)
    before = at.store.comparison(work, None).revision
    at.units.follow(first, Next())
    after = at.store.comparison(work, None)
    assert after.revision > before
    assert [unit.state for unit in after.units] == ["done", "done", "running", "planned"]


def test_a_part_that_is_given_out_once_more_is_seen_though_others_run(client) -> None:
    at, address = services_of(client), start(client, submit(client))
    work = key_of(address)
    Worker(at, NAME, lambda order: Next(units=PARTS[1:])).run(queued(at, work)[0].id)
    jobs = queued(at, work)
    for job in jobs:
        at.units.claim(job.id, NAME)
    before = at.store.comparison(work, None).revision
    at.units.hand_back(jobs[0], "its worker ended", fruitless=True)
    after = at.store.comparison(work, None)
    assert after.revision > before
    assert [unit.reason for unit in after.units] == [None, "its worker ended", None, None]


def test_cancelling_tells_of_the_parts_as_they_are_then(client) -> None:
    at, address = services_of(client), start(client, submit(client))
    begun(at, key_of(address))
    reply = client.delete(address)
    assert reply.status_code == 202
    assert [unit["state"] for unit in reply.json()["units"]] == ["done"] * 3


def test_a_forecast_has_no_parts(client) -> None:
    reply = client.post(f"{submit(client)}/forecasts", json={})
    assert "units" not in reply.json()
    assert client.get(reply.headers["Location"]).status_code == 200


def test_the_schema_names_them(client) -> None:
    schemas = client.get("/schema/openapi.json").json()["components"]["schemas"]
    assert "UnitReply" in json.dumps(list(schemas))


def test_what_runs_beside_a_unit_is_noted_with_what_it_measures(client) -> None:
    """From the worker's main thread to the records, by the real computing."""
    at = services_of(client)
    task = submit(client, strategies=["baseline.majority", "baseline.nearest"])
    work = key_of(start(client, task))
    worker = Worker(at, NAME, Computer())
    for beside in (0, 3, 0, 0):  # begins, the two strategies, ends
        worker.workplace.beside = beside
        worker.run(queued(at, work)[0].id)
    records = records_of(at.store, at.settings, work)
    seats = [record for record in records if isinstance(record, SeatRecord)]
    assert [(seat.strategy, seat.beside) for seat in seats] == [("baseline.majority", 3)]
    report = client.get(f"/api/v1/comparisons/{work}/report.json").json()
    seated = {row["id"]: row.get("measured_on") for row in report["strategies"]}
    assert seated["baseline.majority"]["beside"] == 3
    assert seated["baseline.nearest"] is None
    assert {unit.state for unit in at.store.comparison(work, None).units} == {"done"}
