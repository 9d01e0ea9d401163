"""Forecasts over HTTP: start, look at, cancel, remove, and read in three formats."""

from typing import Any

from litestar import Request, Response, Router, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, RawBody
from litestar.response import File
from sqlalchemy.orm import Session

from service.agreed import agree, at_most, bounded, give_back
from service.api_reports import asked_format, sent_file
from service.consent import check_forecast_order
from service.errors import Conflict, NotFound
from service.events import event_stream
from service.files import key_of
from service.guarding import caller, check_priority, needs
from service.keys import Caller
from service.openapi import (
    PostForecast,
    events_response,
    forecast_response,
    problems,
    shown_response,
)
from service.posting import Post, Reply, answer_once, parse_as, read_post
from service.removing import remove_work
from service.services import Services, services
from service.shapes import API, ForecastReply, NewForecast, forecast_reply
from service.specs import check_names
from service.storage import FINISHED, ForecastRow
from strategies.registry import strategy_names

FORMATS = {
    "application/json": "forecast.json",
    "text/markdown": "forecast.md",
    "text/html": "forecast.html",
}


@post(
    "/tasks/{task_id:str}/forecasts",
    status_code=202,
    operation_class=PostForecast,
    responses=problems(400, 404, 408, 413, 415, 422),
    security=needs("run"),
)
async def start_forecast(
    request: Request[Any, Any, Any], task_id: FromPath[str], body: RawBody
) -> Response[ForecastReply]:
    """Queue a forecast of what comparing strategies on a task would find.

    It reads training and validation rows alone, and takes a fraction of the comparison. With
    hosted models it needs `accept_cost_usd`.
    """
    who = caller(request)
    sent = read_post(request, body, who.owner)
    return (await sync_to_thread(_start, services(request), task_id, sent, who)).response()


def _start(at: Services, task: str, sent: Post, who: Caller) -> Reply:
    def check() -> Any:
        options = parse_as(NewForecast, sent.body)
        check_priority(options.priority, who)
        check_names("strategies", options.strategies, strategy_names())
        paid = check_forecast_order(at.store.spec(task, who.sees), options.model_dump())

        def make(session: Session) -> Reply:
            agreed = bounded(paid, options, who)
            row = at.store.add_work(
                session, task, agreed.model_dump(), at.units.open, ForecastRow, who.sees
            )
            if paid:
                agree(session, who, row.id, at_most(paid, agreed))
            reply = forecast_reply(row).model_dump(mode="json")
            return Reply(202, reply, f"{API}/forecasts/{row.id}", task, row.id)

        return make

    return answer_once(at.store, sent, check)


@get(
    "/forecasts/{forecast_id:str}",
    responses=shown_response(ForecastReply) | problems(404),
    security=needs("read"),
)
async def show_forecast(
    request: Request[Any, Any, Any], forecast_id: FromPath[str]
) -> Response[bytes]:
    """A forecast: its state, how far it is, and once it is completed what was foretold."""
    shown = await services(request).hub.shown(ForecastRow, forecast_id, caller(request).sees)
    return Response(shown.body, media_type="application/json")


@get(
    "/forecasts/{forecast_id:str}/events",
    responses=events_response() | problems(404),
    security=needs("read"),
)
async def watch_forecast(
    request: Request[Any, Any, Any], forecast_id: FromPath[str]
) -> Response[Any]:
    """Server-sent events until the forecast ends, as those of a comparison."""
    return await event_stream(request, ForecastRow, forecast_id)


@delete(
    "/forecasts/{forecast_id:str}",
    status_code=200,
    sync_to_thread=True,
    responses=problems(404),
    security=needs("run"),
)
def end_forecast(
    request: Request[Any, Any, Any], forecast_id: FromPath[str]
) -> Response[ForecastReply | None]:
    """Cancel a forecast (202); remove one that has ended, with its files (204)."""
    at, owner = services(request), caller(request).sees
    row = at.store.work(forecast_id, ForecastRow, owner)
    if row.state in FINISHED:
        give_back(at.store.begin, row)  # once more: the database may have gone away in between
        remove_work(at, forecast_id, ForecastRow, owner)
        return Response(None, status_code=204)
    row = at.store.cancel(forecast_id, ForecastRow, owner)
    at.queue.drop(forecast_id)
    at.hub.forget(ForecastRow, forecast_id)
    give_back(at.store.begin, row)
    return Response(forecast_reply(row), status_code=202)


@get(
    "/forecasts/{forecast_id:str}/report",
    responses=forecast_response() | problems(404, 406, 409),
    security=needs("read"),
)
async def show_report(request: Request[Any, Any, Any], forecast_id: FromPath[str]) -> File:
    """What was foretold as JSON, Markdown or HTML, by the Accept header."""
    media_type = asked_format(request, "forecast")
    return await _report(request, forecast_id, media_type)


@get(
    "/forecasts/{forecast_id:str}/report.json",
    responses=problems(404, 409),
    security=needs("read"),
)
async def show_json(request: Request[Any, Any, Any], forecast_id: FromPath[str]) -> File:
    """What was foretold as JSON."""
    return await _report(request, forecast_id, "application/json")


@get(
    "/forecasts/{forecast_id:str}/report.md",
    responses=problems(404, 409),
    security=needs("read"),
)
async def show_markdown(request: Request[Any, Any, Any], forecast_id: FromPath[str]) -> File:
    """What was foretold as Markdown."""
    return await _report(request, forecast_id, "text/markdown")


@get(
    "/forecasts/{forecast_id:str}/report.html",
    responses=problems(404, 409),
    security=needs("read"),
)
async def show_html(request: Request[Any, Any, Any], forecast_id: FromPath[str]) -> File:
    """What was foretold as one self-contained page."""
    return await _report(request, forecast_id, "text/html")


async def _report(request: Request[Any, Any, Any], forecast: str, media_type: str) -> File:
    at, owner = services(request), caller(request).sees
    return await sync_to_thread(_file, at, forecast, media_type, owner)


def _file(at: Services, forecast: str, media_type: str, owner: str | None) -> File:
    row = at.store.work(forecast, ForecastRow, owner)
    if row.state in ("queued", "running"):
        raise Conflict(f"The forecast is {row.state}. Wait until its state is completed.")
    if row.state != "completed":
        raise Conflict(f"The forecast is {row.state}, so it has no report. Start another one.")
    key = key_of(ForecastRow.__tablename__, forecast, FORMATS[media_type])
    if not at.files.exists(key):
        raise NotFound("report of forecast", forecast)
    return sent_file(at.files, key, media_type)


forecasts = Router(
    "/",
    route_handlers=[
        start_forecast,
        show_forecast,
        watch_forecast,
        end_forecast,
        show_report,
        show_json,
        show_markdown,
        show_html,
    ],
    tags=["Forecasts"],
)
