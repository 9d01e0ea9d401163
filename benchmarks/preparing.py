"""How a strategy comes to answer: loaded if it was prepared before, else prepared and put away."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from benchmarks.guard import Broken, guarded
from benchmarks.placing import Shelf, refused_as_full
from benchmarks.plan import Entry
from benchmarks.progress import Reporter
from benchmarks.records import Record, SetupRecord
from benchmarks.reuse import Earlier, Reuse
from benchmarks.standing import Standing
from corpora.task import Dataset
from strategies.base import Prepared, Score
from strategies.embedding import warm_up
from strategies.index_memory import index_bytes
from strategies.models.account import scoped
from strategies.models.base import Model


@dataclass(frozen=True)
class Preparing:
    """The preparing of one entry. What comes of it goes to `store`; `poll` raises Cancelled."""

    entry: Entry
    dataset: Dataset
    shelf: Shelf
    seed: int
    score: Score
    reporter: Reporter
    reuse: Reuse
    store: Callable[[Record], None]
    poll: Callable[[], None]

    def ready(self, standing: Standing, model: Model | None) -> Prepared | None:
        """The strategy prepared or loaded; None where it does not fit or breaks, as then stored."""
        self.poll()
        began = time.perf_counter()
        try:
            return self.prepare(standing, model)
        except Broken as broken:
            self.store(
                SetupRecord(
                    strategy=self.entry.id,
                    status="failed",
                    reason=str(broken),
                    seconds=time.perf_counter() - began,
                )
            )
            return None

    def prepare(self, standing: Standing, model: Model | None) -> Prepared | None:
        """The strategy ready to answer: loaded if it was prepared before. None if skipped."""
        setup = standing.setup
        if setup is not None and setup.status == "completed":
            prepared = self.load(model)
            if prepared is not None:
                if standing.failure is not None or standing.elimination is not None:
                    self.store(setup)
                return prepared
        reason = self.misfit(model)
        if reason is not None:
            self.store(SetupRecord(strategy=self.entry.id, status="skipped", reason=reason))
            return None
        key = self.reuse.key(self.entry, model)
        return self.take_prepared(key, model) or self.prepare_anew(key, model)

    def load(self, model: Model | None) -> Prepared | None:
        """The strategy as its artefact has it; None where there is none."""
        place = self.shelf.find(self.entry.folder_name)
        if place is None:
            return None
        self.reporter.tell("loading", 0.0)
        strategy, task = self.entry.strategy, self.dataset.task
        return guarded(lambda: strategy.load(place, task, model), self.shelf.folder)

    def misfit(self, model: Model | None) -> str | None:
        """Why the strategy does not fit the task, by its own word."""
        strategy, task, documents = self.entry.strategy, self.dataset.task, self.dataset.documents
        return guarded(
            lambda: strategy.misfit(task, has_documents=bool(documents), model=model),
            self.shelf.folder,
        )

    def take_prepared(self, key: str | None, model: Model | None) -> Prepared | None:
        """The strategy as the cache holds it, charged what preparing it took; None where the
        cache holds none, or none that loads."""
        draft = self.shelf.draft(self.entry.folder_name)
        earlier = guarded(lambda: self.reuse.take(key, draft), self.shelf.folder)
        if earlier is None:
            return None
        artifact = self.shelf.keep(self.entry.folder_name, draft)
        try:
            prepared = self.load(model)
        except Broken:
            prepared = None
        if prepared is None:
            self.reuse.drop(key)
            self.shelf.drop(self.entry.folder_name)
            return None
        self.store_prepared(artifact, earlier, prepared, earlier.seconds)
        return prepared

    def prepare_anew(self, key: str | None, model: Model | None) -> Prepared:
        """Spend the setup cost, save the artefact whole or not at all, and store both."""
        self.reporter.tell("preparing", 0.0)
        warm_up(self.entry.strategy)
        data, tell = self.dataset, self.tell_preparing
        given = (data.task, data.train, data.validation, data.documents, model, self.score)

        def prepare() -> Prepared:
            return self.entry.strategy.prepare(*given, seed=self.seed, progress=tell)

        paid = scoped(f"{self.entry.id}/prepare")
        with paid, self.reuse.opened("embedding", "generation") as session:
            began = time.perf_counter()
            prepared = guarded(prepare, self.shelf.folder)
            seconds = session.charged(time.perf_counter() - began)
        artifact = self.put_away(prepared)
        training = guarded(lambda: prepared.training, self.shelf.folder)
        facts = Earlier(seconds, asdict(training) if training else None)
        self.store_prepared(artifact, facts, prepared, session.reused_seconds)
        place = self.shelf.find(self.entry.folder_name)
        if place is not None:
            self.reuse.keep(key, place, facts)
        return prepared

    def put_away(self, prepared: Prepared) -> str:
        """Save beside its place, then move there."""
        draft = self.shelf.draft(self.entry.folder_name)
        with refused_as_full(draft):
            draft.mkdir(parents=True)
        guarded(lambda: prepared.save(draft), self.shelf.folder)
        return self.shelf.keep(self.entry.folder_name, draft)

    def store_prepared(self, artifact: str, facts: Earlier, made: Prepared, reused: float) -> None:
        self.store(
            SetupRecord(
                strategy=self.entry.id,
                status="completed",
                seconds=facts.seconds,
                reused_seconds=reused,
                training=facts.training,
                artifact=artifact,
                index_bytes=guarded(lambda: index_bytes(made), self.shelf.folder),
            )
        )

    def tell_preparing(self, fraction: float, message: str) -> None:
        self.reporter.tell("preparing", fraction, message)
        self.poll()
