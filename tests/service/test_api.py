"""A comparison from start to report, over a real worker process with a scripted comparison."""

import io
import json
import zipfile

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from serving import client_of, finished, start, submit, wait_until, worker_on

from service.storage import FINISHED


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory):
    """The application with a living worker."""
    data = tmp_path_factory.mktemp("data")
    with client_of(data) as client, worker_on(data):
        wait_until(lambda: client.get("/ready").status_code == 200)
        yield client


@pytest.fixture(scope="module")
def done(client: TestClient[Litestar]) -> str:
    """The address of a completed comparison."""
    options = {"strategies": ["prompt.nearest", "lora+rag"], "limit": 7, "seed": 3}
    options |= {"race": True, "probes": False}
    comparison = start(client, submit(client, "3 steps"), **options)
    assert finished(client, comparison)["state"] == "completed"
    return comparison


def test_a_finished_comparison_says_what_was_done(client, done) -> None:
    comparison = client.get(done).json()
    when = comparison["progress"].pop("at")
    assert comparison["started_at"] <= when <= comparison["finished_at"]
    assert comparison["progress"] == {
        "fraction": 1.0,
        "total": 2,
        "message": "",
        "strategies": [
            {
                "strategy": "prompt.nearest",
                "phase": "done",
                "fraction": 1.0,
                "seconds_left": 0.0,
                "message": "",
            },
            {
                "strategy": "lora",
                "phase": "done",
                "fraction": 1.0,
                "seconds_left": 0.0,
                "message": "skipped: too few rows",
            },
        ],
        "counts": {
            "samples": 2,
            "errors": 1,
            "failures": 0,
            "prompt_tokens": 30,
            "cached_tokens": 0,
            "completion_tokens": 4,
            "usd": 0.0,
        },
    }
    assert comparison["links"]["report"] == f"{done}/report"
    assert comparison["created_at"] <= comparison["started_at"] <= comparison["finished_at"]
    assert (comparison["error"], comparison["cancelling"]) == (None, False)


@pytest.mark.parametrize(
    ("accept", "media_type", "text"),
    [
        ("application/json", "application/json", "tuneworth.report/1"),
        ("*/*", "application/json", "tuneworth.report/1"),
        ("text/markdown", "text/markdown; charset=utf-8", "# Report"),
        (
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/html; charset=utf-8",
            "<!doctype html>",
        ),
    ],
)
def test_the_report_comes_in_the_accepted_format(
    client, done, accept: str, media_type: str, text: str
) -> None:
    reply = client.get(f"{done}/report", headers={"Accept": accept})
    assert reply.headers["content-type"] == media_type
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert text in reply.text


@pytest.mark.parametrize("ending", ["json", "md", "html"])
def test_the_report_comes_by_its_ending(client, done, ending: str) -> None:
    assert client.get(f"{done}/report.{ending}").status_code == 200


def test_the_options_reach_the_worker(client, done) -> None:
    report = client.get(f"{done}/report.json").json()
    assert report == {
        "schema": "tuneworth.report/1",
        "strategies": ["prompt.nearest", "lora+rag"],
        "limit": 7,
        "train_limit": None,
        "seed": 3,
        "race": True,
        "probes": False,
    }


def test_an_artefact_comes_as_a_zip(client, done) -> None:
    for _ in range(2):
        reply = client.get(f"{done}/artifacts/lora+rag")
        assert reply.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
            assert archive.namelist() == ["adapter.json"]
            assert archive.read("adapter.json") == b'{"rank": 16}'
    assert client.get(f"{done}/artifacts/lora").status_code == 404
    assert client.get(f"{done}/artifacts/..%2F..%2Ftuneworth.db").status_code == 404


def events(client, address: str, last: str | None = None) -> list[tuple[str, str | None, dict]]:
    """(event, id, data) of a whole stream."""
    headers = {"Last-Event-ID": last} if last else {}
    found = []
    with client.stream("GET", f"{address}/events", headers=headers) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        block: dict[str, str] = {}
        for line in reply.iter_lines():
            if line:
                key, _, value = line.partition(": ")
                block[key] = value
            elif "event" in block:
                found.append((block["event"], block.get("id"), json.loads(block["data"])))
                block = {}
    return found


def test_events_tell_of_every_state_until_the_end(client) -> None:
    comparison = start(client, submit(client, "12 steps"))
    told = events(client, comparison)
    states = [data["state"] for event, _, data in told if event == "state"]
    assert states in (["queued", "running", "completed"], ["running", "completed"])
    fractions = [data["progress"]["fraction"] for event, _, data in told if event == "progress"]
    assert fractions == sorted(fractions)
    assert len(set(fractions)) >= 3
    assert [event for event, _, _ in told].count("end") == 1
    assert told[-1][0] == "end"
    assert told[-1][2] == client.get(comparison).json()


def test_events_resume_behind_the_last_one_seen(client, done) -> None:
    told = events(client, done)
    assert [event for event, _, _ in told] == ["state", "progress", "end"]
    last = told[-1][1]
    assert last is not None
    assert [event for event, _, _ in events(client, done, str(int(last) - 1))] == [
        *("state", "progress", "end")
    ]
    assert client.get(f"{done}/events", headers={"Last-Event-ID": last}).status_code == 204


def test_cancelling_a_running_comparison(client) -> None:
    comparison = start(client, submit(client, "600 steps"))
    wait_until(lambda: any(is_at_work(unit) for unit in client.get(comparison).json()["units"]))
    reply = client.delete(comparison)
    assert reply.status_code == 202
    assert reply.json()["cancelling"] is True
    end = wait_until(lambda: (c := client.get(comparison).json())["state"] in FINISHED and c, 3)
    assert (end["state"], end["cancelling"]) == ("cancelled", False)
    assert client.get(f"{comparison}/report").status_code == 409


def is_at_work(unit) -> bool:
    """Whether a strategy is computed: between two units a comparison is cancelled at once."""
    return unit["strategy"] is not None and unit["state"] == "running"


def test_removing_a_finished_comparison_removes_its_files(client, done) -> None:
    comparison = start(client, submit(client, "1 steps"))
    finished(client, comparison)
    data = client.app.state.services.settings.data
    folder = data / "comparisons" / comparison.rsplit("/", 1)[-1]
    assert (folder / "report.json").exists()
    assert client.delete(comparison).status_code == 204
    assert not folder.exists()


def test_removing_a_task_removes_its_comparisons(client) -> None:
    task = submit(client, "1 steps")
    comparison = start(client, task)
    finished(client, comparison)
    assert client.delete(task).status_code == 204
    assert client.get(task).status_code == 404
    assert client.get(comparison).status_code == 404


def test_health_and_readiness(client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready"}
