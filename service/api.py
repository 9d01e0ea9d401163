"""The routes: the JSON API, and what an operator asks."""

from typing import Any

from litestar import Request, Router, get

from service.api_comparisons import comparisons
from service.api_forecasts import forecasts
from service.api_reports import reports
from service.api_tasks import tasks
from service.api_what_if import what_ifs
from service.guarding import OPEN
from service.problems import Problem
from service.services import services
from service.shapes import API

SILENT_SECONDS = 15.0
"""A worker that was not heard of for so long counts as gone; it speaks every 2 seconds."""


@get("/health", sync_to_thread=False, opt=OPEN)
def health() -> dict[str, str]:
    """The server answers."""
    return {"status": "ok"}


@get("/ready", sync_to_thread=True, opt=OPEN)
def ready(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The database answers, and a worker is alive to compute."""
    if services(request).store.silence() > SILENT_SECONDS:
        detail = "No worker is alive: comparisons and forecasts are queued, and wait for one."
        raise Problem(503, "not-ready", "Not ready", detail)
    return {"status": "ready"}


api = Router(API, route_handlers=[tasks, comparisons, forecasts, reports, what_ifs])
operations = Router("/", route_handlers=[health, ready], tags=["Operations"])
