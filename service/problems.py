"""From an error to a problem document (RFC 9457); the only place that maps errors to HTTP.

Each has type, title, status and detail. Bad input names each wrong field, its value and the
fix under `errors`.
"""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.errors import BadPriceFile, DamagedJournal, RunMismatch
from corpora.errors import CorpusError, InvalidInput, shorten
from service.database import is_away, reason_of
from service.errors import (
    Conflict,
    CostNotAccepted,
    KeyReused,
    NoKey,
    NotAllowed,
    NotFound,
    OverBudget,
    StoreAway,
    TooOften,
)
from strategies.errors import StrategyError, UnknownName

MEDIA_TYPE = "application/problem+json"
ROUTING = {
    404: "There is nothing at this address. /schema lists what there is.",
    405: "This address does not take that method; the Allow header lists those it takes.",
    413: "The body is too large. Send at most 32 MB; sample the rows, or shorten the documents.",
}
"""What is wrong where the framework only names the status."""
logger = logging.getLogger("tuneworth")


class Problem(Exception):
    """An error as the client shall see it. `name` ends its type."""

    def __init__(
        self,
        status: int,
        name: str,
        title: str,
        detail: str,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.headers = dict(headers or {})
        self.document: dict[str, Any] = {
            "type": f"urn:tuneworth:problem:{name}",
            "title": title,
            "status": status,
            "detail": detail,
        }
        if errors:
            self.document["errors"] = list(errors)
        super().__init__(detail)


def invalid(errors: Sequence[Mapping[str, Any]], detail: str | None = None) -> Problem:
    """Bad input; each error has field, value (as shown to a person) and fix."""
    detail = detail or "; ".join(f"{e['field']}: {e['value']}. {e['fix']}" for e in errors)
    return Problem(422, "invalid-input", "The input is wrong", detail, errors)


def wrong_field(field: str, value: object, fix: str) -> dict[str, str]:
    return {"field": field, "value": shorten(value), "fix": fix}


def problem_of(error: Exception) -> Problem:
    """The problem that an error of any layer amounts to; an unexpected one is a 500."""
    match error:
        case Problem():
            return error
        case NotFound():
            return Problem(404, "not-found", "Not found", str(error))
        case Conflict():
            return Problem(409, "conflict", "Not possible in this state", str(error))
        case CostNotAccepted():
            wrong = wrong_field("accept_cost_usd", error.accepted, error.fix)
            title = "The cost is not accepted"
            problem = Problem(422, "cost-not-accepted", title, str(error), [wrong])
            problem.document["quote"] = error.quote
            return problem
        case NoKey():
            asks = {"WWW-Authenticate": 'Bearer realm="tuneworth"'}
            return Problem(401, "no-key", "An API key is needed", str(error), headers=asks)
        case NotAllowed():
            return Problem(403, "not-allowed", "Not allowed with this key", str(error))
        case TooOften():
            wait = {"Retry-After": str(max(ceil(error.seconds), 1))}
            return Problem(429, "too-often", "Too many requests", str(error), headers=wait)
        case OverBudget():
            wrong = wrong_field("accept_cost_usd", error.usd, error.fix)
            return Problem(403, "over-budget", "Over this key's limit", str(error), [wrong])
        case RunMismatch():  # its own text names a folder of this machine
            detail = f"What is stored of it is a run with another {error.differs}. Start it anew."
            return Problem(409, "conflict", "Not possible in this state", detail)
        case DamagedJournal():  # and so does this one's
            detail = f"Line {error.line} of {error.path.name}, which an older version left, cannot"
            detail += " be read. Start another comparison or forecast."
            return Problem(409, "conflict", "Not possible in this state", detail)
        case BadPriceFile():
            return Problem(422, "invalid-input", "The input is wrong", str(error))
        case KeyReused():
            fix = "Use a new key for a new request."
            return invalid([wrong_field("Idempotency-Key", error.key, fix)], detail=str(error))
        case InvalidInput():
            return invalid([wrong_field(error.field, error.value, error.fix)])
        case UnknownName():
            known = ", ".join(error.known)
            return invalid([wrong_field(error.what, error.name, f"Choose one of: {known}.")])
        case CorpusError() | StrategyError():
            return Problem(422, "invalid-input", "The input is wrong", str(error))
        case HTTPException():
            return _from_http(error)
        case SQLAlchemyError() if is_away(error):
            detail = "It did not answer. Send the request again; with an Idempotency-Key none"
            detail += " is done twice."
            title = "The database is away"
            return Problem(503, "database-away", title, detail, headers={"Retry-After": "2"})
        case StoreAway():
            detail = "The store of reports and artefacts did not answer. Send the request again."
            title = "The store is away"
            return Problem(503, "store-away", title, detail, headers={"Retry-After": "5"})
    detail = "An unexpected error; the server's log tells more."
    return Problem(500, "unexpected", "Something went wrong here", detail)


def reply_with_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The exception handler of the whole application."""
    problem = problem_of(error)
    for one in problem.document.get("errors", ()):
        if one["field"] in request.query_params:  # the framework does not say what it refused
            one["value"] = shorten(request.query_params[one["field"]])
    if problem.status == 503 and isinstance(error, SQLAlchemyError | StoreAway):
        logger.warning("%s %s: %s.", request.method, request.scope["path"], reason_of(error))
    elif problem.status >= 500 and not isinstance(error, Problem):
        logger.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    return Response(
        problem.document,
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )


def of_body(error: ValidationError) -> Problem:
    """For a body that does not fit its model; elsewhere such an error is unexpected."""
    return invalid([_pydantic_error(one) for one in error.errors(include_url=False)])


def _pydantic_error(error: Any) -> dict[str, str]:
    field = ".".join(str(part) for part in error["loc"]) or "body"
    return wrong_field(field, error["input"], f"{error['msg']}.")


def _from_http(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    name = phrase.lower().replace(" ", "-")
    errors: list[dict[str, str]] = []
    detail = ROUTING.get(error.status_code, error.detail)
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        errors = [
            wrong_field(str(one.get("key", "")), one.get("value"), f"{one['message']}.")
            for one in error.extra
        ]
        detail = "; ".join(f"{one['field']}: {one['fix']}" for one in errors)
    return Problem(error.status_code, name, phrase, detail, errors, error.headers)
