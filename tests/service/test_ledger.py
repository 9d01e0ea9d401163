"""The books: nothing is sent beyond a limit, and nothing that was paid is paid again."""

import threading

import pytest
from sqlalchemy.orm import sessionmaker

from benchmarks.costs import TokenPrice, read_prices
from benchmarks.errors import Cancelled
from service.database import open_database
from service.file_book import FileBook
from service.ledger import Ledger, Limits, Sum
from service.reliability.misbehaving import misbehaving
from service.settings import Settings
from service.table_book import TableBook, settle_open
from strategies.errors import LimitReached
from strategies.models.account import Ask, Kept, accounting, scoped
from strategies.models.base import Generation, Message, Prompt, Usage
from strategies.models.chat_client import ChatClient
from strategies.models.hosted import HostedModel
from strategies.models.pace import Pace

PRICE = TokenPrice(input=1.0, cached=0.5, output=10.0, source="made up", as_of="2026")
ASK = Ask("a", "m", prompt_at_most=100, completion_at_most=10)
MOST = Sum(usd=(100 * 1 + 10 * 10) / 1e6, tokens=110)
REPLY = Kept(Generation("yes", Usage(40, 10, 2)), seconds=0.5)


@pytest.fixture
def prices():
    return read_prices().model_copy(update={"models": {"m": PRICE}})


@pytest.fixture(params=["file", "sqlite", "postgres"])
def ledger(request, tmp_path, prices):
    """Makes one with the same book, as a new process would."""
    if request.param == "file":
        yield lambda **limits: ledger_on(FileBook(tmp_path / "paid.jsonl"), prices, **limits)
        return
    of_file = Settings(tmp_path / "data")
    settings = request.getfixturevalue("postgres") if request.param == "postgres" else of_file
    engine = open_database(settings.database_url)
    begin = sessionmaker(engine, expire_on_commit=False).begin

    def make(**limits):
        with begin() as session:
            settle_open(session, "w", 2)  # as whoever gives the unit out again does
        book = TableBook(begin, lambda session: None, "w", 2, lambda: False)
        return ledger_on(book, prices, **limits)

    yield make
    engine.dispose()


def ledger_on(book, prices, usd=None, tokens=None, cancelled=lambda: False, **settings):
    return Ledger(book, prices, Limits(usd, tokens), cancelled, **settings)


def hosted(server, **settings):
    quick = {"attempts": 3, "first_wait_s": 0.01, "timeout_s": 30.0, "pace": Pace(20), **settings}
    return HostedModel("m", client=ChatClient(base_url=server.url, model="m", api_key="", **quick))


def prompts(count):
    return [Prompt((Message("user", f"question {number:04}"),)) for number in range(count)]


def test_a_booking_is_settled_by_what_was_billed(ledger):
    mine = ledger()
    mine.settle(mine.reserve(ASK), Usage(prompt=40, cached=10, completion=2))
    assert mine.spent == Sum(usd=(30 * 1 + 10 * 0.5 + 2 * 10) / 1e6, tokens=42)


def test_a_released_booking_leaves_nothing(ledger):
    mine = ledger()
    mine.release(mine.reserve(ASK))
    assert mine.spent == ledger().spent == Sum()
    assert mine.reserve(ASK) is not None


@pytest.mark.parametrize("limits", [{"usd": 1.5 * MOST.usd}, {"tokens": 150}])
def test_an_open_booking_holds_what_is_left(ledger, limits):
    mine = ledger(**limits)
    first = mine.reserve(ASK)
    assert mine.reserve(ASK) is None
    mine.settle(first, Usage(prompt=10, completion=1))
    assert mine.reserve(ASK) is not None


def test_what_is_refused_says_which_limit(ledger):
    with pytest.raises(LimitReached, match=r"^spending limit: \$0 of \$0.00010 are spent"):
        ledger(usd=0.0001).reserve(ASK)
    with pytest.raises(LimitReached, match=r"0 of 109 tokens are used, and this .* take 110"):
        ledger(tokens=109).reserve(ASK)
    assert ledger(usd=MOST.usd, tokens=110).reserve(ASK) is not None


def test_a_crash_between_reserve_and_settle_counts_in_full(ledger):
    ledger().reserve(ASK)
    again = ledger(usd=1.5 * MOST.usd)
    with pytest.raises(LimitReached):
        again.reserve(ASK)
    assert again.spent == MOST
    assert again.recall("a") is None


def test_a_crash_after_settle_keeps_the_reply(ledger):
    mine = ledger()
    mine.settle(mine.reserve(ASK), REPLY.reply.usage, REPLY)
    again = ledger()
    assert again.recall("a") == REPLY
    assert again.spent == mine.spent


def test_once_told_to_stop_nothing_is_booked(ledger):
    now = [100.0]
    told = threading.Event()
    mine = ledger(cancelled=told.is_set, clock=lambda: now[0])
    mine.check()
    told.set()
    with pytest.raises(Cancelled):
        mine.reserve(ASK)
    mine.check()  # a reply that is about to come is waited for
    now[0] += 2.0
    with pytest.raises(Cancelled):
        mine.check()


@pytest.mark.parametrize("pace", [1, 20])
def test_no_request_beyond_the_limit(ledger, pace):
    """By the endpoint's own sum, which bills what the client never got."""
    manners = ["well", "half", "busy", "well", "failing", "malformed", "well", "uncounted"]
    limit = 0.0200
    mine = ledger(usd=limit)
    with (
        misbehaving(lambda n, _: manners[n % 8], say=lambda _: "x" * 40, retry_after="0") as server,
        accounting(mine),
    ):
        model = hosted(server, pace=Pace(pace))
        given = model.generate(prompts(120), max_new_tokens=40)
        billed = server.usd(PRICE.input, PRICE.output)
    refused = [one for one in given if one.error and "spending limit" in one.error]
    assert refused
    assert billed <= mine.spent.usd <= limit
    assert mine.spent.usd > 0.9 * limit
    assert sum(one.text == "x" * 40 for one in given) > 20


def test_samples_past_the_limit_are_errors(ledger):
    with misbehaving() as server, accounting(ledger(tokens=400)):
        given = hosted(server).generate(prompts(80), max_new_tokens=8)
        answered = [one for one in given if one.error is None]
        assert server.asked == len(answered)
    assert 3 < len(answered) < 80
    assert all("tokens are used" in one.error for one in given if one.error)


def test_a_recalled_reply_is_not_paid_again(ledger):
    with misbehaving(say=str.upper) as server:
        for part in (7, 12):  # the first attempt is killed after seven
            with accounting(ledger()), scoped("zero-shot/answer/0"):
                given = hosted(server).generate(prompts(part), max_new_tokens=40)
        assert server.asked == 12
        assert set(server.texts.values()) == {1}
        with accounting(mine := ledger()), scoped("zero-shot/answer/0"):
            assert hosted(server).generate(prompts(12), max_new_tokens=40) == given
        assert server.asked == 12
        assert mine.spent.tokens == server.prompt_tokens + server.completion_tokens


def test_the_same_request_is_paid_once_each_time_it_is_asked(ledger):
    twice = prompts(1) * 2
    with misbehaving() as server:
        for _ in range(2):
            with accounting(ledger()), scoped("search/prepare"):
                hosted(server).generate(twice, max_new_tokens=8)
        assert server.asked == 2
        with accounting(ledger()), scoped("other/prepare"):
            hosted(server).generate(twice, max_new_tokens=8)
        assert server.asked == 4


def test_what_is_timed_is_asked_anew(ledger):
    with misbehaving() as server, accounting(ledger()):
        for _ in range(2):
            hosted(server).generate(prompts(1), max_new_tokens=8)
        assert server.asked == 2


def test_a_failed_request_is_asked_again_later(ledger):
    with misbehaving(lambda n, _: "failing" if n < 3 else "well") as server:
        for text in ("", "fine"):
            with accounting(ledger()), scoped("a"):
                [one] = hosted(server).generate(prompts(1), max_new_tokens=8)
            assert one.text == text
