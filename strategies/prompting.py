"""From a task and an input to the conversation a model is asked to continue.

One function builds every prompt, for answering and for training alike, so that a tuned model
is served exactly what it was trained on.
"""

from __future__ import annotations

import re
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
    form: str = "",
    shots_are_fixed: bool = True,
    best_last: bool = True,
) -> Prompt:
    """The conversation for one input: instruction, worked examples as turns, then the input.

    `form` says how long an answer is (see `answer_form`), in words for the model; `best_last`
    is the order of passages in it.
    """
    messages = [Message("system", system_text(task, form=form, grounded=bool(passages)))]
    for shot in shots:
        asked = user_text(task, shot.input, shot.passages, best_last=best_last)
        messages.append(Message("user", asked))
        messages.append(Message("assistant", shot.output))
    shared = len(messages) if shots_are_fixed else 1
    messages.append(Message("user", user_text(task, text, passages, best_last=best_last)))
    return Prompt(tuple(messages), shared=shared)


def system_text(task: Task, *, form: str = "", grounded: bool = False) -> str:
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
    if form:
        parts.append(form)
    return "\n".join(parts)


def first_clause(text: str) -> str:
    """Up to the first full stop, question mark, exclamation mark, colon or line end."""
    return re.split(r"(?<=[.!?])\s|:\s|\n", text, maxsplit=1)[0].strip()


def user_text(
    task: Task, text: str, passages: Sequence[Passage] = (), *, best_last: bool = True
) -> str:
    """The input, below the passages found for it, the best of which stands next to it unless
    `best_last` is off.

    Models use what stands at the end of a long prompt better than what stands in its middle
    (Liu et al. 2023, "Lost in the Middle").
    """
    if not passages:
        return text
    asked = f"Question: {text}\nAnswer:" if task.kind == "question-answering" else text
    ordered = passages[::-1] if best_last else passages
    return "\n\n".join([*(passage_text(passage) for passage in ordered), asked])


def passage_text(passage: Passage) -> str:
    """A passage below its document's title, unless it begins with it."""
    if not passage.title or passage.text.startswith(passage.title):
        return passage.text
    return f"{passage.title}: {passage.text}"


def shots_from(examples: Sequence[Example]) -> tuple[Shot, ...]:
    """Labelled rows as worked examples without passages."""
    return tuple(Shot(example.input, example.output) for example in examples)


def answer_form(task: Task, examples: Sequence[Example]) -> str:
    """How many words an answer takes, from the 10th to the 90th percentile of the outputs.

    Empty for the kinds whose form labels or a schema give, and where there are no examples.
    Outputs that mean "no answer" do not count.
    """
    if task.kind not in ("question-answering", "generation"):
        return ""
    lengths = sorted(len(e.output.split()) for e in examples if e.output != task.no_answer)
    if not lengths:
        return ""
    low, high = lengths[len(lengths) // 10], lengths[len(lengths) * 9 // 10]
    if low == high:
        return f"Answer in {low} word{'s' if low != 1 else ''}."
    return f"Answer in {low} to {high} words."


def completion_limit(output_tokens: Sequence[int], *, whole: bool = False) -> int:
    """The most tokens an answer may take, from the lengths of the training outputs.

    A fifth above their 95th percentile and 8 tokens more, between 16 and 512; `whole` takes
    the longest instead, for outputs that are worth nothing when cut (JSON).
    """
    lengths = sorted(output_tokens) or [64]
    usual = lengths[-1] if whole else lengths[len(lengths) * 95 // 100]
    return max(16, min(512, int(usual * 1.2) + 8))
