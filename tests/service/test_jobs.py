"""The worker process: what it survives, and how it ends."""

import os
import signal
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest
from in_process import NAME, key_of, queued, services_of, units_of
from serving import (
    SCRIPT,
    client_of,
    ended,
    environment,
    finished,
    numbers,
    start,
    steps,
    submit,
    wait_until,
    worker_on,
)

from benchmarks.records import BatchRecord, OutcomeRecord
from service.at_hand import Worker
from service.dispatch import MAX_ATTEMPTS
from service.orders import Compute, Next, Order
from service.worker import ENDED

PARENT = """
import os, subprocess, sys
worker = subprocess.Popen([sys.executable, {script!r}, str(os.getpid())])
print(worker.pid, flush=True)
sys.stdin.read()
"""


def test_a_killed_worker_goes_on_where_it_was(tmp_path) -> None:
    with client_of(tmp_path) as client:
        comparison = start(client, submit(client, "30 steps"))
        with worker_on(tmp_path) as first:
            wait_until(lambda: len(numbers(client, comparison)) >= 8)
            first.send_signal(signal.SIGKILL)
            first.wait()
        at_death = len(numbers(client, comparison))
        with worker_on(tmp_path):
            assert finished(client, comparison)["state"] == "completed"
        assert 8 <= at_death < 30
        assert numbers(client, comparison) == [*range(30)]


def test_a_stopped_worker_leaves_the_rest_to_the_next(tmp_path) -> None:
    with client_of(tmp_path) as client:
        comparison = start(client, submit(client, "15 steps"))
        with worker_on(tmp_path) as first:
            wait_until(lambda: len(numbers(client, comparison)) >= 3)
            first.send_signal(signal.SIGTERM)
            assert first.wait(5) == 0
        handed_back = client.app.state.services.store.comparison(
            comparison.rsplit("/", 1)[-1], None
        )
        assert (handed_back.state, handed_back.attempts) == ("queued", 0)
        assert handed_back.progress["fraction"] > 0
        with worker_on(tmp_path):
            assert finished(client, comparison)["state"] == "completed"
        assert numbers(client, comparison) == [*range(15)]


def test_a_worker_does_one_unit_after_the_other(tmp_path) -> None:
    with client_of(tmp_path) as client:
        task = submit(client, "5 steps")
        three = [start(client, task) for _ in range(3)]
        with worker_on(tmp_path):
            assert {finished(client, one)["state"] for one in three} == {"completed"}
        done = sorted((when, one) for one in three for _, when in steps(client, one))
        order = [one for _, one in done]
        assert order == [one for one, _ in groupby(order) for _ in range(5)]


def test_workers_share_a_comparison_and_nothing_is_lost_with_one_of_them(tmp_path) -> None:
    with client_of(tmp_path) as client:
        comparison = start(client, submit(client, "40 steps twice"))
        at, key = services_of(client), key_of(comparison)

        def busy() -> bool:
            workers = {each.worker for each in units_of(at, key) if each.state == "running"}
            return len(workers) == 2 and len(numbers(client, comparison)) > 10

        with worker_on(tmp_path), worker_on(tmp_path) as second:
            wait_until(busy)
            second.kill()
            second.wait()
            assert len(numbers(client, comparison)) < 80
            end = wait_until(lambda: ended(client, comparison), 60)
        assert end["state"] == "completed"
        assert sorted(numbers(client, comparison)) == sorted([*range(40), *range(40)])
        again = [each.reason for each in units_of(at, key) if each.dispatch > 1]
        assert len(again) == 1


def test_a_failed_comparison_gives_its_reason_and_harms_no_other(tmp_path) -> None:
    with client_of(tmp_path) as client:
        broken, bad, good = (
            start(client, submit(client, name)) for name in ("broken", "bad", "1 steps")
        )
        with worker_on(tmp_path):
            ends = [finished(client, comparison) for comparison in (broken, bad, good)]
        assert [end["state"] for end in ends] == ["failed", "failed", "completed"]
        assert ends[0]["error"]["detail"] == "RuntimeError: the model caught fire"
        [error] = ends[1]["error"]["errors"]
        assert error == {"field": "examples", "value": "'3 rows'", "fix": "Add rows."}
        reply = client.get(f"{broken}/report")
        assert reply.status_code == 409
        assert "failed" in reply.json()["detail"]


class Died(BaseException):
    """Ends a worker in the midst of its work, as being killed does."""


def die(order: Order) -> Next:
    raise Died


def die_further_on(order: Order) -> Next:
    """One more row is answered each time."""
    row = OutcomeRecord(strategy="a", example="r", state="ok")
    order.records.append([row, BatchRecord(strategy="a", n=1, seconds=1.0)])
    raise Died


def begun_again(client, comparison: str, compute: Compute, times: int) -> None:
    """The worker takes the comparison up and dies, so many times."""
    at, key = services_of(client), key_of(comparison)
    for _ in range(times):
        with pytest.raises(Died):
            Worker(at, NAME, compute).run(queued(at, key)[0].id)
        at.units.bury(NAME, ENDED)


def test_a_comparison_that_ends_its_worker_again_and_again_is_given_up(tmp_path) -> None:
    with client_of(tmp_path) as client:
        comparison = start(client, submit(client))
        begun_again(client, comparison, die, MAX_ATTEMPTS)
        end = client.get(comparison).json()
        assert queued(services_of(client), key_of(comparison)) == []
    assert (end["state"], end["error"]["title"]) == ("failed", "Given up")
    assert "10 times" in end["error"]["detail"]


def test_restarts_between_which_rows_were_answered_fail_nothing(tmp_path) -> None:
    with client_of(tmp_path) as client:
        comparison = start(client, submit(client))
        begun_again(client, comparison, die_further_on, 2 * MAX_ATTEMPTS)
        assert client.get(comparison).json()["state"] == "queued"


def test_a_worker_ends_with_its_server(tmp_path) -> None:
    code = PARENT.format(script=str(SCRIPT))
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    with client_of(tmp_path) as client:
        wait_until(lambda: client.get("/ready").status_code == 200)
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_alive(worker), 5)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")  # one that ended and that nobody waited for is gone too
    return not (stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")
