"""What the application does on its own: tasks, repeated requests, its schema, its settings."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from serving import API, client_of, environment, spec, start, submit

from service.openapi import COMPARISON_EXAMPLE, FORECAST_EXAMPLE, TASK_EXAMPLE, WHAT_IF_EXAMPLE
from service.settings import Settings


@pytest.fixture
def alone(tmp_path):
    """An application of its own, without a worker."""
    with client_of(tmp_path) as client:
        yield client


def test_a_task_is_shown_without_its_rows(alone) -> None:
    reply = alone.post(f"{API}/tasks", json=spec("mails", needs={"quality_at_least": 0.9}))
    task = reply.json()
    assert reply.status_code == 201
    assert reply.headers["Location"] == f"{API}/tasks/{task['id']}"
    assert alone.get(reply.headers["Location"]).json() == task
    del task["id"], task["created_at"]
    assert task == {
        "name": "mails",
        "kind": "classification",
        "metric": "accuracy",
        "models": ["smollm2-135m-q4"],
        "strategies": None,
        "labels": ["billing", "other"],
        "n_examples": 12,
        "n_documents": 0,
    }


def test_tasks_come_page_by_page_newest_first(alone) -> None:
    for number in range(5):
        submit(alone, f"task {number}")
    names, cursor = [], ""
    for size in (2, 2, 1):
        page = alone.get(f"{API}/tasks?limit=2{cursor}").json()
        assert len(page["tasks"]) == size
        names += [task["name"] for task in page["tasks"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert sorted(names) == [f"task {number}" for number in range(5)]
    times = [task["created_at"] for task in alone.get(f"{API}/tasks").json()["tasks"]]
    assert times == sorted(times, reverse=True)


def test_cancelling_a_queued_comparison_and_removing_it(alone) -> None:
    comparison = start(alone, submit(alone))
    assert alone.delete(comparison).json()["state"] == "cancelled"
    assert alone.delete(comparison).status_code == 204
    assert alone.get(comparison).status_code == 404


def test_a_repeated_post_makes_one_thing(alone) -> None:
    key = {"Idempotency-Key": "a-1"}
    first = alone.post(f"{API}/tasks", json=spec(), headers=key)
    again = alone.post(f"{API}/tasks", json=spec(), headers=key)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["Location"] == first.headers["Location"]
    assert len(alone.get(f"{API}/tasks").json()["tasks"]) == 1
    other = alone.post(f"{API}/tasks", json=spec("another"), headers=key)
    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"


def test_a_key_means_one_thing_for_each_address(alone) -> None:
    key = {"Idempotency-Key": "b-1"}
    one, two = submit(alone, "one"), submit(alone, "two")
    replies = [alone.post(f"{task}/comparisons", headers=key) for task in (one, two, one)]
    assert [reply.status_code for reply in replies] == [202, 202, 202]
    ids = [reply.json()["id"] for reply in replies]
    assert ids[0] == ids[2] != ids[1]


def test_the_same_key_at_the_same_moment_makes_one_thing(alone) -> None:
    key = {"Idempotency-Key": "c-1"}

    def send(_: int) -> str:
        return alone.post(f"{API}/tasks", json=spec(), headers=key).json()["id"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(send, range(16)))) == 1
    assert len(alone.get(f"{API}/tasks").json()["tasks"]) == 1


def test_the_schema_describes_every_operation(alone) -> None:
    schema = alone.get("/schema/openapi.json").json()
    operations = [
        operation
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "delete")
    ]
    assert len(operations) == 26
    assert all(operation["description"] for operation in operations)
    unlike = [one for one in operations if "503" not in one["responses"]]
    assert len(unlike) == 1  # health
    posts = [item["post"] for item in schema["paths"].values() if "post" in item]
    for post in posts:
        media = post["requestBody"]["content"]["application/json"]
        examples = (TASK_EXAMPLE, COMPARISON_EXAMPLE, FORECAST_EXAMPLE, WHAT_IF_EXAMPLE)
        assert media["examples"]["example"]["value"] in examples
        assert "Idempotency-Key" in [parameter["name"] for parameter in post["parameters"]]
        assert "application/problem+json" in post["responses"]["422"]["content"]


def test_the_examples_of_the_schema_work(alone) -> None:
    task = alone.post(f"{API}/tasks", json=TASK_EXAMPLE)
    assert task.status_code == 201
    comparison = alone.post(f"{task.headers['Location']}/comparisons", json=COMPARISON_EXAMPLE)
    assert comparison.status_code == 202
    forecast = alone.post(f"{task.headers['Location']}/forecasts", json=FORECAST_EXAMPLE)
    assert forecast.status_code == 202


def test_the_schema_page_loads_nothing_from_outside(alone) -> None:
    page = alone.get("/schema")
    assert page.headers["content-type"].startswith("text/html")
    assert "/api/v1/tasks/{task_id}/comparisons" in page.text
    for sign in ("<script", "http://", "https://", "<link", "@import"):
        assert sign not in page.text


def test_importing_the_application_loads_nothing_heavy(tmp_path) -> None:
    code = "import sys, service.app; print([m for m in HEAVY if m in sys.modules])"
    heavy = ["torch", "transformers", "sklearn", "faiss", "scipy", "numpy"]
    command = [sys.executable, "-c", code.replace("HEAVY", repr(heavy))]
    shown = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True)
    assert (shown.stdout, shown.returncode) == ("[]\n", 0), shown.stderr


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"TUNEWORTH_HOST": "0.0.0.0"}, "TUNEWORTH_HOST"),
        ({"TUNEWORTH_PORT": "http"}, "TUNEWORTH_PORT"),
        ({"TUNEWORTH_PORT": "70000"}, "TUNEWORTH_PORT"),
        ({"TUNEWORTH_LOG": "yaml"}, "TUNEWORTH_LOG"),
    ],
)
def test_wrong_settings_name_the_variable(variables: dict, field: str) -> None:
    with pytest.raises(Exception, match=field):
        Settings.from_environment(variables)
