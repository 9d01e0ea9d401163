"""A forecast from start to result over HTTP, with a real worker process and a scripted forecast."""

import json
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from serving import API, client_of, finished, spec, submit, wait_until, worker_on

from benchmarks.journal import JOURNAL, Journal
from benchmarks.placing import FolderShelf
from service.computing import Computer
from service.forecasting.defaults import FINDINGS
from service.orders import FORECAST, Next, Order
from service.progress import ForecastBoard
from strategies.models.account import Unlimited


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory):
    """The application with a living worker."""
    data = tmp_path_factory.mktemp("data")
    with client_of(data) as client, worker_on(data):
        wait_until(lambda: client.get("/ready").status_code == 200)
        yield client


def start(client: TestClient[Litestar], task: str, **options: Any) -> str:
    """Start a forecast; its address."""
    reply = client.post(f"{task}/forecasts", json=options)
    assert reply.status_code == 202, reply.text
    assert reply.json()["state"] == "queued"
    return reply.headers["Location"]


def test_a_forecast_is_queued_made_and_shown(client) -> None:
    options = {"strategies": ["lora"], "seed": 3, "budget_seconds": 60, "confidence": 0.95}
    address = start(client, submit(client, "3 steps"), **options)
    assert address.startswith(f"{API}/forecasts/")
    done = finished(client, address)
    assert (done["state"], done["error"]) == ("completed", None)
    assert done["forecast"] == {"schema": "tuneworth.forecast/1", **options}
    assert done["started_at"] <= done["progress"].pop("at") <= done["finished_at"]
    assert done["progress"] == {"fraction": 0.5, "message": "step 3"}
    assert done["links"]["report"] == f"{address}/report"


def test_a_forecast_is_watched_until_its_end(client) -> None:
    address = start(client, submit(client, "4 steps"))
    events: list[str] = []
    with client.stream("GET", f"{address}/events") as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        for line in reply.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                events.append(value)
            elif name == "data":
                last = json.loads(value)
    assert events[0] == "state"
    assert events[-1] == "end"
    assert events.count("progress") >= 2
    assert last == client.get(address).json()
    assert last["forecast"]["schema"] == "tuneworth.forecast/1"
    assert last["links"]["events"] == f"{address}/events"


@pytest.mark.parametrize(
    ("accept", "media_type", "text"),
    [
        ("application/json", "application/json", "tuneworth.forecast/1"),
        ("text/markdown", "text/markdown; charset=utf-8", "# Forecast"),
        ("text/html", "text/html; charset=utf-8", "<!doctype html>"),
    ],
)
def test_its_report_comes_in_the_accepted_format(client, accept, media_type, text) -> None:
    address = start(client, submit(client, "1 steps"))
    finished(client, address)
    reply = client.get(f"{address}/report", headers={"Accept": accept})
    assert reply.headers["content-type"] == media_type
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert text in reply.text
    ending = media_type.split("/")[1].split(";")[0].replace("markdown", "md")
    assert text in client.get(f"{address}/report.{ending}").text
    assert client.get(f"{address}/report", headers={"Accept": "image/png"}).status_code == 406


def test_a_report_that_is_not_there_yet_or_never_will_be(client) -> None:
    broken = start(client, submit(client, "broken"))
    assert finished(client, broken)["error"]["detail"] == "RuntimeError: the model caught fire"
    reply = client.get(f"{broken}/report")
    assert (reply.status_code, "failed" in reply.json()["detail"]) == (409, True)
    slow = start(client, submit(client, "200 steps"))
    assert client.get(f"{slow}/report.md").status_code == 409
    assert client.delete(slow).status_code == 202
    assert finished(client, slow)["state"] == "cancelled"
    assert client.delete(slow).status_code == 204
    assert client.get(slow).status_code == 404


def test_unknown_tasks_forecasts_and_options(client) -> None:
    assert client.get(f"{API}/forecasts/nothing").status_code == 404
    assert client.delete(f"{API}/forecasts/nothing").status_code == 404
    assert client.post(f"{API}/tasks/nothing/forecasts", json={}).status_code == 404
    task = submit(client)
    comparison_of_that_id = start(client, task).replace("forecasts", "comparisons")
    assert client.get(comparison_of_that_id).status_code == 404
    for options, field in (
        ({"confidence": 1.0}, "confidence"),
        ({"budget_seconds": 0}, "budget_seconds"),
        ({"strategies": ["magic"]}, "strategies"),
        ({"budgets": 3}, "budgets"),
    ):
        reply = client.post(f"{task}/forecasts", json=options)
        assert reply.status_code == 422
        assert reply.json()["errors"][0]["field"] == field


def test_the_same_key_starts_one_forecast(client) -> None:
    task, headers = submit(client), {"Idempotency-Key": "once"}
    one, two = (client.post(f"{task}/forecasts", json={}, headers=headers) for _ in range(2))
    assert one.json()["id"] == two.json()["id"]
    other = client.post(f"{task}/forecasts", json={"seed": 1}, headers=headers)
    assert other.status_code == 422


def test_a_task_goes_with_its_forecasts_once_they_have_ended(tmp_path) -> None:
    with client_of(tmp_path) as client:
        task = submit(client)
        address = start(client, task)
        reply = client.delete(task)
        assert reply.status_code == 409
        assert "A forecast of task" in reply.json()["detail"]
        folder = tmp_path / "forecasts" / address.rsplit("/", 1)[-1]
        folder.mkdir(parents=True)
        assert client.delete(address).status_code == 202
        assert client.delete(task).status_code == 204
        assert client.get(address).status_code == 404
        assert not folder.exists()


def test_a_killed_worker_goes_on_where_it_was(tmp_path) -> None:
    with client_of(tmp_path) as client:
        address = start(client, submit(client, "30 steps"))
        path = tmp_path / "forecasts" / address.rsplit("/", 1)[-1] / FINDINGS
        with worker_on(tmp_path):
            wait_until(lambda: path.exists() and len(path.read_text().split()) >= 6)
        found = len(path.read_text().split())
        with worker_on(tmp_path):
            wait_until(lambda: len(path.read_text().split()) > found)  # it went on behind them
            assert finished(client, address)["state"] == "completed"
        assert path.read_text().split()[:found] == ["head", *map(str, range(found - 1))]


def test_forecasts_stand_in_the_schema(client) -> None:
    paths = client.get("/schema/openapi.json").json()["paths"]
    posted = paths[f"{API}/tasks/{{task_id}}/forecasts"]["post"]
    assert "confidence" in str(posted["requestBody"])
    assert {"202", "404", "422"} <= set(posted["responses"])
    assert any(one["name"] == "Idempotency-Key" for one in posted["parameters"])
    assert "get" in paths[f"{API}/forecasts/{{forecast_id}}"]


def order(folder: Path, seed: int = 0) -> Order:
    """The real forecast of strategies that need no model."""
    folder.mkdir(exist_ok=True)
    rows = [
        {
            "id": f"r{n}",
            "input": f"Order {n}: paint {n * 7919} in {colour}, please.",
            "output": colour,
        }
        for n in range(80)
        for colour in (("red", "green", "blue")[n % 3],)
    ]
    return Order(
        work="1",
        name=FORECAST,
        spec=spec("colours", examples=rows),
        options={"strategies": ["baseline.majority"], "budget_seconds": 60.0, "seed": seed},
        folder=folder,
        records=Journal(folder / JOURNAL),
        shelf=FolderShelf(folder),
        account=Unlimited(),
        board=ForecastBoard(),
        cancelled=lambda: False,
    )


def test_the_worker_makes_the_real_forecast_and_goes_on_behind_its_findings(tmp_path) -> None:
    compute = Computer()
    assert compute(order(tmp_path / "one")) == Next()
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {"findings.jsonl", "forecast.json", "forecast.md", "forecast.html"}
    before = (tmp_path / "one" / "findings.jsonl").read_bytes()
    assert before.count(b"\n") > 1
    again = order(tmp_path / "one")
    compute(again)
    assert (tmp_path / "one" / "findings.jsonl").read_bytes() == before
    told = json.loads((tmp_path / "one" / "forecast.json").read_text())
    shown = again.board.changes()
    assert shown is not None
    assert shown.pop("at") is not None
    assert shown == {
        "fraction": pytest.approx(told["spent"]["seconds"] / 60, abs=1e-4),
        "message": "enough was looked at",
    }


def test_findings_of_another_seed_make_way(tmp_path) -> None:
    folder = tmp_path / "one"
    compute = Computer()
    compute(order(folder))
    compute(order(folder, seed=1))
    head, *found = (folder / "findings.jsonl").read_text().splitlines()
    assert json.loads(head)["seed"] == 1
    assert found
