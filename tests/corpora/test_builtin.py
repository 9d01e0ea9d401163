"""The built-in tasks are whole, varied, and do not repeat themselves."""

import json
import re
from calendar import month_abbr
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from corpora.checks import check_dataset
from corpora.errors import InvalidInput
from corpora.reading import read_dataset
from corpora.schema_judge import SchemaJudge
from corpora.shelf import builtin_folder, builtin_tasks
from corpora.similarity import distinct_n, near_duplicates
from corpora.task import Dataset, Example

TASKS = ["brand-voice", "product-manual", "support-triage", "ticket-fields"]
LABELS = {
    *("billing", "delivery", "returns", "technical"),
    *("account", "membership", "product-question", "feedback"),
}


def rows(dataset: Dataset) -> list[Example]:
    return [*dataset.train, *dataset.validation, *dataset.test]


def test_all_are_on_the_shelf() -> None:
    assert builtin_tasks() == TASKS
    with pytest.raises(InvalidInput, match="did you mean 'support-triage'"):
        builtin_folder("suport-triage")


def test_support_triage() -> None:
    dataset = read_dataset("support-triage")
    assert len(rows(dataset)) >= 320
    assert set(dataset.task.labels) == LABELS
    assert set(Counter(row.output for row in rows(dataset))) == LABELS
    assert set(Counter(row.output for row in dataset.test)) == LABELS


def test_product_manual() -> None:
    dataset = read_dataset("product-manual")
    known = {document.id for document in dataset.documents}
    questions = rows(dataset)
    unanswerable = [row for row in questions if row.output == dataset.task.no_answer]
    assert len(known) >= 40
    assert len(questions) >= 200
    assert len(unanswerable) >= 0.1 * len(questions)
    for row in questions:
        assert row.sources is not None
        assert set(row.sources) <= known
        assert bool(row.sources) == (row not in unanswerable)
    assert any(row in unanswerable for row in dataset.test)


def tickets(examples: tuple[Example, ...]) -> list[dict[str, Any]]:
    return [json.loads(row.output) for row in examples]


def test_ticket_fields() -> None:
    dataset = read_dataset("ticket-fields")
    schema = dataset.task.output_schema
    assert schema is not None
    assert len(rows(dataset)) >= 240
    judge = SchemaJudge(schema)
    for row in rows(dataset):
        ticket = json.loads(row.output)
        assert judge.first_fault(ticket) is None
        in_order = {name: ticket[name] for name in schema["properties"] if name in ticket}
        assert row.output == json.dumps(in_order), row.id
    for name in ("request", "trade", "urgency"):
        values = {ticket[name] for ticket in tickets(dataset.test)}
        assert values == set(schema["properties"][name]["enum"])


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_optional_fields_come_and_go_in_every_split(split: str) -> None:
    dataset = read_dataset("ticket-fields")
    found = tickets(getattr(dataset, split))
    for name in ("unit", "rooms", "dates", "slot", "phone", "job"):
        assert 0.1 < sum(name in ticket for ticket in found) / len(found) < 0.75, name
    assert {len(ticket.get("rooms", [])) for ticket in found} >= {0, 1, 2, 3}
    assert {len(ticket.get("dates", [])) for ticket in found} >= {0, 1, 2}


def test_what_a_ticket_holds_stands_in_its_message() -> None:
    for row in rows(read_dataset("ticket-fields")):
        ticket = json.loads(row.output)
        numbers = {int(number) for number in re.findall(r"\d+", row.input)}
        digits = re.sub(r"[\s./-]|\(0\)", "", row.input)
        assert ticket.get("phone", "")[1:] in digits, row.id
        assert str(ticket.get("job", "")) in digits, row.id
        if "unit" in ticket:
            building, flat = ticket["unit"].split("-")
            assert int(flat) in numbers, row.id
            assert re.search(rf"(?<![a-z]){building}(?![a-z])", row.input, re.IGNORECASE), row.id
        for day in map(date.fromisoformat, ticket.get("dates", [])):
            month = rf"\b{month_abbr[day.month]}|\d[./]0?{day.month}\b"
            assert day.day in numbers, row.id
            assert re.search(month, row.input, re.IGNORECASE), row.id
            assert day.year == 2026 or day.year in numbers, row.id


@pytest.mark.parametrize("name", TASKS)
def test_rows_do_not_repeat_themselves(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    texts = [row.input for row in rows(read_dataset(name))]
    repeated = {number for pair in near_duplicates(texts, 0.5) for number in pair}
    assert len(repeated) < 0.02 * len(texts), [texts[number] for number in sorted(repeated)]
    distinct = distinct_n(texts, 2)
    record_property("distinct-2", round(distinct, 4))
    assert distinct > 0.5


@pytest.mark.parametrize("name", TASKS)
def test_no_check_finds_an_error(name: str) -> None:
    errors = [one for one in check_dataset(read_dataset(name)) if one.severity == "error"]
    assert errors == []
