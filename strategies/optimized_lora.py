"""The strongest adapter that a search on the validation rows finds within the task's budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from corpora.task import Document, Example, Task
from strategies.adapter_settings import AdapterSettings, moves
from strategies.base import Progress, Score, Training, no_progress
from strategies.cuts import RetrievalSettings
from strategies.embedding import default_embedder
from strategies.errors import ModelError
from strategies.lora import JUDGED_ROWS, Lora, LoraRag, evenly, weights_of
from strategies.models.base import Model, Usage
from strategies.passage_index import PassageIndex
from strategies.retrieval_search import best_retrieval
from strategies.reuse import charged_clock
from strategies.saving import read_json
from strategies.search import OUT_OF_TIME, OutOfTime, Search, Setting, Trial, total
from strategies.searched_index import SearchedIndex
from strategies.tuned import PreparedLora

UPPER = 3
"""A trial trains the upper third of the layers, which takes less than half of the time."""


class SearchedTuning(Lora):
    """Tunes by a search; what is in the prompt is for the classes below to say."""

    searches = True
    seeds = 3

    def tune(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        index: tuple[PassageIndex, int] | None,
        model: Model | None,
        score: Score,
        seed: int,
        progress: Progress,
    ) -> PreparedLora:
        return tune_by_search(self, task, train, validation, index, model, score, seed, progress)


class OptimizedLora(SearchedTuning):
    """The best adapter found on validation: rank, learning rate, epochs, rows a step, template.

    Settings are tried on the upper third of the layers; the best is then trained at full depth,
    so that no "do not fine-tune" rests on the cheaper adapter, and with up to `seeds` seeds as
    far as the budget reaches. What does best on validation stands.
    """

    name = "lora.optimized"


class OptimizedLoraRag(SearchedTuning, LoraRag):
    """As `lora.optimized`, with the passages of the best retrieval found in the prompt.

    Retrieval is chosen first and without the model, in at most half of the budget; the adapter in
    the rest. `top_k` and `chunk_tokens` stand where no row tells what is right.
    """

    name = "lora+rag.optimized"

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
    ) -> PreparedLora:
        began = charged_clock()
        found = best_retrieval(
            task,
            train if validation else (),  # else nothing is chosen
            validation,
            documents,
            self.embedder or default_embedder(),
            task.search.seconds / 2,
            reranker=task.reranker,
            start=RetrievalSettings(self.chunk_tokens),
            top_k=self.top_k,
            seed=seed,
            progress=progress,
        )
        left = max(1.0, task.search.seconds - (charged_clock() - began))
        rest = task.model_copy(update={"search": task.search.model_copy(update={"seconds": left})})
        index = (found.for_trials, found.top_k)
        tuned = self.tune(rest, train, validation, index, model, score, seed, progress)
        training = tuned.training or Training()
        told = replace(training, search=(*found.rows, *training.search))
        return replace(tuned, task=task, index=(found.index, found.top_k), training=told)

    def load_index(self, folder: Path, task: Task) -> tuple[PassageIndex, int] | None:
        embedder = self.embedder or default_embedder()
        index = SearchedIndex.restore(folder, embedder, task.reranker)
        return index, read_json(folder / "settings.json")["top_k"]


def tune_by_search(
    strategy: SearchedTuning,
    task: Task,
    train: Sequence[Example],
    validation: Sequence[Example],
    index: tuple[PassageIndex, int] | None,
    model: Model | None,
    score: Score,
    seed: int,
    progress: Progress,
) -> PreparedLora:
    """Trials on the upper layers, then the best settings at full depth over seeds."""
    layers = int(weights_of(strategy.name, model).network.config.num_hidden_layers)
    rows = evenly(validation, JUDGED_ROWS)
    bench = AdapterBench(Search(task.search, rows, score, progress))

    def train_with(settings: AdapterSettings, seed: int, told: Progress) -> PreparedLora:
        tuner = Lora(
            rank=settings.rank,
            learning_rate=settings.learning_rate,
            epochs=settings.epochs,
            batch_rows=settings.batch_rows,
            layers=None if settings.depth == "full" else max(1, layers // UPPER),
            template=settings.template,
        )
        return tuner.tune(task, train, validation, index, model, score, seed, told)

    best = AdapterSettings(
        strategy.rank,
        strategy.learning_rate,
        strategy.epochs,
        strategy.batch_rows,
        strategy.template,
    )
    if rows:
        best = search_settings(bench, best, lambda one, told: train_with(one, seed, told))
    seeds = strategy.seeds if rows else 1  # nothing could tell them apart
    return at_full_depth(bench, replace(best, depth="full"), train_with, seed, seeds)


@dataclass
class AdapterBench:
    """Trains, books what it gave, and keeps the adapter that does best on validation. `asked` is
    what every training that ended asked of the model."""

    search: Search
    kept: PreparedLora | None = None
    asked: list[Usage] = field(default_factory=list)

    def attempt(
        self, told: Mapping[str, Setting], train: Callable[[Progress], PreparedLora], *, whole: bool
    ) -> Training | None:
        """One training, which ends early where the budget does unless it is to be `whole`;
        its record, or None where it came to nothing.

        Settings under which training fails (a loss that is not finite, rows that do not fit into
        memory) are given up; the first ones raise ModelError.
        """
        search = self.search
        began = search.spent
        try:
            tuned = train(search.shown if whole else search.watched)
        except (OutOfTime, ModelError) as ended:
            if search.best is None:
                raise
            why = OUT_OF_TIME if isinstance(ended, OutOfTime) else str(ended)
            search.keep(Trial(told, 0.0, 0.0, 0, search.spent - began, dropped=why))
            return None
        training = tuned.training or Training()
        self.asked.append(training.usage)
        row = training.curve[training.epochs - 1]
        trial = Trial(
            {**told, "best_epoch": float(training.epochs), "tokens": float(training.tokens)},
            row.get("validation_score", 0.0),
            -row.get("validation_loss", 0.0),
            len(search.rows),
            search.spent - began,
        )
        if search.keep(trial) is search.best:
            self.kept = tuned
        return training


def search_settings(
    bench: AdapterBench,
    start: AdapterSettings,
    train: Callable[[AdapterSettings, Progress], PreparedLora],
) -> AdapterSettings:
    """The default, then one change at a time about the best, until nothing helps or is left."""
    tried: set[AdapterSettings] = set()
    trainings: dict[AdapterSettings, Training] = {}

    def attempt(settings: AdapterSettings) -> bool:
        if settings in tried or not bench.search.open or not fits(settings):
            return False
        tried.add(settings)
        before = bench.search.best
        found = bench.attempt(settings.told(), lambda told: train(settings, told), whole=not before)
        if found is not None:
            trainings[settings] = found
        return bench.search.best is not before

    def fits(settings: AdapterSettings) -> bool:
        """Whether it should end in time, by what the default took an epoch."""
        if not bench.search.trials:
            return True
        epoch_takes = bench.search.trials[0].seconds / start.epochs
        return bench.search.spent + epoch_takes * settings.epochs <= bench.search.budget.seconds

    attempt(start)
    best, better = start, True
    while better:
        found = next((move for move in moves(best, trainings[best]) if attempt(move)), None)
        best, better = found or best, found is not None
    return best


def at_full_depth(
    bench: AdapterBench,
    settings: AdapterSettings,
    train: Callable[[AdapterSettings, int, Progress], PreparedLora],
    seed: int,
    seeds: int,
) -> PreparedLora:
    """The settings on all layers, with one seed in any case and further ones as far as the budget
    reaches; what does best on validation, the trials included."""
    used: list[int] = []
    took = 0.0
    search = bench.search
    for each in range(seed, seed + seeds):
        began = search.spent
        if each > seed and began + took > search.budget.seconds:
            break
        told = {"stage": "final", **settings.told(), "seed": float(each)}
        if bench.attempt(told, partial(train, settings, each), whole=True) is not None:
            used.append(each)
        took = max(took, search.spent - began)
    assert bench.kept is not None, "a whole training was booked"
    training = bench.kept.training or Training()
    training = search.record(replace(training, seeds=tuple(used) or training.seeds))
    # a trial's own usage would have it judged by what asking costs, which is the same for all
    return replace(bench.kept, training=replace(training, usage=total(bench.asked)))
