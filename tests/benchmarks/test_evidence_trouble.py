"""What breaks, is hosted, or may not be sent: it is told, booked, and harms nothing else."""

import math
from dataclasses import replace

import pytest
from evidence_stands import (
    Stand,
    Unseen,
    colour_of,
    with_sources,
)
from tinystrategies import Tiny, right

from benchmarks.costs import PriceList, TokenPrice, read_prices
from benchmarks.errors import BadPriceFile, SpendingLimit
from benchmarks.evidence.live import LiveSource
from benchmarks.quote import QuotedModel
from strategies.base import Answer, Training
from strategies.baselines import Nearest
from strategies.errors import LIMIT
from strategies.lora import Lora
from strategies.models.base import Usage
from strategies.models.scripted import ScriptedModel
from strategies.zero_shot import ZeroShot


def test_a_confidence_that_is_no_number_is_not_kept():
    def odd(text):
        return Answer("red", confidence=float("nan") if "red" in text else 0.25)

    found = Stand(Tiny(odd), data=Unseen(validation=30)).take("rows", "tiny")
    told = found.readings["confidence"]
    assert set(told.values()) == {0.25}
    assert 0 < len(told) < len(found.scores) == 8
    nothing = Stand(Tiny(lambda text: Answer("red"))).take("rows", "tiny")
    assert nothing.readings == {}


def test_a_figure_that_is_no_number_is_trouble_and_the_forecast_goes_on(monkeypatch):
    stand = Stand(ZeroShot(), Nearest())
    read = stand.instruments.likelihood

    def overflowing(*asked):
        found = read(*asked)
        return replace(found, nats=dict.fromkeys(found.nats, math.nan))

    monkeypatch.setattr(stand.instruments, "likelihood", overflowing)
    found = stand.take("likelihood", "prompt.zero-shot")
    assert found.trouble.startswith("the model gave no number: ")
    assert "nll" in found.trouble
    assert (found.figures, found.scores) == ({}, {})
    assert found.seconds > 0
    assert not found.model_lost
    assert stand.take("rows", "baseline.nearest").trouble is None


@pytest.mark.parametrize(("sent", "answered"), [(5, 5), (0, None)])
def test_rows_that_a_spending_limit_kept_are_not_asked(sent, answered):
    class Limited(Tiny):
        def prepare(self, *args, **more):
            speaker = super().prepare(*args, **more)
            answer = speaker.answer

            def until_it_is_spent(inputs):
                unsent = Answer("", error=f"{LIMIT}: $1 of $1 are spent")
                return [*answer(inputs[:sent]), *[unsent] * len(inputs[sent:])]

            speaker.answer = until_it_is_spent
            return speaker

    stand = Stand(Limited(right), Nearest())
    if answered is None:
        with pytest.raises(SpendingLimit, match=r"\$1 of \$1"):
            stand.take("rows", "tiny")
        return
    found = stand.take("rows", "tiny")
    assert (len(found.scores), found.figures["errors"], found.trouble) == (answered, 0.0, None)


def test_one_that_breaks_is_a_finding_and_harms_no_other():
    class Raises(Tiny):
        def prepare(self, *args, **more):
            raise ValueError("no such luck")

    def breaks(text):
        raise RuntimeError("cannot say")

    def errs(text):
        return Answer("", error="timeout")

    stand = Stand(
        Raises(right, name="raises"),
        Tiny(breaks, name="mute"),
        Tiny(errs, name="errs"),
        Tiny(right, name="unfit", excuse="unfit needs documents"),
        Tiny(right, name="good"),
    )
    assert ("rows", "unfit") not in stand.offered()
    found = {name: stand.take("rows", name) for name in ("raises", "mute", "errs", "good")}
    assert {name: each.trouble for name, each in found.items()} == {
        "raises": "ValueError: no such luck",
        "mute": "RuntimeError: cannot say",
        "errs": "no row could be answered: timeout",
        "good": None,
    }
    assert (found["errs"].figures, found["errs"].scores) == ({}, {})
    assert stand.offered() == [("features", None), ("rows", "good")]


def test_one_that_answers_too_few_is_in_trouble():
    class Short(Tiny):
        def prepare(self, *args, **more):
            speaker = super().prepare(*args, **more)
            speaker.answer = lambda inputs: []
            return speaker

    assert Stand(Short(right)).take("rows", "tiny").trouble == "gave 0 answers to 8 inputs"


def test_a_model_that_cannot_be_loaded_is_tried_once_and_all_of_it_is_over():
    stand = Stand(Nearest(), ZeroShot(), Lora(), models=("broken", "m"), data=with_sources())
    found = stand.take("rows", "prompt.zero-shot@broken")
    assert found.trouble == "the model broken cannot be loaded: ModelError: no such weights"
    assert found.model_lost
    assert found.seconds == pytest.approx(5.0)
    assert not [one for one in stand.offered() if one[1] and one[1].endswith("@broken")]
    well = stand.take("rows", "prompt.zero-shot@m")
    assert (well.trouble, well.model_lost) == (None, False)
    assert stand.loaded == ["broken", "m"]


def hosted_prices():
    price = TokenPrice(input=1.0, cached=0.5, output=2.0, source="contract", as_of="2026")
    listed = read_prices()
    return PriceList(machines=listed.machines, models={"far": price})


def test_a_hosted_model_has_no_head_and_no_pilot_and_is_paid_for():
    stand = Stand(
        ZeroShot(), Lora(), Tiny(right, family="prompting", needs_model=True),
        models=("far",), hosted=("far",), prices=hosted_prices(),
    )  # fmt: skip
    assert stand.offered() == [
        ("features", None), ("rows", "prompt.zero-shot"), ("rows", "tiny")
    ]  # fmt: skip
    assert stand.action("rows", "tiny").usd > 0
    found = stand.take("rows", "tiny")
    assert found.usd == pytest.approx(8 * (6 * 1.0 + 4 * 0.5 + 1 * 2.0) / 1e6)
    assert found.operations == 0.0
    assert stand.action("rows", "tiny").usd == pytest.approx(found.usd)


@pytest.mark.parametrize(("broken", "rows", "setup"), [(1, 0, 1000.0), (5, 16, 0.0)])
def test_what_was_asked_before_it_broke_is_paid_for(broken, rows, setup):
    class Breaks(Tiny):
        def prepare(self, *args, **more):
            speaker = super().prepare(*args, **more)
            answer, asked = speaker.answer, []
            speaker.training = Training(usage=Usage(prompt=1000))

            def until_it_breaks(inputs):
                asked.append(inputs)
                if len(asked) == broken:
                    raise RuntimeError("the line is dead")
                return answer(inputs)

            speaker.answer = until_it_breaks
            return speaker

    stand = Stand(
        Breaks(right, family="prompting", needs_model=True),
        data=Unseen(validation=120), models=("far",), hosted=("far",), prices=hosted_prices(),
    )  # fmt: skip
    found = stand.take("rows", "tiny")
    while found.trouble is None:
        found = stand.take("rows", "tiny")
    assert found.trouble == "RuntimeError: the line is dead"
    assert found.usd == pytest.approx((rows * (6 * 1.0 + 4 * 0.5 + 1 * 2.0) + setup) / 1e6)


def test_a_hosted_model_without_a_price_is_refused():
    with pytest.raises(BadPriceFile, match=r"models\.far"):
        Stand(ZeroShot(), models=("far",), hosted=("far",))


@pytest.mark.parametrize("priced", [True, False])
def test_a_model_that_turns_out_to_be_hosted_is_paid_for_or_trouble(priced):
    class Hosted(ScriptedModel):
        hosted = True

    data, tiny = Unseen(), Tiny(right, family="prompting", needs_model=True)
    source = LiveSource(
        data,
        Stand(tiny, data=data, models=("far",)).entries,
        {"far": lambda: Hosted(colour_of, name="far")},
        quoted=[QuotedModel(name="far")],
        prices=hosted_prices() if priced else None,
    )
    (action,) = [one for one in source.actions() if one.deed == "rows"]
    found = source.take(action)
    assert (found.usd > 0) == priced
    assert ("no token price is known" in (found.trouble or "")) == (not priced)


def test_what_is_not_offered_is_refused():
    stand = Stand(Tiny(right))
    action = stand.action("rows", "tiny")
    stand.source.take(action)
    with pytest.raises(ValueError, match=r"rows of tiny \(8 rows, a share of 1\) is not offered"):
        stand.source.take(action)
