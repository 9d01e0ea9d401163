"""What counts as shown: the pair alone is not enough where many pairs are looked at."""

from dataclasses import replace
from math import sqrt

import pytest
from planted import TRIAGE, strategy, summary_of

from benchmarks.results import Comparison
from corpora.power import examples_needed
from corpora.task import Needs
from service.evidence import Gap, evidence_of, gap_of
from service.recommendation import recommend

ALONE = Gap(0.12, 0.02, 0.22, 150)
MANY = replace(ALONE, low_all=-0.04, high_all=0.28)


def test_a_gap_of_one_pair_is_not_shown_among_many() -> None:
    assert ALONE.shows_more_than(0.02)
    assert not MANY.shows_more_than(0.02)
    assert replace(MANY, low_all=0.001).shows_more_than(0.02)
    assert (ALONE.only_alone, MANY.only_alone, MANY.turned.only_alone) == (False, True, True)
    assert not replace(MANY, low=-0.01).only_alone
    assert MANY.error == ALONE.error


def test_the_other_way_round_all_ends_change_places() -> None:
    assert MANY.turned == Gap(-0.12, -0.22, -0.02, 150, -0.28, 0.04)
    assert MANY.turned.turned == MANY
    assert ALONE.turned == Gap(-0.12, -0.22, -0.02, 150)


def test_more_examples_are_reckoned_at_the_level_of_the_family() -> None:
    """The interval of all pairs is 1.6 times as wide: 3.136 errors, a level of 0.0017."""
    wider = replace(ALONE, low_all=0.12 - 0.16, high_all=0.12 + 0.16)
    assert wider.reach == pytest.approx(1.6 * 1.959964)
    discordant = 150 * ALONE.error**2 + 0.12**2
    needed = examples_needed(0.12, discordant=discordant, alpha=0.001713)
    assert wider.further_examples(0.02) == pytest.approx(needed - 150, abs=1)
    assert wider.further_examples(0.02) > ALONE.further_examples(0.02)


@pytest.mark.parametrize("wider", [4.5, 15, 1e6])
def test_more_examples_are_reckoned_for_a_gap_that_is_sure_alone(wider) -> None:
    """Where hardly a row differs, the interval of all pairs may be many times as wide."""
    sure = Gap(0.12, 0.11, 0.13, 150, 0.12 - 0.01 * wider, 0.12 + 0.01 * wider)
    # the formula of `examples_needed`; of more errors than 37.5 no number tells the chance
    spread = min(sure.reach, 37.5) * sqrt(0.12) + 0.841621 * sqrt(0.12 - 0.12**2)
    needed = (spread / 0.12) ** 2 - 150
    assert sure.further_examples(0.02) == pytest.approx(needed, rel=0.01)


def test_the_rule_and_its_words_go_by_all_pairs() -> None:
    summary = summary_of(
        strategy("prompt.few-shot", 0.60, 0.08), strategy("lora", 0.72, 0.08, setup=2.0)
    )
    needs = Needs(requests_per_month=10_000)
    assert recommend(summary, TRIAGE, needs).strategy == "lora"
    (pair,) = summary.comparisons
    assert pair.high < 0
    told = pair.model_copy(update={"low_all": -0.24, "high_all": 0.01})
    among_many = summary.model_copy(update={"comparisons": (told,)})
    found = recommend(among_many, TRIAGE, needs)
    assert found.strategy == "prompt.few-shot"
    assert found.verdict == "inconclusive"
    assert any("for all pairs at once −1.0 to +24.0" in reason for reason in found.reasons)
    assert evidence_of(among_many).gap("lora", "prompt.few-shot").low_all == pytest.approx(-0.01)


def test_who_beats_the_constant_answer_alone_is_not_clear_of_it_among_many() -> None:
    summary = summary_of(
        strategy("baseline.majority", 0.50, 0.08), strategy("prompt.few-shot", 0.60, 0.08)
    )
    assert recommend(summary, TRIAGE, Needs()).strategy == "prompt.few-shot"
    (pair,) = summary.comparisons
    told = pair.model_copy(update={"low_all": -0.22, "high_all": 0.02})
    among_many = summary.model_copy(update={"comparisons": (told,)})
    assert recommend(among_many, TRIAGE, Needs()).strategy is None


def test_a_comparison_without_them_stays_as_it_was_written() -> None:
    pair = Comparison(a="a", b="b", difference=0.1, low=0.0, high=0.2, p_value=0.05, n=9)
    assert "low_all" not in pair.model_dump(mode="json")
    assert gap_of(pair).low_all is None


def test_the_best_looking_of_many_is_held_to_the_interval_for_all_pairs():
    alone = Gap(0.06, 0.06 - 1.96 * 0.03, 0.06 + 1.96 * 0.03, 200)
    many = Gap(0.06, alone.low, alone.high, 200, 0.06 - 3.2 * 0.03, 0.06 + 3.2 * 0.03)
    assert alone.chance_among_all(0.02) == pytest.approx(alone.chance_above(0.02))
    assert many.chance_above(0.02) == pytest.approx(0.909, abs=1e-3)
    assert many.chance_among_all(0.02) == pytest.approx(0.793, abs=1e-3)  # 1.33 / 1.63 errors
    assert Gap(0.06, 0.06, 0.06, 200).chance_among_all(0.02) == 1.0
