"""The answers of what runs today: read, and laid beside the test rows they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from corpora.errors import InvalidInput
from corpora.examples import MAX_EXAMPLES
from corpora.invalid import check_plain, text_fix, validated
from corpora.rows import Row
from corpora.spec import Spec
from corpora.task import Example, Incumbent, IncumbentAnswer

FIELDS = ("id", "output", "cost_usd", "latency_ms")
REQUIRED = ("id", "output")


def answers_from(rows: Sequence[Row], spec: Spec) -> tuple[IncumbentAnswer, ...]:
    """The rows in order; raises InvalidInput for the first that is wrong.

    An output is whatever it was: one that is no label, or no JSON, is a wrong answer.
    """
    if not rows:
        fix = "Add rows with the id of an example and what was answered, or leave the field out."
        raise InvalidInput("incumbent", [], fix)
    if len(rows) > MAX_EXAMPLES:
        raise InvalidInput("incumbent", len(rows), f"Keep them under {MAX_EXAMPLES:,} rows.")
    places: dict[str, str] = {}
    answers = []
    for row in rows:
        answer = _answer(row, spec)
        if answer.id in places:
            first = places[answer.id].rstrip(" :.")
            fix = f"The same id is at {first}: keep one answer to each example."
            raise InvalidInput(row.place + "id", answer.id, fix)
        places[answer.id] = row.place
        answers.append(answer)
    return tuple(answers)


def incumbent_of(
    answers: Sequence[IncumbentAnswer],
    source: str,
    examples: Sequence[Example],
    test: Sequence[Example],
) -> Incumbent:
    """What of the answers is judged: those to the `test` rows, which are some of `examples`.

    Raises InvalidInput where there is none.
    """
    known = {example.id for example in examples}
    given = {answer.id: answer for answer in answers}
    judged = tuple(given[example.id] for example in test if example.id in given)
    if test and not judged:
        fix = (
            f"None of the {len(test)} test rows has an answer in it (the first is"
            f" {test[0].id!r}). Give each answer the `id` of its example."
        )
        raise InvalidInput("incumbent", source, fix)
    unknown = tuple(answer.id for answer in answers if answer.id not in known)
    return Incumbent(source=source, answers=judged, unknown=unknown)


def _answer(row: Row, spec: Spec) -> IncumbentAnswer:
    check_plain(row.values, row.place)
    values: dict[str, Any] = dict(row.values)
    output = values.get("output")
    if output is None:
        fix = "Add what it answered; where it gave no answer, leave the row out."
        raise InvalidInput(row.place + "output", output, fix)
    if spec.kind == "extraction" and isinstance(output, Mapping):
        values["output"] = json.dumps(output, ensure_ascii=False)
    elif not isinstance(output, str):
        raise InvalidInput(row.place + "output", output, text_fix(output))
    return validated(IncumbentAnswer, values, place=row.place)
