"""What holds for every request and reply: a body comes in time, and headers keep browsers safe."""

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import Problem

BODY_SECONDS = 60.0
POLICY = "; ".join(
    (
        *("default-src 'none'", "style-src 'unsafe-inline'", "img-src data:"),
        *("form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'"),
    )
)
"""Pages hold texts of the users' data: nothing in them may load, run or send anything."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    # not "no-referrer", with which browsers hide where a form was sent from
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every reply, unless the handler says otherwise."""
WHOLE, HELD = "tuneworth.whole", "tuneworth.held"


class Timely:
    """Gives a request so many `seconds` for its body, and at its end lets go of what it held."""

    def __init__(self, app: ASGIApp, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        end = asyncio.get_running_loop().time() + self._seconds
        state: Any = scope

        async def in_time() -> Any:
            if state.get(WHOLE):
                return await receive()  # what comes now is that the client leaves
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                detail = f"The body did not come whole within {self._seconds:g} s."
                raise Problem(408, "request-timeout", "Request Timeout", detail) from None
            state[WHOLE] = not message.get("more_body")
            return message

        try:
            await self._app(scope, in_time, send)
        finally:
            for let_go in state.get(HELD, ()):
                let_go()


def hold(request: Request[Any, Any, Any], let_go: Callable[[], None]) -> None:
    """Have `let_go` called when the reply to this request has ended, however it ends."""
    state: Any = request.scope
    state.setdefault(HELD, []).append(let_go)


async def add_headers(message: Message, scope: Scope) -> None:
    """Adds HEADERS to a reply, and closes the connection where the body was not read whole: a
    client that goes on sending would hold it for ever."""
    if message["type"] != "http.response.start":
        return
    headers = list(message.get("headers", ()))
    there = {name.lower() for name, _ in headers}
    more = dict(HEADERS)
    if _has_body(scope) and not scope.get(WHOLE):
        more["Connection"] = "close"
    message["headers"] = [
        *headers,
        *(
            (name.encode(), value.encode())
            for name, value in more.items()
            if name.lower().encode() not in there
        ),
    ]


def _has_body(scope: Scope) -> bool:
    sent = dict(scope["headers"])
    return sent.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in sent
