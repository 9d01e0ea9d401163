"""A prompt in the settings that a search chose, ready to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corpora.task import Task
from strategies.base import Answer, Training
from strategies.calibration import calibrated
from strategies.embedding import Embedder, default_embedder
from strategies.few_shot import NearestPrompt, NearestShot
from strategies.fixed_prompt import FixedPrompt
from strategies.models.base import Model
from strategies.saving import read_json, read_training, write_json, write_training

INNER = "prompt"


@dataclass(frozen=True)
class PreparedPrompt:
    """Answers with `inner`, a prompt of the reworded task, in the task's own labels.

    `names` maps each label to the name that is shown for it, `weights` each label to what
    calibration adds to its log-probability (empty for none). Saved: the inner prompt's folder,
    `reworded.json` and the training record.
    """

    inner: FixedPrompt | NearestPrompt
    names: Mapping[str, str]
    weights: Mapping[str, float]
    training: Training | None = None

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        own = {name: label for label, name in self.names.items()}
        answers = [in_own_labels(answer, own) for answer in self.inner.answer(inputs)]
        if not self.weights:
            return answers
        return [calibrated(answer, self.weights) for answer in answers]

    def save(self, folder: Path) -> None:
        (folder / INNER).mkdir()
        self.inner.save(folder / INNER)
        shown = {
            "instruction": self.inner.task.instruction,
            "names": dict(self.names),
            "weights": dict(self.weights),
            "nearest": isinstance(self.inner, NearestPrompt),
        }
        write_json(folder / "reworded.json", shown)
        write_training(folder, self.training)

    @classmethod
    def load(
        cls, folder: Path, task: Task, model: Model, embedder: Embedder | None
    ) -> PreparedPrompt:
        shown = read_json(folder / "reworded.json")
        labels = tuple(shown["names"][label] for label in task.labels)
        reworded = task.model_copy(update={"instruction": shown["instruction"], "labels": labels})
        inner: FixedPrompt | NearestPrompt
        if shown["nearest"]:
            nearest = NearestShot(embedder=embedder or default_embedder())
            inner = nearest.load(folder / INNER, reworded, model)
        else:
            inner = FixedPrompt.load(folder / INNER, reworded, model)
        return cls(inner, shown["names"], shown["weights"], read_training(folder))


def in_own_labels(answer: Answer, own: Mapping[str, str]) -> Answer:
    """An answer in the names that were shown, in the task's labels; other texts stay."""
    if not own or answer.error is not None:
        return answer
    shares = answer.probabilities
    return replace(
        answer,
        text=own.get(answer.text, answer.text),
        probabilities=None
        if shares is None
        else {own.get(name, name): share for name, share in shares.items()},
    )
