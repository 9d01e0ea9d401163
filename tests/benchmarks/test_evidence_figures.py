"""From answers to figures, and what the data themselves say."""

import math

import pytest

from benchmarks.evidence.features import features_of
from benchmarks.evidence.finding import Action, Finding
from benchmarks.evidence.tally import tallied
from corpora.task import Dataset, Document, Example, Task
from strategies.base import Answer
from strategies.models.base import Usage

LABELS = ("red", "green")
TASK = Task(
    name="colours",
    kind="classification",
    instruction="Name the colour that is asked for.",
    labels=LABELS,
    metric="macro_f1",
)
ROWS = [Example(id=str(n), input=f"row {n}", output=LABELS[n % 2]) for n in range(8)]
KNOWN = {row.id: row for row in ROWS}


def answer(text, red=0.6, tokens=10):
    return Answer(text, Usage(tokens, 4, 1), probabilities={"red": red, "green": 1 - red})


def as_finding(tally):
    action = Action(deed="rows", strategy="s", rows=4, share=1.0, seconds=0.0)
    figures, scores, labels = tally.figures, tally.scores, tally.labels
    return Finding(action=action, figures=figures, scores=scores, labels=labels, seconds=1.0)


def tally(rows, answers, before=None, seconds=2.0):
    return tallied(TASK, rows, answers, before, seconds=seconds, known=KNOWN)


def test_figures_go_on_as_if_all_rows_had_been_answered_at_once():
    answers = [answer("red", red=0.5 + n / 20, tokens=10 + n) for n in range(7)]
    answers.append(Answer("", Usage(20, 0, 0), error="timeout"))
    whole = tally(ROWS, answers, seconds=4.0)
    first = tally(ROWS[:3], answers[:3], seconds=1.0)
    later = tally(ROWS[3:], answers[3:], as_finding(first), seconds=3.0)
    assert later.figures == pytest.approx(whole.figures)
    assert later.scores == whole.scores
    assert later.labels == whole.labels
    assert later.usage == Usage(sum(13 + n for n in range(4)) + 20, 16, 4)
    for name, of in whole.readings.items():
        assert first.readings[name] | later.readings[name] == of
        assert [*later.readings[name]] == ["3", "4", "5", "6"]


def test_each_row_tells_how_sure_the_answer_is_and_how_likely_the_right_one():
    answers = [answer("red", 0.8), answer("red", 0.7), Answer("green", confidence=0.123456)]
    found = tally(ROWS[:3], answers)
    assert found.readings["confidence"] == {"0": 0.8, "1": 0.7, "2": 0.12346}
    assert found.readings["share"] == pytest.approx({"0": 0.8, "1": 0.3})


def test_figures_by_hand():
    answers = [answer("red", 0.8), answer("red", 0.8), answer("red", 0.8), answer("green", 0.2)]
    found = tally(ROWS[:4], answers)
    f1_red, f1_green = 2 * 2 / (2 * 2 + 1), 2 * 1 / (2 * 1 + 1)
    assert found.figures["score"] == pytest.approx((f1_red + f1_green) / 2)
    assert found.figures["accuracy"] == 0.75
    assert found.figures["sd_score"] == pytest.approx(0.5)
    assert found.figures["ms_per_row"] == 500.0
    assert found.figures["prompt_tokens"] == 10.0
    assert found.figures["cached_tokens"] == 4.0
    assert found.figures["completion_tokens"] == 1.0
    assert found.figures["right_probability"] == pytest.approx((0.8 + 0.2 + 0.8 + 0.8) / 4)
    nats = -(3 * math.log(0.8) + math.log(0.2)) / 4
    assert found.figures["label_nll"] == pytest.approx(nats)
    assert found.figures["errors"] == 0.0
    assert found.labels == {"0": "red", "1": "red", "2": "red", "3": "green"}
    assert found.trouble is None


def test_an_error_is_counted_and_in_no_figure():
    found = tally(ROWS[:2], [answer("red"), Answer("", error="timeout")])
    assert found.figures["errors"] == 1.0
    assert found.figures["accuracy"] == 1.0
    assert found.scores == {"0": 1.0}
    assert found.readings == {"confidence": {"0": 0.6}, "share": {"0": 0.6}}


def test_errors_alone_are_trouble():
    found = tally(ROWS[:2], [Answer("", error="timeout"), Answer("", error="refused")])
    assert found.trouble == "no row could be answered: timeout"


def dataset(task, train, validation, documents=()):
    return Dataset(
        task=task,
        train=tuple(train),
        validation=tuple(validation),
        test=(),
        documents=tuple(documents),
    )


def test_features_of_questions():
    task = Task(
        name="manual",
        kind="question-answering",
        instruction="Answer the question about the manual.",
        metric="token_f1",
        no_answer="not in the documents",
    )
    rows = [
        Example(id="a", input="How long does the battery last?", output="nine hours"),
        Example(id="b", input="What weighs the lamp then?", output="two pounds", sources=("lamp",)),
        Example(id="c", input="Who made the blue chair?", output="not in the documents"),
        Example(id="d", input="Is it nine hours or ten?", output="Nine hours."),
    ]
    lamp = Document(id="lamp", text="The battery lasts nine hours. It weighs a pound.")
    found = features_of(dataset(task, rows[:3], rows[3:], [lamp]))
    assert found["n_train"] == 3.0
    assert found["n_validation"] == 1.0
    assert found["n_documents"] == 1.0
    assert found["document_words"] == 9.0
    assert found["instruction_words"] == 6.0
    assert found["output_words"] == 2.5
    assert found["unanswerable"] == 0.25
    assert found["with_sources"] == 0.25
    assert found["in_documents"] == pytest.approx(2 / 3)
    assert found["in_inputs"] == 0.25
    assert found["distinct_outputs"] == 1.0
    assert found["check_errors"] == 0.0


def test_features_of_extraction_count_values_and_repeated_inputs():
    task = Task(
        name="slots",
        kind="extraction",
        instruction="Extract the fields of the order.",
        output_schema={"type": "object"},
        metric="field_f1",
    )
    train = [
        Example(
            id="a", input="Book a table for two at noon please", output='{"people": "two", "at": 1}'
        )
    ]
    again = [train[0].model_copy(update={"id": "b"})]
    found = features_of(dataset(task, train, again))
    assert found["in_inputs"] == 0.5
    assert found["repeated_inputs"] == 1.0
    assert found["in_documents"] == 0.0


def test_features_of_labels_and_long_answers():
    rows = ROWS[:5]
    found = features_of(dataset(TASK, rows[:4], rows[4:]))
    assert found["labels"] == 2.0
    assert found["most_common_output"] == 0.6
    assert found["rarest_label_rows"] == 2.0
    task = TASK.model_copy(update={"kind": "generation", "metric": "rouge_l", "labels": ()})
    text = "one two three four five six seven"
    rows = [
        Example(id="a", input="x", output=text),
        Example(id="b", input="y", output="seven six five four three two one"),
    ]
    found = features_of(dataset(task, rows, (), [Document(id="d", text=f"so {text} it says")]))
    assert found["in_documents"] == 0.5
