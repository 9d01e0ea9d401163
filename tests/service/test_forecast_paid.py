"""Forecasts pay once: what an attempt that was broken off had paid for is recalled by the next."""

import pytest

from benchmarks.costs import TokenPrice, read_prices
from benchmarks.evidence.live import LiveSource
from benchmarks.plan import plan_run
from benchmarks.quote import QuotedModel
from corpora.task import Dataset, Example, Task
from service.file_book import FileBook
from service.ledger import Ledger, Limits
from service.reliability.misbehaving import misbehaving
from strategies.base import no_progress
from strategies.few_shot import FewShot
from strategies.models.account import accounting
from strategies.models.base import Message, Prompt
from strategies.models.chat_client import ChatClient
from strategies.models.hosted import HostedModel
from strategies.models.pace import Pace

PRICE = TokenPrice(input=1.0, cached=0.5, output=10.0, source="made up", as_of="2026")
COLOURS = ("red", "green", "blue")
TAKES_S = 0.05


class Asking(FewShot):
    """Asks the model when it is prepared, as a search does."""

    name = "asking"

    def prepare(
        self, task, train, validation, documents, model, score, *, seed=0, progress=no_progress
    ):
        model.generate([Prompt((Message("user", "How do you do?"),))], max_new_tokens=8)
        return super().prepare(
            task, train, validation, documents, model, score, seed=seed, progress=progress
        )


def rows(split):
    return tuple(
        Example(
            id=f"{split}-{number}",
            input=f"{split} {number}: {COLOURS[number % 3]} please, order {number * 7919}",
            output=COLOURS[number % 3],
        )
        for number in range(24)
    )


@pytest.fixture
def server():
    def colour(text):
        return next((colour for colour in COLOURS if colour in text), "fine")

    with misbehaving(say=colour, takes_s=TAKES_S) as running:
        yield running


@pytest.fixture
def attempt(server, tmp_path):
    """Takes the first action of a kind, as a process of its own that goes on behind `earlier`."""
    prices = read_prices().model_copy(update={"models": {"m": PRICE}})
    task = Task(
        name="colours",
        kind="classification",
        instruction="Name it.",
        labels=COLOURS,
        metric="accuracy",
    )
    data = Dataset(task=task, train=rows("train"), validation=rows("validation"), test=())

    def take(*earlier):
        client = ChatClient(base_url=server.url, model="m", api_key="", pace=Pace(1))
        source = LiveSource(
            data,
            plan_run(data, [Asking()], ["m"]),
            {"m": lambda: HostedModel("m", client=client)},
            quoted=[QuotedModel(name="m", hosted=True)],
            prices=prices,
            earlier=earlier,
        )
        [action] = [one for one in source.actions() if one.deed == "rows"]
        ledger = Ledger(FileBook(tmp_path / "paid.jsonl"), prices, Limits(), lambda: False)
        with accounting(ledger):
            return source.take(action), ledger.spent

    return take


def test_an_action_that_is_taken_again_pays_nothing_again(attempt, server):
    first, spent = attempt()
    asked = server.asked
    assert asked == 1 + 8
    again, spent_then = attempt()
    assert (server.asked, spent_then) == (asked, spent)
    assert (again.scores, again.usd) == (first.scores, first.usd)
    assert spent.usd > first.usd > 0  # what preparing asked, too
    # it is booked, and foretells others, by the time that the replies took when they came
    for name in ("ms_per_row", "setup_seconds"):
        assert again.figures[name] == pytest.approx(first.figures[name], rel=0.5)
    assert again.seconds > 9 * TAKES_S


def test_what_must_be_prepared_anew_for_a_later_action_is_recalled(attempt, server):
    first, _ = attempt()
    asked = server.asked
    later, _ = attempt(first)
    assert later.action.rows == 16
    assert server.asked == asked + 8  # the rows alone
