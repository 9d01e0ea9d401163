"""What every request must keep to, and what every reply carries."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest
from serving import API, SCRIPT, client_of, environment, key_for

from service.problems import Problem
from service.wire import HEADERS, Timely

SERVE = """
import sys
from service.serve import serve
from service.settings import Settings
serve(Settings.from_environment(), worker=(sys.executable, {script!r}))
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory):
    """An application with a key, which the client does not send."""
    data = tmp_path_factory.mktemp("data")
    key_for(data)
    with client_of(data) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/schema", 200),
        ("GET", "/login", 200),
        ("GET", f"{API}/tasks", 401),
        ("GET", "/nothing/here", 404),
        ("PUT", f"{API}/tasks", 405),
        ("OPTIONS", f"{API}/tasks", 204),
    ],
)
def test_every_reply_carries_the_headers(client, method, address, status) -> None:
    reply = client.request(method, address)
    assert reply.status_code == status
    own = {"Content-Security-Policy"} if address == "/login" else set()
    assert {name: reply.headers[name] for name in HEADERS.keys() - own} == {
        name: value for name, value in HEADERS.items() if name not in own
    }
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert not [name for name in reply.headers if name.startswith("access-control-")]


def messages(*parts: dict[str, Any]):
    """A client that sends these and then nothing more."""
    left = list(parts)

    async def receive() -> Any:
        if left:
            return left.pop(0)
        await asyncio.Event().wait()

    return receive


async def read_all(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads the body, and nothing else."""
    while (await receive()).get("more_body"):
        pass


def run(app: Any, receive: Any, scope: dict[str, Any]) -> None:
    async def send(_: Any) -> None: ...

    asyncio.run(Timely(app, seconds=0.1)(scope, receive, send))  # type: ignore[arg-type]


def test_a_body_that_does_not_come_whole_is_given_up() -> None:
    part = {"type": "http.request", "body": b"{", "more_body": True}
    for parts in ((), (part,), (part, part)):
        with pytest.raises(Problem) as caught:
            run(read_all, messages(*parts), {})
        assert caught.value.status == 408
    whole = {"type": "http.request", "body": b"}", "more_body": False}
    run(read_all, messages(part, whole), {})


def test_after_the_body_a_client_may_wait_for_ever() -> None:
    async def watch(scope: Any, receive: Any, send: Any) -> None:
        assert not (await receive())["more_body"]
        with pytest.raises(TimeoutError):  # ours, and not that of the body
            await asyncio.wait_for(receive(), 0.3)

    run(watch, messages({"type": "http.request", "body": b"", "more_body": False}), {})


def test_what_a_request_holds_is_let_go_however_it_ends() -> None:
    let_go: list[int] = []

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        scope["tuneworth.held"] = [lambda: let_go.append(1), lambda: let_go.append(2)]
        raise ValueError("the client left")

    with pytest.raises(ValueError, match="left"):
        run(broken, messages(), {})
    assert let_go == [1, 2]


def test_who_is_refused_cannot_hold_the_connection_with_a_body(tmp_path) -> None:
    """A real server answers before the body has come, and closes."""
    key_for(tmp_path)
    code = SERVE.format(script=str(SCRIPT))
    server = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(tmp_path, TUNEWORTH_PORT="0"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().split("127.0.0.1:")[1].split()[0])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            head = f"POST {API}/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{{"
            connection.sendall(head.encode())
            told = b""
            while part := connection.recv(65536):  # until the server closes
                told += part
        text = told.decode().lower()
        assert text.startswith("http/1.1 401")
        assert "\r\nconnection: close" in text
        assert "\r\nserver:" not in text
    finally:
        os.kill(server.pid, signal.SIGTERM)
        server.wait(20)
