"""A prompt whose worked examples, if any, are the same for every input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora.task import Task
from strategies.answering import answer_fitted, fit_prompt
from strategies.base import Answer, Training
from strategies.models.base import Model
from strategies.prompting import Shot
from strategies.saving import read_json, read_shots, write_json, write_prompt, write_shots


@dataclass(frozen=True)
class FixedPrompt:
    """Ready to answer. Saved as `prompt.md` (to read), `shots.jsonl` and `settings.json`."""

    task: Task
    model: Model
    shots: tuple[Shot, ...]
    max_new_tokens: int
    form: str = ""
    training: Training | None = None

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        fitted = [
            fit_prompt(
                self.task,
                self.model,
                text,
                shots=self.shots,
                form=self.form,
                max_new_tokens=self.max_new_tokens,
            )
            for text in inputs
        ]
        return answer_fitted(self.task, self.model, fitted, max_new_tokens=self.max_new_tokens)

    def save(self, folder: Path) -> None:
        write_prompt(folder / "prompt.md", self.task, self.shots, form=self.form)
        write_shots(folder / "shots.jsonl", self.shots)
        settings = {"max_new_tokens": self.max_new_tokens, "form": self.form}
        write_json(folder / "settings.json", settings)

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model) -> FixedPrompt:
        settings = read_json(folder / "settings.json")
        shots = read_shots(folder / "shots.jsonl")
        return cls(task, model, shots, settings["max_new_tokens"], settings["form"])
