"""What belongs to one owner is neither shown to another nor given in reply to them."""

import pytest

from service.errors import NotFound
from service.posting import Post, Reply, answer_once
from service.services import Services
from service.storage import ComparisonRow, ForecastRow

TABLES = [ComparisonRow, ForecastRow]


@pytest.fixture
def at(settings):
    found = Services.start(settings)
    yield found
    found.stop()


def add(at: Services, owner: str | None, name: str = "") -> str:
    with at.store.begin() as session:
        return at.store.add_task(session, {"name": name}, {"name": name}, owner).id


def begin(at: Services, task: str, owner: str | None, table=ComparisonRow) -> str:
    with at.store.begin() as session:
        return at.store.add_work(session, task, {}, at.units.open, table, owner).id


def test_a_list_shows_ones_own_and_everybodys_to_nobody_in_particular(at) -> None:
    ids = {owner: add(at, owner) for owner in ("ann", "bob", None)}
    for owner in ("ann", "bob"):
        assert [row.id for row in at.store.tasks(10, None, owner)] == [ids[owner]]
    assert {row.id for row in at.store.tasks(10, None, None)} == set(ids.values())
    assert at.store.tasks(10, None, "carl") == []
    assert at.store.tasks(10, ids["ann"], "ann") == []


def test_anothers_task_is_not_found(at) -> None:
    task = add(at, "ann")
    for ask in (at.store.task, at.store.spec, at.store.remove_task):
        with pytest.raises(NotFound, match="task"):
            ask(task, "bob")
    with pytest.raises(NotFound):
        begin(at, task, "bob")
    assert at.store.task(task, "ann").owner == "ann"
    assert at.store.task(task, None).id == task


@pytest.mark.parametrize("table", TABLES)
def test_anothers_work_is_not_found(at, table) -> None:
    task = add(at, "ann")
    key = begin(at, task, "ann", table)
    for ask in (at.store.work, at.store.cancel, at.store.remove_work):
        with pytest.raises(NotFound):
            ask(key, table, "bob")
    assert at.store.work(key, table, "ann").state == "queued"
    assert at.store.work(key, table, None).owner == "ann"
    assert at.store.cancel(key, table, "ann").state == "cancelled"
    at.store.remove_work(key, table, "ann")


def test_what_nobody_owns_is_found_without_an_owner_alone(at) -> None:
    task = add(at, None)
    with pytest.raises(NotFound):
        at.store.task(task, "ann")
    assert at.store.task(task, None).owner is None


def test_work_belongs_to_the_owner_of_its_task_whoever_starts_it(at) -> None:
    key = begin(at, add(at, "ann"), None)
    assert at.store.comparison(key, "ann").id == key


def test_one_key_means_another_thing_to_each_owner(at) -> None:
    def post(owner: str | None, body: bytes = b"{}") -> str:
        def make(session) -> Reply:
            row = at.store.add_task(session, {}, {}, owner)
            return Reply(201, {"id": row.id}, f"/api/v1/tasks/{row.id}", row.id)

        sent = Post("POST /api/v1/tasks", body, "the-key", owner)
        return answer_once(at.store, sent, lambda: make).body["id"]

    ids = {owner: post(owner) for owner in ("ann", "bob", None)}
    assert len(set(ids.values())) == 3
    assert {owner: post(owner) for owner in ids} == ids
