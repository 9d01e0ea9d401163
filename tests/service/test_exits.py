"""Each error's exit code and what is said of it."""

from pathlib import Path

import pytest

from benchmarks.errors import Cancelled, RunMismatch, StorageFull
from corpora.errors import CorpusError, InvalidInput
from service.exits import Refusal, Refused, refusal
from strategies.errors import ModelError, NotFetched, UnknownName


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CorpusError("no"), 2),
        (NotFetched("m: bring it"), 2),
        (RunMismatch(Path("out"), "seed"), 2),
        (Refused("A paid run.", "Add --yes."), 2),
        (ModelError("the disk is full"), 1),
        (StorageFull(Path("out"), "no space"), 1),
        (FileNotFoundError(2, "No such file", "prices.yaml"), 1),
        (ZeroDivisionError("division by zero"), 1),
        (Cancelled("stopped"), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_code(error, code):
    assert refusal(error).code == code


def test_bad_input_names_field_value_and_fix():
    said = refusal(InvalidInput("labels[2]", True, "Put it in quotes."))
    assert said == Refusal(
        2, "labels[2] is wrong", (("value", "True"), ("fix", "Put it in quotes."))
    )


def test_a_misspelt_name_gets_the_nearest_ones():
    known = ["prompt.few-shot", "prompt.nearest", "prompt.zero-shot"]
    said = refusal(UnknownName("strategy", "prompt.zeroshot", known))
    assert said.message == "strategy: 'prompt.zeroshot' is unknown"
    assert said.details[0][0] == "fix"
    assert said.details[0][1].startswith("Did you mean prompt.zero-shot")
    assert said.details[1] == ("known", ", ".join(known))


def test_a_beginning_is_near_enough():
    said = refusal(UnknownName("model", "smol", ["all-minilm-l6-v2", "smollm2-135m-q4"]))
    assert said.details[0] == ("fix", "Did you mean smollm2-135m-q4?")


def test_a_name_like_no_other_gets_the_list_only():
    said = refusal(UnknownName("model", "zzz", ["a", "b"]))
    assert said.details == (("known", "a, b"),)


def test_an_unexpected_error_is_short_and_points_to_debug():
    said = refusal(RuntimeError("x" * 1000))
    assert len(said.message) < 350
    assert said.message.startswith("Unexpected RuntimeError: ")
    assert said.details == (("fix", "Run it again with --debug for the traceback."),)
