"""Prompting with the instruction alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corpora.task import Document, Example, Task
from strategies.answering import answer_limit
from strategies.base import Family, Progress, Score, no_progress
from strategies.fixed_prompt import FixedPrompt
from strategies.models.base import Model
from strategies.prompting import answer_form
from strategies.saving import need_model


class ZeroShot:
    """The instruction, then the input. Training rows only tell how long an answer may be."""

    name = "prompt.zero-shot"
    family: Family = "prompting"
    needs_model = True

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
        limit = answer_limit(task, model, train)
        return FixedPrompt(task, model, (), limit, answer_form(task, train))

    def load(self, folder: Path, task: Task, model: Model | None) -> FixedPrompt:
        return FixedPrompt.load(folder, task, need_model(self.name, model))
