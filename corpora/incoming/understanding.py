"""From a table to a task: what is understood of it, or what only the user can say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpora.errors import InvalidInput, shorten
from corpora.files import parse_json
from corpora.incoming.columns import Columns, Wishes, find_columns, normal
from corpora.incoming.kinds import (
    AFTER_COMPLETION,
    AFTER_PROMPT,
    common_beginning,
    common_separator,
    guess_kind,
)
from corpora.incoming.schemas import infer_schema
from corpora.incoming.table import Table, counted, text_of
from corpora.incoming.usual import SPLIT_VALUES
from corpora.rows import Row
from corpora.similarity import normalise
from corpora.task import KINDS, Kind

MAX_LISTED_LABELS = 100
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


def understand(table: Table, wishes: Wishes) -> Understanding | tuple[Unclear, ...]:
    """The task, or all that must be asked; raises InvalidInput for rows that cannot be one."""
    if len(table.columns) < 2:
        fix = "It has one column: a task needs an input and its right output in each row."
        raise InvalidInput(table.file, list(table.columns), fix)
    columns = find_columns(table, wishes)
    instruction, origin = _instruction(table, columns, wishes)
    unclear = _unclear_columns(table, columns)
    if unclear:
        return unclear if instruction else (*unclear, _what_to_do())
    made = [_example(row, columns) for row in table.rows]
    rows, cut = _without_marks(_complete(made, table, columns))
    inputs = [row.values["input"] for row in rows]
    if not instruction and (beginning := common_beginning(inputs)):
        instruction, origin = beginning.strip(), "what every input begins with, cut off there"
        rows = [_with(row, input=row.values["input"][len(beginning) :].lstrip()) for row in rows]
    outputs = [row.values["output"] for row in rows]
    asked = any(part in _ASKED for name in columns.input for part in normal(name).split("_"))
    kind = wishes.kind or guess_kind(inputs, outputs, asked=asked, snippets=table.snippets)
    unclear = () if instruction else (_what_to_do(rows),)
    if kind is None:
        unclear = (_which_kind(outputs), *unclear)
    if kind is None or unclear:
        return unclear
    return Understanding(
        table,
        columns,
        wishes.name or "task",
        kind,
        instruction,
        origin,
        tuple(rows),
        tuple(sorted(set(outputs))) if kind == "classification" else (),
        infer_schema(_objects(rows)) if kind == "extraction" else None,
        _incomplete(made),
        _conflicts(rows),
        (*table.notes, *cut),
    )


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
    choices = tuple(name for name in table.columns if name not in taken) or table.columns
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


def _example(row: Row, columns: Columns) -> Row:
    """The row by the names of a task's fields; what it lacks is an empty text."""
    given = row.values
    texts = {name: text_of(given.get(name)) for name in columns.input}
    if len(texts) > 1:
        lines = (f"{name}: {text}" for name, text in texts.items() if text.strip())
        texts = {"": "\n".join(lines)}
    values: dict[str, Any] = {}
    if columns.id is not None:
        values["id"] = text_of(given.get(columns.id)).strip()
    values["input"] = next(iter(texts.values()), "")
    outputs = _answers(given.get(columns.output or ""))
    values["output"] = outputs[0]
    if columns.split is not None:
        values["split"] = SPLIT_VALUES[text_of(given[columns.split]).strip().casefold()]
    if columns.group is not None and (group := text_of(given.get(columns.group)).strip()):
        values["group"] = group
    others = given.get("alternatives")
    listed = others if isinstance(others, list) else []
    alternatives = [*outputs[1:], *(text_of(each).strip() for each in listed)]
    if filled := [text for text in alternatives if text]:
        values["alternatives"] = filled
    return Row(row.place, values)


def _answers(value: Any) -> list[str]:
    """An output and, where a list of texts is given, its further accepted forms."""
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return [each.strip() for each in value]
    return [text_of(value).strip()]


def _complete(rows: Sequence[Row], table: Table, columns: Columns) -> list[Row]:
    found = [row for row in rows if row.values["input"].strip() and row.values["output"]]
    if not found:
        fix = "No row has both: name the columns with --input and --output, or fill them."
        named = f"{' + '.join(columns.input)} and {columns.output}"
        raise InvalidInput(f"{table.file}: input, output", named, fix)
    return found


def _incomplete(rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    missing: dict[str, list[str]] = {}
    for row in rows:
        blank = [name for name in ("input", "output") if not row.values[name].strip()]
        if blank:
            missing.setdefault(" and ".join(f"an {name}" for name in blank), []).append(row.place)
    return {what: tuple(places) for what, places in missing.items()}


def _without_marks(rows: Sequence[Row]) -> tuple[list[Row], tuple[str, ...]]:
    """The rows without the marks that end every input or output, and what was cut off."""
    notes = []
    for name, signs in (("input", AFTER_PROMPT), ("output", AFTER_COMPLETION)):
        mark = common_separator([row.values[name] for row in rows], signs)
        if mark and all(signs.sub("", row.values[name]).strip() for row in rows):
            rows = [_with(row, **{name: signs.sub("", row.values[name])}) for row in rows]
            notes.append(f'the mark "{mark}" at the end of every {name} cut off')
    return list(rows), tuple(notes)


def _with(row: Row, **changed: str) -> Row:
    return Row(row.place, {**row.values, **changed})


def _objects(rows: Sequence[Row]) -> list[dict[str, Any]]:
    objects = []
    for row in rows:
        value = parse_json(row.values["output"], f"{row.place}output")
        if not isinstance(value, dict):
            fix = "The other outputs are JSON objects: correct it, or say --kind."
            raise InvalidInput(f"{row.place}output", value, fix)
        objects.append(value)
    return objects


def _conflicts(rows: Sequence[Row]) -> tuple[str, ...]:
    """Places of rows whose input stood in an earlier row with another output."""
    first: dict[str, str] = {}
    found = []
    for row in rows:
        output = row.values["output"]
        if first.setdefault(normalise(row.values["input"]), output) != output:
            found.append(row.place)
    return tuple(found)
