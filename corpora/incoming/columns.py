"""Which column is the input, the output, the id, the split and the group."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from corpora.errors import InvalidInput
from corpora.incoming.table import Table, text_of
from corpora.incoming.usual import (
    GROUPS,
    IDS,
    INPUTS,
    INSTRUCTIONS,
    OUTPUTS,
    SPLIT_VALUES,
    SPLITS,
    TOGETHER,
)
from corpora.invalid import did_you_mean
from corpora.task import Kind

LARGEST_GROUP = 0.2
"""Of the rows; a column with a larger group would leave a split without rows of its own."""
FEWEST_GROUPS = 10
SHORT = 60
"""Characters of a label at most."""


@dataclass(frozen=True)
class Wishes:
    """What the user said beforehand; empty where it is to be found out."""

    input: tuple[str, ...] = ()
    output: str | None = None
    id: str | None = None
    group: str | None = None
    kind: Kind | None = None
    instruction: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Columns:
    """The columns by what they are for; `input` and `output` are empty where it cannot be told.

    `constant` are columns with one value in all rows, `unused` those left over.
    """

    input: tuple[str, ...]
    output: str | None
    id: str | None
    split: str | None
    group: str | None
    instruction: str | None
    constant: Mapping[str, str]
    unused: tuple[str, ...]


@dataclass(frozen=True)
class _Shape:
    """What a column looks like: its texts, and figures of those that are filled."""

    texts: Sequence[str]
    filled: int
    distinct: int
    mean_length: float
    longest: int

    @property
    def is_label(self) -> bool:
        """Few short values that repeat."""
        return self.longest <= SHORT and self.distinct * 3 <= self.filled

    @property
    def asks(self) -> bool:
        """Whether most of the texts are questions."""
        return 2 * sum(text.endswith("?") for text in self.texts) > self.filled

    @property
    def is_text(self) -> bool:
        """Longer than a label, and mostly different."""
        return self.mean_length >= 12 and self.distinct * 2 > self.filled


def find_columns(table: Table, wishes: Wishes) -> Columns:
    """Wishes first, then what the format names, then usual names, then shapes."""
    for field in ("input", "output", "id", "group"):
        _check_wish(table, field, getattr(wishes, field))
    shapes = {name: _shape(table, name) for name in table.columns}
    constant = _constant(table, shapes)
    named = {name: normal(name) for name in table.columns}
    taken = {*wishes.input, wishes.output, wishes.id, wishes.group, "alternatives"}
    taken |= {column for columns in table.roles.values() for column in columns}
    free = [name for name in table.columns if name not in taken]
    split = _first(free, lambda name: named[name] in SPLITS and _is_split(shapes[name]))
    id_ = wishes.id or _first(free, lambda name: _is_key(named[name]) and _is_id(shapes[name]))
    groups = [
        name
        for name in free
        if name != id_ and _names_group(named[name]) and _is_group(shapes[name])
    ]
    told = [name for name in free if named[name] in INSTRUCTIONS and name in constant]
    used = {split, id_, wishes.group, *groups, *told, *constant, "alternatives"}
    names = [name for name in table.columns if name not in used and not _is_key(named[name])]
    inputs, output = _main_columns(table, wishes, names, shapes)
    group = wishes.group or next(
        (name for name in groups if output is None or not _mirrors(shapes[name], shapes[output])),
        None,
    )
    used = (used - set(groups)) | {group, output, *inputs}
    return Columns(
        inputs,
        output,
        id_,
        split,
        group,
        constant[told[0]] if told else None,
        {name: text for name, text in constant.items() if name not in (*told, *inputs, output)},
        tuple(name for name in table.columns if name not in used),
    )


def _main_columns(
    table: Table, wishes: Wishes, names: Sequence[str], shapes: Mapping[str, _Shape]
) -> tuple[tuple[str, ...], str | None]:
    """The input and the output among `names`, which are free of what is something else."""
    named = {name: normal(name) for name in names}
    output = wishes.output or next(iter(table.roles.get("output", ())), None)
    inputs = wishes.input or tuple(table.roles.get("input", ()))
    output = output or _output_by_name([name for name in names if name not in inputs], named)
    inputs = inputs or _inputs_by_name([name for name in names if name != output], named)
    left = [name for name in names if name != output and name not in inputs]
    if not inputs or output is None:
        inputs, output = _by_shape(inputs, output, {name: shapes[name] for name in left})
    return inputs, output


def normal(name: str) -> str:
    """A heading in one spelling: "Ticket ID", "ticket-id" and "ticketId" are alike."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\W_]+", "_", parted).strip("_").casefold()


def _check_wish(table: Table, field: str, wish: str | tuple[str, ...] | None) -> None:
    for column in (wish,) if isinstance(wish, str) else wish or ():
        if column not in table.columns:
            near = did_you_mean(column, table.columns)
            fix = f"{table.file} has no such column{near}. Found: {', '.join(table.columns)}."
            raise InvalidInput(f"--{field}", column, fix)


def _shape(table: Table, name: str) -> _Shape:
    texts = [text_of(row.values.get(name)).strip() for row in table.rows]
    filled = [text for text in texts if text]
    lengths = [len(text) for text in filled]
    mean = sum(lengths) / len(filled) if filled else 0.0
    return _Shape(texts, len(filled), len(set(filled)), mean, max(lengths, default=0))


def _constant(table: Table, shapes: Mapping[str, _Shape]) -> dict[str, str]:
    """Columns that say the same in every one of several rows, or nothing at all."""
    rows = len(table.rows)
    return {
        name: next((text for text in shape.texts if text), "")
        for name, shape in shapes.items()
        if rows > 1 and (shape.filled == 0 or (shape.distinct == 1 and shape.filled == rows))
    }


def _first(names: Sequence[str], fits: Callable[[str], bool]) -> str | None:
    return next((name for name in names if fits(name)), None)


def _is_split(shape: _Shape) -> bool:
    splits = {SPLIT_VALUES.get(text.casefold()) for text in set(shape.texts)}
    return None not in splits and {"train", "test"} <= splits


def _is_id(shape: _Shape) -> bool:
    return shape.filled == shape.distinct == len(shape.texts)


def _is_key(name: str) -> bool:
    """Whether a heading is that of an identifier, unique or not."""
    return name in IDS or name.endswith(("_id", "_uuid", "_nr", "_no", "_key"))


def _names_group(name: str) -> bool:
    return name in GROUPS or name.endswith("_id")


def _is_group(shape: _Shape) -> bool:
    """Whether rows share values without one of them holding too many rows."""
    if shape.filled < len(shape.texts) or shape.distinct < FEWEST_GROUPS:
        return False
    largest = Counter(shape.texts).most_common(1)[0][1]
    return 1 < largest <= LARGEST_GROUP * len(shape.texts)


def _mirrors(group: _Shape, output: _Shape) -> bool:
    """Whether a column is only another name of the output, as `category_id` of `category`."""
    pairs = len(set(zip(group.texts, output.texts, strict=True)))
    return pairs == group.distinct <= output.distinct


def _output_by_name(names: Sequence[str], named: Mapping[str, str]) -> str | None:
    usual = [name for wanted in OUTPUTS for name in names if named[name] == wanted]
    parts = [
        name
        for wanted in OUTPUTS
        for name in names
        if wanted in (named[name].split("_")[0], named[name].split("_")[-1])
    ]
    return next(iter([*usual, *parts]), None)


def _inputs_by_name(names: Sequence[str], named: Mapping[str, str]) -> tuple[str, ...]:
    """Columns that are usually read together, else the one with the most usual name."""
    by_name = {named[name]: name for name in names}
    for together in TOGETHER:
        if all(part in by_name for part in together):
            return tuple(by_name[part] for part in together)
    usual = [by_name[wanted] for wanted in INPUTS if wanted in by_name]
    parts = [name for wanted in INPUTS for name in names if named[name].split("_")[-1] == wanted]
    return tuple((usual or parts)[:1])


def _by_shape(
    inputs: tuple[str, ...], output: str | None, shapes: Mapping[str, _Shape]
) -> tuple[tuple[str, ...], str | None]:
    """What is still missing, where one column alone looks like it."""
    texts = [name for name, shape in shapes.items() if shape.is_text]
    labels = [name for name, shape in shapes.items() if shape.is_label and shape.distinct > 1]
    if not inputs and len(texts) > 1 and output is None and labels:
        means = sorted((shapes[name].mean_length for name in texts), reverse=True)
        if means[0] >= 3 * means[1]:  # the body of a message beside its subject
            texts = [name for name in texts if shapes[name].mean_length == means[0]]
    asking = [name for name, shape in shapes.items() if shape.asks]
    if not inputs and len(texts) > 1 and len(asking) == 1:
        texts = asking
    if output is None:
        rest = [name for name in shapes if inputs or name not in texts[:1]]
        if len(labels) == 1 and (inputs or len(texts) == 1):
            output = labels[0]
        elif len(rest) == 1 and (inputs or len(texts) == 1):
            output = rest[0]
    if not inputs:
        others = [name for name in shapes if name != output]
        if len([name for name in texts if name != output]) == 1:
            inputs = tuple(name for name in texts if name != output)
        elif output is not None and len(others) == 1:
            inputs = (others[0],)
    return inputs, output
