"""The chance that a tuned strategy is the right choice, and what a forecast calls by it."""

import numpy as np
import pytest
from foretold import certain, drawn, expected, judged

from corpora.task import Needs
from service.forecasting.answer import why
from service.forecasting.calls import calls


def test_a_smaller_confidence_makes_a_no_easier_too() -> None:
    worlds = drawn(0.6, 0.6 - 0.15, 0.2)  # a chance of 20%
    names = ("prompt.few-shot", "lora")
    found = judged(worlds, names, confidence=0.75)
    assert (found.commitment.answer, found.commitment.ground) == ("no", "unlikely")
    assert found.p_tuned == pytest.approx(0.20, abs=0.02)
    assert f"is the right choice is {found.p_tuned:.0%}" in why(found)
    assert judged(worlds, names, confidence=0.9).commitment.answer == "not yet"


def test_no_yes_where_one_or_the_other_without_tuning_may_come_as_near() -> None:
    """lora gains on each of the two with a chance of 93%, on both with 86%."""
    names = ("prompt.few-shot", "prompt.nearest", "lora")
    worlds = np.array([[0.6, 0.6, 0.8]] * 86 + [[0.8, 0.6, 0.8]] * 7 + [[0.6, 0.8, 0.8]] * 7)
    found = judged(worlds, names, confidence=0.9)
    assert found.strategy == "lora"
    assert (found.commitment.answer, found.commitment.ground) == ("not yet", "contested")
    assert found.p_tuned == pytest.approx(0.86)
    assert "but the chance that a tuned strategy is the right choice is 86%" in why(found)
    assert calls(found.worlds[None], found.terms, 0.9).tolist() == [False]
    assert calls(found.worlds[None], found.terms, 0.85).tolist() == [True]
    assert judged(worlds, names, confidence=0.85).commitment.answer == "yes"


def test_the_only_one_able_may_still_be_no_better_than_what_is_free() -> None:
    worlds = np.array([[0.3, 0.6]] * 7 + [[0.3, 0.2]] * 3)
    found = judged(worlds, ("baseline.majority", "lora"), confidence=0.8)
    assert (found.commitment.answer, found.commitment.ground) == ("not yet", "contested")
    assert why(found) == (
        "Only lora can serve the stated needs; but the chance that a tuned strategy is the right"
        " choice is 70%: not sure enough to pay for."
    )


def test_a_need_in_doubt_of_a_better_one_takes_nothing_from_a_sure_saving() -> None:
    """Were lora+rag fast enough it would beat lora, and not few-shot by more than the margin."""
    worlds, ids = certain({"prompt.few-shot": 0.71, "lora": 0.70, "lora+rag": 0.725})
    rows = [
        expected("prompt.few-shot", per_1k=0.50, volume=1e6),
        expected("lora", per_1k=0.10, volume=1e6),
        expected("lora+rag", per_1k=1.00, p95=1000, volume=1e6),
    ]
    found = judged(worlds, ids, Needs(requests_per_month=1e6, latency_p95_ms=800), rows=rows)
    assert (found.strategy, found.commitment.ground, found.p_tuned) == ("lora", "saving", 1.0)
    assert calls(found.worlds[None], found.terms, 0.8).tolist() == [found.is_settled(0.8)] == [True]


def test_nobody_knows_the_chance_of_tuning_where_none_is_tuned_or_one_broke() -> None:
    worlds, ids = certain({"prompt.few-shot": 0.6, "prompt.nearest": 0.7})
    assert judged(worlds, ids).p_tuned is None
    rows = [*(expected(name) for name in ids), expected("lora")]
    rows[2] = rows[2].model_copy(update={"status": "failed", "reason": "out of memory"})
    assert judged(worlds, ids, rows=rows).p_tuned is None


def test_needs_in_doubt_leave_tuning_its_chance() -> None:
    worlds, ids = certain({"prompt.few-shot": 0.6, "lora": 0.9})
    rows = [expected("prompt.few-shot", p95=10), expected("lora", p95=1000)]
    for limit, chance in ((800, 1.0), (100, 0.0)):
        assert judged(worlds, ids, Needs(latency_p95_ms=limit), rows=rows).p_tuned == chance
