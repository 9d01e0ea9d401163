"""The public format of a task, as a user writes it in YAML or JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.metadata import entry_points
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any

import jsonschema
from jsonschema.validators import validator_for
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError
from referencing.exceptions import Unresolvable

from corpora.errors import InvalidInput
from corpora.files import exists
from corpora.invalid import did_you_mean, validated
from corpora.schema_judge import SchemaJudge
from corpora.schema_limits import REFERENCES, check_size
from corpora.style_rules import check_rules
from corpora.task import (
    DEFAULT_METRIC,
    DEFAULT_MODEL,
    Deployment,
    Example,
    Frozen,
    Kind,
    Needs,
    Rule,
    Search,
    Task,
)
from corpora.terms import check_terms

METRICS: dict[Kind, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "extraction": ("field_f1", "exact_match"),
    "question-answering": ("token_f1", "exact_match", "rouge_l", "chrf"),
    "generation": ("rouge_l", "chrf", "token_f1", "exact_match", "rules_kept"),
}


def _not_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "It must not be blank.")
    return text


def _plain_name(name: str) -> str:
    if name.startswith((".", "-")) or not name.isprintable() or set(name) & set('/\\:*?"<>|'):
        raise PydanticCustomError("name", "Use letters, digits, spaces and dashes only.")
    return name


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _path_or_rows(value: object) -> object:
    if not isinstance(value, str | list):
        raise PydanticCustomError("path_or_rows", "Give the name of a file, or a list of rows.")
    return value


MAX_LABELS = 1_000
MAX_NAME = 1_000
"""Characters of a label, of a strategy's or a model's name, or of `no_answer`."""
MAX_INSTRUCTION = 100_000

Text = Annotated[str, AfterValidator(_not_blank)]
Name = Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_not_blank)]
Instruction = Annotated[str, Field(max_length=MAX_INSTRUCTION), AfterValidator(_not_blank)]
PathOrRows = Annotated[Any, BeforeValidator(_path_or_rows)]


class Spec(Frozen):
    """What the user writes; `examples`, `documents` and `incumbent` are a path or rows."""

    name: Annotated[Text, Field(max_length=100), AfterValidator(_plain_name)]
    kind: Kind
    instruction: Instruction
    labels: Annotated[list[Name], Field(max_length=MAX_LABELS)] | None = None
    output_schema: dict[str, Any] | None = None
    rules: Annotated[list[Rule], Field(max_length=100)] | None = None
    examples: PathOrRows
    documents: PathOrRows = None
    columns: dict[str, Name] = Field(default_factory=dict)
    metric: Annotated[str, Field(max_length=MAX_NAME)] | None = None
    model: Annotated[list[Name], BeforeValidator(_as_list), Field(max_length=MAX_LABELS)] = Field(
        default_factory=lambda: [DEFAULT_MODEL]
    )
    strategies: Annotated[list[Name], Field(max_length=MAX_LABELS)] | None = None
    no_answer: Name | None = None
    incumbent: PathOrRows = None
    needs: Needs = Needs()
    deployment: Deployment | None = None
    search: Search = Search()
    reranker: Name | None = None
    learning_curve: bool = False


def read_spec(
    values: Mapping[str, Any], *, allow_paths: bool = True, allowed_models: Collection[str] = ()
) -> Spec:
    """A checked spec. Without `allow_paths` nothing in it may name a file of this machine, save
    a model or a reranker that is one of `allowed_models`.
    """
    spec = validated(Spec, values, strict=True)
    _check_fit(spec)
    _check_lists(spec)
    check_terms(spec.needs, spec.deployment, place="needs.")
    if spec.output_schema is not None:
        _check_schema(spec.output_schema)
    if spec.rules is not None:
        check_rules(spec.rules)
    if not allow_paths:
        _refuse_paths(spec, allowed_models)
    return spec


def task_from(spec: Spec, labels: tuple[str, ...]) -> Task:
    """The task without its rows; `labels` is empty for all kinds but classification."""
    return Task(
        name=spec.name,
        kind=spec.kind,
        instruction=spec.instruction,
        labels=labels,
        output_schema=spec.output_schema,
        rules=tuple(spec.rules or ()),
        metric=spec.metric or DEFAULT_METRIC[spec.kind],
        models=tuple(spec.model),
        strategies=None if spec.strategies is None else tuple(spec.strategies),
        no_answer=spec.no_answer,
        needs=spec.needs,
        deployment=spec.deployment,
        search=spec.search,
        reranker=spec.reranker,
        learning_curve=spec.learning_curve,
    )


def _check_fit(spec: Spec) -> None:
    """Fields that belong to one kind of task only, and the metrics of each kind."""
    belongs = {"labels": "classification", "output_schema": "extraction"}
    belongs |= {"no_answer": "question-answering", "rules": "generation"}
    for field, kind in belongs.items():
        value = getattr(spec, field)
        if value is not None and spec.kind != kind:
            raise InvalidInput(field, value, f"Only a {kind} task has it: remove it.")
    builtin = {metric for metrics in METRICS.values() for metric in metrics}
    plugged = {entry.name for entry in entry_points(group="tuneworth.metrics")} - builtin
    known = [*METRICS[spec.kind], *sorted(plugged)]
    if spec.metric is not None and spec.metric not in known:
        near = did_you_mean(spec.metric, known)
        fix = f"A {spec.kind} task is measured by one of: {', '.join(known)}{near}."
        raise InvalidInput("metric", spec.metric, fix)
    if spec.metric == "rules_kept" and spec.rules is None:
        raise InvalidInput("metric", spec.metric, "It measures `rules`: write some, or change it.")


def _check_lists(spec: Spec) -> None:
    for field in ("labels", "model", "strategies"):
        values: list[str] | None = getattr(spec, field)
        if values is None:
            continue
        if not values:
            raise InvalidInput(field, values, "Name at least one, or leave the field out.")
        for number, value in enumerate(values):
            if value in values[:number]:
                raise InvalidInput(f"{field}[{number}]", value, "It is there twice: remove one.")
            if value != value.strip():
                raise InvalidInput(f"{field}[{number}]", value, "Remove the space around it.")
    if spec.reranker is not None and spec.reranker != spec.reranker.strip():
        raise InvalidInput("reranker", spec.reranker, "Remove the space around it.")
    for name in spec.columns:
        if name not in Example.model_fields:
            known = list(Example.model_fields)
            fix = f"No example has such a field{did_you_mean(name, known)}. Known: "
            raise InvalidInput(f"columns.{name}", name, fix + ", ".join(known) + ".")


def _check_schema(schema: dict[str, Any]) -> None:
    check_size(schema)
    for reference in _references(schema):
        if not isinstance(reference, str) or not reference.startswith("#"):
            fix = "Only references inside the schema (#/...) are followed: write it out."
            raise InvalidInput("output_schema.$ref", reference, fix)
    if not isinstance(schema.get("$schema", ""), str):
        raise InvalidInput("output_schema.$schema", schema["$schema"], "Give a text, or none.")
    properties = schema.get("properties")
    if schema.get("type", "object") != "object" or not properties:
        fix = "Describe an object: `type: object` with its fields under `properties`."
        raise InvalidInput("output_schema", schema, fix)
    try:
        validator_for(schema, default=jsonschema.Draft202012Validator).check_schema(schema)
        SchemaJudge(schema).fits(dict.fromkeys(properties))
    except jsonschema.SchemaError as error:
        place = ".".join(["output_schema", *(str(part) for part in error.absolute_path)])
        raise InvalidInput(place, error.instance, f"No JSON Schema: {error.message}.") from None
    except (Unresolvable, RecursionError) as error:
        fix = f"A reference in it cannot be followed ({type(error).__name__}): write it out."
        raise InvalidInput("output_schema", schema, fix) from None
    except TimeoutError as error:
        fix = f"No value can be checked against it ({error}): write it simpler."
        raise InvalidInput("output_schema", schema, fix) from None


def _references(schema: object) -> list[object]:
    """The values of every `$ref` in a schema."""
    found: list[object] = []
    waiting = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            # A property of the user's may be called "$ref": then its value is a schema.
            found.extend(item[name] for name in REFERENCES if isinstance(item.get(name), str))
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return found


def _refuse_paths(spec: Spec, allowed_models: Collection[str]) -> None:
    for field in ("examples", "documents", "incumbent"):
        value = getattr(spec, field)
        if isinstance(value, str):
            raise InvalidInput(field, value, "No file can be named here: send the rows inline.")
    for number, model in enumerate(spec.model):
        if model not in allowed_models and looks_like_path(model):
            fix = "No folder can be named here: use the name of a model."
            raise InvalidInput("model" if len(spec.model) == 1 else f"model[{number}]", model, fix)
    reranker = spec.reranker
    if reranker is not None and reranker not in allowed_models and looks_like_path(reranker):
        raise InvalidInput("reranker", reranker, "No folder can be named here: use a hub id.")


def looks_like_path(model: str) -> bool:
    """Whether a model's name could be a folder: hub ids (owner/name) have one slash at most."""
    windows = PureWindowsPath(model)
    return (
        model.startswith((".", "~", "/"))
        or "\\" in model
        or bool(windows.drive)
        or ".." in windows.parts
        or model.count("/") > 1
        or exists(Path(model))
    )
