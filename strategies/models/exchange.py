"""One exchange with a chat endpoint over HTTP, bounded in time and in bytes, ended when told to.

Requests run on an event loop in a thread of its own, because only there can one be ended at any
moment: while connecting, while nothing comes, or while a byte comes now and then.
"""

from __future__ import annotations

import asyncio
import math
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import httpx2
import openai
from pydantic import ValidationError

from strategies.models.base import Message
from strategies.models.completion import Completion, Failed
from strategies.models.pace import SLICE_S

MOST_BYTES = 8 * 2**20
CONNECT_S = 10.0
BUSY = frozenset({408, 429, 502, 503, 504, 529})
AGAIN = frozenset({408, 409, 429})
"""Besides every status from 500 on."""
PERHAPS_BILLED = frozenset({408, 499, 502, 504})
"""Statuses of whoever stands before the model and lost what it may have written, as do all from
520 to 527."""
NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)


class Exchange:
    """One attempt at a time and thread; follows no redirect. `timeout_s` is for a whole request."""

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str,
        timeout_s: float,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._model = model
        self._timeout_s = timeout_s
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",  # endpoints without keys ignore it
            max_retries=0,
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_S)),
            http_client=openai.DefaultAsyncHttpxClient(
                follow_redirects=False,
                event_hooks={"response": [partial(bound, most_bytes)]},
            ),
        )
        weakref.finalize(self, close, self._client).atexit = False

    def ask(
        self, messages: Sequence[Message], max_tokens: int, check: Callable[[], None]
    ) -> Completion:
        """The completion. Raises Failed, and what `check` raises, which ends the request."""
        future = start(self._ask(messages, max_tokens))
        try:
            while not wait([future], timeout=SLICE_S).done:
                check()
        finally:
            future.cancel()  # does nothing to one that is done
        return future.result()

    async def _ask(self, messages: Sequence[Message], max_tokens: int) -> Completion:
        turns = [{"role": turn.role, "content": turn.content} for turn in messages]
        told = {"model": self._model, "messages": turns, "max_tokens": max_tokens}
        try:
            async with asyncio.timeout(self._timeout_s):
                # what chat.completions.create would check again with each request is plain here
                raw = await self._client.post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    body={**told, "temperature": 0, "seed": 0},
                    options={
                        "headers": {"Accept-Encoding": "identity"},
                        "security": {"bearer_auth": True},  # no administrator's key goes along
                    },
                )
        except TimeoutError:
            raise Failed(
                f"no whole reply within {self._timeout_s:g} s", again=True, busy=True
            ) from None
        except openai.APIStatusError as error:
            raise refused(error) from None
        except openai.APIError as error:
            raise broken(error) from None
        try:
            return Completion.model_validate_json(raw.content)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise Failed(
                "answered with something else than a chat completion"
                f" ({where + ': ' if where else ''}{first['msg']})"
            ) from None


class Bounded(httpx2.AsyncByteStream):
    """The body of a response, cut off where it is longer than `most` bytes."""

    def __init__(self, stream: httpx2.AsyncByteStream, most: int) -> None:
        self._stream = stream
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        got = 0
        async for part in self._stream:
            got += len(part)
            if got > self._most:
                raise Failed(f"the reply is longer than {self._most:,} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


async def bound(most: int, response: httpx2.Response) -> None:
    """Bound what will be read of a response, errors among them.

    A packed body could unpack to any size; none was asked for.
    """
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise Failed("the reply is packed, which was not asked for")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = Bounded(response.stream, most)


def refused(error: openai.APIStatusError) -> Failed:
    """The endpoint answered with a status that is no success."""
    status = error.status_code
    if status < 400:
        fix = "which is not followed; configure the address that it leads to, if you trust it"
        return Failed(f"answered with a redirect ({status}), {fix}", unbilled=True)
    unpaid = error.code == "insufficient_quota"
    return Failed(
        str(error),
        again=not unpaid and (status in AGAIN or status >= 500),
        busy=not unpaid and status in BUSY,
        unbilled=status not in PERHAPS_BILLED and not 520 <= status <= 527,
        wait=asked_wait(error.response.headers.get("retry-after")),
    )


def broken(error: openai.APIError) -> Failed:
    """The connection failed before the reply was whole."""
    cause = error.__cause__
    told = f" ({cause})" if cause is not None and str(cause) else ""
    return Failed(
        f"{error}{told}",
        again=isinstance(error, openai.APIConnectionError),
        busy=True,
        unbilled=isinstance(cause, NOT_SENT),
    )


def asked_wait(said: str | None) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3), in either form; None without
    one that can be read."""
    if said is None:
        return None
    try:
        seconds = float(said)
    except ValueError:
        pass  # not seconds, so a date
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


_starting = threading.Lock()
_loops: list[asyncio.AbstractEventLoop] = []


def start(work: Coroutine[Any, Any, Completion]) -> Future[Completion]:
    """Begin it on the loop of this process, whose thread ends with the process."""
    with _starting:
        if not _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="requests", daemon=True).start()
            _loops.append(loop)
    return asyncio.run_coroutine_threadsafe(work, _loops[0])


def close(client: openai.AsyncOpenAI) -> None:
    """Close what an exchange that is gone left open."""
    if _loops:
        asyncio.run_coroutine_threadsafe(client.close(), _loops[0])
