"""Right outputs that are none: empty, no JSON, against the schema or against the rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from referencing.exceptions import Unresolvable

from corpora.checks.material import Material, about, several, some
from corpora.errors import InvalidInput
from corpora.files import parse_json
from corpora.invalid import check_plain
from corpora.patterns import forget
from corpora.schema_judge import SchemaJudge
from corpora.style_rules import judged
from corpora.task import Check, Example


def empty_outputs(material: Material) -> Iterator[Check]:
    ids = [row.id for row in material.rows if not all(map(str.strip, _outputs(row)))]
    if ids:
        message = (
            f"{several(len(ids), 'row has', 'rows have')} an empty output, so that saying nothing "
            "would be right. Write the right output, or leave the rows out."
        )
        yield about("empty-outputs", "error", message, ids)


def broken_outputs(material: Material) -> Iterator[Check]:
    """Extraction: outputs that are no JSON object, and those that break the schema."""
    task = material.dataset.task
    if task.kind != "extraction":
        return
    judge = None if task.output_schema is None else SchemaJudge(task.output_schema)
    no_object: list[str] = []
    against: dict[str, str] = {}
    for row in material.rows:
        for output in _outputs(row):
            value = _value(output)
            if not isinstance(value, dict):
                no_object.append(row.id)
                break
            if judge is not None and (fault := _fault(value, judge)):
                against[row.id] = fault
                break
    if no_object:
        message = (
            f"{several(len(no_object), 'output is', 'outputs are')} no JSON object. Write "
            '{"field": ...}, as every answer is expected.'
        )
        yield about("no-json", "error", message, no_object)
    if against:
        message = (
            f"{several(len(against), 'output breaks', 'outputs break')} `output_schema`, the first "
            f"at {next(iter(against.values()))}. Correct the rows or the schema."
        )
        yield about("breaks-schema", "error", message, against)


def broken_rules(material: Material) -> Iterator[Check]:
    """Right outputs that break the task's own rules of style."""
    broken: dict[str, str] = {}
    for rule in material.dataset.task.rules:
        forget(rule.forbid or rule.require or "")
    for row in material.rows:
        for rule in material.dataset.task.rules:
            try:
                if not judged(rule, row.output):
                    broken.setdefault(row.id, rule.name)
            except TimeoutError:  # the next rows would take as long
                message = (
                    f"The rule {rule.name!r} takes too long on a right output: write its "
                    "expression without repetitions inside repetitions."
                )
                yield about("slow-rule", "error", message, [row.id])
                return
    if broken:
        number = len(broken)
        message = (
            f"{number} right output{'s' * (number > 1)} break{'s' * (number == 1)} a rule "
            f"({some(sorted(set(broken.values())))}): whoever learns from them learns to break "
            "it. Change the output or the rule."
        )
        yield about("broken-rules", "warning", message, broken)


def _outputs(row: Example) -> tuple[str, ...]:
    return (row.output, *row.alternatives)


def _fault(value: dict[str, Any], judge: SchemaJudge) -> str | None:
    """Where and how the schema is broken: `items.0.price (type)`. Quotes nothing of the value."""
    try:
        fault = judge.first_fault(value)
    except (OverflowError, TimeoutError, Unresolvable, RecursionError) as error:
        return f"a value that cannot be checked ({type(error).__name__})"
    if fault is None:
        return None
    path = ".".join(str(part) for part in fault.absolute_path) or "the whole object"
    return f"{path} ({fault.validator})"


def _value(output: str) -> Any:
    """None for what is no JSON, or none that may be read."""
    try:
        value = parse_json(output, "output")
        check_plain(value)
    except InvalidInput:
        return None
    return value
