"""A tuned model ready to answer, and its artefact: the adapter, the prompt, the index."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from corpora.task import Example, Task
from strategies.answering import Fitted, answer_fitted, fit_prompt
from strategies.base import Answer, Training
from strategies.models.base import Prompt
from strategies.passage_index import PassageIndex
from strategies.prompting import Passage, first_clause
from strategies.saving import (
    read_json,
    read_lines,
    write_json,
    write_lines,
    write_prompt,
    write_training,
)

if TYPE_CHECKING:
    from strategies.models.local import LocalModel


PROMPTS = "training-prompts.jsonl"
Template = Literal["task", "short"]


@dataclass(frozen=True)
class TrainingRow:
    """A prompt and the reply to be learned; `example` is the id of the row it comes from."""

    prompt: Prompt
    reply: str
    example: str = ""


@dataclass(frozen=True)
class PreparedLora:
    """Ready to answer with the adapter merged into a copy of the weights.

    `adapter` holds the adapter's files by name, `trained_on` the prompts of some training rows
    by example id, as the training loop read them. Saved: all those, the prompt to read, the
    training record, settings, and the index where there is one. `template` is what the prompt
    says of the task (see `asked_task`).
    """

    task: Task
    base: LocalModel
    tuned: LocalModel
    adapter: Mapping[str, bytes]
    max_new_tokens: int
    index: tuple[PassageIndex, int] | None = None
    training: Training | None = None
    trained_on: Mapping[str, str] = field(default_factory=dict)
    template: Template = "task"

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return self._answer(self.tuned, inputs)

    def base_answers(self, inputs: Sequence[str]) -> list[Answer]:
        """What the model says to the same prompts without the adapter."""
        return self._answer(self.base, inputs)

    def with_index(self, change: Callable[[PassageIndex], PassageIndex]) -> PreparedLora | None:
        """The same with another index, made of its own; None where it reads no passages."""
        if self.index is None:
            return None
        return replace(self, index=(change(self.index[0]), self.index[1]))

    def rendered_training_prompt(self, example: Example) -> str | None:
        """The text before the reply as training read it at the time; None where not kept.

        A record, not a second rendering: what both sides did wrong in the same way today would
        otherwise look right, and so would an artefact that is served in another way.
        """
        return self.trained_on.get(example.id)

    def rendered_serving_prompt(self, text: str) -> str:
        """The text before the reply as answering reads it; empty where it cannot be asked."""
        prompt = self._fit([text])[0].prompt
        if prompt is None:
            return ""
        rendered: str = self.tuned.tokenizer.decode(list(self.tuned.encode(prompt).ids))
        return rendered

    def training_rows(self, examples: Sequence[Example]) -> list[TrainingRow]:
        """Rows as training reads them; one whose input does not fit the model is left out."""
        fitted = self._fit([example.input for example in examples])
        return [
            TrainingRow(each.prompt, example.output, example.id)
            for each, example in zip(fitted, examples, strict=True)
            if each.prompt is not None
        ]

    def _answer(self, model: LocalModel, inputs: Sequence[str]) -> list[Answer]:
        fitted = self._fit(inputs)
        return answer_fitted(self.task, model, fitted, max_new_tokens=self.max_new_tokens)

    def _fit(self, inputs: Sequence[str]) -> list[Fitted]:
        found: Sequence[tuple[Passage, ...]] = [()] * len(inputs)
        if self.index is not None:
            found = self.index[0].find(inputs, self.index[1])
        return [
            fit_prompt(
                asked_task(self.task, self.template),
                self.tuned,
                text,
                passages=passages,
                max_new_tokens=self.max_new_tokens,
            )
            for text, passages in zip(inputs, found, strict=True)
        ]

    def save(self, folder: Path) -> None:
        for name, content in self.adapter.items():
            (folder / name).write_bytes(content)
        settings: dict[str, object] = {
            "max_new_tokens": self.max_new_tokens,
            "base_model": self.base.info.name,
            "template": self.template,
        }
        if self.index is not None:
            self.index[0].save(folder)
            settings["top_k"] = self.index[1]
        asked = asked_task(self.task, self.template)
        write_prompt(folder / "prompt.md", asked, (), grounded=self.index is not None)
        write_json(folder / "settings.json", settings)
        write_training(folder, self.training)
        write_prompts(folder, self.trained_on)


def asked_task(task: Task, template: Template) -> Task:
    """What the prompt of a tuned model says of the task: all of it, or the first sentence of the
    instruction alone. The rest is learned, and a shorter prompt costs less in every request."""
    if template == "task":
        return task
    short = first_clause(task.instruction)
    kept = {"instruction": short, "labels": (), "output_schema": None, "no_answer": None}
    return task.model_copy(update=kept)


def read_adapter(folder: Path, base_model: str) -> dict[str, bytes]:
    """An adapter's files by name; its configuration names the base model, not a local path."""
    config = read_json(folder / "adapter_config.json")
    config["base_model_name_or_path"] = base_model
    return {
        "adapter_config.json": json.dumps(config, indent=2, sort_keys=True).encode(),
        "adapter_model.safetensors": (folder / "adapter_model.safetensors").read_bytes(),
    }


def write_prompts(folder: Path, prompts: Mapping[str, str]) -> None:
    rows = ({"id": example, "prompt": prompt} for example, prompt in prompts.items())
    write_lines(folder / PROMPTS, rows)


def read_prompts(folder: Path) -> dict[str, str]:
    """Training prompts by example id; none where the artefact does not tell."""
    path = folder / PROMPTS
    return {row["id"]: row["prompt"] for row in read_lines(path)} if path.is_file() else {}
