"""A baseline for texts: the input itself, or its first sentence, is the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora.task import Document, Example, Task
from strategies.base import Answer, Family, Progress, Score, Training, no_progress
from strategies.models.base import Model
from strategies.passage import SENTENCE_END
from strategies.saving import need_rows, read_json, write_json


class Copy:
    """The input, or its first sentence, whichever scores better on the validation rows.

    What words shared by input and answer earn by themselves: in rewriting and summarising much,
    and in questions where the input brings a text along. Without validation rows the training
    rows decide.
    """

    name = "baseline.copy"
    family: Family = "baseline"
    needs_model = False

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
        if task.kind in ("generation", "question-answering"):
            return None
        wanted = "a label" if task.kind == "classification" else "a JSON object"
        return f"{self.name} repeats the input, which is no answer where {wanted} is asked for"

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
    ) -> Copier:
        rows = validation or train
        need_rows(self.name, rows)
        inputs = [example.input for example in rows]
        # ties go to the whole input, which does less
        forms = (Copier(only_first=False), Copier(only_first=True))
        return max(forms, key=lambda form: score(rows, form.answer(inputs)))

    def load(self, folder: Path, task: Task, model: Model | None) -> Copier:
        return Copier(**read_json(folder / "copy.json"))


@dataclass(frozen=True)
class Copier:
    """Ready to answer. `only_first`: only the first sentence."""

    only_first: bool
    training: Training | None = None

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [Answer(first_sentence(text) if self.only_first else text) for text in inputs]

    def save(self, folder: Path) -> None:
        write_json(folder / "copy.json", {"only_first": self.only_first})


def first_sentence(text: str) -> str:
    """Up to the first end of a sentence or line; the text itself where it has no word."""
    parts = (part.strip() for part in SENTENCE_END.split(text) if part)
    return next((part for part in parts if part), text)
