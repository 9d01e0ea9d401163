"""What every POST has in common: a JSON body, and the Idempotency-Key.

Bodies are parsed here and not by the framework: off the event loop, once, and so that each
fault becomes a problem document.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.errors import KeyReused
from service.problems import Problem, of_body
from service.storage import ReplyRow, now
from service.store import Store

Body = TypeVar("Body", bound=BaseModel)
KEPT = timedelta(hours=24)
"""How long a reply is given again for its Idempotency-Key."""


@dataclass(frozen=True)
class Post:
    """A POST as it came: `operation` is its method and path, `key` its Idempotency-Key, which
    means something to its `owner` alone."""

    operation: str
    body: bytes
    key: str | None
    owner: str | None


@dataclass(frozen=True)
class Reply:
    """What is answered, and what is kept for the same key. `location` is in the body's links.

    It is kept as long as the `task` that it speaks of, and the `work` where it speaks of one.
    """

    status: int
    body: dict[str, Any]
    location: str
    task: str
    work: str | None = None

    def response(self) -> Response[Any]:
        return Response(self.body, status_code=self.status, headers={"Location": self.location})


def read_post(request: Request[Any, Any, Any], body: bytes, owner: str | None) -> Post:
    """The request of `owner`, its media type and its key checked."""
    media_type = request.content_type[0]
    if body and media_type != "application/json" and not media_type.endswith("+json"):
        detail = f"Send JSON with Content-Type: application/json, not {media_type or 'none'!r}."
        raise Problem(415, "unsupported-media-type", "Wrong media type", detail)
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= 255 and key.isprintable()):
        raise Problem(400, "bad-request", "Bad Idempotency-Key", "Use 1 to 255 characters.")
    path = quote(request.url.path, errors="backslashreplace")  # nothing a database refuses
    return Post(f"{request.method} {path}", body, key, owner)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; no body is an empty object."""
    try:
        value = msgspec.json.decode(body or b"{}")
    except RecursionError:
        raise _not_json("It is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json(f"{error}.") from None
    if not isinstance(value, dict):
        raise _not_json("Send an object: {...}.")
    return value


def parse_as(model: type[Body], body: bytes) -> Body:
    """The body as a `model`; the problem document names every field that does not fit."""
    try:
        return model.model_validate(parse_object(body), strict=True)
    except ValidationError as error:
        raise of_body(error) from None


def answer_once(
    store: Store, post: Post, create: Callable[[], Callable[[Session], Reply]]
) -> Reply:
    """The reply to a POST: the earlier one where its key is known, else a new one.

    `create` checks the request and returns what stores it. What it stores and the reply under
    the key go into one transaction, so that two requests at once make one thing.
    """
    if post.key is None:
        make = create()
        with store.begin() as session:
            return make(session)
    digest = hashlib.sha256(post.body).hexdigest()
    earlier = _earlier(store, post, digest)
    if earlier is not None:
        return earlier
    make = create()
    try:
        with store.begin() as session:
            store.forget_replies(session, outdated())
            reply = make(session)
            if store.lock_task(session, reply.task):  # else it was removed meanwhile
                session.add(_row(post, digest, reply))
        return reply
    except IntegrityError:
        earlier = _earlier(store, post, digest)
        if earlier is None:
            raise
        return earlier


def outdated() -> str:
    """A reply given before then is not given again."""
    return (datetime.now(UTC) - KEPT).isoformat()


def _row(post: Post, digest: str, reply: Reply) -> ReplyRow:
    return ReplyRow(
        owner=post.owner or "",
        key=post.key,
        operation=post.operation,
        task=reply.task,
        work=reply.work,
        digest=digest,
        status=reply.status,
        body={"body": reply.body, "location": reply.location},
        created_at=now(),
    )


def _earlier(store: Store, post: Post, digest: str) -> Reply | None:
    assert post.key is not None
    with store.begin() as session:
        row = session.get(ReplyRow, (post.owner or "", post.key, post.operation))
    if row is None:
        return None
    if row.digest != digest:
        raise KeyReused(post.key)
    return Reply(row.status, row.body["body"], row.body["location"], row.task, row.work)


def _not_json(reason: str) -> Problem:
    return Problem(400, "bad-json", "The body is not the JSON expected here", reason)
