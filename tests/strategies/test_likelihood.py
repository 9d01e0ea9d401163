"""Likelihoods of right answers equal those of plain passes, row by row, and cost little more."""

import pytest
import torch

from corpora.task import Example, Task
from strategies.adapters import wrapped
from strategies.answering import answer_prompts
from strategies.likelihood import Likelihood, asked_rows, likelihood_of
from strategies.models.local import LocalModel
from strategies.models.narrowing import TOGETHER, Weighing
from strategies.prompting import Passage, shots_from

TEXTS = Task(name="cards", kind="generation", instruction="Say it.", metric="rouge_l")
LABELS = ("card", "bike and box", "refund of the order")
SORTED = TEXTS.model_copy(update={"kind": "classification", "labels": LABELS})
ROWS = [
    Example(id=f"r{number}", input=text, output=label)
    for number, (text, label) in enumerate(
        [
            ("my card is lost", LABELS[0]),
            ("that bike box is on the order of you and my return charge", LABELS[1]),
            ("refund", LABELS[2]),
            ("the order is for the bike " * 5, LABELS[0]),
        ]
    )
]
LONG = Example(id="long", input="order " * 3000, output=LABELS[0])
MANY = (*"abcdefghijklm", *(one + two for one in "nopqrstuvwxyz" for two in "123"))
"""Labels of one token, and more of two."""


def plain(model: LocalModel, prompt, tokens) -> float:
    """Nats of tokens after a prompt, in one pass of their own."""
    ids = list(model.encode(prompt).ids)
    with torch.no_grad():
        logits = model.network(torch.tensor([[*ids, *tokens]])).logits[0].float()
    told = logits.log_softmax(dim=-1)[len(ids) - 1 : -1]
    return -float(told.gather(1, torch.tensor(tokens)[:, None]).sum())


@pytest.mark.parametrize("in_training", [False, True])
def test_nats_of_replies_are_those_of_a_pass_of_their_own(
    tiny_model: LocalModel, in_training: bool
) -> None:
    def check(model: LocalModel) -> None:
        asked = asked_rows(TEXTS, model, ROWS, ROWS)
        found = likelihood_of(TEXTS, model, asked)
        assert found.nats.keys() == {row.id for row in ROWS}
        for row in asked:
            reply = model.chat.encode_reply(row.reply)
            wanted = plain(model, row.prompt, reply)
            assert found.nats[row.example] == pytest.approx(wanted, abs=1e-3)
            assert found.lengths[row.example] == len(reply)
        tokens = sum(found.lengths.values())
        assert found.nll == pytest.approx(sum(found.nats.values()) / tokens)
        assert (found.accuracy, found.share, found.left_out) == (None, None, 0)

    if not in_training:
        check(tiny_model)
        return
    with wrapped(tiny_model, rank=2, alpha=4, seed=0) as (training, tuned):
        for weight in training.weights.values():
            torch.nn.init.normal_(weight, std=0.2, generator=torch.Generator().manual_seed(1))
        check(tuned)


def test_worked_examples_and_passages_are_in_the_prompts(tiny_model: LocalModel) -> None:
    passages = [[Passage("d", f"passage {number}")] for number in range(len(ROWS))]
    (one, *_), (shown, *_), (read, *_) = (
        asked_rows(TEXTS, tiny_model, ROWS, ROWS, **more)
        for more in ({}, {"shots": shots_from(ROWS[:2])}, {"passages": passages})
    )
    assert [len(each.prompt.messages) for each in (one, shown, read)] == [2, 6, 2]
    assert shown.prompt.shared == 5
    assert "passage 0" in read.prompt.messages[-1].content
    found = likelihood_of(TEXTS, tiny_model, [shown])
    reply = tiny_model.chat.encode_reply(shown.reply)
    assert found.nats["r0"] == pytest.approx(plain(tiny_model, shown.prompt, reply), abs=1e-3)


def test_a_prefix_counts_once_and_a_row_that_does_not_fit_is_left_out(
    tiny_model: LocalModel,
) -> None:
    asked = asked_rows(TEXTS, tiny_model, ROWS, [*ROWS, LONG])
    found = likelihood_of(TEXTS, tiny_model, asked)
    encoded = [tiny_model.encode(row.prompt) for row in asked]
    own = sum(len(each.own) for each in encoded)
    assert len(asked) == len(ROWS), "the prompt alone does not fit"
    assert found.tokens == encoded[0].shared + own + sum(found.lengths.values()) - len(ROWS)
    assert found.operations > 0
    longer = likelihood_of(TEXTS, tiny_model, [*asked, replace_reply(asked[0], "card " * 3000)])
    assert (longer.left_out, longer.nats.keys()) == (1, found.nats.keys())


def replace_reply(row, reply):
    return type(row)(row.prompt, reply, "more")


@pytest.mark.parametrize("labels", [LABELS, (*LABELS, "card of the order")])
def test_few_labels_are_weighed_as_for_an_answer(
    tiny_model: LocalModel, labels: tuple[str, ...]
) -> None:
    """In the second case one label begins with another, so that all end with their turn."""
    task = SORTED.model_copy(update={"labels": labels})
    asked = asked_rows(task, tiny_model, ROWS, ROWS)
    answers = answer_prompts(task, tiny_model, [row.prompt for row in asked], max_new_tokens=1)
    found = likelihood_of(task, tiny_model, asked)
    replies = dict(zip(labels, tiny_model.chat.encode_choices(labels), strict=True))
    for row, answer in zip(asked, answers, strict=True):
        assert found.likeliest[row.example] == answer.text
        assert answer.probabilities is not None
        assert found.shares[row.example] == pytest.approx(answer.probabilities[row.reply], abs=1e-4)
        assert found.right[row.example] == float(answer.text == row.reply)
        wanted = plain(tiny_model, row.prompt, replies[row.reply])
        assert found.nats[row.example] == pytest.approx(wanted, abs=1e-3)
        assert found.lengths[row.example] == len(replies[row.reply])
    assert found.accuracy == pytest.approx(sum(found.right.values()) / len(ROWS))


def test_the_likeliest_of_many_labels_is_found_without_weighing_all(
    tiny_model: LocalModel,
) -> None:
    task = SORTED.model_copy(update={"labels": MANY})
    rows = [row.model_copy(update={"output": MANY[15 * n]}) for n, row in enumerate(ROWS)]
    asked = asked_rows(task, tiny_model, rows, rows)
    answers = answer_prompts(task, tiny_model, [row.prompt for row in asked], max_new_tokens=1)
    found = likelihood_of(task, tiny_model, asked)
    assert [found.likeliest[row.id] for row in rows] == [answer.text for answer in answers]
    replies = dict(zip(MANY, tiny_model.chat.encode_choices(MANY), strict=True))
    assert sorted(map(len, replies.values())) == [1] * 13 + [2] * 39
    for row in asked:
        wanted = plain(tiny_model, row.prompt, replies[row.reply])
        assert found.nats[row.example] == pytest.approx(wanted, abs=1e-3)
    encoded = [tiny_model.encode(row.prompt) for row in asked]
    read = found.tokens - encoded[0].shared - sum(len(each.own) for each in encoded)
    assert 0 < read < 39 * len(rows) / 2


def test_labels_are_weighed_until_none_that_is_left_can_be_the_best() -> None:
    bounds = [-float(number) for number in range(40)]
    one = Weighing(bounds)
    assert one.next(30) == [30, *range(TOGETHER - 1)]
    one.totals |= {label: bounds[label] - 3.5 for label in one.next(30)}
    assert one.next(30) == [], "the best is -3.5, and what is left is at most -15"
    one.totals = {30: -40.0, 2: -20.5}
    assert one.next(30) == [0, 1, *range(3, 3 + TOGETHER - 2)]
    one.totals = {2: -4.5}
    assert one.next(None) == [0, 1, 3, 4]
    few = Weighing([-1.0, -0.1, -9.0], {1: -0.1})
    assert few.next(None) == [0, 2], "their shares are told to all"


def test_a_right_answer_that_is_no_label_is_never_found(tiny_model: LocalModel) -> None:
    asked = asked_rows(SORTED, tiny_model, ROWS, ROWS[:1])
    found = likelihood_of(SORTED, tiny_model, [replace_reply(asked[0], "of no label")])
    assert (found.right, found.shares, found.nats) == ({"more": 0.0}, {"more": 0.0}, {})


def test_nothing_is_known_of_no_rows(tiny_model: LocalModel) -> None:
    for task in (TEXTS, SORTED):
        found = likelihood_of(task, tiny_model, [])
        assert (found.nll, found.accuracy, found.share) == (None, None, None)
    assert Likelihood({"a": 3.0, "b": 5.0}, {"a": 1, "b": 3}).nll == 2.0
