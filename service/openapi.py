"""OpenAPI: what the framework cannot tell from the handlers, and a page without any script."""

import json
from dataclasses import dataclass
from typing import Any

import jinja2
from litestar import Request, Router
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Example as Shown
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)
from pydantic import Field

from corpora.spec import Spec
from corpora.task import DEFAULT_MODEL, Document, Example, Frozen, IncumbentAnswer
from service.guarding import OPEN, SCHEMES
from service.problems import MEDIA_TYPE
from service.shapes import NewComparison, NewForecast
from service.terms import Changes

DESCRIPTION = """Measures prompting, retrieval and LoRA fine-tuning on your own task and
recommends one. Submit a task, start a comparison, watch it, and read its report."""

TASK_EXAMPLE: dict[str, Any] = {
    "name": "support-triage",
    "kind": "classification",
    "instruction": "Classify the customer's e-mail into exactly one category.",
    "examples": [
        {"id": "1", "input": "I was charged twice in May.", "output": "billing"},
        {"id": "2", "input": "My parcel has not moved for a week.", "output": "delivery"},
        {"id": "3", "input": "Please send the invoice to my new address.", "output": "billing"},
        {"id": "4", "input": "The courier left it at the wrong door.", "output": "delivery"},
    ],
    "needs": {"quality_at_least": 0.9, "requests_per_month": 50000},
}
COMPARISON_EXAMPLE = {"strategies": ["prompt.nearest", "lora"], "limit": 100, "seed": 0}
FORECAST_EXAMPLE = {"confidence": 0.9, "budget_seconds": 120, "seed": 0}
WHAT_IF_EXAMPLE = {
    "requests_per_month": 100000,
    "horizon_months": 24,
    "deployment": {"peak_requests_per_second": 3},
    "prices": {"usd_per_hour": 0.12},
}
PROBLEM_EXAMPLE = {
    "type": "urn:tuneworth:problem:invalid-input",
    "title": "The input is wrong",
    "status": 422,
    "detail": "metric: 'acuracy'. A classification task is measured by: accuracy, macro_f1.",
    "errors": [
        {
            "field": "metric",
            "value": "'acuracy'",
            "fix": "A classification task is measured by: accuracy, macro_f1.",
        }
    ],
}
REASONS = {
    400: "The request cannot be read.",
    401: "No API key came that is in force.",
    403: "The key lacks the scope or the money, or a page of another site sent this.",
    404: "There is no such thing.",
    406: "The report does not come in that format.",
    408: "The body did not come in time.",
    409: "Its state does not allow this.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The input is wrong; `errors` names each field, its value and the fix.",
    429: "The key has asked too often; `Retry-After` says when to try again.",
    503: "It is not ready; `errors` names what is wrong, and the fix. Send the request again.",
}
GUARDED = (401, 403, 429)
"""What every operation may answer that takes a key."""


class WrongField(Frozen):
    """One wrong field: its place, its value as text, and what to do."""

    field: str
    value: str
    fix: str


class ProblemDocument(Frozen):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[WrongField] | None = None
    quote: dict[str, Any] | None = Field(
        default=None, description="Where a cost is not accepted: what it would take."
    )


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The problem documents that an operation may answer with; each may find no database."""
    return {
        status: ResponseSpec(
            data_container=ProblemDocument,
            description=REASONS[status],
            media_type=MEDIA_TYPE,
            examples=[Shown(value={**PROBLEM_EXAMPLE, "status": status})]
            if status == 422
            else None,
            generate_examples=False,
        )
        for status in (*statuses, *GUARDED, 503)
    }


def events_response() -> dict[int, ResponseSpec]:
    told = "Events `state`, `progress` and `end`, or `stopping`."
    return {200: _other(str, "text/event-stream", told)}


def metrics_response() -> dict[int, ResponseSpec]:
    return {200: _other(str, "text/plain", "Metrics as Prometheus reads them.")}


def shown_response(model: type[Frozen]) -> dict[int, ResponseSpec]:
    return {200: _other(model, "application/json", "Its state and how far it is.")}


def report_response() -> dict[int, ResponseSpec]:
    return {200: _other(dict[str, Any], "application/json", "The report (tuneworth.report/1).")}


def forecast_response() -> dict[int, ResponseSpec]:
    return {200: _other(dict[str, Any], "application/json", "The forecast (tuneworth.forecast/1).")}


def what_if_response() -> dict[int, ResponseSpec]:
    told = "Both answers and every bill (tuneworth.what-if/1)."
    return {200: _other(dict[str, Any], "application/json", told)}


def records_response() -> dict[int, ResponseSpec]:
    told = "The records as `outcomes.jsonl` of a run folder has them."
    return {200: _other(str, "application/x-ndjson", told)}


def zip_response() -> dict[int, ResponseSpec]:
    return {200: _other(bytes, "application/zip", "The files of the strategy.")}


def _other(container: Any, media_type: str, description: str) -> ResponseSpec:
    return ResponseSpec(
        data_container=container,
        media_type=media_type,
        description=description,
        generate_examples=False,
    )


def _body(model: type[Frozen], example: dict[str, Any], *, required: bool) -> RequestBody:
    """Described apart from the handlers, which parse bodies themselves (`service.posting`)."""
    schema = model.model_json_schema()
    written_out = _written_out(schema, schema.pop("$defs", {}))
    media = OpenAPIMediaType(schema=written_out, examples={"example": Shown(value=example)})
    return RequestBody(content={"application/json": media}, required=required)


def _written_out(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema with each reference replaced by what it refers to."""
    if isinstance(schema, list):
        return [_written_out(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return _written_out(definitions[name], definitions)
    return {key: _written_out(value, definitions) for key, value in schema.items()}


class InlineSpec(Spec):
    """A task with its data inline. No field can name a file of the server."""

    examples: list[Example]
    documents: list[Document] | None = None
    incumbent: list[IncumbentAnswer] | None = Field(
        default=None, description="What runs today answered to examples, by their ids."
    )
    model: list[str] = Field(
        default=[DEFAULT_MODEL], description="Names of models; a single one needs no list."
    )


def _key() -> Parameter:
    return Parameter(
        name="Idempotency-Key",
        param_in="header",
        schema=Schema(type=OpenAPIType.STRING, max_length=255),
        description="The same key with the same body gets the same reply, for 24 hours.",
    )


@dataclass
class PostTask(Operation):
    """Describes the body of a task."""

    def __post_init__(self) -> None:
        self.request_body = _body(InlineSpec, TASK_EXAMPLE, required=True)
        self.parameters = [*(self.parameters or []), _key()]


@dataclass
class PostComparison(Operation):
    """Describes the options of a comparison."""

    def __post_init__(self) -> None:
        self.request_body = _body(NewComparison, COMPARISON_EXAMPLE, required=False)
        self.parameters = [*(self.parameters or []), _key()]


@dataclass
class PostForecast(Operation):
    """Describes the options of a forecast."""

    def __post_init__(self) -> None:
        self.request_body = _body(NewForecast, FORECAST_EXAMPLE, required=False)
        self.parameters = [*(self.parameters or []), _key()]


@dataclass
class PostWhatIf(Operation):
    """Describes the changes of a what-if."""

    def __post_init__(self) -> None:
        self.request_body = _body(Changes, WHAT_IF_EXAMPLE, required=True)
        self.parameters = [*(self.parameters or []), _key()]


class PlainPage(OpenAPIRenderPlugin):
    """The operations as one HTML page that loads nothing from anywhere."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        loader = jinja2.PackageLoader("service")
        environment = jinja2.Environment(loader=loader, autoescape=True)
        template = environment.get_template("schema.html.j2")
        return template.render(schema=openapi_schema, json=_pretty).encode()


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def openapi_config(version: str) -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Tuneworth",
        version=version,
        description=DESCRIPTION,
        components=SCHEMES,
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, opt=OPEN),
        render_plugins=[PlainPage(path="/")],
        use_handler_docstrings=True,
    )
