"""A task's spec as it comes over HTTP: inline data, known names, and no path of this machine."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from corpora.checks import QUICK_CHECKS, Material
from corpora.documents import documents_from
from corpora.errors import InvalidInput
from corpora.examples import examples_from, labels_of
from corpora.incumbent import answers_from, incumbent_of
from corpora.invalid import check_plain
from corpora.reading import read_dataset
from corpora.rows import rows_from_list
from corpora.spec import read_spec, task_from
from corpora.task import Dataset, Document, Example, Task
from strategies.registry import model_names, strategy_names

ALLOW_MODELS = "TUNEWORTH_ALLOW_MODELS"
"""Names, separated by commas: the hub ids and folders that a spec sent over HTTP may use as a
model or as a reranker, beside the models that have a name here."""
SPLIT_AT_ONCE = 20_000
"""Characters of inputs that are split while the request waits: some 20 ms, beside other work."""


def dataset_from(spec: Mapping[str, Any], **options: Any) -> Dataset:
    """The data set of a spec; raises InvalidInput. `options` are those of `read_dataset`."""
    _check_names_of(spec)
    return read_dataset(spec, allow_paths=False, allowed_models=allowed_models(), **options)


def allowed_models() -> frozenset[str]:
    """What the operator allows by name; read anew each time, as the worker is another process."""
    names = os.environ.get(ALLOW_MODELS, "").split(",")
    return frozenset(name.strip() for name in names if name.strip())


def check_names(field: str, names: object, known: Iterable[str]) -> None:
    """Raise InvalidInput for the first name that is unknown; other faults are left to others."""
    known = sorted(known)
    for name in names if isinstance(names, list) else []:
        if isinstance(name, str) and name not in known:
            raise InvalidInput(field, name, f"Choose one of: {', '.join(known)}.")


def check_spec(values: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a task (`service.shapes.TaskFacts`); raises InvalidInput.

    Quick, so that a request can wait for it: only where the inputs are short are their texts
    compared with each other and split. What would show only then fails the comparison.
    """
    _check_names_of(values)
    check_plain(values)
    spec = read_spec(values, allow_paths=False, allowed_models=allowed_models())
    documents: tuple[Document, ...] = ()
    if spec.documents is not None:
        documents = documents_from(rows_from_list(spec.documents, "documents"), "documents")
    known = None if spec.documents is None else {document.id for document in documents}
    rows = rows_from_list(spec.examples, "examples", spec.columns)
    examples = examples_from(rows, spec, known)
    task = task_from(spec, labels_of(examples, spec))
    if task.deployment is not None or task.needs.engineer_hours_per_month:
        from benchmarks.costs import read_prices  # prices are loaded where they are needed
        from service.stated import check_stated

        check_stated(task.needs, task.deployment, read_prices())
    _refuse_senseless(task, examples)
    if spec.incumbent is not None:
        answers = answers_from(rows_from_list(spec.incumbent, "incumbent"), spec)
        incumbent_of(answers, "incumbent", examples, _may_test(examples))
    if sum(len(example.input) for example in examples) <= SPLIT_AT_ONCE:
        dataset_from(values)  # raises where no row is left for testing
    return {
        "name": task.name,
        "kind": task.kind,
        "metric": task.metric,
        "models": list(task.models),
        "strategies": None if task.strategies is None else list(task.strategies),
        "labels": list(task.labels),
        "n_examples": len(examples),
        "n_documents": len(documents),
    }


def _check_names_of(values: Mapping[str, Any]) -> None:
    """Known names of strategies; models and a reranker that have a name here or are allowed.

    Before anything else, so that no message tells which files there are.
    """
    models, reranker = values.get("model"), values.get("reranker")
    models = [models] if isinstance(models, str) else models
    _check_allowed("model", models, model_names())
    _check_allowed("reranker", [reranker], [])
    check_names("strategies", values.get("strategies"), strategy_names())


def _check_allowed(field: str, names: object, known: Sequence[str]) -> None:
    allowed = {*known, *allowed_models()}
    for name in names if isinstance(names, list) else []:
        if isinstance(name, str) and name not in allowed:
            choice = f"Choose one of: {', '.join(sorted(allowed))}. " if allowed else ""
            operator = "Whoever runs this server allows others by name"
            raise InvalidInput(field, name, f"{choice}{operator}, in {ALLOW_MODELS}.")


def _refuse_senseless(task: Task, examples: Sequence[Example]) -> None:
    """Findings with which a comparison makes no sense, of those that are quick to look for."""
    test = _may_test(examples)
    train = tuple(one for one in examples if one.split not in (None, "test"))
    material = Material(Dataset(task=task, train=train, validation=(), test=test))
    for field, check in QUICK_CHECKS:
        for finding in check(material):
            value = task.instruction if field == "instruction" else f"{len(examples)} rows"
            raise InvalidInput(field, value, finding.message)


def _may_test(examples: Sequence[Example]) -> tuple[Example, ...]:
    """The rows that are for testing, or could be where none says its split."""
    return tuple(one for one in examples if one.split in (None, "test"))
