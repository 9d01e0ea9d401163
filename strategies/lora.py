"""LoRA fine-tuning, on the task alone or on the task with retrieved passages."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from corpora.task import Document, Example, Task
from strategies.answering import answer_limit
from strategies.base import Family, Progress, Score, no_progress
from strategies.embedding import Embedder, default_embedder
from strategies.errors import ModelError
from strategies.models.base import Model, Usage
from strategies.passage_index import PassageIndex
from strategies.retrieval import HybridRetriever
from strategies.saving import need_model, need_rows, read_json, read_training
from strategies.search import total
from strategies.tuned import PreparedLora, Template, read_adapter, read_prompts

if TYPE_CHECKING:
    from strategies.models.local import LocalModel

JUDGED_ROWS = 64  # validation rows answered after each epoch


class Lora:
    """Adapters of `rank` on every linear layer of every block, or of the upper `layers` blocks.

    With fewer blocks training is quicker on CPUs, where, for Llama and its kin, what the blocks
    below them give out is computed once; how much quality that costs, `tuneworth bench speed
    --only lora_depth` shows.

    Defaults: every block, rank 16, alpha twice the rank, AdamW at 1e-3 with a tenth of warm-up and
    linear decay, 8 rows a step, 3 epochs of which the one that does best on validation is kept.
    """

    name = "lora"
    family: Family = "fine-tuning"
    needs_model = True

    def __init__(
        self,
        *,
        rank: int = 16,
        learning_rate: float = 1e-3,
        epochs: int = 3,
        batch_rows: int = 8,
        layers: int | None = None,
        template: Template = "task",
    ) -> None:
        self.rank = rank
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_rows = batch_rows
        self.layers = layers
        self.template = template

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
        if model is not None and not model.trainable:
            return f"{self.name} needs the weights of the model; {model.info.name} has none here"
        return None

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
        index = self.index_of(documents, progress)
        return self.tune(task, train, validation, index, model, score, seed, progress)

    def index_of(
        self, documents: Sequence[Document], progress: Progress
    ) -> tuple[PassageIndex, int] | None:
        """Where passages come from and how many of them; None for no passages."""
        return None

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
        """Train with the passages of `index` (and how many of them) in the prompts, if any."""
        from strategies.training import train_lora

        need_rows(self.name, train)
        untuned = self.untuned(task, train, index, model)
        base = untuned.base
        rows = untuned.training_rows(train)
        judged = evenly(validation, JUDGED_ROWS)
        asked: list[Usage] = []

        def evaluate(tuned: LocalModel) -> float:
            candidate = replace(untuned, tuned=tuned)
            answers = candidate.answer([example.input for example in judged])
            asked.extend(answer.usage for answer in answers)
            return score(judged, answers)

        with tempfile.TemporaryDirectory() as scratch:
            training = train_lora(
                base,
                rows,
                untuned.training_rows(validation),
                Path(scratch),
                rank=self.rank,
                alpha=2 * self.rank,
                learning_rate=self.learning_rate,
                epochs=self.epochs,
                batch_rows=self.batch_rows,
                seed=seed,
                layers=self.layers,
                evaluate=evaluate,
                progress=progress,
            )
            adapter = read_adapter(Path(scratch), base.info.name)
            prompts = read_prompts(Path(scratch))
            tuned = base.with_adapter(Path(scratch))
        unasked = len(train) - len(rows)  # not even the prompt fits
        left_out = training.left_out + unasked
        training = replace(training, left_out=left_out, usage=total(asked))
        return replace(untuned, tuned=tuned, adapter=adapter, training=training, trained_on=prompts)

    def untuned(
        self,
        task: Task,
        train: Sequence[Example],
        index: tuple[PassageIndex, int] | None,
        model: Model | None,
    ) -> PreparedLora:
        """The prompts that training reads, and their answers by the model as it is."""
        base = weights_of(self.name, model)
        limit = answer_limit(task, base, train)
        return PreparedLora(task, base, base, {}, limit, index, template=self.template)

    def load(self, folder: Path, task: Task, model: Model | None) -> PreparedLora:
        base = weights_of(self.name, model)
        settings = read_json(folder / "settings.json")
        return PreparedLora(
            task,
            base,
            base.with_adapter(folder),
            read_adapter(folder, base.info.name),
            settings["max_new_tokens"],
            self.load_index(folder, task),
            read_training(folder),
            read_prompts(folder),
            settings.get("template", "task"),  # which older artefacts do not tell
        )

    def load_index(self, folder: Path, task: Task) -> tuple[PassageIndex, int] | None:
        return None


class LoraRag(Lora):
    """Tuned on prompts that hold retrieved passages, so that it learns to read them.

    Training shows what serving will: the passages that hybrid retrieval finds, best last,
    wrong ones included, whether or not the right one is among them.
    """

    name = "lora+rag"
    family: Family = "combined"

    def __init__(
        self,
        *,
        top_k: int = 3,
        chunk_tokens: int = 200,
        rank: int = 16,
        learning_rate: float = 1e-3,
        epochs: int = 2,
        batch_rows: int = 8,
        layers: int | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        super().__init__(
            rank=rank,
            learning_rate=learning_rate,
            epochs=epochs,
            batch_rows=batch_rows,
            layers=layers,
        )
        self.top_k = top_k
        self.chunk_tokens = chunk_tokens
        self.embedder = embedder

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
        if not has_documents:
            return f"{self.name} needs documents"
        return super().misfit(task, has_documents=has_documents, model=model)

    def index_of(
        self, documents: Sequence[Document], progress: Progress
    ) -> tuple[PassageIndex, int] | None:
        progress(0.0, "indexing the documents")
        embedder = self.embedder or default_embedder()
        index = PassageIndex.build(
            documents, HybridRetriever, embedder, chunk_tokens=self.chunk_tokens
        )
        return index, self.top_k

    def load_index(self, folder: Path, task: Task) -> tuple[PassageIndex, int] | None:
        index = PassageIndex.load(folder, HybridRetriever, self.embedder or default_embedder())
        return index, read_json(folder / "settings.json")["top_k"]


def evenly(rows: Sequence[Example], count: int) -> list[Example]:
    """Up to `count` rows from all over the sequence, in order: a file may be sorted by label."""
    kept = min(count, len(rows))
    return [rows[number * len(rows) // kept] for number in range(kept)]


def weights_of(name: str, model: Model | None) -> LocalModel:
    """The model as one whose weights are at hand; ModelError where they are not."""
    from strategies.models.local import LocalModel

    model = need_model(name, model)
    if not isinstance(model, LocalModel):
        raise ModelError(f"{name} needs the weights of the model; {model.info.name} has none here.")
    return model
