"""The routes: the JSON API, and what an operator asks."""

from typing import Any

from litestar import Request, Response, Router, get
from prometheus_client import CONTENT_TYPE_LATEST

from service.api_comparisons import comparisons
from service.api_forecasts import forecasts
from service.api_reports import reports
from service.api_tasks import tasks
from service.api_what_if import what_ifs
from service.guarding import OPEN, needs
from service.metrics import page
from service.openapi import metrics_response, problems
from service.problems import Problem
from service.services import services
from service.shapes import API


@get("/health", sync_to_thread=False, opt=OPEN)
def health() -> dict[str, str]:
    """The server answers."""
    return {"status": "ok"}


@get("/ready", responses=problems(503), opt=OPEN)
async def ready(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Work sent now would be done: the database answers, a worker lives, there is room for files.

    A 503 names under `errors` what is wrong and what to do.
    """
    found = await services(request).readiness.faults()
    if found:
        detail = " ".join(f"{one['field']}: {one['value']}. {one['fix']}" for one in found)
        raise Problem(503, "not-ready", "Not ready", detail, found)
    return {"status": "ready"}


@get(
    "/metrics",
    sync_to_thread=True,
    responses=metrics_response() | problems(),
    security=needs("read"),
)
def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Counters and gauges in Prometheus' text format."""
    text = page(request.app.state.requests, services(request))
    return Response(text, media_type=CONTENT_TYPE_LATEST)


api = Router(API, route_handlers=[tasks, comparisons, forecasts, reports, what_ifs])
operations = Router("/", route_handlers=[health, ready, metrics], tags=["Operations"])
