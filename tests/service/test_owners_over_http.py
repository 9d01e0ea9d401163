"""What belongs to one owner does not exist for another, whatever is asked of it."""

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from serving import API, client_of, finished, key_for, spec, start, submit, wait_until, worker_on

METHODS = ("get", "post", "put", "patch", "delete")
OPEN = {"/health", "/ready", "/metrics"}
ADA = {"name": "ada", "per_minute": 100_000}
BO = {"name": "bo", "per_minute": 100_000}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def keys(data):
    """The headers of two owners, of another key of the first, and of an admin."""
    return {
        "ada": key_for(data, **ADA),
        "ada again": key_for(data, **ADA),
        "bo": key_for(data, **BO),
        "admin": key_for(data, "root", ["admin"], per_minute=100_000),
    }


@pytest.fixture(scope="module")
def client(data, keys):
    with client_of(data) as client, worker_on(data):
        wait_until(lambda: client.get("/ready").status_code == 200)
        yield client


def as_owner(client: TestClient[Litestar], header: dict[str, str]) -> None:
    """From now on the client sends this key alone."""
    client.headers.pop("Authorization", None)
    client.headers.update(header)


@pytest.fixture(scope="module")
def ids(client, keys) -> dict[str, str]:
    """Ids of what Ada has, all of it finished, by the names they have in addresses."""
    as_owner(client, keys["ada"])
    task = submit(client, "1 steps")
    comparison = start(client, task)
    forecast = client.post(f"{task}/forecasts", json={}).headers["Location"]
    assert finished(client, comparison)["state"] == "completed"
    assert finished(client, forecast)["state"] == "completed"
    as_owner(client, {})
    places = {"task_id": task, "comparison_id": comparison, "forecast_id": forecast}
    found = {name: place.rsplit("/", 1)[-1] for name, place in places.items()}
    return {**found, "strategy": "lora+rag"}


def operations(client, ids) -> list[tuple[str, str]]:
    """Every method and address of OpenAPI that names something, with Ada's ids in it."""
    paths = client.get("/schema/openapi.json").json()["paths"]
    named = [path for path in paths if "{" in path]
    assert len(named) >= 16
    return [(method, path.format(**ids)) for path in named for method in METHODS]


def test_no_route_shows_anothers(client, keys, ids) -> None:
    asked = operations(client, ids)
    unknown = dict.fromkeys(ids, "0" * 22)
    for method, address in asked:
        as_owner(client, keys["bo"])
        reply = client.request(method, address, json={})
        as_owner(client, {})
        if reply.status_code == 405:
            continue
        assert reply.status_code == 404, f"{method} {address}: {reply.text}"
        assert reply.json()["type"] == "urn:tuneworth:problem:not-found"
    for method, address in operations(client, unknown):  # nothing tells it from what never was
        as_owner(client, keys["bo"])
        reply = client.request(method, address, json={})
        as_owner(client, {})
        assert reply.status_code in (404, 405), f"{method} {address}"
    as_owner(client, keys["ada"])
    for name, kind in (("task_id", "tasks"), ("comparison_id", "comparisons")):
        assert client.get(f"{API}/{kind}/{ids[name]}").status_code == 200  # all of it is left
    assert client.get(f"{API}/forecasts/{ids['forecast_id']}").status_code == 200
    as_owner(client, {})


@pytest.mark.parametrize("who", ["ada", "ada again", "admin"])
def test_the_owner_and_an_admin_see_it_by_every_route(client, keys, ids, who) -> None:
    schema = client.get("/schema/openapi.json").json()["paths"]
    gets = [path for path, item in schema.items() if "get" in item and path not in OPEN]
    as_owner(client, keys[who])
    statuses = {path: client.get(path.format(**ids)).status_code for path in gets}
    as_owner(client, {})
    assert statuses == dict.fromkeys(gets, 200)


def test_tasks_are_listed_by_their_owner(client, keys, ids) -> None:
    listed = {
        who: [task["id"] for task in client.get(f"{API}/tasks", headers=header).json()["tasks"]]
        for who, header in keys.items()
    }
    assert ids["task_id"] in listed["ada"]
    assert listed["ada"] == listed["ada again"]
    assert ids["task_id"] not in listed["bo"]
    assert set(listed["admin"]) >= {*listed["ada"], *listed["bo"]}


def test_an_id_of_anothers_is_no_cursor_to_anything(client, keys, ids) -> None:
    reply = client.get(f"{API}/tasks?cursor={ids['task_id']}", headers=keys["bo"])
    assert ids["task_id"] not in reply.text


def test_the_same_idempotency_key_of_two_users(client, keys) -> None:
    same = {"Idempotency-Key": "the-same"}
    replies = [
        client.post(f"{API}/tasks", json=spec("mine"), headers={**keys[who], **same})
        for who in ("ada", "bo", "ada again", "bo")
    ]
    assert [reply.status_code for reply in replies] == [201] * 4
    ada, bo, again, once_more = (reply.json()["id"] for reply in replies)
    assert ada == again  # the same owner by another key
    assert bo == once_more
    assert ada != bo
    other = client.post(f"{API}/tasks", json=spec("other"), headers={**keys["bo"], **same})
    assert other.status_code == 422


def test_what_an_admin_starts_on_anothers_task_is_that_owners(client, keys, ids) -> None:
    task = f"{API}/tasks/{ids['task_id']}"
    started = client.post(f"{task}/comparisons", json={}, headers=keys["admin"])
    assert started.status_code == 202
    place = started.headers["Location"]
    assert client.get(place, headers=keys["ada"]).status_code == 200
    assert client.get(place, headers=keys["bo"]).status_code == 404


def test_what_an_admin_submits_is_the_admins(client, keys) -> None:
    made = client.post(f"{API}/tasks", json=spec(), headers=keys["admin"]).headers["Location"]
    assert client.get(made, headers=keys["admin"]).status_code == 200
    assert client.get(made, headers=keys["ada"]).status_code == 404


def test_what_was_made_without_a_key_is_an_admins_to_see(tmp_path) -> None:
    with client_of(tmp_path) as client:
        task = submit(client)
    ada, root = key_for(tmp_path), key_for(tmp_path, "root", ["admin"])
    with client_of(tmp_path) as client:
        assert client.get(task, headers=ada).status_code == 404
        assert client.get(task, headers=root).status_code == 200
