"""Every kind of error over HTTP is a problem document that names the field and the fix."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from litestar import Litestar
from litestar.testing import TestClient
from serving import API, client_of, spec, start, submit

from benchmarks.errors import DamagedJournal, RunMismatch
from service.at_hand import failure
from service.cli import cli

JSON = {"Content-Type": "application/json"}
MAILS = spec()["examples"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory):
    with client_of(tmp_path_factory.mktemp("data")) as client:
        yield client


def refused(reply, status: int) -> dict:
    """The problem document, checked for the members that every one has."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    document = reply.json()
    assert document["status"] == status
    assert document["type"].startswith("urn:tuneworth:problem:")
    assert document["title"] != document["detail"]
    return document


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": None}, "kind"),
        ({"kind": "poetry"}, "kind"),
        ({"metric": "acuracy"}, "metric"),
        ({"surprise": 1}, "surprise"),
        ({"examples": []}, "examples"),
        ({"examples": "examples.jsonl"}, "examples"),
        ({"documents": "/etc"}, "documents"),
        ({"model": "/etc/passwd"}, "model"),
        ({"model": "someone/some-model"}, "model"),
        ({"model": ["smollm2-135m-q4", "gpt-17"]}, "model"),
        ({"strategies": ["magic"]}, "strategies"),
        ({"instruction": "make it better"}, "instruction"),
        ({"labels": ["billing"]}, "examples[1].output"),
        ({"labels": ["billing"], "examples": MAILS[::2]}, "labels"),
        ({"examples": MAILS[::2]}, "labels"),
        ({"examples": MAILS[:2]}, "examples"),
        ({"examples": [{**row, "group": "one thread"} for row in MAILS]}, "examples"),
        ({"examples": [{**row, "input": "the same mail again"} for row in MAILS]}, "examples"),
        ({"examples": [{"input": "a b", "output": "x", "split": "train"}]}, "examples"),
        ({"needs": {"quality_at_least": 90}}, "needs.quality_at_least"),
    ],
)
def test_a_wrong_spec_names_the_field_and_the_fix(
    client: TestClient[Litestar], fields: dict, field: str
) -> None:
    document = refused(client.post(f"{API}/tasks", json=spec(**fields)), 422)
    [error] = document["errors"]
    assert error["field"].split(" ")[0].startswith(field.split("[")[0])
    assert set(error) == {"field", "value", "fix"}
    assert error["fix"]


def test_data_that_the_command_line_refuses_are_refused_here(client, tmp_path) -> None:
    for fields in (
        {"examples": MAILS[:1]},
        {"examples": MAILS[::2]},
        {"instruction": "Classify."},
        {"examples": [{**row, "split": "train"} for row in MAILS]},
    ):
        (tmp_path / "task.json").write_text(json.dumps(spec(**fields)))
        assert CliRunner().invoke(cli, ["check", str(tmp_path)]).exit_code == 2
        refused(client.post(f"{API}/tasks", json=spec(**fields)), 422)


def test_many_long_inputs_keep_nobody_waiting(client) -> None:
    words = [f"word{number}" for number in range(4000)]
    rows = [
        {"id": str(n), "input": " ".join(words[n:]), "output": ("billing", "other")[n % 2]}
        for n in range(240)
    ]
    began = time.perf_counter()
    assert client.post(f"{API}/tasks", json=spec(examples=rows)).status_code == 201
    assert time.perf_counter() - began < 3


def test_a_refused_path_is_not_told_apart_from_an_unknown_name(client) -> None:
    replies = [
        client.post(f"{API}/tasks", json=spec(model=name)).json()["errors"][0]["fix"]
        for name in ("/etc", "/no/such/folder", "pyproject.toml")
    ]
    assert len(set(replies)) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"text"', b"\xff", b'{"a": NaN}'])
def test_a_body_that_is_no_json_object(client, body: bytes) -> None:
    status = 422 if body == b"" else 400  # no body is an empty task
    refused(client.post(f"{API}/tasks", content=body, headers=JSON), status)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_bomb_of_brackets_is_refused_at_once(client, opening: str) -> None:
    began = time.perf_counter()
    reply = client.post(f"{API}/tasks", content=opening * 100_000, headers=JSON)
    assert "nested" in refused(reply, 400)["detail"]
    assert time.perf_counter() - began < 1


def test_nesting_that_still_parses(client) -> None:
    deep: dict = {}
    for _ in range(200):
        deep = {"a": deep}
    document = refused(client.post(f"{API}/tasks", json=spec(output_schema=deep)), 422)
    assert document["errors"][0]["field"] == "output_schema"


def test_a_body_that_is_too_large(client) -> None:
    reply = client.post(f"{API}/tasks", content=b" " * (32 * 2**20 + 1), headers=JSON)
    assert "32 MB" in refused(reply, 413)["detail"]


def test_a_wrong_media_type(client) -> None:
    reply = client.post(f"{API}/tasks", content="{}", headers={"Content-Type": "text/plain"})
    assert "application/json" in refused(reply, 415)["detail"]


@pytest.mark.parametrize(
    "address",
    [
        f"{API}/tasks/nope",
        f"{API}/comparisons/nope",
        f"{API}/comparisons/nope/events",
        f"{API}/comparisons/nope/report",
        f"{API}/comparisons/nope/artifacts/lora",
        "/nothing/here",
    ],
)
def test_what_does_not_exist(client, address: str) -> None:
    refused(client.get(address), 404)


def test_deleting_or_comparing_what_does_not_exist(client) -> None:
    refused(client.delete(f"{API}/tasks/nope"), 404)
    refused(client.delete(f"{API}/comparisons/nope"), 404)
    refused(client.post(f"{API}/tasks/nope/comparisons"), 404)


def test_a_wrong_method_lists_the_right_ones(client) -> None:
    reply = client.put(f"{API}/tasks")
    refused(reply, 405)
    assert set(reply.headers["allow"].replace(" ", "").split(",")) >= {"GET", "POST"}


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"train_limit": -1}, "train_limit"),
        ({"seed": 1.5}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"strategies": []}, "strategies"),
        ({"strategies": ["magic"]}, "strategies"),
        ({"shards": 2}, "shards"),
    ],
)
def test_wrong_options_of_a_comparison(client, options: dict, field: str) -> None:
    reply = client.post(f"{submit(client)}/comparisons", json=options)
    assert refused(reply, 422)["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("query", "status", "field", "value"),
    [
        ("limit=0", 400, "limit", "'0'"),
        ("limit=ten", 400, "limit", "'ten'"),
        ("cursor=abc", 422, "cursor", "'abc'"),
    ],
)
def test_a_wrong_query(client, query: str, status: int, field: str, value: str) -> None:
    [error] = refused(client.get(f"{API}/tasks?{query}"), status)["errors"]
    assert (error["field"], error["value"]) == (field, value)


def test_a_report_that_is_not_ready(client) -> None:
    comparison = start(client, submit(client))
    assert "queued" in refused(client.get(f"{comparison}/report"), 409)["detail"]
    refused(client.get(f"{comparison}/artifacts/lora"), 409)


def test_a_format_that_reports_do_not_come_in(client) -> None:
    comparison = start(client, submit(client))
    reply = client.get(f"{comparison}/report", headers={"Accept": "image/png"})
    assert "text/html" in refused(reply, 406)["detail"]


def test_a_task_with_an_unfinished_comparison_stays(client) -> None:
    task = submit(client)
    start(client, task)
    assert "Cancel it first" in refused(client.delete(task), 409)["detail"]
    assert client.get(task).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "localhost:http",
        "localhost:99999",
        "localhost:80:80",
        "localhost:",
        "",
    ],
)
def test_another_host_name_is_refused(client, host: str) -> None:
    refused(client.get(f"{API}/tasks", headers={"Host": host}), 421)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1:8000", "[::1]:8000"])
def test_this_machine_by_any_of_its_names(client, host: str) -> None:
    assert client.get(f"{API}/tasks", headers={"Host": host}).status_code == 200


def test_not_ready_without_a_worker(client) -> None:
    assert "worker" in refused(client.get("/ready"), 503)["detail"]


def test_an_unexpected_error_tells_nothing_of_the_inside(tmp_path) -> None:
    with client_of(tmp_path) as client:
        with closing(sqlite3.connect(tmp_path / "tuneworth.db")) as database:
            database.execute("ALTER TABLE tasks RENAME TO gone")
        document = refused(client.get(f"{API}/tasks"), 500)
    assert "tasks" not in str(document)


def test_a_run_of_something_else_is_told_without_a_folder_of_this_machine() -> None:
    document = failure(RunMismatch(Path("/data/scratch/here-0"), "seed"))
    assert "seed" in document["detail"]
    assert "scratch" not in str(document)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DamagedJournal(Path("/data/comparisons/0123/outcomes.jsonl"), 4), "Line 4 of outcomes"),
        (FileNotFoundError(2, "No such file", "/data/scratch/prices.yaml"), "No such file (prices"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_without_its_folder(error, told) -> None:
    document = failure(error)
    assert told in document["detail"]
    assert "/data" not in str(document)
