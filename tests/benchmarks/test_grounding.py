"""Words of answers looked up in what they cite."""

import pytest

from benchmarks.grounding import SourceTexts
from benchmarks.judging import judge
from corpora.task import Document, Example, Task
from strategies.base import Answer

TEXTS = SourceTexts(
    (
        Document(id="a", text="The pump lasts 12 years.", title="Pump care"),
        Document(id="b", text="Filters are changed monthly."),
    )
)
TASK = Task(
    name="t",
    kind="question-answering",
    instruction="i",
    metric="token_f1",
    no_answer="not in the documents",
)


@pytest.mark.parametrize(
    ("answer", "sources", "share"),
    [
        ("The pump lasts 12 years", ["a"], 1.0),
        ("The pump lasts 15 years", ["a"], 0.75),
        ("Pump CARE.", ["a"], 1.0),
        ("Filters lasts monthly", ["a"], 1 / 3),
        ("Filters lasts monthly", ["a", "b"], 1.0),
        ("pump", ["unknown"], None),
        ("pump", [], None),
        ("Yes it is", ["a"], None),
    ],
)
def test_the_share_of_content_words(answer, sources, share):
    assert TEXTS.supported(answer, sources) == (None if share is None else pytest.approx(share))


def row(output="12 years"):
    return Example(id="r", input="How long does the pump last?", output=output)


def test_an_answer_is_judged_with_its_sources_at_hand():
    found = judge("s", TASK, row(), Answer("12 years or more", sources=("a",)), TEXTS)
    assert (found.grounded, found.declined, found.answerable) == (2 / 3, False, True)
    assert "grounded" not in found.scores
    assert judge("s", TASK, row(), Answer("12 years", sources=("a",))).grounded is None


def test_declining_cites_nothing():
    said = Answer("Not in the documents.", sources=("a",))
    found = judge("s", TASK, row("not in the documents"), said, TEXTS)
    assert (found.grounded, found.declined, found.answerable) == (None, True, False)
    failed = judge("s", TASK, row(), Answer("", error="timeout"), TEXTS)
    assert (failed.grounded, failed.declined, failed.answerable) == (None, None, True)
    plain = TASK.model_copy(update={"no_answer": None})
    found = judge("s", plain, row(), said, TEXTS)
    assert (found.declined, found.answerable) == (None, None)


def test_a_label_is_no_text_to_look_up():
    task = TASK.model_copy(update={"kind": "classification", "metric": "accuracy"})
    assert judge("s", task, row("pump"), Answer("pump", sources=("a",)), TEXTS).grounded is None
