"""A hosted model on loopback beside a local one with the same weights: a tiny network."""

import json
import os
import urllib.error
import urllib.request

import pytest

from benchmarks.parity.figures import BESIDE, BOTH, parity_checks
from benchmarks.parity.hosted import (
    PRICE,
    ask_both,
    asked_over_http,
    best_of,
    choose_both,
    compare_both,
    dollars,
    usage_by_input,
)
from benchmarks.parity.server import ROUTE, Served, serving
from benchmarks.speed.sheet import Measurement
from corpora.task import Dataset, Example, Task
from strategies.few_shot import FewShot
from strategies.models.base import Choice, Message, Model, Prompt, Usage
from strategies.zero_shot import ZeroShot


@pytest.fixture
def written():
    """Short written answers, of which both sides keep 16 tokens."""

    def rows(split, count):
        return tuple(
            Example(
                id=f"{split}-{number}",
                input=f"{split}: what is {number} more than my order of {number * 3} boxes?",
                output=f"{number * 4} boxes",
                split=split,
            )
            for number in range(count)
        )

    task = Task(
        name="sums",
        kind="question-answering",
        instruction="Add the numbers up and say how many boxes there are.",
        metric="token_f1",
    )
    return Dataset(
        task=task, train=rows("train", 8), validation=rows("validation", 4), test=rows("test", 20)
    )


@pytest.mark.parametrize("strategy", [ZeroShot(), FewShot(shots=2)], ids=lambda each: each.name)
def test_both_give_the_same_answers_tokens_and_cost(strategy, written, tiny_model, monkeypatch):
    monkeypatch.setenv("TUNEWORTH_MODELS", "/no/such/file")
    found = compare_both(written, strategy, tiny_model)
    assert (found["n"], found["errors"], found["dtype"]) == (20, 0, "float32")
    assert found["served"] > 20
    assert found["reported"]["cached"] > 0
    assert found["reported"]["completion"] > 20
    checks = parity_checks([Measurement(f"{BESIDE}, 20 rows", BOTH, 0, 1.0, found)])
    targets = {check.name: check.met for check in checks if check.target is not None}
    assert targets == {
        "hosted_errors": True,
        "answers_same": True,
        "tokens_equal": True,
        "tokens_equal_local": True,
        "cost_equal": True,
    }
    assert os.environ["TUNEWORTH_MODELS"] == "/no/such/file"


def prompts(count):
    return [
        Prompt((Message("system", "Be brief."), Message("user", f"order {n}")), shared=1)
        for n in range(count)
    ]


def test_prompts_are_asked_one_by_one_over_http(tiny_model):
    found = ask_both(tiny_model, prompts(5), max_new_tokens=6)
    assert (found["n"], found["same"], found["dtype"]) == (5, 5, "float32")
    with asked_over_http(tiny_model) as hosted:
        assert isinstance(hosted, Model)
        assert hosted.hosted
        (given,) = hosted.generate(prompts(1), max_new_tokens=6)
    (local,) = tiny_model.generate(prompts(1), max_new_tokens=6)
    assert (given.text, given.usage) == (local.text, local.usage)


def test_choices_are_likelihoods_here_and_words_there(tiny_model):
    labels = ("red", "green")
    asked = prompts(4)
    right = [choice.best for choice in tiny_model.choose(asked, labels)]
    found = choose_both(tiny_model, asked, labels, right)
    assert found["local_right"] == 4
    assert found["hosted_right"] <= found["hosted_named"]
    assert best_of([Choice({}, error="gone"), Choice({"red": 1.0})]) == ["", "red"]


def test_dollars_are_tokens_times_price():
    used = Usage(prompt=1_000_000, cached=400_000, completion=200_000)
    assert dollars(used) == 0.6 * PRICE.input + 0.4 * PRICE.cached + 0.2 * PRICE.output


def test_two_counts_for_one_request_are_no_count():
    turns = (Message("user", "a"),)
    same = [Served(turns, "x", Usage(3, 0, 1)), Served(turns, "x", Usage(3, 0, 1))]
    assert usage_by_input(same) == {"a": Usage(3, 0, 1)}
    with pytest.raises(RuntimeError, match="two counts"):
        usage_by_input([*same, Served(turns, "x", Usage(3, 0, 2))])


def post(server, path, body):
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.server_port}{path}", json.dumps(body).encode()
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "my order"}]


def test_a_reply_has_the_form_of_the_protocol(tiny_model):
    with serving(tiny_model) as server:
        asked = {"model": "tiny", "messages": TURNS, "max_tokens": 4, "temperature": 0}
        status, said = post(server, ROUTE, asked)
    prompt = Prompt(tuple(Message(**turn) for turn in TURNS), shared=1)
    (local,) = tiny_model.generate([prompt], max_new_tokens=4)
    assert status == 200
    assert said["object"] == "chat.completion"
    assert said["choices"][0]["message"] == {"role": "assistant", "content": local.text}
    assert said["choices"][0]["finish_reason"] == (
        "length" if local.usage.completion == 4 else "stop"
    )
    assert said["usage"] == {
        "prompt_tokens": local.usage.prompt,
        "completion_tokens": local.usage.completion,
        "total_tokens": local.usage.prompt + local.usage.completion,
        "prompt_tokens_details": {"cached_tokens": local.usage.cached},
    }
    assert 0 < local.usage.cached < local.usage.prompt


@pytest.mark.parametrize(
    ("path", "changed", "status"),
    [
        ("/v1/completions", {}, 404),
        (ROUTE, {"messages": []}, 400),
        (ROUTE, {"max_tokens": 0}, 400),
        (ROUTE, {"stream": True}, 400),
        (ROUTE, {"messages": [{"role": "user", "content": "order " * 2000}]}, 400),
    ],
)
def test_what_cannot_be_answered_is_refused(tiny_model, path, changed, status):
    asked = {"model": "tiny", "messages": TURNS, "max_tokens": 4, **changed}
    with serving(tiny_model) as server:
        given, said = post(server, path, asked)
        assert server.served == []
    assert given == status
    assert said["error"]["message"]
