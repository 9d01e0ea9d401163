"""The web application. Importing it loads nothing heavy: the work is done by the worker.

Once it is started it loads what a what-if needs (`service.warming`).
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from litestar import Litestar
from litestar.concurrency import sync_to_thread

from service.api import api, operations
from service.errors import NoKey
from service.guarding import Gate, identify, refuse_cross_site, refuse_other_hosts
from service.keys import Keys
from service.login import ask_to_log_in, login
from service.metrics import Requests
from service.observing import Observed
from service.openapi import openapi_config
from service.problems import reply_with_problem
from service.services import Services
from service.settings import Settings
from service.warming import Warming
from service.wire import Timely, add_headers

MAX_BODY_BYTES = 32 * 1024 * 1024


def create_app(settings: Settings, is_stopping: Callable[[], bool] = lambda: False) -> Litestar:
    """The application on the data folder of `settings`, opened when it starts.

    It does not start where others could connect and no key is in force (InvalidInput). Event
    streams end once `is_stopping` says so, as a server waits for open replies.
    """

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncGenerator[None, None]:
        app.state.services = services = await sync_to_thread(Services.start, settings)
        try:
            keys = Keys(services.store.begin)
            app.state.gate = await sync_to_thread(Gate, settings, keys)
            warming = Warming()
            try:
                async with services.hub.awake(is_stopping):
                    yield
            finally:
                await sync_to_thread(warming.end)
        finally:
            await sync_to_thread(services.stop)

    app = Litestar(
        route_handlers=[api, operations, login],
        lifespan=[opened],
        guards=[refuse_other_hosts, refuse_cross_site, identify],
        middleware=[Timely],
        before_send=[add_headers],
        exception_handlers={Exception: reply_with_problem, NoKey: ask_to_log_in},
        logging_config=None,
        openapi_config=openapi_config(version("tuneworth")),
        request_max_body_size=MAX_BODY_BYTES,
    )
    app.state.requests = requests = Requests()
    app.asgi_handler = Observed(app.asgi_handler, requests)
    return app


def app() -> Litestar:
    """For servers that take a factory; settings come from the environment."""
    return create_app(Settings.from_environment())
