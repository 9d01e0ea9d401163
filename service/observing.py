"""Around the whole application: every request gets an id, is timed, and may leave a line.

Requests that change something or fail leave one; those that read and succeed are many, and are
counted alone (`service.metrics`).
"""

import logging
import re
import secrets
import time
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.logs import about, fields
from service.metrics import Requests

GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""A request id that a client may choose."""
METHODS = ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS")
PLACES = re.compile(r"/(task|comparison|forecast)s/([0-9a-f]{22})\b")
logger = logging.getLogger("tuneworth.http")


class Observed:
    """The application `app`, with X-Request-Id on every reply."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request, began = request_id(scope), time.perf_counter()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request.encode())]
                self._note(scope, message, time.perf_counter() - began)
            await send(message)

        with about(request=request):
            await self._app(scope, receive, send_on)

    def _note(self, scope: Any, start: Any, seconds: float) -> None:
        method, status = scope["method"], start["status"]
        route = scope.get("path_template", "unknown")
        # a client may send any word as a method, and each would be a series for ever
        self._requests.note(method if method in METHODS else "other", route, status, seconds)
        if method in ("GET", "HEAD") and status < 400:
            return
        made = dict(start["headers"]).get(b"location", b"").decode()
        path = scope["path"][:200]
        told = {
            "status": status,
            "ms": round(seconds * 1000, 1),
            **dict(PLACES.findall(path + made)),
        }
        logger.info("%s %s", method, path, extra=fields(**told))


def request_id(scope: Any) -> str:
    """The X-Request-Id that came, where it is a plain one, else a new one."""
    sent = dict(scope["headers"]).get(b"x-request-id", b"")
    return sent.decode() if GIVEN.fullmatch(sent) else secrets.token_hex(8)
