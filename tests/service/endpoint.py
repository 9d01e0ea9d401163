"""A chat endpoint on loopback that reads the colour off the last message, for whole comparisons."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COLOURS = ("red", "green", "blue")


class Endpoint(ThreadingHTTPServer):
    """`broken` are words: a request whose last message holds one of them is refused."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.broken: set[str] = set()
        self.asked: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][-1]["content"]
        self.server.asked[text] += 1
        if self.server.broken & set(text.split()):
            return self.send(400, {"error": {"message": "not today"}})
        said = next(colour for colour in COLOURS if colour in text)
        message = {"role": "assistant", "content": f"{said.capitalize()}."}
        usage = {"prompt_tokens": 100, "completion_tokens": 2, "total_tokens": 102}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return self.send(200, {"id": "1", "choices": choices, "usage": usage})

    def send(self, status: int, body: object) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
