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
from strategies.base import Strategy

CHEAP_TO_DEAR = ("baseline", "prompting", "rag", "fine-tuning", "combined")


@dataclass(frozen=True)
class Entry:
    """One row of the comparison: a strategy with the name of its model, if it uses one."""

    id: str
    strategy: Strategy
    model: str | None

    @property
    def facts(self) -> StrategyFacts:
        return StrategyFacts(
            id=self.id, name=self.strategy.name, family=self.strategy.family, model=self.model
        )

    @property
    def folder_name(self) -> str:
        """The id as one folder's name: a model's name may hold slashes."""
        return quote(self.id, safe="@+")


def plan_run(strategies: Sequence[Strategy], models: Iterable[str]) -> list[Entry]:
    """Strategies × models, model by model so that one is in memory at a time, cheap to dear.

    A strategy without a language model comes once. With several models an id is `name@model`.
    """
    names = list(models)

    def dearness(strategy: Strategy) -> int:
        families = CHEAP_TO_DEAR
        return families.index(strategy.family) if strategy.family in families else len(families)

    ordered = sorted(strategies, key=dearness)
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
    )


def fingerprint(
    dataset: Dataset, entries: Sequence[Entry], models: Mapping[str, str], seed: int
) -> str:
    """A hash of all that the scores depend on; `models` maps names to their fingerprints, those
    that could not be loaded left out. Prices and needs are left out: they change what a report
    says, not what was measured.
    """
    named = {"needs", "models", "strategies"}
    data = dataset.model_dump(mode="json", exclude={"task": named, "incumbent": True})
    if dataset.incumbent is not None:
        data["incumbent"] = [answer.model_dump(mode="json") for answer in dataset.incumbent.answers]
    content = {
        "version": version("tuneworth"),
        "data": data,
        "seed": seed,
        "strategies": [[entry.id, settings_of(entry.strategy)] for entry in entries],
        "models": dict(models),
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def settings_of(strategy: Strategy) -> dict[str, Any]:
    """A strategy's plain settings (top_k, rank, ...); an embedder by its own fingerprint."""
    settings: dict[str, Any] = {}
    for name, value in sorted(getattr(strategy, "__dict__", {}).items()):
        if is_plain(value):
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
    return settings if seen is not None and settings.keys() == seen.keys() else None


def is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


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
        ("number of rows", old.task != new.task),
    ]
    found = [name for name, differs in parts if differs]
    return " and ".join(found) or "content of the data, settings of the strategies or version"
