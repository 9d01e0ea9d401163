"""A hosted model against an endpoint that misbehaves in every way that endpoints do."""

import threading
import time

import pytest

from service.reliability.misbehaving import misbehaving
from strategies.models.account import Unlimited, accounting
from strategies.models.base import Message, Prompt, Usage
from strategies.models.chat_client import ChatClient
from strategies.models.hosted import HostedModel
from strategies.models.pace import Pace

KEY = "sk-secret-'1234567890"


class Booked(Unlimited):
    """An account that notes how each booking ended."""

    def __init__(self, stop=lambda: False):
        self.ends = []
        self.stop = stop

    def reserve(self, ask):
        return f"booking of {ask.prompt_at_most} and {ask.completion_at_most}"

    def settle(self, booking, usage, kept=None):
        self.ends.append(usage)

    def release(self, booking):
        self.ends.append("released")

    def check(self):
        if self.stop():
            raise Stopped


class Stopped(Exception):
    """What an account raises to end the work."""


def hosted(server, **settings):
    quick = {"attempts": 2, "first_wait_s": 0.01, "timeout_s": 30.0, "pace": Pace(4), **settings}
    return HostedModel("m", client=ChatClient(base_url=server.url, model="m", api_key=KEY, **quick))


def ask(server, account, **settings):
    prompt = Prompt((Message("user", "how are you?"),))
    with accounting(account):
        [one] = hosted(server, **settings).generate([prompt], max_new_tokens=8)
    return one


def once(manner):
    """Misbehaves at the first request alone."""
    return lambda number, text: manner if number == 0 else "well"


def always(manner):
    return lambda number, text: manner


SLOW = ("silent", "drip", "drip headers")
WELL = Usage(prompt=3, completion=4)
UNKNOWN = None


@pytest.mark.parametrize(
    ("manner", "said", "asked", "ends"),
    [
        ("redirect", "redirect (307), which is not followed", 1, ["released"]),
        ("failing", "out of order (2 attempts)", 2, ["released"] * 2),
        ("busy", "slow down (2 attempts)", 2, ["released"] * 2),
        ("malformed", "something else than a chat completion", 1, [UNKNOWN]),
        ("half", "(2 attempts)", 2, [UNKNOWN] * 2),
        ("silent", "no whole reply within 1 s (2 attempts)", 2, [UNKNOWN] * 2),
        ("drip", "no whole reply within 1 s (2 attempts)", 2, [UNKNOWN] * 2),
        ("drip headers", "no whole reply within 1 s (2 attempts)", 2, [UNKNOWN] * 2),
        ("huge", "longer than 8,388,608 bytes", 1, [UNKNOWN]),
        ("huge error", "longer than 8,388,608 bytes", 1, [UNKNOWN]),
        ("packed", "packed, which was not asked for", 1, [UNKNOWN]),
        ("echo in error", "not understood: Authorization: Bearer [key]", 1, ["released"]),
    ],
)
def test_what_cannot_be_used_is_an_error_in_time(manner, said, asked, ends):
    account = Booked()
    with misbehaving(always(manner), retry_after="0") as server:
        began = time.monotonic()
        one = ask(server, account, timeout_s=1.0 if manner in SLOW else 30.0)
        assert time.monotonic() - began < 20
        assert server.asked == asked
    assert said in one.error
    assert KEY not in one.error
    assert (one.text, account.ends) == ("", ends)


@pytest.mark.parametrize("manner", ["failing", "busy", "half", "silent", "drip"])
def test_what_passes_is_asked_again(manner):
    account = Booked()
    with misbehaving(once(manner)) as server:
        one = ask(server, account, timeout_s=3.0 if manner in SLOW else 30.0)
        assert server.asked == 2
    assert (one.text, one.usage, one.error) == ("fine", WELL, None)
    assert account.ends == ["released" if manner in ("failing", "busy") else UNKNOWN, WELL]


def test_a_redirect_leads_nowhere():
    with misbehaving() as other:
        elsewhere = f"{other.url}/chat/completions"
        with misbehaving(always("redirect"), elsewhere=elsewhere) as server:
            assert ask(server, Booked()).error
        assert other.asked == 0


def test_a_key_in_the_text_is_blotted_out():
    with misbehaving(always("echo")) as server:
        one = ask(server, Booked())
    assert (one.text, one.error) == ("fine Bearer [key]", None)


def test_a_key_is_blotted_out_in_every_form():
    client = ChatClient(base_url="http://x.test/v1", model="m", api_key='sk-"12/34567')
    text = """as it is sk-"12/34567, in JSON sk-\\"12/34567, in an URL sk-%2212%2F34567"""
    assert client.without_key(text) == "as it is [key], in JSON [key], in an URL [key]"


def test_a_placeholder_for_a_key_is_no_secret():
    client = ChatClient(base_url="http://x.test/v1", model="m", api_key="EMPTY")
    assert client.without_key("the box is EMPTY") == "the box is EMPTY"


def test_without_a_count_of_tokens_the_most_stays_booked():
    account = Booked()
    with misbehaving(always("uncounted")) as server:
        assert ask(server, account).usage.prompt > 0
    assert account.ends == [UNKNOWN]


def test_told_to_stop_in_a_silent_request():
    told = threading.Event()
    account = Booked(told.is_set)
    with misbehaving(always("silent")) as server:
        threading.Timer(0.5, told.set).start()
        began = time.monotonic()
        with pytest.raises(Stopped):
            ask(server, account, timeout_s=50)
        assert 0.5 <= time.monotonic() - began < 5
        assert server.asked == 1
    assert account.ends == [UNKNOWN]


def test_told_to_stop_between_two_attempts():
    told = threading.Event()
    with misbehaving(always("busy"), retry_after="25") as server:
        threading.Timer(0.5, told.set).start()
        began = time.monotonic()
        with pytest.raises(Stopped):
            ask(server, Booked(told.is_set))
        assert time.monotonic() - began < 5


def test_one_silent_request_does_not_hold_up_those_beside_it():
    def manner(number, text):
        return "silent" if text == "3" else "well"

    prompts = [Prompt((Message("user", str(number)),)) for number in range(12)]
    with misbehaving(manner) as server:
        model = hosted(server, attempts=1, timeout_s=3.0)
        given = model.generate(prompts, max_new_tokens=8)
        assert server.most_running <= 4
    assert [one.text for one in given] == ["fine"] * 3 + [""] + ["fine"] * 8


def test_the_pace_slows_down_and_recovers():
    pace = Pace(8)

    def manner(number, text):
        return "busy" if number < 8 else "well"

    prompts = [Prompt((Message("user", str(number)),)) for number in range(60)]
    with misbehaving(manner, retry_after="0.2", takes_s=0.02) as server:
        given = hosted(server, attempts=6, pace=pace).generate(prompts, max_new_tokens=8)
    assert {one.text for one in given} == {"fine"}
    assert pace.limit == 8
