"""Logs: lines that a program reads, what they are about, and what cannot be forged."""

import io
import json
import logging
import signal
import subprocess
import sys

import httpx
import pytest
from serving import API, SCRIPT, environment, spec, wait_until

from service.logs import about, fields, set_up_logs
from service.orders import BEGIN, FINISH

SERVE = """
import sys
from service.serve import serve
from service.settings import Settings
serve(Settings.from_environment(), worker=(sys.executable, {script!r}))
"""


@pytest.fixture
def lines():
    """Sets logs up in a style and gives the stream they go to; puts back what was there."""
    root, jobs = logging.getLogger(), logging.getLogger("dbos")
    before = (root.handlers, root.level, jobs.handlers, jobs.propagate)
    stream = io.StringIO()

    def start(style: str) -> io.StringIO:
        set_up_logs(style, stream)  # type: ignore[arg-type]
        return stream

    yield start
    root.handlers, root.level, jobs.handlers, jobs.propagate = before
    logging.captureWarnings(False)


def test_a_line_is_one_object_with_its_ids(lines) -> None:
    stream = lines("auto")  # no terminal
    logger = logging.getLogger("tuneworth.test")
    with about(request="r1"), about(comparison="c1"):
        logger.info("begun %s", "well\nor not", extra=fields(attempt=2))
    logger.debug("not told")
    try:
        raise ValueError("no\nsuch thing")
    except ValueError:
        logger.exception("failed")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "info",
        "logger": "tuneworth.test",
        "message": "begun well\nor not",
        "request": "r1",
        "comparison": "c1",
        "attempt": 2,
    }
    assert "ValueError: no\nsuch thing" in second["traceback"]
    assert "request" not in second


def test_no_value_begins_a_line_of_text(lines) -> None:
    stream = lines("text")
    with about(task="t1"):
        logging.getLogger("tuneworth.test").warning("path %s", "/x\r\n12:00:00 error forged")
    [line] = stream.getvalue().splitlines()
    assert line[8:] == r" warning path /x\r\n12:00:00 error forged task=t1"


def test_a_request_is_followed_into_the_worker(tmp_path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE.format(script=str(SCRIPT))],
        env=environment(tmp_path, TUNEWORTH_PORT="0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[3]
        with httpx.Client(base_url=address, headers={"X-Request-Id": "follow-me"}) as client:
            task = client.post(f"{API}/tasks", json=spec("1 steps")).headers["Location"]
            reply = client.post(f"{task}/comparisons")
            assert reply.headers["X-Request-Id"] == "follow-me"
            mine = reply.json()
            place = reply.headers["Location"]
            wait_until(lambda: client.get(place).json()["state"] == "completed")
            forged = client.get("/health", headers={"X-Request-Id": "a b"})
            assert len(forged.headers["X-Request-Id"]) == 16
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    told = [json.loads(line) for line in errors.splitlines()]
    asked = [line for line in told if line.get("request") == "follow-me"]
    assert [line["message"] for line in asked] == [
        f"POST {API}/tasks",
        f"POST {task}/comparisons",
    ]
    assert (asked[1]["comparison"], asked[1]["task"]) == (mine["id"], mine["task"])
    assert asked[1]["status"] == 202
    done = [line for line in told if line["logger"] == "tuneworth.worker"]
    assert [line["message"] for line in done] == ["begun", "ended"] * 4
    units = [line["unit"] for line in done if line["message"] == "ended"]
    assert units == [BEGIN, "prompt.nearest", "lora", FINISH]
    assert {line["state"] for line in done if line["message"] == "ended"} == {"done"}
    assert {(line["comparison"], line["task"]) for line in done} == {(mine["id"], mine["task"])}
