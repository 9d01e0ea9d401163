"""The web application. Importing it loads nothing heavy: the work is done by the worker."""

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from litestar import Litestar, Request
from litestar.concurrency import sync_to_thread

from corpora.errors import shorten
from service.api import api, operations
from service.metrics import Requests
from service.observing import Observed
from service.openapi import openapi_config
from service.problems import Problem, reply_with_problem
from service.services import Services
from service.settings import LOOPBACK, Settings

MAX_BODY_BYTES = 32 * 1024 * 1024
HOST = re.compile(r"(\[[0-9a-f:]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
"""A Host header: a name or an address, an IPv6 one in brackets, and perhaps a port."""


def create_app(settings: Settings, is_stopping: Callable[[], bool] = lambda: False) -> Litestar:
    """The application on the data folder of `settings`, opened when it starts.

    Event streams end once `is_stopping` says so, as a server waits for open replies.
    """

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncGenerator[None, None]:
        app.state.services = services = await sync_to_thread(Services.start, settings)
        try:
            async with services.hub.awake(is_stopping):
                yield
        finally:
            await sync_to_thread(services.stop)

    app = Litestar(
        route_handlers=[api, operations],
        lifespan=[opened],
        before_request=refuse_other_hosts,
        exception_handlers={Exception: reply_with_problem},
        logging_config=None,
        openapi_config=openapi_config(version("tuneworth")),
        request_max_body_size=MAX_BODY_BYTES,
    )
    app.state.requests = requests = Requests()
    app.asgi_handler = Observed(app.asgi_handler, requests)
    return app


def refuse_other_hosts(request: Request[Any, Any, Any]) -> None:
    """Stop a web page that made its own host name point here and reads replies as its own."""
    # read here, as the framework's reading of the address fails where the port is no number
    sent = request.headers.get("host", "").lower()
    found = HOST.fullmatch(sent)
    if not found or found[1].strip("[]") not in LOOPBACK or int(found[2] or 0) > 65535:
        detail = f"Use one of {', '.join(LOOPBACK)} as the host, not {shorten(sent)}."
        raise Problem(421, "misdirected-request", "Unknown host", detail)


def app() -> Litestar:
    """For servers that take a factory; settings come from the environment."""
    return create_app(Settings.from_environment())
