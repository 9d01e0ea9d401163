"""Tasks over HTTP: submit, list, look at, remove."""

import re
from typing import Annotated, Any

from litestar import Request, Response, Router, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, QueryParameter, RawBody
from sqlalchemy.orm import Session

from corpora.errors import InvalidInput
from service.guarding import caller, needs
from service.openapi import PostTask, problems
from service.posting import Post, Reply, answer_once, parse_object, read_post
from service.removing import remove_task as remove_whole_task
from service.services import Services, services
from service.shapes import API, TaskPage, TaskReply, task_reply
from service.specs import check_spec

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="Most tasks on a page.")]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]


@post(
    "/tasks",
    operation_class=PostTask,
    responses=problems(400, 408, 413, 415, 422),
    security=needs("run"),
)
async def submit_task(request: Request[Any, Any, Any], body: RawBody) -> Response[TaskReply]:
    """Submit a task with its rows and documents inline. Nothing is computed yet."""
    sent = read_post(request, body, caller(request).owner)
    return (await sync_to_thread(_submit, services(request), sent)).response()


def _submit(at: Services, sent: Post) -> Reply:
    def check() -> Any:
        spec = parse_object(sent.body)
        facts = check_spec(spec)

        def make(session: Session) -> Reply:
            row = at.store.add_task(session, facts, spec, sent.owner)
            return Reply(201, task_reply(row).model_dump(), f"{API}/tasks/{row.id}", row.id)

        return make

    return answer_once(at.store, sent, check)


@get("/tasks", sync_to_thread=True, responses=problems(400), security=needs("read"))
def list_tasks(
    request: Request[Any, Any, Any], limit: Limit = 20, cursor: Cursor = None
) -> TaskPage:
    """The tasks, newest first, page by page."""
    if cursor is not None and not re.fullmatch(r"[0-9a-f]{22}", cursor):
        raise InvalidInput("cursor", cursor, "Send the next_cursor of the page before.")
    rows = services(request).store.tasks(limit + 1, cursor, caller(request).sees)
    page, more = rows[:limit], len(rows) > limit
    return TaskPage(
        tasks=[task_reply(row) for row in page], next_cursor=page[-1].id if more else None
    )


@get(
    "/tasks/{task_id:str}",
    sync_to_thread=True,
    responses=problems(404),
    security=needs("read"),
)
def show_task(request: Request[Any, Any, Any], task_id: FromPath[str]) -> TaskReply:
    """A task: what it is and how many rows it has, without the rows."""
    return task_reply(services(request).store.task(task_id, caller(request).sees))


@delete(
    "/tasks/{task_id:str}",
    sync_to_thread=True,
    responses=problems(404, 409),
    security=needs("run"),
)
def remove_task(request: Request[Any, Any, Any], task_id: FromPath[str]) -> None:
    """Remove a task with its comparisons, forecasts and files. Cancel unfinished ones first."""
    remove_whole_task(services(request), task_id, caller(request).sees)


tasks = Router(
    "/", route_handlers=[submit_task, list_tasks, show_task, remove_task], tags=["Tasks"]
)
