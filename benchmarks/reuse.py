"""What a run takes from earlier work on this machine, and leaves to later runs.

The cache is open while a strategy prepares, for embeddings and replies, and each of them is
charged the seconds it took when it was computed. It is open for replies to test batches once
enough batches were computed to tell the throughput, and what is reused there has no time. It is
shut for everything else: single requests and the guards always compute.
"""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.code import code_of
from benchmarks.environment import cuda_devices, read_environment
from benchmarks.metrics import metric_for
from benchmarks.plan import NOT_SEEN, Entry, class_of, whole_settings
from corpora.task import Dataset
from strategies.archives import unpack
from strategies.base import Strategy, parts_of
from strategies.cache import Cache, key_of
from strategies.cache import Entry as Kept
from strategies.errors import BadArchive
from strategies.models.base import Model
from strategies.reuse import Kind, Session, opened

PREPARED = "prepared"
OURS = ("corpora", "strategies", "benchmarks")
SPEED_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Earlier:
    """A strategy as it was prepared before: what that took, and how it was trained."""

    seconds: float
    training: dict[str, Any] | None


class Reuse:
    """One run's way to the cache; None for a run that computes everything."""

    def __init__(self, cache: Cache | None, dataset: Dataset, seed: int) -> None:
        self.cache = cache
        self.dataset = dataset
        self.seed = seed

    def opened(
        self, *kinds: Kind, clock: Callable[[], float] = time.perf_counter
    ) -> AbstractContextManager[Session]:
        """The cache, open for these kinds of results until the context ends."""
        context = self._context()
        cache = self.cache if context else None
        return opened(Session(cache, kinds, context or {}, clock))

    def key(self, entry: Entry, model: Model | None) -> str | None:
        """Stands for all that preparing depends on, the test split aside, which it never sees.

        None where that cannot be told: a setting without a plain value, code that cannot be
        read, a model that is not known by its content (hosted ones among them).
        """
        context = self._context()
        if context is None:
            return None
        settings = whole_settings(entry.strategy)
        code = code_of(*self._modules(entry.strategy))
        identity = None if model is None else getattr(model, "identity", None)
        if settings is None or code is None or (model is not None and identity is None):
            return None
        searched = {"search": self.dataset.task.search.model_dump()} if entry.searches else {}
        return key_of(
            {
                "kind": PREPARED,
                "context": context,
                "strategy": class_of(entry.strategy),
                "name": entry.strategy.name,
                "settings": settings,
                "code": code,
                "model": None if model is None else [model.info.name, identity],
                "seed": self.seed,
                "data": self._data,
                "margin": self._margin(entry.strategy),
                **searched,
            }
        )

    def take(self, key: str | None, place: Path) -> Earlier | None:
        """Put the kept artefact into `place`, a folder that does not exist yet; None where there
        is none. Raises OSError where `place` cannot be written."""
        if self.cache is None or key is None:
            return None
        kept = self.cache.get(key)
        if kept is None or kept.kind != PREPARED:
            return None
        try:
            unpack(io.BytesIO(kept.payload), place, most_bytes=self.cache.limit_bytes)
        except BadArchive:
            self.drop(key)
            return None
        return Earlier(kept.seconds, kept.facts.get("training"))

    def keep(self, key: str | None, place: Path, earlier: Earlier) -> None:
        """Keep the artefact in `place`."""
        if self.cache is None or key is None or earlier.seconds < self.cache.worth_seconds:
            return
        paths = sorted(path for path in place.rglob("*") if path.is_file())
        file = io.BytesIO()
        try:
            if sum(path.stat().st_size for path in paths) > self.cache.limit_bytes:
                return
            with zipfile.ZipFile(file, "w", strict_timestamps=False) as archive:
                for path in paths:
                    archive.write(path, path.relative_to(place))
        except OSError:  # the artefact is the run's, whose own errors say what is wrong with it
            return
        facts = {"training": earlier.training}
        self.cache.put(key, Kept(PREPARED, earlier.seconds, file.getvalue(), facts))

    def drop(self, key: str | None) -> None:
        """Forget an artefact that cannot be used."""
        if self.cache is not None and key is not None:
            self.cache.drop(key)

    def _context(self) -> Mapping[str, Any] | None:
        """Code, versions and machine: other code gives other results, and another machine takes
        other seconds. None without a cache, or where our own code cannot be told."""
        code = code_of(*OURS) if self.cache else None
        return None if code is None else {"code": code, **self._machine}

    @cached_property
    def _machine(self) -> dict[str, Any]:
        now = read_environment()
        return {
            "versions": {"torch": now.torch, **now.versions},
            "machine": [now.cpu, now.cores, *cuda_devices()],
            "settings": {name: os.environ.get(name) for name in SPEED_SETTINGS},
        }

    @cached_property
    def _data(self) -> str:
        """As in the run's own fingerprint, needs, lists of names and the search budget do not
        change what is prepared; the budget counts for those that search."""
        content = self.dataset.model_dump(
            mode="json", exclude={"test": True, "incumbent": True, "task": NOT_SEEN}
        )
        return key_of(content)

    def _margin(self, strategy: Strategy) -> float | None:
        """The one need that may decide what is prepared: it sets how a strategy that is made of
        others chooses between them."""
        return self.dataset.task.needs.practical_margin if parts_of(strategy) else None

    def _modules(self, strategy: Strategy) -> set[str]:
        """Where the code of the strategy, of its parts and of its score comes from."""
        task = self.dataset.task
        metric = metric_for(task.metric, task.kind)
        classes = [each for each in type(strategy).__mro__ if each is not object]
        return {
            *(each.__module__ for each in classes),
            *(function.__module__ for function in (metric.score, metric.aggregate)),
            *(module for part in parts_of(strategy) for module in self._modules(part)),
        }
