"""What was understood of a file, in a few lines for a person."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from corpora.errors import shorten
from corpora.incoming.table import CONTROLS, counted, lines_of
from corpora.incoming.understanding import Understanding, roles_of

_SHOWN = 8


def sentences(found: Understanding) -> list[str]:
    """The rows and columns; what was left out or is doubtful; where the instruction is from."""
    columns = found.columns
    named = roles_of(columns)
    lines = [f"{found.table.format}: {counted(len(found.rows), 'row')}; {named}; {_kind(found)}"]
    doubts = _doubts(found)
    if doubts:
        lines.append("; ".join(doubts))
    lines += found.notes
    unused = [f"{name} ({_always(text)})" for name, text in columns.constant.items()]
    unused += columns.unused
    if unused:
        lines.append(f"not used: {_some(unused)}")
    if found.instruction_from:
        said = textwrap.shorten(found.instruction, 120, placeholder=" …")
        lines.append(f'instruction, from {found.instruction_from}: "{said}"')
    return [CONTROLS.sub("\N{REPLACEMENT CHARACTER}", line) for line in lines]


def _kind(found: Understanding) -> str:
    if found.kind == "classification":
        return f"classification, {counted(len(found.labels), 'label')}"
    if found.kind == "extraction" and found.output_schema is not None:
        fields = found.output_schema["properties"]
        always = len(found.output_schema.get("required", ()))
        return f"extraction, {counted(len(fields), 'field')} ({always} in every row)"
    return found.kind


def _doubts(found: Understanding) -> list[str]:
    file, doubts = found.table.file, []
    if found.conflicts:
        places = lines_of(file, list(found.conflicts))
        rows = counted(len(found.conflicts), "row")
        verb = "repeats" if len(found.conflicts) == 1 else "repeat"
        doubts.append(f"{rows} {verb} an earlier input with another output ({places})")
    for what, places_of in found.left_out.items():
        rows = counted(len(places_of), "row")
        doubts.append(f"{rows} without {what} left out ({lines_of(file, list(places_of))})")
    if found.labels and all(label.isdigit() for label in found.labels):
        doubts.append("the labels are numbers: say in the instruction what each one means")
    same = Counter(label.casefold() for label in found.labels)
    alike = [label for label in found.labels if same[label.casefold()] > 1]
    if alike:
        doubts.append(f"labels that differ in capitals only: {_some(list(map(repr, alike)))}")
    return doubts


def _always(text: str) -> str:
    return f"always {shorten(text, 30)}" if text else "empty"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
