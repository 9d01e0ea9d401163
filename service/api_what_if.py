"""A finished comparison under other needs, prices and volumes, over HTTP."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from litestar import Request, Response, Router, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, RawBody

from benchmarks.errors import BenchmarkError
from service.api_reports import FORMATS, finished
from service.errors import Conflict, DamagedRecords
from service.files import key_of
from service.forms import BASIS_FILE
from service.guarding import caller, needs
from service.openapi import PostWhatIf, problems, what_if_response
from service.posting import Post, Reply, answer_once, parse_object, read_post
from service.services import Services, services
from service.shapes import API
from service.storage import ComparisonRow
from service.stored_records import records_of

if TYPE_CHECKING:
    from service.what_if import Stored


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
        row = finished(at, comparison, owner)
        stored = at.what_ifs.get(row.id, row.revision, lambda: _stored(at, row.id))
        _forget_removed(at)
        found = what_if(stored, changes, read_prices()).model_dump(mode="json", by_alias=True)
        task = at.store.comparison(comparison, owner).task
        place = f"{API}/comparisons/{comparison}"
        return lambda session: Reply(200, found, place, task, comparison)

    return answer_once(at.store, sent, check)


def _stored(at: Services, comparison: str) -> "Stored":
    """From what was kept for it beside the report; else from the records."""
    from pydantic import ValidationError

    from service.basis import Basis, basis_with
    from service.what_if import stored

    with suppress(FileNotFoundError, ValidationError):  # of an older version, or of another
        return stored(Basis.from_json(_file(at, comparison, BASIS_FILE)))
    try:
        report = _file(at, comparison, FORMATS["application/json"])
        return stored(basis_with(report, records_of(at.store, at.settings, comparison)))
    except (OSError, BenchmarkError, DamagedRecords) as error:
        detail = "The report and the records of this comparison cannot be read. Start another one."
        raise Conflict(detail) from error


def _file(at: Services, comparison: str, name: str) -> bytes:
    return at.files.get(key_of(ComparisonRow.__tablename__, comparison, name))


def _forget_removed(at: Services) -> None:
    """Keep nothing of comparisons that were removed meanwhile, by whomever."""
    kept = at.what_ifs.ids()
    with at.store.begin() as session:
        there = session.scalars(sa.select(ComparisonRow.id).where(ComparisonRow.id.in_(kept)))
        gone = set(kept).difference(there)
    for key in gone:
        at.what_ifs.forget(key)


what_ifs = Router("/", route_handlers=[ask_what_if], tags=["Reports"])
