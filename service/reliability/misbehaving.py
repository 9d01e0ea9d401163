"""A chat endpoint on loopback that misbehaves as it is told, and keeps count of what it bills."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Manner = Literal[
    "well",
    "busy",
    "failing",
    "malformed",
    "half",
    "silent",
    "drip",
    "drip headers",
    "huge",
    "huge error",
    "packed",
    "redirect",
    "echo",
    "echo in error",
    "uncounted",
]
"""How one request is answered: as it should be; 429 with a Retry-After; 500; half of the JSON as if
it were all; half of the bytes that were announced; nothing at all; a byte now and then, of the body
or of the headers; without an end, as a reply or as an error; compressed; sent on to another host;
with the Authorization header in the text or in an error; or without a count of tokens."""
BILLED = frozenset(
    {"well", "malformed", "half", "silent", "drip", "drip headers", "huge", "packed"}
)
BILLED |= {"echo", "uncounted"}
"""Whatever could have been written is billed, whether the client got it or not."""
DRIP_S = 0.1
CHUNK = b"x" * 2**16
Say = Callable[[str], str]


class Misbehaving(ThreadingHTTPServer):
    """`manner_of` is given the number of the request, from 0, and the last message.

    A prompt is billed a token for four characters and what `say` answers a token a character, cut
    at max_tokens. `silence_s` is how long it says nothing, `retry_after` what it asks for when
    busy, and `elsewhere` where it redirects to.
    """

    daemon_threads = True

    def __init__(
        self,
        manner_of: Callable[[int, str], Manner] = lambda number, text: "well",
        *,
        say: Say = lambda text: "fine",
        silence_s: float = 60.0,
        retry_after: str = "1",
        elsewhere: str = "http://127.0.0.1:9/v1/chat/completions",
        takes_s: float = 0.0,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.manner_of = manner_of
        self.say = say
        self.silence_s = silence_s
        self.retry_after = retry_after
        self.elsewhere = elsewhere
        self.takes_s = takes_s
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.asked = 0
        self.times: list[float] = []
        self.answered: Counter[Manner] = Counter()
        self.texts: Counter[str] = Counter()
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.running = 0
        self.most_running = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def usd(self, input_price: float, output_price: float) -> float:
        """What it bills, at dollars a million tokens."""
        return (self.prompt_tokens * input_price + self.completion_tokens * output_price) / 1e6

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what it is for."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a reply in two parts takes 40 ms
    server: Misbehaving

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][-1]["content"]
        said = self.server.say(text)[: body["max_tokens"]]
        prompt = sum(len(turn["content"]) for turn in body["messages"]) // 4
        with self.server.lock:
            manner = self.server.manner_of(self.server.asked, text)
            self.server.asked += 1
            self.server.times.append(time.monotonic())
            self.server.answered[manner] += 1
            self.server.texts[text] += 1
            self.server.running += 1
            self.server.most_running = max(self.server.most_running, self.server.running)
            if manner in BILLED:
                self.server.prompt_tokens += prompt
                self.server.completion_tokens += len(said)
        try:
            self.server.closing.wait(self.server.takes_s)
            self.answer(manner, said, {"prompt_tokens": prompt, "completion_tokens": len(said)})
        finally:
            with self.server.lock:
                self.server.running -= 1

    def answer(self, manner: Manner, said: str, usage: Mapping[str, int]) -> None:
        key = self.headers["Authorization"]
        whole = completion(said, usage)
        if manner == "busy":
            return self.send(429, error("slow down"), {"Retry-After": self.server.retry_after})
        if manner == "failing":
            return self.send(500, error("out of order"))
        if manner == "echo in error":
            return self.send(400, error(f"not understood: Authorization: {key}"))
        if manner == "redirect":
            return self.send(307, b"", {"Location": self.server.elsewhere})
        if manner == "malformed":
            return self.send(200, whole[: len(whole) // 2])
        if manner == "half":
            return self.send(200, whole, cut=len(whole) // 2)
        if manner == "packed":
            return self.send(200, whole, {"Content-Encoding": "gzip"})
        if manner in ("huge", "huge error"):
            return self.flood(200 if manner == "huge" else 500)
        if manner == "silent":
            self.server.closing.wait(self.server.silence_s)
            self.close_connection = True
            return None
        if manner in ("drip", "drip headers"):
            return self.drip(whole, from_the_start=manner == "drip headers")
        if manner == "echo":
            return self.send(200, completion(f"{said} {key}", usage))
        return self.send(200, completion(said, None) if manner == "uncounted" else whole)

    def send(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        cut: int | None = None,
    ) -> None:
        """All of the body, or what comes before the `cut`, behind which it hangs up."""
        self.head(status, {**(headers or {}), "Content-Length": str(len(body))})
        self.wfile.write(body[:cut])
        self.close_connection = cut is not None

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def flood(self, status: int) -> None:
        """A gigabyte and more, until the client hangs up."""
        self.head(status, {"Content-Length": str(2**40)})
        while not self.server.closing.is_set():
            self.wfile.write(CHUNK)

    def drip(self, body: bytes, *, from_the_start: bool) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        if not from_the_start:
            self.wfile.write(head)
            head = b""
        for byte in head + body:
            if self.server.closing.wait(DRIP_S):
                return
            self.wfile.write(bytes([byte]))
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def error(message: str) -> bytes:
    return json.dumps({"error": {"message": message}}).encode()


def completion(said: str, usage: Mapping[str, int] | None) -> bytes:
    message = {"role": "assistant", "content": said}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return json.dumps({"id": "1", "choices": choices, "usage": usage}).encode()


@contextmanager
def misbehaving(*arguments: Any, **settings: Any) -> Iterator[Misbehaving]:
    """The server as `Misbehaving` takes it, until the context ends."""
    with Misbehaving(*arguments, **settings) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
