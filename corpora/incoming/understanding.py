"""From a table to a task: what is understood of it, or what only the user can say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpora.errors import InvalidInput, shorten
from corpora.incoming.columns import Columns, Wishes, find_columns, normal
from corpora.incoming.kinds import common_beginning, guess_kind
from corpora.incoming.making import (
    changed,
    complete,
    conflicts_in,
    example_of,
    incomplete,
    objects_in,
    without_marks,
)
from corpora.incoming.schemas import infer_schema
from corpora.incoming.table import Table, counted, text_of
from corpora.incoming.templates import instruction_of
from corpora.rows import Row
from corpora.task import KINDS, Kind

MAX_LISTED_LABELS = 100
_UNNAMED = "(no heading)"
_ASKED = ("question", "query")


@dataclass(frozen=True)
class Unclear:
    """Something that cannot be told, and the flag that says it.

    `unknown` completes "The file does not tell ..."; `hints` are lines to read before answering.
    """

    flag: str
    unknown: str
    question: str
    choices: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Questions:
    """All that must be asked, and in a few words what is known already."""

    unclear: tuple[Unclear, ...]
    known: str


@dataclass(frozen=True)
class Understanding:
    """A task as it was understood; `rows` are its examples, each with the place it came from.

    `left_out` maps what is missing to the places of such rows, `conflicts` are the places of
    rows that repeat the input of an earlier row with another output.
    """

    table: Table
    columns: Columns
    name: str
    kind: Kind
    instruction: str
    instruction_from: str
    rows: tuple[Row, ...]
    labels: tuple[str, ...]
    output_schema: Mapping[str, Any] | None
    left_out: Mapping[str, tuple[str, ...]]
    conflicts: tuple[str, ...]
    notes: tuple[str, ...]

    def spec(self) -> dict[str, Any]:
        """The spec of the task, with its rows in `examples.jsonl`."""
        values: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "instruction": self.instruction,
        }
        if 0 < len(self.labels) <= MAX_LISTED_LABELS:
            values["labels"] = list(self.labels)
        if self.output_schema is not None:
            values["output_schema"] = dict(self.output_schema)
        return {**values, "examples": "examples.jsonl"}


def understand(table: Table, wishes: Wishes) -> Understanding | Questions:
    """The task, or all that must be asked; raises InvalidInput for rows that cannot be one."""
    if len(table.columns) < 2:
        fix = "It has one column: a task needs an input and its right output in each row."
        raise InvalidInput(table.file, list(table.columns), fix)
    columns = find_columns(table, wishes)
    instruction, origin = _instruction(table, columns, wishes)
    unclear = _unclear_columns(table, columns)
    if unclear:
        asked = unclear if instruction else (*unclear, _what_to_do())
        return Questions(asked, roles_of(columns))
    made = [example_of(row, columns) for row in table.rows]
    rows, cut = without_marks(complete(made, table, columns))
    inputs = [row.values["input"] for row in rows]
    if not instruction and (beginning := common_beginning(inputs)):
        instruction = instruction_of(f"{beginning}{{{{input}}}}")
        origin = "what every input begins with, cut off there"
        rows = [changed(row, input=row.values["input"][len(beginning) :].lstrip()) for row in rows]
    outputs = [row.values["output"] for row in rows]
    question = any(part in _ASKED for name in columns.input for part in normal(name).split("_"))
    kind = wishes.kind or guess_kind(inputs, outputs, asked=question, snippets=table.snippets)
    unclear = () if instruction else (_what_to_do(rows),)
    if kind is None:
        unclear = (_which_kind(outputs), *unclear)
    if kind is None or unclear:
        known = f"{roles_of(columns)}; {kind}" if kind else roles_of(columns)
        return Questions(unclear, known)
    return Understanding(
        table,
        columns,
        wishes.name or "task",
        kind,
        instruction,
        origin,
        tuple(rows),
        _labels(rows) if kind == "classification" else (),
        infer_schema(objects_in(rows)) if kind == "extraction" else None,
        incomplete(made),
        conflicts_in(rows),
        (*table.notes, *cut),
    )


def _labels(rows: Sequence[Row]) -> tuple[str, ...]:
    """Every output and every further accepted one, sorted."""
    found = {row.values["output"] for row in rows}
    return tuple(sorted(found.union(*(row.values.get("alternatives", ()) for row in rows))))


def roles_of(columns: Columns) -> str:
    """`input = subject + body, output = queue`, as far as it is known."""
    roles = {
        "input": " + ".join(name or _UNNAMED for name in columns.input) or None,
        "output": columns.output,
        "id": columns.id,
        "split": columns.split,
        "group": columns.group,
    }
    known = ((role, name or _UNNAMED) for role, name in roles.items() if name is not None)
    return ", ".join(f"{role} = {name}" for role, name in known)


def _instruction(table: Table, columns: Columns, wishes: Wishes) -> tuple[str, str]:
    if wishes.instruction:
        return wishes.instruction.strip(), ""
    if table.instruction:
        return table.instruction, table.instruction_from
    if columns.instruction:
        return columns.instruction, "the column that says the same in all rows"
    return "", ""


def _unclear_columns(table: Table, columns: Columns) -> tuple[Unclear, ...]:
    if set(columns.constant) == set(table.columns) and not any(columns.constant.values()):
        raise InvalidInput(table.file, len(table.rows), "All its cells are empty: fill them.")
    taken = {*columns.constant, *columns.input, columns.output, columns.split, columns.id}
    named = tuple(name for name in table.columns if name)  # an option cannot name the others
    choices = tuple(name for name in named if name not in taken) or named
    first = table.rows[0].values
    hints = tuple(f"{name}: {shorten(text_of(first.get(name)))}" for name in choices)
    unknown = []
    if not columns.input:
        question = "Which column is the input, what comes in?"
        unknown.append(Unclear("--input", "which column is the input", question, choices, hints))
    if columns.output is None:
        question = "Which column is the output, the right answer?"
        unknown.append(Unclear("--output", "which column is the output", question, choices, hints))
    return tuple(unknown)


def _what_to_do(rows: Sequence[Row] = ()) -> Unclear:
    question = "What is to be done with the input? Say it as you would tell a new colleague"
    values = [(name, row.values[name]) for row in rows[:2] for name in ("input", "output")]
    hints = tuple(f"{name}: {shorten(text)}" for name, text in values)
    return Unclear("--instruction", "what is to be done with the input", question, (), hints)


def _which_kind(outputs: Sequence[str]) -> Unclear:
    unknown = (
        f"which kind of task it is ({counted(len(outputs), 'row')}, "
        f"{counted(len(set(outputs)), 'different output')})"
    )
    return Unclear("--kind", unknown, "Which kind of task is it?", KINDS)
