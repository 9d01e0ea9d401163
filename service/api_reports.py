"""What a comparison leaves: its records; once finished, the report in three formats, and the
artefacts.
"""

from collections.abc import AsyncIterator, Iterator
from itertools import chain
from typing import Any, cast

from litestar import Request, Router, get
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath
from litestar.response import File, Stream
from litestar.types.file_types import FileSystemProtocol

from benchmarks.journal import JOURNAL
from service.artifacts import zip_of
from service.errors import Conflict, NotFound
from service.files import Files, key_of
from service.guarding import caller, hold_stream, needs
from service.openapi import problems, records_response, report_response, zip_response
from service.problems import Problem
from service.services import Services, services
from service.storage import ComparisonRow
from service.stored_records import lines_of, setup_of

FORMATS = {
    "application/json": "report.json",
    "text/markdown": "report.md",
    "text/html": "report.html",
}


@get(
    "/comparisons/{comparison_id:str}/report",
    responses=report_response() | problems(404, 406, 409),
    security=needs("read"),
)
async def show_report(request: Request[Any, Any, Any], comparison_id: FromPath[str]) -> File:
    """The report as JSON, Markdown or HTML, by the Accept header."""
    media_type = asked_format(request, "report")
    return await _report(request, comparison_id, media_type)


@get(
    "/comparisons/{comparison_id:str}/report.json",
    responses=problems(404, 409),
    security=needs("read"),
)
async def show_json(request: Request[Any, Any, Any], comparison_id: FromPath[str]) -> File:
    """The report as JSON: the one source of the other formats."""
    return await _report(request, comparison_id, "application/json")


@get(
    "/comparisons/{comparison_id:str}/report.md",
    responses=problems(404, 409),
    security=needs("read"),
)
async def show_markdown(request: Request[Any, Any, Any], comparison_id: FromPath[str]) -> File:
    """The report as Markdown."""
    return await _report(request, comparison_id, "text/markdown")


@get(
    "/comparisons/{comparison_id:str}/report.html",
    responses=problems(404, 409),
    security=needs("read"),
)
async def show_html(request: Request[Any, Any, Any], comparison_id: FromPath[str]) -> File:
    """The report as one self-contained page."""
    return await _report(request, comparison_id, "text/html")


@get(
    "/comparisons/{comparison_id:str}/artifacts/{strategy:str}",
    responses=zip_response() | problems(404, 409),
    security=needs("read"),
)
async def take_artifact(
    request: Request[Any, Any, Any], comparison_id: FromPath[str], strategy: FromPath[str]
) -> File:
    """What a strategy prepared (prompt, index, adapter), as a zip. Named by its id."""
    at, owner = services(request), caller(request).sees
    return await sync_to_thread(_zip, at, comparison_id, strategy, owner)


def _zip(at: Services, comparison: str, strategy: str, owner: str | None) -> File:
    finished(at, comparison, owner)
    setup = setup_of(at.store, at.settings, comparison, strategy)
    key = zip_of(at.files, comparison, strategy, setup)
    return sent_file(at.files, key, "application/zip")


@get(
    "/comparisons/{comparison_id:str}/records.jsonl",
    responses=records_response() | problems(404, 409),
    security=needs("read"),
)
async def take_records(request: Request[Any, Any, Any], comparison_id: FromPath[str]) -> Stream:
    """Every record that is stored so far, one JSON object a line: the journal of a run folder.

    Saved as `outcomes.jsonl` beside `report.json`, it is what `tuneworth verify` reads.
    """
    at, owner = services(request), caller(request).sees
    hold_stream(request)
    pages = await sync_to_thread(_records, at, comparison_id, owner)
    disposition = f'attachment; filename="{JOURNAL}"'
    return Stream(
        _sent(pages),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": disposition},
    )


def _records(at: Services, comparison: str, owner: str | None) -> Iterator[str]:
    """The pages, each to be read once the one before is sent; the first is read here, while an
    error can still be told as a problem."""
    at.store.comparison(comparison, owner)
    pages = lines_of(at.store, at.settings, comparison)
    return chain([next(pages, "")], pages)


async def _sent(pages: Iterator[str]) -> AsyncIterator[str]:
    """Each page, read in a thread. Whatever is raised breaks the reply off: the framework's own
    reading of an iterator takes a ValueError for its end."""
    while (page := await sync_to_thread(next, pages, None)) is not None:
        yield page


async def _report(request: Request[Any, Any, Any], comparison: str, media_type: str) -> File:
    at, owner = services(request), caller(request).sees
    return await sync_to_thread(_form, at, comparison, media_type, owner)


def _form(at: Services, comparison: str, media_type: str, owner: str | None) -> File:
    finished(at, comparison, owner)
    key = key_of(ComparisonRow.__tablename__, comparison, FORMATS[media_type])
    if not at.files.exists(key):
        raise NotFound("report of comparison", comparison)
    return sent_file(at.files, key, media_type)


def asked_format(request: Request[Any, Any, Any], what: str) -> str:
    """The media type to send, by the Accept header."""
    media_type = request.accept.best_match(list(FORMATS))
    if media_type is None:
        detail = f"The {what} comes as {', '.join(FORMATS)}: accept one of them."
        raise Problem(406, "not-acceptable", "No such format", detail)
    return media_type


def sent_file(files: Files, key: str, media_type: str) -> File:
    """What is stored under the key; texts are shown, and archives saved."""
    is_shown = media_type in FORMATS
    return File(
        key,
        file_system=cast("FileSystemProtocol", files),  # of which it asks to read bytes alone
        filename=key.rpartition("/")[2],
        media_type=media_type,  # the framework adds the charset of texts
        content_disposition_type="inline" if is_shown else "attachment",
        headers={"Vary": "Accept"} if is_shown else None,
    )


def finished(at: Services, comparison: str, owner: str | None) -> ComparisonRow:
    """A completed comparison; Conflict says why it is not, or not yet."""
    row = at.store.comparison(comparison, owner)
    if row.state in ("queued", "running"):
        raise Conflict(f"The comparison is {row.state}. Wait until its state is completed.")
    if row.state != "completed":
        raise Conflict(f"The comparison is {row.state}, so it has no report. Start another one.")
    return row


reports = Router(
    "/",
    route_handlers=[
        *(show_report, show_json, show_markdown, show_html),
        *(take_records, take_artifact),
    ],
    tags=["Reports"],
)
