"""A comparison or a forecast as a stream of server-sent events.

Each event carries the whole state, so that a watcher who missed some has missed nothing: the
id is the revision, and a stream resumes behind the one last seen.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from litestar import Request, Response
from litestar.response import Stream

from service.guarding import caller, hold_stream
from service.services import services
from service.storage import FINISHED, Work
from service.watching import Hub

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
STOPPING = b'{"detail":"The server stops. Connect again, with the last id as Last-Event-ID."}'


async def event_stream(
    request: Request[Any, Any, Any], table: type[Work], key: str
) -> Response[None] | Stream:
    """The events that the client has not seen, by its Last-Event-ID; 204 where none is to come.

    Raises NotFound, and TooOften where the caller's key watches as much as it may.
    """
    hub = services(request).hub
    shown = await hub.shown(table, key, caller(request).sees)
    last = request.headers.get("Last-Event-ID", "")
    seen = int(last) if last.isascii() and last.isdigit() and len(last) < 18 else 0
    if shown.state in FINISHED and seen >= shown.revision:
        return Response(None, status_code=204)
    hold_stream(request)
    events = watch(hub, table, key, min(seen, shown.revision))
    return Stream(events, media_type="text/event-stream", headers=HEADERS)


async def watch(hub: Hub, table: type[Work], key: str, seen: int) -> AsyncGenerator[bytes, None]:
    """Events newer than revision `seen`, until the work ends; `stopping` where the server does."""
    state = ""
    async with aclosing(hub.changes(table, key, seen)) as changes:
        async for shown in changes:
            if shown is None:
                yield b": heartbeat\r\n\r\n"
                continue
            # Only the last event of a revision carries its id: a stream cut in between them sends
            # them all again.
            if shown.state != state:
                state = shown.state
                yield framed("state", shown.body)
            finished = shown.state in FINISHED
            yield framed("progress", shown.body, None if finished else shown.revision)
            if finished:
                yield framed("end", shown.body, shown.revision)
    if hub.stopping:
        yield framed("stopping", STOPPING)


def framed(event: str, data: bytes, id: int | None = None) -> bytes:
    """One event. `data` is JSON without a line break."""
    head = f"event: {event}\r\n" if id is None else f"id: {id}\r\nevent: {event}\r\n"
    return head.encode() + b"data: " + data + b"\r\n\r\n"
