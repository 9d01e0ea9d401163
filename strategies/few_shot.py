"""Prompting with worked examples: the same ones for all, or the most similar ones for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora.task import Document, Example, Task
from strategies.answering import answer_fitted, answer_limit, fit_prompt
from strategies.base import Answer, Family, Progress, Score, Training, no_progress
from strategies.embedding import Embedder, default_embedder
from strategies.fixed_prompt import FixedPrompt
from strategies.models.base import Model
from strategies.neighbours import Neighbours
from strategies.prompting import Shot, answer_form, shots_from
from strategies.saving import (
    need_model,
    need_rows,
    read_json,
    read_shots,
    write_json,
    write_prompt,
    write_shots,
)
from strategies.shots import balanced_examples


class FewShot:
    """The same worked examples before every input, drawn by seed and balanced over labels."""

    name = "prompt.few-shot"
    family: Family = "prompting"
    needs_model = True

    def __init__(self, *, shots: int = 8) -> None:
        self.shots = shots

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
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
    ) -> FixedPrompt:
        model = need_model(self.name, model)
        need_rows(self.name, train)
        chosen = balanced_examples(task, train, self.shots, seed=seed)
        limit = answer_limit(task, model, train)
        form = answer_form(task, train)
        return FixedPrompt(task, model, shots_from(chosen), limit, form)

    def load(self, folder: Path, task: Task, model: Model | None) -> FixedPrompt:
        return FixedPrompt.load(folder, task, need_model(self.name, model))


class NearestShot:
    """For each input the training examples most similar to it, the most similar one last.

    Similar means the cosine of sentence embeddings (Liu et al. 2022, "What Makes Good
    In-Context Examples for GPT-3?").
    """

    name = "prompt.nearest"
    family: Family = "prompting"
    needs_model = True

    def __init__(self, *, shots: int = 8, embedder: Embedder | None = None) -> None:
        self.shots = shots
        self.embedder = embedder

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
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
    ) -> NearestPrompt:
        model = need_model(self.name, model)
        need_rows(self.name, train)
        embedder = self.embedder or default_embedder()
        return NearestPrompt(
            task,
            model,
            shots_from(train),
            Neighbours.build([example.input for example in train], embedder),
            self.shots,
            answer_limit(task, model, train),
            answer_form(task, train),
        )

    def load(self, folder: Path, task: Task, model: Model | None) -> NearestPrompt:
        settings = read_json(folder / "settings.json")
        return NearestPrompt(
            task,
            need_model(self.name, model),
            read_shots(folder / "shots.jsonl"),
            Neighbours.load(folder, self.embedder or default_embedder()),
            settings["shots"],
            settings["max_new_tokens"],
            settings["form"],
            settings.get("nearest_last", True),  # which older artefacts do not tell
        )


@dataclass(frozen=True)
class NearestPrompt:
    """Ready to answer. `pool` and `neighbours` hold the training examples in the same order.

    The most similar one stands last, or first where `nearest_last` is off.
    """

    task: Task
    model: Model
    pool: tuple[Shot, ...]
    neighbours: Neighbours
    shots: int
    max_new_tokens: int
    form: str = ""
    nearest_last: bool = True
    training: Training | None = None

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        way = -1 if self.nearest_last else 1
        fitted = [
            fit_prompt(
                self.task,
                self.model,
                text,
                shots=[self.pool[row] for row in nearest[::way]],
                form=self.form,
                max_new_tokens=self.max_new_tokens,
                shots_are_fixed=False,
            )
            for text, nearest in zip(
                inputs, self.neighbours.nearest(inputs, self.shots), strict=True
            )
        ]
        return answer_fitted(self.task, self.model, fitted, max_new_tokens=self.max_new_tokens)

    def save(self, folder: Path) -> None:
        """`shots.jsonl` holds all training examples; `prompt.md` shows the form with the first."""
        write_prompt(
            folder / "prompt.md",
            self.task,
            self.pool[: self.shots],
            form=self.form,
            shots_are_fixed=False,
        )
        write_shots(folder / "shots.jsonl", self.pool)
        self.neighbours.save(folder)
        write_json(
            folder / "settings.json",
            {
                "shots": self.shots,
                "max_new_tokens": self.max_new_tokens,
                "form": self.form,
                "nearest_last": self.nearest_last,
            },
        )
