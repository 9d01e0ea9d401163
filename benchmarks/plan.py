"""What a run will do, in which order, and the fingerprint that tells it from another run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from benchmarks.records import RunRecord, StrategyFacts, TaskFacts
from corpora.task import Dataset
from strategies.base import Strategy, parts_of, settled

NOT_SEEN = {"needs", "deployment", "models", "strategies", "search", "learning_curve"}
"""Fields of a task that change nothing of what a strategy without a search prepares and answers."""
CHEAP_TO_DEAR = ("baseline", "prompting", "rag", "fine-tuning", "combined")


@dataclass(frozen=True)
class Entry:
    """One row of the comparison: a strategy with the name of its model, if it uses one."""

    id: str
    strategy: Strategy
    model: str | None

    @property
    def searches(self) -> bool:
        """Whether it chooses its settings within the task's search budget."""
        each = (self.strategy, *parts_of(self.strategy))
        return any(getattr(strategy, "searches", False) for strategy in each)

    @property
    def facts(self) -> StrategyFacts:
        return StrategyFacts(
            id=self.id,
            name=self.strategy.name,
            family=self.strategy.family,
            model=self.model,
            searches=self.searches,
        )

    @property
    def folder_name(self) -> str:
        """The id as one folder's name: a model's name may hold slashes."""
        return quote(self.id, safe="@+")


def plan_run(
    dataset: Dataset, strategies: Sequence[Strategy], models: Iterable[str]
) -> list[Entry]:
    """Strategies × models, model by model so that one is in memory at a time, cheap to dear.

    A strategy without a language model comes once. With several models an id is `name@model`.
    """
    names = list(models)

    def dearness(strategy: Strategy) -> int:
        families = CHEAP_TO_DEAR
        return families.index(strategy.family) if strategy.family in families else len(families)

    documents = bool(dataset.documents)
    ready = [settled(each, dataset.task, has_documents=documents) for each in strategies]
    ordered = sorted(ready, key=dearness)
    entries = [Entry(each.name, each, None) for each in ordered if not each.needs_model]
    for model in names:
        for each in ordered:
            if each.needs_model:
                id_ = each.name if len(names) == 1 else f"{each.name}@{model}"
                entries.append(Entry(id_, each, model))
    return entries


def needed_models(entries: Sequence[Entry]) -> list[str]:
    """The models that some entry uses, in order."""
    return list(dict.fromkeys(entry.model for entry in entries if entry.model is not None))


def task_facts(dataset: Dataset) -> TaskFacts:
    task = dataset.task
    return TaskFacts(
        name=task.name,
        kind=task.kind,
        metric=task.metric,
        labels=task.labels,
        n_train=len(dataset.train),
        n_validation=len(dataset.validation),
        n_test=len(dataset.test),
        n_documents=len(dataset.documents),
        no_answer=task.no_answer,
        output_schema=task.output_schema,
        rules=task.rules,
        search=task.search,
    )


def fingerprint(
    dataset: Dataset, entries: Sequence[Entry], models: Mapping[str, str], seed: int
) -> str:
    """A hash of all that the scores depend on; `models` maps names to their fingerprints, those
    that could not be loaded left out. Prices and needs are left out: they change what a report
    says, not what was measured. So is the search budget where nothing searches.
    """
    data = dataset.model_dump(mode="json", exclude={"task": NOT_SEEN, "incumbent": True})
    if dataset.incumbent is not None:
        data["incumbent"] = [answer.model_dump(mode="json") for answer in dataset.incumbent.answers]
    content: dict[str, Any] = {
        "version": version("tuneworth"),
        "data": data,
        "seed": seed,
        "strategies": [[entry.id, settings_of(entry.strategy)] for entry in entries],
        "models": dict(models),
    }
    if any(entry.searches for entry in entries):
        content["search"] = dataset.task.search.model_dump()
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def settings_of(strategy: Strategy) -> dict[str, Any]:
    """A strategy's plain settings (top_k, rank, ...); an embedder by its own fingerprint, and
    strategies that it is made of by their classes and settings."""
    settings: dict[str, Any] = {}
    parts = parts_of(strategy)
    for name, value in sorted(getattr(strategy, "__dict__", {}).items()):
        if parts and value == parts:
            settings[name] = [[class_of(part), settings_of(part)] for part in parts]
        elif is_plain(value):
            settings[name] = value
        elif isinstance(value, tuple | list) and all(is_plain(part) for part in value):
            settings[name] = list(value)
        elif hasattr(value, "fingerprint"):
            settings[name] = str(value.fingerprint)
    return settings


def whole_settings(strategy: Strategy) -> dict[str, Any] | None:
    """As `settings_of`, but None where a setting would be left out, or none can be seen."""
    settings = settings_of(strategy)
    seen: dict[str, Any] | None = getattr(strategy, "__dict__", None)
    whole = seen is not None and settings.keys() == seen.keys()
    whole = whole and all(whole_settings(part) is not None for part in parts_of(strategy))
    return settings if whole else None


def class_of(strategy: Strategy) -> str:
    kind = type(strategy)
    return f"{kind.__module__}.{kind.__qualname__}"


def is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def counted(task: TaskFacts) -> TaskFacts:
    """The facts without the search budget, which old records do not tell."""
    return task.model_copy(update={"search": None})


def other_models(old: RunRecord, new: RunRecord) -> bool:
    """Whether others are named, or one is another now; it may have failed to load in either."""
    now = {model.name: model for model in new.models}
    named, named_now = ({facts.model for facts in run.strategies} for run in (old, new))
    changed = any(now.get(model.name, model) != model for model in old.models)
    return changed or named != named_now


def difference(old: RunRecord, new: RunRecord) -> str:
    """In a word or two, what sets two runs apart; for the message of RunMismatch."""
    parts = [
        ("task", old.task.name != new.task.name),
        ("model", other_models(old, new)),
        ("choice of strategies", old.strategies != new.strategies),
        ("seed", old.seed != new.seed),
        ("search budget", old.task.search != new.task.search),
        ("number of rows", counted(old.task) != counted(new.task)),
    ]
    found = [name for name, differs in parts if differs]
    return " and ".join(found) or "content of the data, settings of the strategies or version"
