"""A promptfoo configuration: its tests are the rows, its prompt is the instruction.

Nothing that it names is run: tests and prompts made by code, and files elsewhere than below its
folder, are refused or left to the user. Of several prompts the first is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from corpora.errors import InvalidInput
from corpora.incoming.promptfoo_tests import Case, read_cases
from corpora.incoming.prompts import read_prompt
from corpora.incoming.table import Table, counted, lines_of
from corpora.incoming.templates import filled, instruction_of, is_plain, variables_of
from corpora.invalid import check_plain
from corpora.rows import Row

FEWEST_WORDS = 4
"""A shorter instruction is asked for; the data checks would refuse it."""


def read_promptfoo(config: Mapping[str, Any], folder: Path, file: str) -> Table:
    """One row for each test (and combination of listed values) that gives a right answer.

    Where no test gives one, all are rows, and one of their variables may be the answer.
    """
    check_plain(config, f"{file}: ")
    prompt, notes = read_prompt(config.get("prompts"), folder, file)
    cases = read_cases(config, folder, file)
    names = tuple(dict.fromkeys(name for case in cases for name in case.variables))
    if prompt is not None and not is_plain(prompt):
        open_ = "its prompt has blocks or expressions, so the instruction is yours to give"
        prompt, notes = None, (*notes, open_)
    constant = _constant(cases) if prompt is not None else {}
    in_prompt = {name for name in variables_of(prompt or "") if name in constant}
    template = filled(prompt or "", constant)
    inputs = variables_of(template)
    _check_known(inputs, names, file)
    types = dict.fromkeys(case.answer.type for case in cases if case.answer is not None)
    output = f"assert ({', '.join(types)})"
    used = [case for case in cases if case.answer is not None or not types]
    left_out = [case for case in cases if case.answer is None and types]
    rows = tuple(Row(case.place, _values(case, output)) for case in used)
    others = ([output] if types else []) + ["alternatives"] * any(
        "alternatives" in row.values for row in rows
    )
    return Table(
        file,
        "promptfoo configuration",
        rows,
        (*(name for name in names if name not in in_prompt), *others),
        roles={"input": inputs, "output": (output,) if types else ()},
        instruction=_said(template),
        instruction_from="the prompt",
        snippets=any(case.answer.is_snippet for case in cases if case.answer),
        notes=(*notes, *_unanswered(left_out, file)),
    )


def _said(template: str) -> str | None:
    instruction = instruction_of(template)
    too_short = instruction.isascii() and len(instruction.split()) < FEWEST_WORDS
    return None if too_short else instruction


def _check_known(inputs: Sequence[str], names: Sequence[str], file: str) -> None:
    unknown = [name for name in inputs if name not in names]
    if unknown:
        fix = f"The prompt uses it, and no test has it in `vars`. Found: {', '.join(names)}."
        raise InvalidInput(f"{file}: tests", unknown[0], fix)


def _values(case: Case, output: str) -> dict[str, Any]:
    values: dict[str, Any] = dict(case.variables)
    if case.answer is not None:
        values[output] = case.answer.text
        if case.answer.alternatives:
            values["alternatives"] = list(case.answer.alternatives)
    return values


def _unanswered(cases: Sequence[Case], file: str) -> list[str]:
    if not cases:
        return []
    types = dict.fromkeys(kind for case in cases for kind in case.types)
    by = f" (only {', '.join(types)})" if types else " (no assertion)"
    places = lines_of(file, [case.place for case in cases])
    return [f"{counted(len(cases), 'test')} without a right answer{by} left out: {places}"]


def _constant(cases: Sequence[Case]) -> dict[str, str]:
    """Variables that are the same in all of several tests, which thus belong to the prompt."""
    if len(cases) < 2:
        return {}
    first, *others = (case.variables for case in cases)
    return {
        name: text
        for name, text in first.items()
        if all(variables.get(name) == text for variables in others)
    }
