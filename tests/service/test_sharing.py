"""Owners share the workers by time; who may go first; and which worker a unit waits for."""

import pytest
import sqlalchemy as sa
from given import at_strategies, begun, claimed, units
from serving import client_of, key_for, start, submit

from service.alive import clock
from service.orders import Next, Planned
from service.services import Services
from service.sharing import BAND_SIZE, BANDS, cost_of, queue_for, rank_of, tag_after
from service.storage import UnitRow, WorkerRow

MOST = 2**31 - 1
"""The last priority of the job engine."""


@pytest.fixture
def at(settings):
    found = Services.start(settings)
    yield found
    found.stop()


def line(at: Services) -> list[tuple[str, str]]:
    """Owner and name of what waits, in the order in which it is taken."""
    query = sa.select(UnitRow).where(UnitRow.state == "queued")
    with at.store.begin() as session:
        waiting = sorted(session.scalars(query), key=rank_of)
    return [(unit.flow, unit.name) for unit in waiting]


def plan(*seconds: float) -> Next:
    return Next(units=tuple(Planned(f"s{n}", each) for n, each in enumerate(seconds)))


def test_a_tag_is_what_its_line_has_used_by_then() -> None:
    assert tag_after(None, None, None, 60) == 60  # all is idle
    assert tag_after(600, 900, None, 60) == 660  # a line that is new begins now
    assert tag_after(None, 900, None, 60) == 960
    assert tag_after(600, 900, 2400, 60) == 2460  # behind its own
    assert tag_after(600, None, 300, 60) == 660  # nothing is saved up
    assert tag_after(BAND_SIZE - 9, None, None, 60) == BAND_SIZE - 1


@pytest.mark.parametrize(
    ("seconds", "cost"), [(0, 1), (0.2, 1), (2.9, 2), (float("inf"), BAND_SIZE), (1e12, BAND_SIZE)]
)
def test_a_unit_counts_its_seconds(seconds, cost) -> None:
    assert cost_of(seconds) == cost


def test_who_came_later_does_not_wait_for_all_of_who_came_first(at) -> None:
    claimed(at, at_strategies(at, plan(*[600] * 6), owner="ada"), 2)
    at_strategies(at, plan(60, 60), owner="bob")
    assert [owner for owner, _ in line(at)] == ["bob", "bob", *["ada"] * 5]


def test_two_owners_get_the_same_time_and_not_the_same_number(at) -> None:
    ada = at_strategies(at, plan(*[300] * 4), owner="ada")
    bob = at_strategies(at, plan(*[100] * 12), owner="bob")
    taken = {"ada": 0.0, "bob": 0.0}
    for _ in range(12):  # one worker, until the line of one is nearly done
        owner, name = line(at)[0]
        work, position = (ada, bob)[owner == "bob"], 2 + int(name[1:])
        at.units.follow(claimed(at, work, position), Next())
        taken[owner] += 300 if owner == "ada" else 100
        assert abs(taken["ada"] - taken["bob"]) <= 400, taken
    assert min(taken.values()) >= 800


def test_time_that_nobody_wanted_is_not_held_against_anybody(at) -> None:
    work = at_strategies(at, plan(5000), owner="ada")
    at.units.follow(claimed(at, work, 2), Next())
    at.units.follow(claimed(at, work, 1_000_000), Next())
    at_strategies(at, plan(50), owner="ada")
    at_strategies(at, plan(60), owner="bob")
    assert [owner for owner, _ in line(at)] == ["ada", "bob"]


def test_a_comparison_without_an_owner_has_a_line_of_its_own(at) -> None:
    at_strategies(at, plan(*[600] * 3))
    second = at_strategies(at, plan(60))
    assert [flow for flow, _ in line(at)].index(second) <= 1


def test_a_unit_that_is_given_out_again_keeps_its_place(at) -> None:
    work = at_strategies(at, plan(60, 60), owner="ada")
    mine = claimed(at, work, 2)
    before = line(at)
    at.units.hand_back(mine, None, fruitless=False)
    assert line(at) == [("ada", "s0"), *before]


def test_bands_go_one_after_the_other_whoever_waits(at) -> None:
    low = begun(at, owner="ada", priority="low")
    normal = at_strategies(at, plan(6000), owner="bob")
    high = begun(at, owner="cid", priority="high")
    assert [flow for flow, _ in line(at)] == ["cid", "bob", "ada"]
    assert [units(at, work)[0].band for work in (high, normal, low)] == [0, 1, 2]


def test_every_rank_is_a_priority_of_the_job_engine() -> None:
    def rank(band: int, tag: int) -> int:
        return rank_of(UnitRow(band=band, tag=tag))

    ranks = [rank(band, tag) for band in BANDS.values() for tag in (1, BAND_SIZE - 1)]
    assert ranks == sorted(set(ranks))
    assert ranks[0] >= 1
    assert ranks[-1] <= MOST


def test_the_job_engine_takes_them_in_that_order(at) -> None:
    ada = at_strategies(at, plan(*[600] * 3), owner="ada")
    bob, cid = begun(at, owner="bob"), begun(at, owner="cid", priority="high")
    order = [f"{cid}-0-1", f"{ada}-2-1", f"{bob}-0-1", f"{ada}-3-1", f"{ada}-4-1"]
    place = "" if at.store.engine.dialect.name == "sqlite" else "dbos."
    text = f"SELECT workflow_uuid FROM {place}workflow_status ORDER BY priority, created_at"
    with at.store.begin() as session:
        assert [job for job in session.scalars(sa.text(text)) if job in order] == order
    assert [owner for owner, _ in line(at)] == ["cid", "ada", "bob", "ada", "ada"]


@pytest.mark.parametrize(
    ("computes", "living", "queue"),
    [
        (True, {"cpu", "gpu"}, "gpu"),
        (False, {"cpu", "gpu"}, "cpu"),
        (True, {"cpu"}, "cpu"),
        (False, {"gpu"}, "gpu"),
        (True, set(), "cpu"),
    ],
)
def test_what_computes_waits_for_a_gpu_where_a_worker_has_one(computes, living, queue) -> None:
    assert queue_for(computes, frozenset(living)) == queue


def test_units_wait_in_the_queue_that_fits_them(at) -> None:
    for name, queue in (("g", "gpu"), ("c", "cpu")):
        at.units.beat(name, queue, "here")
    following = Next(units=(Planned("lora", 60, computes=True), Planned("majority", 1)))
    work = at_strategies(at, following)
    assert [units(at, work)[n].queue for n in (0, 2, 3)] == ["gpu", "gpu", "cpu"]


def test_a_worker_that_was_last_heard_of_long_ago_or_in_the_future_is_not_there(at) -> None:
    for name, off in (("old", -16), ("future", 16)):
        with at.store.begin() as session:
            beat = clock(session) + off
            session.add(WorkerRow(name=name, queue="gpu", host="here", beat=beat))
    assert units(at, begun(at))[0].queue == "cpu"


@pytest.mark.parametrize("what", ["comparisons", "forecasts"])
def test_who_goes_first_needs_an_admin(tmp_path, what) -> None:
    keys = {scope: key_for(tmp_path, "ada", ["run", scope]) for scope in ("read", "admin")}
    with client_of(tmp_path) as client:
        client.headers.update(keys["read"])
        task = submit(client)
        refused = client.post(f"{task}/{what}", json={"priority": "high"})
        assert refused.status_code == 403
        assert refused.json()["type"] == "urn:tuneworth:problem:not-allowed"
        assert "admin" in refused.json()["detail"]
        wrong = client.post(f"{task}/{what}", json={"priority": "urgent"})
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "priority")
        for priority, key in (("low", "read"), ("normal", "read"), ("high", "admin")):
            sent = {"json": {"priority": priority}, "headers": keys[key]}
            reply = client.post(f"{task}/{what}", **sent)
            assert (reply.status_code, reply.json()["options"]["priority"]) == (202, priority)
        assert client.post(f"{task}/{what}").json()["options"]["priority"] == "normal"


def test_without_keys_everybody_may_go_first(tmp_path) -> None:
    with client_of(tmp_path) as client:
        address = start(client, submit(client), priority="high")
        at = client.app.state.services
        assert units(at, address.rsplit("/", 1)[-1])[0].band == 0
