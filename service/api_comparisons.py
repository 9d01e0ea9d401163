"""Comparisons over HTTP: start, look at, watch, cancel, remove."""

from typing import Any

from litestar import Request, Response, Router, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, RawBody
from sqlalchemy.orm import Session

from service.agreed import agree, at_most, bounded, give_back
from service.consent import check_order
from service.events import event_stream
from service.guarding import caller, check_priority, needs
from service.keys import Caller
from service.openapi import PostComparison, events_response, problems, shown_response
from service.posting import Post, Reply, answer_once, parse_as, read_post
from service.removing import remove_work
from service.services import Services, services
from service.shapes import API, ComparisonReply, NewComparison, comparison_reply
from service.specs import check_names
from service.storage import FINISHED, ComparisonRow
from strategies.registry import strategy_names


@post(
    "/tasks/{task_id:str}/comparisons",
    status_code=202,
    operation_class=PostComparison,
    responses=problems(400, 404, 408, 413, 415, 422),
    security=needs("run"),
)
async def start_comparison(
    request: Request[Any, Any, Any], task_id: FromPath[str], body: RawBody
) -> Response[ComparisonReply]:
    """Queue a comparison of strategies on a task. The worker takes them one at a time.

    With hosted models it needs `accept_cost_usd`; a 422 without it holds the quote.
    """
    who = caller(request)
    sent = read_post(request, body, who.owner)
    return (await sync_to_thread(_start, services(request), task_id, sent, who)).response()


def _start(at: Services, task: str, sent: Post, who: Caller) -> Reply:
    def check() -> Any:
        options = parse_as(NewComparison, sent.body)
        check_priority(options.priority, who)
        check_names("strategies", options.strategies, strategy_names())
        paid = check_order(at.store.spec(task, who.sees), options.model_dump())

        def make(session: Session) -> Reply:
            agreed = bounded(paid, options, who)
            row = at.store.add_work(
                session, task, agreed.model_dump(), at.units.open, ComparisonRow, who.sees
            )
            if paid:
                agree(session, who, row.id, at_most(paid, agreed))
            reply = comparison_reply(row).model_dump(mode="json")
            return Reply(202, reply, f"{API}/comparisons/{row.id}", task, row.id)

        return make

    return answer_once(at.store, sent, check)


@get(
    "/comparisons/{comparison_id:str}",
    responses=shown_response(ComparisonReply) | problems(404),
    security=needs("read"),
)
async def show_comparison(
    request: Request[Any, Any, Any], comparison_id: FromPath[str]
) -> Response[bytes]:
    """A comparison: its state, and how far each strategy is."""
    shown = await services(request).hub.shown(ComparisonRow, comparison_id, caller(request).sees)
    return Response(shown.body, media_type="application/json")


@get(
    "/comparisons/{comparison_id:str}/events",
    responses=events_response() | problems(404),
    security=needs("read"),
)
async def watch_comparison(
    request: Request[Any, Any, Any], comparison_id: FromPath[str]
) -> Response[Any]:
    """Server-sent events until the comparison ends: `state`, `progress`, `end`.

    The data of each is the comparison as `GET /comparisons/{id}` shows it. After a break, or
    after `stopping`, which says that the server stops, send the last id as `Last-Event-ID`
    (browsers do): 204 says that there is nothing more to come.
    """
    return await event_stream(request, ComparisonRow, comparison_id)


@delete(
    "/comparisons/{comparison_id:str}",
    status_code=200,
    sync_to_thread=True,
    responses=problems(404),
    security=needs("run"),
)
def end_comparison(
    request: Request[Any, Any, Any], comparison_id: FromPath[str]
) -> Response[ComparisonReply | None]:
    """Cancel a comparison (202); remove one that has ended, with its files (204)."""
    at, owner = services(request), caller(request).sees
    row = at.store.comparison(comparison_id, owner)
    if row.state in FINISHED:
        give_back(at.store.begin, row)  # once more: the database may have gone away in between
        remove_work(at, comparison_id, ComparisonRow, owner)
        return Response(None, status_code=204)
    row = at.store.cancel(comparison_id, ComparisonRow, owner)
    at.queue.drop(comparison_id)
    at.hub.forget(ComparisonRow, comparison_id)
    give_back(at.store.begin, row)
    return Response(comparison_reply(row), status_code=202)


comparisons = Router(
    "/",
    route_handlers=[start_comparison, show_comparison, watch_comparison, end_comparison],
    tags=["Comparisons"],
)
