"""The baselines that use no language model, on rows small enough to check by hand."""

from pathlib import Path

import numpy as np
import pytest

from corpora.task import Document, Example, Task
from strategies.baselines import Linear, Majority, Nearest
from strategies.copying import Copy, first_sentence
from strategies.embedding import HashingEmbedder
from strategies.errors import ModelError, StrategyError
from strategies.passage import BestPassage, sentences

EMBEDDER = HashingEmbedder()
TASK = Task(
    name="mail",
    kind="classification",
    instruction="Classify the mail.",
    labels=("billing", "delivery", "other"),
    metric="accuracy",
)
QUESTIONS = Task(name="faq", kind="question-answering", instruction="Answer.", metric="token_f1")


def rows(*pairs):
    return tuple(
        Example(id=f"r{number}", input=text, output=output)
        for number, (text, output) in enumerate(pairs)
    )


TRAIN = rows(
    ("the invoice is wrong", "billing"),
    ("charged twice on my invoice", "billing"),
    ("the parcel is late", "delivery"),
    ("refund the double charge on the invoice", "billing"),
)


def share_right(examples, answers):
    return float(np.mean([e.output == a.text for e, a in zip(examples, answers, strict=True)]))


def prepared(strategy, task=TASK, train=TRAIN, validation=(), documents=(), score=share_right):
    return strategy.prepare(task, train, validation, documents, None, score)


def test_majority_gives_the_commonest_label_and_the_shares_of_all():
    [answer] = prepared(Majority()).answer(["anything"])
    assert answer.text == "billing"
    assert answer.probabilities == {"billing": 0.75, "delivery": 0.25, "other": 0.0}


def test_majority_gives_the_first_of_equally_common_outputs():
    train = rows(("q1", "yes"), ("q2", "no"), ("q3", "no"), ("q4", "yes"))
    [answer] = prepared(Majority(), QUESTIONS, train).answer(["q"])
    assert (answer.text, answer.probabilities) == ("yes", None)


def test_nearest_copies_the_output_of_the_most_similar_input():
    answers = prepared(Nearest(embedder=EMBEDDER)).answer(
        ["is my parcel late", "the invoice is wrong"]
    )
    assert [a.text for a in answers] == ["delivery", "billing"]


def test_nearest_is_as_sure_as_the_inputs_are_alike():
    answers = prepared(Nearest(embedder=EMBEDDER)).answer(["the parcel is late", "late parcel"])
    one, other = EMBEDDER.embed(["the parcel is late", "late parcel"])
    assert [a.confidence for a in answers] == [1.0, pytest.approx(float(one @ other), abs=1e-5)]


def test_nearest_gives_the_earlier_of_equal_rows():
    train = rows(("same words", "first"), ("same words", "second"))
    strategy = prepared(Nearest(embedder=EMBEDDER), QUESTIONS, train)
    assert strategy.answer(["same words"])[0].text == "first"


def test_linear_learns_and_keeps_unseen_labels_at_zero():
    answers = prepared(Linear(embedder=EMBEDDER)).answer(
        ["where is the late parcel", "a wrong invoice"]
    )
    assert [a.text for a in answers] == ["delivery", "billing"]
    assert all(a.probabilities["other"] == 0.0 for a in answers)


def test_linear_agrees_with_scikit_learn_on_two_and_on_three_labels():
    from sklearn.linear_model import LogisticRegression

    third = Example(id="x", input="hello there", output="other")
    for train in (TRAIN, (*TRAIN, third)):
        inputs = [e.input for e in train]
        model = LogisticRegression(C=10.0, max_iter=2000)
        model.fit(EMBEDDER.embed(inputs).astype(float), [e.output for e in train])
        expected = model.predict_proba(EMBEDDER.embed(["my parcel"]).astype(float))[0]
        [answer] = prepared(Linear(embedder=EMBEDDER), train=train).answer(["my parcel"])
        found = [answer.probabilities[label] for label in model.classes_]
        assert found == pytest.approx(expected.tolist(), abs=1e-9)


def test_linear_takes_the_c_that_scores_best_on_validation():
    scores = iter([0.2, 0.2, 0.9])
    chosen = prepared(
        Linear(embedder=EMBEDDER), validation=TRAIN[:1], score=lambda e, a: next(scores)
    )
    assert chosen.c == 100.0
    level = prepared(Linear(embedder=EMBEDDER), validation=TRAIN[:1], score=lambda e, a: 0.5)
    assert level.c == 1.0


def test_linear_tells_what_it_tried_its_default_first():
    scores = iter([0.2, 0.4, 0.9])
    chosen = prepared(
        Linear(embedder=EMBEDDER), validation=TRAIN[:1], score=lambda e, a: next(scores)
    )
    assert chosen.training.search == (
        {"c": 10.0, "validation_score": 0.4, "rows": 1.0},
        {"c": 1.0, "validation_score": 0.2, "rows": 1.0},
        {"c": 100.0, "validation_score": 0.9, "rows": 1.0, "chosen": 1.0},
    )
    assert chosen.training.epochs == 0
    assert prepared(Linear(embedder=EMBEDDER)).training is None


def test_linear_with_one_label_in_training_is_certain_of_it():
    [answer] = prepared(Linear(embedder=EMBEDDER), train=TRAIN[:2]).answer(["parcel"])
    assert answer.probabilities == {"billing": 1.0, "delivery": 0.0, "other": 0.0}


def test_linear_only_serves_classification():
    reason = Linear().misfit(QUESTIONS, has_documents=True, model=None)
    assert reason == "baseline.linear chooses among labels and cannot write an answer"


@pytest.mark.parametrize("strategy", [Majority(), Nearest(embedder=EMBEDDER)])
def test_no_training_rows_is_said_plainly(strategy):
    with pytest.raises(StrategyError, match="needs at least one training example"):
        prepared(strategy, train=())


def test_weights_of_another_embedder_are_refused(tmp_path: Path):
    prepared(Linear(embedder=EMBEDDER)).save(tmp_path)
    with pytest.raises(ModelError, match="prepare the strategy again"):
        Linear(embedder=HashingEmbedder(dimensions=64)).load(tmp_path, TASK, None)


DOCUMENTS = (
    Document(id="hours", text="We are a small shop. The shop opens at nine. Tea is free."),
    Document(id="pets", text="Are dogs allowed in the garden? Dogs are allowed in the garden."),
)


def test_passage_quotes_the_best_sentence_of_the_best_document():
    strategy = prepared(BestPassage(embedder=EMBEDDER), QUESTIONS, (), documents=DOCUMENTS)
    answers = strategy.answer(["when does the shop open at nine", "are dogs allowed"])
    assert [(a.text, a.sources) for a in answers] == [
        ("The shop opens at nine.", ("hours",)),
        ("Dogs are allowed in the garden.", ("pets",)),
    ]


def test_passage_is_as_sure_as_the_sentence_is_like_the_question():
    alone = (*DOCUMENTS, Document(id="sole", text="Refunds take a week."))
    strategy = prepared(BestPassage(embedder=EMBEDDER), QUESTIONS, (), documents=alone)
    answers = strategy.answer(["The shop opens at nine.", "how long do refunds take"])
    one, other = EMBEDDER.embed(["how long do refunds take", "Refunds take a week."])
    assert [a.confidence for a in answers] == [1.0, pytest.approx(float(one @ other), abs=1e-5)]


def test_passage_says_why_it_does_not_fit():
    strategy = BestPassage()
    assert "needs documents" in strategy.misfit(QUESTIONS, has_documents=False, model=None)
    assert "classification" in strategy.misfit(TASK, has_documents=True, model=None)
    assert strategy.misfit(QUESTIONS, has_documents=True, model=None) is None


def test_sentences_leave_out_headings_and_questions_unless_alone():
    assert sentences("# Pets\nDogs? Yes. Cats\ntoo.") == ["Yes.", "Cats", "too."]
    assert sentences("Dogs?") == ["Dogs?"]


WRITING = Task(name="short", kind="generation", instruction="Shorten.", metric="rouge_l")
LETTERS = rows(("It rains. We stay in.", "It rains."), ("We ran. We won.", "We ran. We won."))


@pytest.mark.parametrize(
    ("train", "validation", "said"),
    [
        (LETTERS[1:], LETTERS[:1], "One."),  # the validation rows decide, not the training rows
        (LETTERS[:1], LETTERS[1:], "One. Two."),
        (LETTERS[:1], (), "One."),  # the training rows where there are no others
        ((), LETTERS, "One. Two."),  # level: the whole input
    ],
)
def test_copy_gives_the_input_or_its_first_sentence_as_validation_says(train, validation, said):
    strategy = prepared(Copy(), WRITING, train, validation)
    assert [a.text for a in strategy.answer(["One. Two."])] == [said]


def test_copy_without_any_row_and_of_labels_or_objects_is_refused():
    with pytest.raises(StrategyError, match="needs at least one training example"):
        prepared(Copy(), WRITING, ())
    said = Copy().misfit(TASK, has_documents=False, model=None)
    assert said == "baseline.copy repeats the input, which is no answer where a label is asked for"
    assert Copy().misfit(QUESTIONS, has_documents=False, model=None) is None


def test_a_first_sentence_ends_at_a_mark_or_a_line():
    texts = ["Is it late? Yes.", "A title\nA text.", "\n\n Late. ", "3.5 km", " \n "]
    assert [first_sentence(text) for text in texts] == [
        "Is it late?", "A title", "Late.", "3.5 km", " \n "
    ]  # fmt: skip
