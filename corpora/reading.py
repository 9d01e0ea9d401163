"""Reading a data set: a task folder, one file, a built-in name or an inline object."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from corpora.documents import documents_from, read_documents
from corpora.errors import InvalidInput
from corpora.examples import examples_from, labels_of
from corpora.files import MAX_ROWS_BYTES, exists, inside, parse_json, parse_yaml, read_text
from corpora.incumbent import FIELDS, REQUIRED, answers_from, incumbent_of
from corpora.invalid import check_plain, did_you_mean
from corpora.rows import Row, read_rows, rows_from_list
from corpora.shelf import builtin_folder, builtin_tasks
from corpora.spec import Spec, read_spec, task_from
from corpora.splits import make_splits, stratum_of
from corpora.task import Dataset, Document, Example, Incumbent

_NAMES = ("task.yaml", "task.yml", "task.json")


def read_dataset(
    source: str | Path | Mapping[str, Any],
    *,
    seed: int = 0,
    limit: int | None = None,
    train_limit: int | None = None,
    allow_paths: bool = True,
    allowed_models: Collection[str] = (),
    lenient: bool = False,
) -> Dataset:
    """The task with its rows, split; every fault is raised as InvalidInput.

    `source` is a task folder, a .yaml or .json file, the name of a built-in task, or the spec
    itself with its rows inline. `limit` caps the test rows and `train_limit` the training and
    validation rows. Without `allow_paths` (a spec from another machine) nothing in it may name
    a file, save a model or a reranker of `allowed_models`; built-in names stay. With `lenient`,
    outputs and sources that are wrong are let through, so that `corpora.checks` names all such
    rows instead of the first.
    """
    if isinstance(source, Mapping):
        values, folder = dict(source), Path.cwd()
        check_plain(values)
    else:
        path = _locate(source, allow_paths)
        values, folder = _read_spec_file(path), path.parent
        allow_paths = True  # what is read now is a file of this machine
    spec = read_spec(values, allow_paths=allow_paths, allowed_models=allowed_models)
    documents = _documents(spec, folder)
    known = None if spec.documents is None else {document.id for document in documents}
    examples = examples_from(_rows(spec, folder), spec, known, lenient=lenient)
    task = task_from(spec, labels_of(examples, spec))
    splits = make_splits(
        examples,
        [stratum_of(example, spec.kind, spec.no_answer) for example in examples],
        seed=seed,
        limit=limit,
        train_limit=train_limit,
    )
    return Dataset(
        task=task,
        train=splits.train,
        validation=splits.validation,
        test=splits.test,
        documents=documents,
        incumbent=_incumbent(spec, folder, examples, splits.test),
    )


def _locate(source: str | Path, allow_paths: bool) -> Path:
    """The spec file that `source` means: a path that exists goes before a built-in name."""
    path = Path(source)
    if allow_paths and exists(path):
        if path.is_file():
            return path
        found = [path / name for name in _NAMES if (path / name).is_file()]
        if len(found) > 1:
            raise InvalidInput("spec", str(source), f"It has both {' and '.join(_names(found))}.")
        if found:
            return found[0]
        if path.is_dir():
            fix = f"The folder has no {' or '.join(_NAMES)}: add one."
            raise InvalidInput("spec", str(source), fix)
    names = builtin_tasks()
    if str(source) in names:
        return builtin_folder(str(source)) / "task.yaml"
    near = did_you_mean(str(source), names)
    fix = f"No such file, folder or built-in task{near}. Built in: {', '.join(names) or 'none'}."
    raise InvalidInput("spec", str(source), fix)


def _names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def _read_spec_file(path: Path) -> dict[str, Any]:
    if path.suffix.lower() not in (".yaml", ".yml", ".json"):
        raise InvalidInput("spec", path.name, "Give a .yaml or .json file, or a task folder.")
    text = read_text(path, path.name, MAX_ROWS_BYTES)
    parse = parse_json if path.suffix.lower() == ".json" else parse_yaml
    values = parse(text, path.name)
    if not isinstance(values, dict):
        raise InvalidInput(path.name, values, "Give a mapping: `name: ...`, `kind: ...`.")
    return {str(name): value for name, value in values.items()}


def _rows(spec: Spec, folder: Path) -> list[Row]:
    if isinstance(spec.examples, str):
        path = inside(folder, spec.examples, "examples")
        return read_rows(path, spec.examples, spec.columns)
    return rows_from_list(spec.examples, "examples", spec.columns)


def _incumbent(
    spec: Spec, folder: Path, examples: tuple[Example, ...], test: tuple[Example, ...]
) -> Incumbent | None:
    if spec.incumbent is None:
        return None
    if isinstance(spec.incumbent, str):
        name = spec.incumbent
        path = inside(folder, name, "incumbent")
        rows = read_rows(path, name, {}, fields=FIELDS, required=REQUIRED)
    else:
        name, rows = "incumbent", rows_from_list(spec.incumbent, "incumbent")
    return incumbent_of(answers_from(rows, spec), name, examples, test)


def _documents(spec: Spec, folder: Path) -> tuple[Document, ...]:
    if spec.documents is None:
        return ()
    if isinstance(spec.documents, str):
        return read_documents(inside(folder, spec.documents, "documents"))
    return documents_from(rows_from_list(spec.documents, "documents"), "documents")
