"""One model in memory at a time, and what is known of each."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.guard import Broken, guarded
from benchmarks.records import ModelFacts
from corpora.checks import longer_than_context
from corpora.errors import InvalidInput
from corpora.task import Check, Dataset
from strategies.models.base import Model

LoadModel = Callable[[], Model]


class ModelSlot:
    """Room for one model: asking for another lets go of the one before."""

    def __init__(
        self, loaders: Mapping[str, LoadModel], on_load: Callable[[str], None], folder: Path
    ) -> None:
        self._loaders = loaders
        self._on_load = on_load
        self._folder = folder
        self._name: str | None = None
        self._model: Model | None = None
        self._broken: dict[str, Broken] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Of all models that can be asked for."""
        return tuple(self._loaders)

    def is_broken(self, name: str | None) -> bool:
        """Whether loading was tried, in vain."""
        return name in self._broken

    def load(self, name: str) -> Model:
        """The model. Raises Broken where it cannot be loaded; that is tried once only."""
        if name in self._broken:
            raise self._broken[name]
        if self._model is None or name != self._name:
            self._on_load(name)
            held, self._model = self._model is not None, None
            if held or "torch" in sys.modules:
                gc.collect()  # else no weights lie in memory, and to look for them takes long
            try:
                self._model = guarded(self._loaders[name], self._folder)
            except Broken as broken:
                cause = broken.__cause__
                why = cause.fix if isinstance(cause, InvalidInput) else str(broken)
                self._broken[name] = Broken(f"the model {name} cannot be loaded: {why}")
                raise self._broken[name] from cause
            self._name = name
        return self._model


@dataclass(frozen=True)
class KnownModels:
    """A slot for the strategies of a run: no model comes out of it but those that `known` tells,
    the fingerprints by name that the run began with."""

    slot: ModelSlot
    known: Mapping[str, str]

    def load(self, name: str) -> Model:
        """The model. Raises Broken where it cannot be loaded, or is another one by now."""
        model = self.slot.load(name)
        found, known = model.info.fingerprint, self.known.get(name)
        if known is None:
            raise Broken(f"the model {name} could not be loaded when the run began")
        if found != known:
            raise Broken(
                f"the model {name} is not the one that the run began with: its fingerprint is"
                f" {found}, not {known}"
            )
        return model


def fingerprints(models: Iterable[ModelFacts]) -> dict[str, str]:
    """By the names of the models."""
    return {model.name: model.fingerprint for model in models}


def model_facts(
    names: Sequence[str],
    slot: ModelSlot,
    then: Mapping[str, ModelFacts],
    dataset: Dataset,
    folder: Path,
) -> tuple[list[ModelFacts], tuple[Check, ...] | None]:
    """What is known of the models, those aside that cannot be loaded and were not `then`; and
    which rows are too long for them, None where none could be asked.

    Raises what their loading raised where nothing is known of any.
    """
    found, broken = dict(then), None
    lengths: dict[str, tuple[Check, ...]] = {}
    for name in reversed(names):
        try:
            model = slot.load(name)
        except Broken as error:
            broken = error
            continue
        with suppress(Broken):  # one that cannot count fails its own rows
            lengths[name] = guarded(partial(too_long, dataset, name, model), folder)
        info = model.info
        found[name] = ModelFacts(
            name=name,
            parameters=info.parameters,
            dtype=info.dtype,
            fingerprint=info.fingerprint,
            hosted=model.hosted,
        )
        del model
    if broken is not None and not found:
        raise broken.__cause__ or broken
    known = [found[name] for name in names if name in found]
    if not lengths:
        return known, None
    return known, tuple(check for name in names for check in lengths.get(name, ()))


def too_long(dataset: Dataset, name: str, model: Model) -> tuple[Check, ...]:
    return longer_than_context(dataset, name, model.context_length, model.count_tokens)
