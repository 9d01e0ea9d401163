"""The server with its worker beside it: quick meanwhile, and how it ends."""

import json
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest
from serving import API, SCRIPT, environment, spec, wait_until

from service.place import take_place
from service.settings import Settings

SERVE = """
import sys
from service.serve import serve
from service.settings import Settings
serve(Settings.from_environment(), worker=(sys.executable, {script!r}))
"""


@pytest.fixture
def server(tmp_path):
    """(address, process) of a real server with its scripted worker."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE.format(script=str(SCRIPT))],
        env=environment(tmp_path, TUNEWORTH_PORT="0"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().split()[3]
    try:
        wait_until(lambda: httpx.get(f"{address}/ready").status_code == 200)
        yield address, process
    finally:
        process.terminate()
        process.wait(15)


def test_a_server_answers_quickly_while_its_worker_computes(server) -> None:
    address, _ = server
    times: list[float] = []

    def nearly_all() -> float:
        """Nearly each took at most so long: another program may take the processor a moment."""
        found = sorted(times)[int(len(times) * 0.9)]
        times.clear()
        return found

    with httpx.Client(base_url=address) as client:

        def ask(status: int, method: str, path: str, **more: Any) -> httpx.Response:
            began = time.perf_counter()
            reply = client.request(method, path, **more)
            times.append(time.perf_counter() - began)
            assert reply.status_code == status, reply.text
            return reply

        for _ in range(20):
            ask(201, "POST", f"{API}/tasks", json=spec("another"))
            ask(200, "GET", f"{API}/tasks")
        idle = nearly_all()
        task = ask(201, "POST", f"{API}/tasks", json=spec("400 busy steps")).headers["Location"]
        comparison = ask(202, "POST", f"{task}/comparisons").headers["Location"]
        wait_until(lambda: client.get(comparison).json()["state"] == "running")
        for _ in range(10):
            ask(201, "POST", f"{API}/tasks", json=spec("another"))
            ask(200, "GET", f"{API}/tasks")
            ask(200, "GET", comparison)
            ask(409, "GET", f"{comparison}/report")
        assert ask(202, "DELETE", comparison).json()["state"] == "running"
    # on a machine that other programs keep busy, not much longer than without the work
    assert nearly_all() < max(0.1, 2 * idle)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_stops_with_its_worker_and_open_streams(server, tmp_path, number) -> None:
    address, process = server
    with httpx.Client(base_url=address) as client:
        task = client.post(f"{API}/tasks", json=spec("600 steps")).headers["Location"]
        comparison = client.post(f"{task}/comparisons").headers["Location"]
        with client.stream("GET", f"{comparison}/events") as stream:
            lines = stream.iter_lines()
            next(lines)
            began = time.monotonic()
            process.send_signal(number)
            told = [line for line in lines if line.startswith("event: ")]
    assert told[-1] == "event: stopping"
    process.wait(10)
    assert time.monotonic() - began < 5
    place = take_place(Settings(tmp_path))
    assert place.slot == 0  # the worker is gone, so that its name is free
    place.lock.release()


def test_a_request_in_flight_is_answered_while_the_server_stops(server) -> None:
    address, process = server
    body = json.dumps(spec()).encode()
    head = (
        f"POST {API}/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    port = int(address.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode() + body[:100])
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(body[100:])
        assert connection.makefile("rb").readline() == b"HTTP/1.1 201 Created\r\n"
    assert process.wait(10) == 0


def test_a_server_replaces_a_dead_worker(server, tmp_path) -> None:
    address, _ = server
    with httpx.Client(base_url=address) as client:
        task = client.post(f"{API}/tasks", json=spec("deadly")).headers["Location"]
        deadly = client.post(f"{task}/comparisons").headers["Location"]
        wait_until(lambda: client.get(deadly).json()["state"] == "running")
        client.delete(deadly)
        task = client.post(f"{API}/tasks", json=spec("1 steps")).headers["Location"]
        comparison = client.post(f"{task}/comparisons").headers["Location"]
        wait_until(lambda: client.get(deadly).json()["state"] == "cancelled", 40)
        wait_until(lambda: client.get(comparison).json()["state"] == "completed", 40)


def test_a_taken_port_is_said_before_anything_starts(server, tmp_path) -> None:
    address, _ = server
    port = address.rsplit(":", 1)[1]
    second = subprocess.run(
        [sys.executable, "-c", SERVE.format(script=str(SCRIPT))],
        env=environment(tmp_path, TUNEWORTH_PORT=port),
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert second.returncode == 1
    assert "TUNEWORTH_PORT" in second.stderr
