"""A small real endpoint on loopback, which says back what it is asked."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-secret-1234567890"


class Endpoint(ThreadingHTTPServer):
    """Says back what it is asked, or misbehaves where the message asks it to."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = Counter()
        self.bodies = []
        self.keys = set()
        self.together = threading.Barrier(3)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][-1]["content"]
        self.server.asked[text] += 1
        self.server.bodies.append(body)
        self.server.keys.add(self.headers["Authorization"])
        self.answer(text)

    def answer(self, text):
        if text == "busy" and self.server.asked[text] == 1:
            return self.send(429, {"error": {"message": "slow down"}}, {"Retry-After": "1"})
        if text == "very busy" and self.server.asked[text] == 1:
            return self.send(429, {"error": {"message": "slow down"}}, {"Retry-After": "9999"})
        if text == "broken":
            return self.send(500, {"error": {"message": f"failed for {KEY}"}})
        if text == "forbidden":
            return self.send(401, {"error": {"message": f"wrong key {KEY}"}})
        if text == "unpaid":
            error = {"message": "no credit left", "code": "insufficient_quota"}
            return self.send(429, {"error": error})
        if text == "malformed":
            return self.send(200, b'{"choices": [')
        if text == "empty":
            return self.send(200, {"choices": []})
        if text == "filtered":
            return self.send(200, reply(None, finish_reason="content_filter"))
        if text == "uncounted":
            return self.send(200, {**reply("12345678"), "usage": None})
        if text == "together":
            self.server.together.wait(timeout=10)
        return self.send(200, reply(f"you said {text}"))

    def send(self, status, body, headers=None):
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args):
        pass


def reply(text, finish_reason="stop"):
    message = {"role": "assistant", "content": text}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 5,
            "total_tokens": 105,
            "prompt_tokens_details": {"cached_tokens": 64},
        },
    }
