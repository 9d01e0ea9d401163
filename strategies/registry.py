"""Strategies, models and retrievers by name, found through entry points.

A third party's package joins in by declaring `tuneworth.strategies`, `tuneworth.models` or
`tuneworth.retrievers`; nothing is imported before it is asked for.
"""

from __future__ import annotations

import difflib
import inspect
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from corpora.task import DEFAULT_METRIC, Document, Example, Kind, Task
from strategies.base import (
    Described,
    Family,
    Prepared,
    Progress,
    Score,
    Strategy,
    no_progress,
)
from strategies.errors import ModelError, StrategyError, UnknownName
from strategies.models.base import Model
from strategies.models.hosted import hosted_models, load_hosted
from strategies.models.scripted import ScriptedModel

if TYPE_CHECKING:
    from strategies.embedding import Embedder

STRATEGIES = "tuneworth.strategies"
MODELS = "tuneworth.models"
RETRIEVERS = "tuneworth.retrievers"
SETTLED_NS = 10 * 10**9
"""An installation may still be under way so long after a folder has changed last."""
ALLOW_DOWNLOAD = "TUNEWORTH_ALLOW_DOWNLOAD"


def strategy_names() -> list[str]:
    """Every registered strategy, sorted."""
    return sorted(_points(STRATEGIES))


def retriever_names() -> list[str]:
    """Every registered retriever, sorted."""
    return sorted(_points(RETRIEVERS))


def model_names() -> list[str]:
    """Every model that has a name here, sorted: of the catalogue, of plug-ins, and hosted."""
    return sorted({*_points(MODELS), *hosted_models()})


def create_strategy(name: str, *, embedder: Embedder | None = None) -> Strategy:
    """A strategy with its default settings, and `embedder` where it takes one.

    Raises UnknownName.
    """
    point = _point(STRATEGIES, "strategy", name)
    kind = _load(point)

    def made() -> Any:
        takes_it = embedder is not None and "embedder" in inspect.signature(kind).parameters
        return kind(embedder=embedder) if takes_it else kind()

    strategy: Strategy = _call(point, made)
    missing = [
        part
        for part in ("name", "family", "needs_model", "misfit", "prepare", "load")
        if not hasattr(strategy, part)
    ]
    if missing:
        raise StrategyError(
            f"{_whose(point)} does not keep the contract of a strategy: it has no"
            f" {', '.join(missing)}."
        )
    return strategy


def every_strategy() -> list[Strategy]:
    """All that are registered; in place of one that cannot be loaded, one that says why."""
    return [_created_or_not(name) for name in strategy_names()]


def _created_or_not(name: str) -> Strategy:
    try:
        return create_strategy(name)
    except StrategyError as error:
        return Unavailable(name, error)


def load_retriever(name: str) -> Any:
    """The class of a retriever. Raises UnknownName."""
    point = _point(RETRIEVERS, "retriever", name)
    return _load(point)


def describe_strategies() -> list[Described]:
    """One row for every registered strategy, those that cannot be used included."""
    return [_described_or_not(name) for name in strategy_names()]


def _described_or_not(name: str) -> Described:
    try:
        return describe_strategy(name)
    except StrategyError as error:
        return Described(name=name, family=Unavailable.family, summary="", error=str(error))


def describe_strategy(name: str) -> Described:
    """Its family, its docstring's first paragraph, and the kinds of task that it serves."""
    strategy = create_strategy(name)
    summary = (inspect.getdoc(type(strategy)) or "").split("\n\n")[0].replace("\n", " ")
    point = _point(STRATEGIES, "strategy", name)
    kinds = _call(point, lambda: tuple(kind for kind in get_args(Kind) if _serves(strategy, kind)))
    return Described(name=name, family=strategy.family, summary=summary, kinds=kinds)


def load_model(name: str) -> Model:
    """A model by catalogue or plug-in name, configured hosted name, local folder or hub id.

    Tried in this order. Files of a hub id come from the hub's local cache, and are downloaded
    only where TUNEWORTH_ALLOW_DOWNLOAD=1. Raises UnknownName, NotFetched or ModelError.
    """
    points = _points(MODELS)
    if name in points:
        model: Model = _call(points[name], _load(points[name]))
        return model
    if name in hosted_models():
        return load_hosted(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _load_folder(folder, name)
    if name.startswith((".", "/", "~")):
        raise ModelError(f"model: there is no folder {name!r}. Correct the path.")
    if _is_hub_id(name):
        return _load_from_hub(name)
    raise _unknown("model", name, model_names())


def _load_folder(folder: Path, name: str) -> Model:
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"model: the folder {name!r} has no config.json. Give a folder saved by transformers"
            " (config.json, safetensors weights, the tokenizer's files)."
        )
    from strategies.models.local import LocalModel

    return LocalModel(folder, name=name)


def _is_hub_id(name: str) -> bool:
    parts = name.split("/")
    return len(parts) == 2 and all(parts)


def _load_from_hub(name: str) -> Model:
    allowed = os.environ.get(ALLOW_DOWNLOAD) == "1"
    if not allowed and not _in_hub_cache(name):
        raise ModelError(
            f"model: {name!r} is neither a folder nor in the local cache of the model hub."
            f" Set {ALLOW_DOWNLOAD}=1 to let it be downloaded, or give a folder."
        )
    from strategies.models.local import LocalModel

    return LocalModel(name, name=name, download=allowed)


def _in_hub_cache(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        raise _unknown("model", name, model_names()) from None


def _points(group: str) -> Mapping[str, EntryPoint]:
    seen = tuple(_seen(place) for place in sys.path)
    last = max((changed for _, changed in seen), default=0)
    if time.time_ns() - last < SETTLED_NS:
        _remembered.cache_clear()
    return _remembered(group, seen)


@lru_cache(maxsize=8)
def _remembered(group: str, seen: tuple[tuple[str, int], ...]) -> Mapping[str, EntryPoint]:
    """Looked for once, as it takes reading a file of every package: again where a folder that
    Python imports from is another one, or has changed, as by an installation."""
    return {point.name: point for point in entry_points(group=group)}


def _seen(place: str) -> tuple[str, int]:
    """A folder and when something was put into it or removed last, in nanoseconds."""
    try:
        return place, os.stat(place or os.curdir).st_mtime_ns
    except OSError:
        return place, 0


def _point(group: str, what: str, name: str) -> EntryPoint:
    points = _points(group)
    if name not in points:
        raise _unknown(what, name, sorted(points))
    return points[name]


def _unknown(what: str, name: str, known: list[str]) -> UnknownName:
    """The error, with the names most like the wrong one first."""
    alike = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return UnknownName(what, name, [*alike, *(other for other in known if other not in alike)])


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:  # a plug-in may fail in any way
        raise StrategyError(_broken(point, error)) from error


def _call(point: EntryPoint, factory: Callable[[], Any]) -> Any:
    try:
        return factory()
    except StrategyError:
        raise
    except Exception as error:
        raise StrategyError(_broken(point, error)) from error


def _broken(point: EntryPoint, error: Exception) -> str:
    what = f"{_whose(point)} cannot be used: {type(error).__name__}: {error}."
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return f"{what} Free memory, or name a smaller model."
    return f"{what} Correct or uninstall the package that brings it."


def _whose(point: EntryPoint) -> str:
    package = f" of the package {point.dist.name}" if point.dist else ""
    return f"{point.name} ({point.value}){package}"


def _serves(strategy: Strategy, kind: Kind) -> bool:
    """Whether it fits some task of the kind, given documents and a model it may train."""
    task = Task(
        name="any",
        kind=kind,
        instruction="Any.",
        labels=("yes", "no") if kind == "classification" else (),
        output_schema={"type": "object"} if kind == "extraction" else None,
        metric=DEFAULT_METRIC[kind],
    )
    return strategy.misfit(task, has_documents=True, model=_TrainableModel(str)) is None


class _TrainableModel(ScriptedModel):
    """Stands for any model with its weights at hand."""

    trainable = True


class Unavailable:
    """Stands for a strategy that cannot be loaded: whatever it is asked, it raises why.

    So a broken plug-in is one failed row of a comparison, with its reason, and harms no other.
    """

    family: Family = "unknown"
    needs_model = False

    def __init__(self, name: str, error: StrategyError) -> None:
        self.name = name
        self.error = error

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
        raise self.error

    def prepare(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        documents: Sequence[Document],
        model: Model | None,
        score: Score,
        *,
        seed: int = 0,
        progress: Progress = no_progress,
    ) -> Prepared:
        raise self.error

    def load(self, folder: Path, task: Task, model: Model | None) -> Prepared:
        raise self.error
