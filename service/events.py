"""A comparison as a stream of server-sent events.

Each event carries the whole state, so that a watcher who missed some has missed nothing: the
id is the revision of the comparison, and a stream resumes behind the one last seen.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from litestar.concurrency import sync_to_thread
from litestar.response import ServerSentEventMessage

from service.errors import NotFound
from service.shapes import comparison_reply
from service.storage import FINISHED
from service.store import Store

POLL_SECONDS = 0.25
HEARTBEAT_SECONDS = 10.0


async def watch(
    store: Store, comparison: str, seen: int, is_stopping: Callable[[], bool]
) -> AsyncGenerator[ServerSentEventMessage, None]:
    """Events newer than revision `seen`, until the comparison or the server ends."""
    state, sent_at = "", time.monotonic()
    while not is_stopping():
        try:
            row = await sync_to_thread(store.comparison, comparison, None)
        except NotFound:
            return  # removed while it was watched
        if row.revision > seen:
            seen, sent_at = row.revision, time.monotonic()
            data = comparison_reply(row).model_dump_json()
            # Only the last event of a revision carries its id: a stream cut in between
            # them sends them all again.
            if row.state != state:
                state = row.state
                yield ServerSentEventMessage(data=data, event="state")
            finished = row.state in FINISHED
            yield ServerSentEventMessage(data=data, event="progress", id=None if finished else seen)
            if finished:
                yield ServerSentEventMessage(data=data, event="end", id=seen)
        if row.state in FINISHED:
            return
        if time.monotonic() - sent_at >= HEARTBEAT_SECONDS:
            sent_at = time.monotonic()
            yield ServerSentEventMessage(data=None, comment="heartbeat")
        await asyncio.sleep(POLL_SECONDS)
