"""The built-in tasks are whole, varied, and do not repeat themselves."""

from collections import Counter
from collections.abc import Callable

import pytest

from corpora.checks import check_dataset
from corpora.errors import InvalidInput
from corpora.reading import read_dataset
from corpora.shelf import builtin_folder, builtin_tasks
from corpora.similarity import distinct_n, near_duplicates
from corpora.task import Dataset, Example

TASKS = ["brand-voice", "product-manual", "support-triage"]
LABELS = {
    *("billing", "delivery", "returns", "technical"),
    *("account", "membership", "product-question", "feedback"),
}


def rows(dataset: Dataset) -> list[Example]:
    return [*dataset.train, *dataset.validation, *dataset.test]


def test_they_are_on_the_shelf() -> None:
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
