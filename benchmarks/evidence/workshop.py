"""What a live source works with: strategies as they were prepared, indexes, and pilots.

Every method raises Broken where a strategy or a model does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.evidence.finding import Finding
from benchmarks.evidence.instruments import Growing, Instruments
from benchmarks.evidence.offers import PILOT_ROWS, retrieval_of
from benchmarks.evidence.rows import Rows
from benchmarks.evidence.sharing import Sharing
from benchmarks.guard import Broken, guarded
from benchmarks.judging import scorer
from benchmarks.plan import Entry
from corpora.task import Dataset
from strategies.base import Answer, Prepared
from strategies.embedding import Embedder, default_embedder, warm_up
from strategies.lora import Lora
from strategies.models.account import scoped
from strategies.models.base import Model, Usage
from strategies.passage_index import PassageIndex
from strategies.pilot import PilotReading
from strategies.retrieval import Bm25Retriever

Result = TypeVar("Result")


def nothing() -> None:
    """For work that nobody ends early."""


@dataclass(frozen=True)
class Ready:
    """A prepared strategy. `seconds` is what preparing takes, what it shares with others too, and
    `usage` what it asked of the model."""

    prepared: Prepared
    seconds: float
    usage: Usage
    holds_model: bool


@dataclass
class Workshop:
    """Of one task and seed. `dataset` is without test rows, and its training rows are those that
    are learned from. `poll` is called at every step of preparing and learning, and before each
    batch of answers: it may raise Cancelled."""

    dataset: Dataset
    rows: Rows
    seed: int
    sharing: Sharing
    instruments: Instruments
    poll: Callable[[], None] = nothing
    place: Path = Path()
    _ready: dict[str, Ready] = field(default_factory=dict)
    _pilots: dict[str, Growing] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)
    _embeds: bool = False

    def __post_init__(self) -> None:
        self.score = scorer(self.dataset.task)

    def let_go(self) -> None:
        """Forget all that holds a model, so that another one finds room."""
        self._ready = {name: ready for name, ready in self._ready.items() if not ready.holds_model}
        self._pilots.clear()

    def ready(self, entry: Entry, model: Model | None) -> Ready:
        """The strategy as it answers, prepared once."""
        name = f"prepared {entry.id}"
        if entry.id in self._ready:
            self.sharing.note_used(name)
        else:
            self._ready[entry.id] = self.sharing.once(name, lambda: self.prepare(entry, model))
        return self._ready[entry.id]

    def prepare(self, entry: Entry, model: Model | None) -> Ready:
        data, strategy = self.dataset, entry.strategy
        documents = bool(data.documents)
        reason = guarded(
            lambda: strategy.misfit(data.task, has_documents=documents, model=model), self.place
        )
        if reason is not None:
            raise Broken(reason)
        self.warm_up(entry)
        given = (data.task, data.train, data.validation, data.documents, model, self.score)
        with scoped(f"{entry.id}/prepare"):  # whatever action needs it first, in another process
            prepared, seconds = self.timed(
                lambda: strategy.prepare(*given, seed=self.seed, progress=self.stepped)
            )
        training = guarded(lambda: prepared.training, self.place)
        usage = training.usage if training else Usage()
        return Ready(prepared, seconds, usage, holds_model=model is not None)

    def answers(self, prepared: Prepared, inputs: Sequence[str]) -> tuple[list[Answer], float]:
        """Answers, with the seconds that they take where nothing is shared."""
        self.poll()
        answers, seconds = self.timed(lambda: prepared.answer(inputs))
        if len(answers) != len(inputs):
            raise Broken(f"gave {len(answers)} answers to {len(inputs)} inputs")
        return answers, seconds

    def index(self, entry: Entry) -> PassageIndex:
        """The documents as the strategy searches them."""
        plan = retrieval_of(entry.strategy)
        if plan is None:
            raise Broken(f"{entry.id} reads no passages")
        self.warm_up(entry)
        index, _ = self.timed(
            lambda: PassageIndex.build(
                self.dataset.documents,
                plan.retriever,
                embedder_of(entry),
                chunk_tokens=plan.chunk_tokens,
                overlap=plan.overlap,
            )
        )
        return index

    def pilot(self, entry: Entry, model: Model, earlier: Sequence[Finding]) -> Growing:
        """The strategy's one training, as far as it came by `earlier` growths; what another
        process had trained is trained again, unbooked."""
        if entry.id not in self._pilots:
            began, account = self.sharing.clock(), self.sharing.account
            restored = account.restored
            pilot = self.begin_pilot(entry, model)
            for finding in earlier:
                part = self.part(finding.action.share)
                self.timed(partial(pilot.grow, part, progress=self.stepped))
            if earlier and entry.id not in self._begun:
                account.restored = restored + self.sharing.clock() - began
            self._pilots[entry.id] = pilot
            self._begun.add(entry.id)
        return self._pilots[entry.id]

    def begin_pilot(self, entry: Entry, model: Model) -> Growing:
        strategy = entry.strategy
        if not isinstance(strategy, Lora):
            raise Broken(f"{entry.id} is tuned in a way of its own")
        self.warm_up(entry)
        index, _ = self.timed(lambda: strategy.index_of(self.dataset.documents, self.stepped))
        pilot, _ = self.timed(
            lambda: self.instruments.pilot(
                strategy,
                self.dataset.task,
                model,
                self.dataset.train,
                self.rows.judges[:PILOT_ROWS],
                index=index,
                score=self.score,
                seed=self.seed,
            )
        )
        return pilot

    def grown(self, pilot: Growing, share: float) -> tuple[PilotReading, float]:
        """A pilot at a share of all training rows, with the seconds that it learned: the rest of
        what that took is reading."""
        began = learned = self.sharing.clock()

        def stepped(done: float, said: str) -> None:
            nonlocal learned
            learned = self.sharing.clock()
            self.poll()

        reading, _ = self.timed(lambda: pilot.grow(self.part(share), progress=stepped))
        return reading, learned - began

    def stepped(self, done: float, said: str) -> None:
        self.poll()

    def part(self, share: float) -> float:
        """A share of all training rows as one of those that are learned from."""
        return min(1.0, round(share / self.rows.share, 6))

    def warm_up(self, entry: Entry) -> None:
        """Load the default embedder if the strategy uses it: apart from its own time."""
        strategy = entry.strategy
        by_words = getattr(strategy, "retriever", None) is Bm25Retriever
        if by_words or getattr(strategy, "embedder", strategy) is not None:
            return
        if self._embeds:
            self.sharing.note_used("embedder")
            return
        guarded(lambda: self.sharing.once("embedder", lambda: warm_up(strategy)), self.place)
        self._embeds = True

    def timed(self, action: Callable[[], Result]) -> tuple[Result, float]:
        """The result, and what it would take if nothing had been shared."""
        with self.sharing.opened() as session:
            began = self.sharing.clock()
            result = guarded(action, self.place)
            return result, session.charged(self.sharing.clock() - began)


def embedder_of(entry: Entry) -> Embedder:
    embedder: Embedder | None = getattr(entry.strategy, "embedder", None)
    return embedder or default_embedder()
