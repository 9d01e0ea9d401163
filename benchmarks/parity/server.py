"""A chat endpoint on loopback with local weights behind it: the part of the OpenAI protocol that a
hosted model uses, without streaming. For benchmarks and tests; it asks for no key.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from strategies.models.base import Generation, Message, Model, Prompt, Usage

LARGEST_BODY = 10_000_000
ROUTE = "/v1/chat/completions"


class Request(BaseModel):
    """What is read of a request; the sampling options are not, for every answer is greedy."""

    model: str
    messages: list[Message] = Field(min_length=1)
    max_tokens: int = Field(ge=1)
    stream: bool = False


@dataclass(frozen=True)
class Served:
    """One answered request, and the tokens that its reply reported."""

    messages: tuple[Message, ...]
    text: str
    usage: Usage


class ChatServer(ThreadingHTTPServer):
    """Answers one request after the other. `served` holds what was answered, in order."""

    daemon_threads = True

    def __init__(self, model: Model) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.served: list[Served] = []
        self._model = model
        self._one_at_a_time = threading.Lock()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def answer(self, messages: Sequence[Message], max_tokens: int) -> Generation:
        """Everything before the last message is kept from request to request, and counts as
        cached, as a local model has it of what its requests share."""
        prompt = Prompt(tuple(messages), shared=len(messages) - 1)
        with self._one_at_a_time:
            (given,) = self._model.generate([prompt], max_new_tokens=max_tokens)
            if given.error is None:
                self.served.append(Served(prompt.messages, given.text, given.usage))
        return given


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChatServer

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.path != ROUTE or length > LARGEST_BODY:
            self.close_connection = True
            return self.refuse(404 if self.path != ROUTE else 413, f"POST at most 10 MB to {ROUTE}")
        try:
            asked = Request.model_validate_json(self.rfile.read(length))
        except ValidationError as error:
            return self.refuse(400, str(error.errors(include_url=False)[0]["msg"]))
        if asked.stream:
            return self.refuse(400, "stream: only whole replies are given")
        given = self.server.answer(asked.messages, asked.max_tokens)
        if given.error is not None:
            return self.refuse(400, given.error)
        self.send(200, completion(asked, given))

    def refuse(self, status: int, message: str) -> None:
        self.send(status, {"error": {"message": message, "type": "invalid_request_error"}})

    def send(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the log of a request would stand in the middle of a progress bar."""


def completion(asked: Request, given: Generation) -> dict[str, Any]:
    used = given.usage
    whole = used.completion < asked.max_tokens
    return {
        "id": "chatcmpl-local",
        "object": "chat.completion",
        "created": 0,
        "model": asked.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": given.text},
                "finish_reason": "stop" if whole else "length",
            }
        ],
        "usage": {
            "prompt_tokens": used.prompt,
            "completion_tokens": used.completion,
            "total_tokens": used.prompt + used.completion,
            "prompt_tokens_details": {"cached_tokens": used.cached},
        },
    }


@contextmanager
def serving(model: Model) -> Iterator[ChatServer]:
    """The server on a free port, in a thread of its own, for as long as the block runs."""
    server = ChatServer(model)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
