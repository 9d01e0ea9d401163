"""A finished comparison under other needs, prices and volumes, over HTTP."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litestar import Request, Response, Router, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, RawBody

from benchmarks.errors import BenchmarkError
from service.api_reports import finished_folder
from service.errors import Conflict
from service.guarding import caller, needs
from service.openapi import PostWhatIf, problems, what_if_response
from service.posting import Post, Reply, answer_once, parse_object, read_post
from service.services import Services, services
from service.shapes import API

if TYPE_CHECKING:
    from service.what_if import Stored

KEPT = 4
"""Comparisons held in memory, so that asking again takes milliseconds."""


@post(
    "/comparisons/{comparison_id:str}/what-if",
    status_code=200,
    operation_class=PostWhatIf,
    responses=what_if_response() | problems(400, 404, 408, 409, 413, 415, 422),
    security=needs("read", post=True),
)
async def ask_what_if(
    request: Request[Any, Any, Any], comparison_id: FromPath[str], body: RawBody
) -> Response[Any]:
    """What the comparison would cost and recommend under other needs, prices or volumes.

    Nothing is run again. Fields that are left out stay as they are; null means not stated.
    """
    who = caller(request)
    sent = read_post(request, body, who.owner)
    asked = sync_to_thread(_ask, services(request), comparison_id, sent, who.sees)
    return (await asked).response()


def _ask(at: Services, comparison: str, sent: Post, owner: str | None) -> Reply:
    def check() -> Any:
        from benchmarks.costs import read_prices  # what measures is loaded where it is needed
        from service.what_if import what_if

        changes = parse_object(sent.body)
        stored = _stored(finished_folder(at, comparison, owner))
        found = what_if(stored, changes, read_prices()).model_dump(mode="json", by_alias=True)
        task = at.store.comparison(comparison, owner).task
        place = f"{API}/comparisons/{comparison}"
        return lambda session: Reply(200, found, place, task, comparison)

    return answer_once(at.store, sent, check)


def _stored(folder: Path) -> "Stored":
    try:
        return _read(folder, (folder / "report.json").stat().st_mtime_ns)
    except (OSError, BenchmarkError) as error:
        detail = "The report and the records of this comparison cannot be read. Start another one."
        raise Conflict(detail) from error


@lru_cache(maxsize=KEPT)
def _read(folder: Path, written_ns: int) -> "Stored":
    """`written_ns` tells a report from the one that took its place."""
    from service.what_if import stored_in

    return stored_in(folder)


what_ifs = Router("/", route_handlers=[ask_what_if], tags=["Reports"])
