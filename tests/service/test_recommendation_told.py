"""What a recommendation says beside its choice: what is left open, and what would not turn it."""

import pytest
from planted import QUESTIONS, TRIAGE, strategy, summary_of

from benchmarks.results import BreakEven
from corpora.task import Needs
from service.evidence import Gap
from service.recommendation import recommend

NEEDS = Needs(requests_per_month=10_000)


def test_rows_to_tell_from_the_floor_are_those_of_the_pair_that_is_not_shown() -> None:
    rows = summary_of(
        strategy("baseline.majority", 0.11, 0.06, n=100, metric="token_f1"),
        strategy("baseline.passage", 0.17, 0.04, n=100, metric="token_f1"),
        pairing=0.0,
    )
    found = recommend(rows, QUESTIONS, NEEDS)
    # by hand: error 0.0368; (1.96 × 0.373 + 0.84 × 0.368)² / 0.06² = 300 rows
    assert (found.strategy, found.examples_needed) == (None, pytest.approx(200, abs=6))
    assert found.confidence > 0.04


def test_the_bar_that_would_do_is_one_that_the_whole_interval_clears() -> None:
    rows = summary_of(strategy("lora", 0.80, 0.0717), strategy("prompt.nearest", 0.48, 0.07))
    said = recommend(rows, TRIAGE, Needs(quality_at_least=0.85)).would_change_if
    assert any(text.startswith("A quality bar of 0.72 or less") for text in said)
    answers = [
        recommend(rows, TRIAGE, Needs(quality_at_least=bar)).commit_to_fine_tuning
        for bar in (0.80, 0.72)
    ]
    assert answers == ["not yet", "yes"]


def test_who_is_left_out_or_just_below_the_bar_is_named() -> None:
    rows = summary_of(
        strategy("prompt.nearest", 0.93, 0.04),
        strategy("lora", 0.92, 0.04),
        strategy("baseline.majority", 0.47, 0.04),
    )
    pairs = tuple(
        pair.model_copy(update={"low_all": 0.0, "high_all": 0.9})
        if (pair.a, pair.b) == ("lora", "baseline.majority")
        else pair
        for pair in rows.comparisons
    )
    in_doubt = rows.model_copy(update={"comparisons": pairs})
    found = recommend(in_doubt, TRIAGE, Needs(quality_at_least=0.925))
    assert found.strategy == "prompt.nearest"
    said = " ".join(found.reasons)
    assert "lora is not shown to beat always giving the most frequent answer" in said
    assert "lora misses the bar of 0.93 by the value alone" in said
    sure = " ".join(recommend(rows, TRIAGE, Needs()).reasons)
    assert "is not shown to beat" not in sure
    assert "by the value alone" not in sure


def test_the_figure_that_decides_is_told_and_no_false_way_out() -> None:
    rows = summary_of(
        strategy("prompt.few-shot", 0.70, 0.196, n=100),
        strategy("lora", 0.59, 0.196, n=100, setup=2.0, per_1k=0.02),
    )
    found = recommend(rows, TRIAGE, NEEDS)  # by hand: 0.0046 forgone, 0.005 allowed
    assert found.commit_to_fine_tuning == "no"
    assert any("forgoes 0.5 points on average (up to 0.5 points count" in r for r in found.reasons)
    assert not any("A tuned strategy that measures" in text for text in found.would_change_if)


@pytest.mark.parametrize(("p95", "told"), [(85.0, False), (60.0, True)])
def test_what_is_quicker_by_noise_is_no_switch_point(p95: float, told: bool) -> None:
    rows = (
        strategy("baseline.linear", 0.9, 0.02, p95=100.0),
        strategy("cascade", 0.9, 0.02, per_1k=0.02, p95=p95),
    )
    found = recommend(summary_of(*rows), TRIAGE, NEEDS)
    assert found.strategy == "baseline.linear"
    assert any(point.what == "latency_p95_ms" for point in found.switch_points) is told


@pytest.mark.parametrize(("at", "told"), [(9.0, False), (417.0, True)])
def test_a_volume_far_from_the_stated_one_is_no_switch_point(at: float, told: bool) -> None:
    rows = summary_of(
        strategy("prompt.nearest", 0.90, 0.01, n=4000, per_1k=0.50),
        strategy("lora", 0.90, 0.01, n=4000, setup=2.0, per_1k=0.10),
        break_even=(BreakEven(from_="prompt.nearest", to="lora", requests=at),),
    )
    found = recommend(rows, TRIAGE, NEEDS)
    assert any(point.what == "requests_per_month" for point in found.switch_points) is told


def test_the_likeliest_of_those_that_are_probably_better_is_named() -> None:
    rows = summary_of(
        strategy("baseline.nearest", 0.52, 0.10, n=100),
        strategy("lora", 0.68, 0.10, n=100, setup=2.0, per_1k=0.02),
        strategy("lora.optimized", 0.75, 0.10, n=100, setup=3.0, per_1k=0.02),
    )
    wide = tuple(
        pair.model_copy(
            update={"low_all": pair.difference - 0.3, "high_all": pair.difference + 0.3}
        )
        for pair in rows.comparisons
    )
    found = recommend(rows.model_copy(update={"comparisons": wide}), TRIAGE, NEEDS)
    assert (found.strategy, found.verdict) == ("baseline.nearest", "inconclusive")
    [said] = [text for text in found.reasons if text.startswith("No verdict yet")]
    assert "lora.optimized is probably better" in said


def test_rows_to_prove_a_gain_are_enough_to_show_it_among_all_pairs() -> None:
    alone = Gap(0.235, 0.079, 0.391, 100)
    assert alone.examples_to_prove(0.02) == 1
    among_all = Gap(0.235, 0.079, 0.391, 100, low_all=-0.008, high_all=0.478)
    # by hand: error 0.0796, reach 3.05; 100 × (3.89 × 0.0796 / 0.235)² = 174 rows
    assert among_all.examples_to_prove(0.02) == pytest.approx(74, abs=2)


def test_no_rows_are_asked_for_where_only_an_unknown_latency_is_in_doubt() -> None:
    timed = strategy("lora", 0.95, 0.01, setup=2.0)
    rows = summary_of(
        timed.model_copy(update={"latency_ms": None}), strategy("prompt.nearest", 0.60, 0.02)
    )
    found = recommend(rows, TRIAGE, Needs(quality_at_least=0.9, latency_p95_ms=500))
    assert (found.strategy, found.commit_to_fine_tuning) == ("lora", "not yet")
    assert found.examples_needed is None
    assert any("It is not certain that lora meets every need." in text for text in found.reasons)


def test_rows_to_be_sure_of_the_bar_are_enough_in_four_runs_of_five() -> None:
    # by hand: error 0.0102, distance 0.01; 400 × (2.80 × 0.0102 / 0.01)² = 3,267 rows
    rows = summary_of(strategy("lora", 0.91, 0.02, n=400), strategy("prompt.nearest", 0.6, 0.02))
    found = recommend(rows, TRIAGE, Needs(quality_at_least=0.9))
    assert found.examples_needed == pytest.approx(2867, abs=10)
