"""What can be varied about a prompt: examples, instruction, label wording, answer form.

Everything is written from the task's own material: its instruction, labels and training rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from corpora.task import Example, Task
from strategies.output_rules import output_rules
from strategies.prompting import first_clause
from strategies.search import Setting

Choice = Literal["nearest", "balanced", "diverse", "random"]
Instruction = Literal["given", "short", "with label words", "with answer rules"]
Wording = Literal["given", "spaced", "capitalised"]

LABEL_WORDS = 5
EXPLAINED_LABELS = 20
"""With more labels than this their words would make the instruction longer than the examples."""
WORD = re.compile(r"[^\W\d_]{3,}")
JOINED = re.compile(r"_+|(?<=[^\W\d])[-./]+(?=[^\W\d])")
"""What stands between the words of a label; the marks of "-1", "1.5" and "24/7" are no such."""


@dataclass(frozen=True)
class PromptSettings:
    """One way to prompt. `draw` is the seed of a choice by chance, and of the order of examples;
    `order` stands where the most similar example does."""

    shots: int = 8
    choice: Choice = "nearest"
    order: Literal["last", "first"] = "last"
    draw: int = 0
    instruction: Instruction = "given"
    wording: Wording = "given"
    form: Literal["told", "not told"] = "told"

    def told(self) -> dict[str, Setting]:
        """As columns of the search's record."""
        return asdict(self)


def reworded(
    task: Task, train: Sequence[Example], settings: PromptSettings
) -> tuple[Task, Mapping[str, str]]:
    """The task as it is prompted, and the shown name of each label."""
    names = label_names(task.labels, settings.wording)
    shown = {
        "instruction": instruction_of(task, train, settings.instruction, names),
        "labels": tuple(names[label] for label in task.labels),
    }
    return task.model_copy(update=shown), names


def label_names(labels: Sequence[str], wording: Wording) -> dict[str, str]:
    """Labels as a reader would write them; as given where two would become the same."""
    if wording == "given":
        return {label: label for label in labels}
    spaced = {label: spaced_label(label) for label in labels}
    if wording == "capitalised":
        spaced = {label: name[:1].upper() + name[1:] for label, name in spaced.items()}
    return spaced if len(set(spaced.values())) == len(labels) else label_names(labels, "given")


def spaced_label(label: str) -> str:
    """`card_arrival` and `cardArrival` as "card arrival"."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    return " ".join(JOINED.sub(" ", apart).split()).lower() or label


def instruction_of(
    task: Task, train: Sequence[Example], kind: Instruction, names: Mapping[str, str]
) -> str:
    """The instruction in one of its variants; the given one where a variant has nothing to say."""
    given = task.instruction.strip()
    if kind == "short":
        return first_clause(given)
    if kind == "with label words":
        telling = label_words(task, train)
        lines = [f"{names[label]}: {', '.join(words)}" for label, words in telling.items()]
        return "\n".join([given, *lines])
    if kind == "with answer rules":
        return " ".join([given, *output_rules(task, train)])
    return given


def label_words(task: Task, train: Sequence[Example]) -> dict[str, list[str]]:
    """The words that tell each label's training inputs from the others', most telling first.

    By the share of the label's rows that hold a word, times how much commoner it is there than
    in all rows: term frequency times a class-based inverse frequency.
    """
    if not task.labels or len(task.labels) > EXPLAINED_LABELS:
        return {}
    held = {label: Counter[str]() for label in task.labels}
    rows = Counter(row.output for row in train)
    for row in train:
        if row.output in held:
            held[row.output].update(set(WORD.findall(row.input.lower())))
    everywhere = sum(held.values(), Counter[str]())

    def weight(label: str, word: str) -> float:
        share = held[label][word] / max(1, rows[label])
        return share * held[label][word] / everywhere[word]

    return {
        label: sorted(held[label], key=lambda word: (-weight(label, word), word))[:LABEL_WORDS]
        for label in task.labels
        if held[label]
    }
