"""From a task and an input to the conversation a model is asked to continue.

One function builds every prompt, for answering and for training alike, so that a tuned model
is served exactly what it was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpora.task import Example, Task
from strategies.models.base import Message, Prompt


@dataclass(frozen=True)
class Passage:
    """A chunk of a document shown to the model. `document` is the document's id."""

    document: str
    text: str
    title: str | None = None


@dataclass(frozen=True)
class Shot:
    """A worked example: an input, the passages found for it, and the right output."""

    input: str
    output: str
    passages: tuple[Passage, ...] = ()


def build_prompt(
    task: Task,
    text: str,
    *,
    shots: Sequence[Shot] = (),
    passages: Sequence[Passage] = (),
    shots_are_fixed: bool = True,
) -> Prompt:
    """The conversation for one input: instruction, worked examples as turns, then the input."""
    messages = [Message("system", system_text(task, grounded=bool(passages)))]
    for shot in shots:
        messages.append(Message("user", user_text(shot.input, shot.passages)))
        messages.append(Message("assistant", shot.output))
    shared = len(messages) if shots_are_fixed else 1
    messages.append(Message("user", user_text(text, passages)))
    return Prompt(tuple(messages), shared=shared)


def system_text(task: Task, *, grounded: bool) -> str:
    """The instruction with what the model must know of the answer's form."""
    parts = [task.instruction.strip()]
    if task.labels:
        parts.append("Labels: " + ", ".join(task.labels))
    if task.output_schema:
        fields = ", ".join(task.output_schema.get("properties", {}))
        parts.append(f"Answer with one JSON object only. Fields: {fields}")
    if grounded:
        parts.append("Use the passages given with each input.")
    if task.no_answer:
        parts.append(f"If the answer cannot be known, answer exactly: {task.no_answer}")
    return "\n".join(parts)


def user_text(text: str, passages: Sequence[Passage]) -> str:
    """The input, below the passages found for it."""
    if not passages:
        return text
    blocks = [
        f"[{number}] {passage.title + ': ' if passage.title else ''}{passage.text}"
        for number, passage in enumerate(passages, start=1)
    ]
    return "\n".join(blocks) + f"\n\n{text}"


def shots_from(examples: Sequence[Example]) -> tuple[Shot, ...]:
    """Labelled rows as worked examples without passages."""
    return tuple(Shot(example.input, example.output) for example in examples)


def completion_limit(output_tokens: Sequence[int]) -> int:
    """The most tokens an answer may take, from the lengths of the training outputs.

    A fifth above the longest training output and 8 tokens more, between 16 and 512.
    """
    longest = max(output_tokens, default=64)
    return max(16, min(512, int(longest * 1.2) + 8))
