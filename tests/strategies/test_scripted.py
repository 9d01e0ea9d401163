"""The scripted model, and matching a written reply to the choices."""

import pytest

from strategies.errors import ModelError
from strategies.models.base import Generation, Message, Model, Prompt, Usage
from strategies.models.labels import certain, named_choice
from strategies.models.scripted import ScriptedModel


def asking(text: str) -> Prompt:
    return Prompt((Message("system", "Be brief."), Message("user", text)), shared=1)


def test_it_keeps_the_contract_of_a_model():
    model = ScriptedModel({})
    assert isinstance(model, Model)
    assert (model.trainable, model.hosted) == (False, False)
    assert model.info.name == "scripted"


def test_replies_by_a_table_count_words():
    model = ScriptedModel({"How many?": "two or three"})
    [known, unknown] = model.generate([asking("How many?"), asking("Why?")], max_new_tokens=9)
    # "system: Be brief. user: How many? assistant:"
    assert known == Generation("two or three", Usage(prompt=7, completion=3))
    assert unknown.error == "no scripted reply to 'Why?'"


def test_replies_by_a_function_are_cut_at_the_limit():
    model = ScriptedModel(lambda prompt: f"{prompt.messages[-1].content} it is  so")
    assert model.generate([asking("Yes")], max_new_tokens=2)[0].text == "Yes it"
    assert model.generate([asking("Yes")], max_new_tokens=4)[0].text == "Yes it is  so"


def test_the_chosen_reply_gets_most_of_the_probability():
    [choice] = ScriptedModel({"?": "b"}).choose([asking("?")], ["a", "b", "c"])
    assert choice.probabilities == pytest.approx({"a": 0.05, "b": 0.9, "c": 0.05})
    assert choice.best == "b"
    assert ScriptedModel({"?": "a"}).choose([asking("?")], ["a"])[0].probabilities == {"a": 1.0}


def test_probabilities_can_be_scripted_too():
    model = ScriptedModel({}, probabilities=lambda prompt, choices: {"a": 0.25, "b": 0.75})
    assert model.choose([asking("?")], ["a", "b"])[0].best == "b"


def test_an_error_of_one_request_is_not_one_of_the_others():
    def reply(prompt):
        if prompt.messages[-1].content == "bad":
            raise ModelError("out of order")
        return "a"

    choices = ScriptedModel(reply).choose([asking("bad"), asking("good")], ["a", "b"])
    assert [choice.error for choice in choices] == ["out of order", None]


@pytest.mark.parametrize(
    ("reply", "named"),
    [
        ("billing", "billing"),
        ("  **Billing**.\n", "billing"),
        ("The category is: billing", "billing"),
        ("lost card", "lost card"),
        ("It is about a LOST  card.", "lost card"),
        ("card", "card"),
        ("billing or card", None),
        ("lost card, or another card", None),
        ("rebilling", None),
        ("something else", None),
        ("", None),
        ("!", None),
    ],
)
def test_the_choice_that_a_reply_names(reply, named):
    assert named_choice(reply, ["billing", "card", "lost card"]) == named


def test_choices_of_signs_only_are_told_apart():
    assert named_choice("+", ["+", "-"]) == "+"


def test_a_reply_that_names_no_choice_stands_beside_them():
    assert certain("Billing.", ["billing", "card"]) == {"billing": 1.0, "card": 0.0}
    assert certain(" no idea ", ["billing", "card"]) == {
        "billing": 0.0,
        "card": 0.0,
        "no idea": 1.0,
    }
