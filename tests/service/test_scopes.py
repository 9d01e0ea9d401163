"""What each operation needs of a key, and that it is asked for."""

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from serving import API, client_of, key_for

from service.keys import SCOPES

OPEN = {"/health", "/ready"}
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def keys(data):
    """A key of every scope alone, all of one owner."""
    return {scope: key_for(data, "ada", [scope], per_minute=10_000) for scope in SCOPES}


@pytest.fixture(scope="module")
def client(data, keys):
    with client_of(data) as client:
        yield client


def operations(client: TestClient[Litestar]) -> list[tuple[str, str, dict]]:
    """(method, path, operation) of all that OpenAPI shows."""
    paths = client.get("/schema/openapi.json").json()["paths"]
    return [(m, path, item[m]) for path, item in paths.items() for m in METHODS if m in item]


def scope_of(operation: dict) -> str:
    [scope] = {
        scope for one in operation["security"] for scopes in one.values() for scope in scopes
    }
    return scope


def test_every_operation_states_its_scope(client) -> None:
    schema = client.get("/schema/openapi.json").json()
    schemes = schema["components"]["securitySchemes"]
    assert (schemes["key"]["type"], schemes["key"]["scheme"]) == ("http", "bearer")
    assert (schemes["cookie"]["in"], schemes["cookie"]["name"]) == ("cookie", "tuneworth_key")
    found = operations(client)
    assert len(found) >= 23
    for method, path, operation in found:
        if path in OPEN:
            assert "security" not in operation
            continue
        assert path.startswith((API, "/metrics")), f"{path} is neither open nor below {API}"
        assert scope_of(operation) in SCOPES
        assert {"401", "403", "429"} <= operation["responses"].keys()
        takes_cookie = any("cookie" in one for one in operation["security"])
        assert takes_cookie == (method == "get" and scope_of(operation) == "read")


def test_reading_runs_nothing(client) -> None:
    for method, path, operation in operations(client):
        if path not in OPEN and scope_of(operation) == "read":
            assert method == "get" or path.endswith("/what-if")


def test_every_operation_asks_for_its_scope(client, keys) -> None:
    asked = 0
    for method, path, operation in operations(client):
        if path in OPEN:
            continue
        needed = scope_of(operation)
        address = path.replace("{", "").replace("}", "")
        for scope, header in keys.items():
            reply = client.request(method, address, headers=header)
            may = scope in (needed, "admin")
            assert (reply.status_code != 403) == may, f"{method} {path} with {scope}"
            if not may:
                document = reply.json()
                assert document["type"] == "urn:tuneworth:problem:not-allowed"
                assert needed in document["detail"]
            asked += 1
        assert client.request(method, address).status_code == 401
    assert asked >= 3 * 21


def test_an_operation_that_states_no_scope_takes_an_admin(tmp_path) -> None:
    from litestar import get

    @get("/forgotten", sync_to_thread=False)
    def forgotten() -> str:
        return "told"

    keys = {scope: key_for(tmp_path, "ada", [scope]) for scope in SCOPES}
    with client_of(tmp_path) as client:
        client.app.register(forgotten)
        statuses = [client.get("/forgotten", headers=keys[scope]).status_code for scope in SCOPES]
        assert statuses == [403, 403, 200]
        assert client.get("/forgotten").status_code == 401


def test_the_schema_and_health_are_for_everybody(client) -> None:
    page = client.get("/schema")
    assert page.status_code == 200
    assert "Scope of the key: <code>run</code>" in page.text
    assert client.get("/health").status_code == 200
    assert client.get("/ready").status_code == 503  # no worker, and not 401
