"""Whether to commit to fine-tuning, one planted situation a test."""

import pytest
from planted import QUESTIONS, TRIAGE, absent, strategy, summary_of

from benchmarks.results import BreakEven, Leak
from corpora.task import Needs
from service.evidence import Gap
from service.recommendation import Recommendation, recommend

NEEDS = Needs(requests_per_month=10_000)


def test_the_common_case_is_no_and_not_not_yet() -> None:
    found = banking(Needs(requests_per_month=10_000))
    assert found.strategy == "baseline.linear"
    assert found.verdict == "no-llm"
    assert found.commit_to_fine_tuning == "no"
    assert found.examples_needed is None
    assert found.confidence > 0.8
    assert any("not worth paying for" in reason for reason in found.reasons)


def banking(needs: Needs) -> Recommendation:
    """The figures measured on ten classes of BANKING77."""
    return recommend(
        summary_of(
            strategy("baseline.majority", 0.10, 0.05, per_1k=0.0),
            strategy("baseline.linear", 0.96, 0.03, per_1k=0.0004, setup=0.0001),
            strategy("prompt.zero-shot", 0.10, 0.05, per_1k=0.01),
            strategy("prompt.few-shot", 0.33, 0.075, per_1k=0.02),
            strategy("prompt.nearest", 0.95, 0.035, per_1k=0.04, setup=0.0002),
            strategy("lora", 0.93, 0.04, per_1k=0.012, setup=0.01),
        ),
        TRIAGE,
        needs,
    )


def test_a_clearly_better_tuned_strategy_is_worth_committing_to() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.nearest", 0.80, 0.04, n=400),
            strategy("lora", 0.92, 0.03, n=400, setup=2.0),
        ),
        TRIAGE,
        NEEDS,
    )
    assert (found.strategy, found.verdict, found.commit_to_fine_tuning) == (
        "lora",
        "fine-tuning",
        "yes",
    )
    assert found.confidence > 0.95


def test_better_by_more_than_the_margin_wins_even_if_it_never_breaks_even() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.nearest", 0.80, 0.04, n=400, per_1k=0.01),
            strategy("lora", 0.92, 0.03, n=400, setup=2.0, per_1k=0.02),
            break_even=(BreakEven(from_="prompt.nearest", to="lora", requests=None),),
        ),
        TRIAGE,
        NEEDS,
    )
    assert found.commit_to_fine_tuning == "yes"
    assert "lora never becomes cheaper than prompt.nearest at any volume." in found.reasons


def test_better_within_the_margin_that_never_breaks_even_is_a_no() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.nearest", 0.90, 0.008, n=4000, per_1k=0.01),
            strategy("lora", 0.909, 0.008, n=4000, setup=2.0, per_1k=0.02),
            break_even=(BreakEven(from_="prompt.nearest", to="lora", requests=None),),
        ),
        TRIAGE,
        NEEDS,
    )
    assert (found.strategy, found.commit_to_fine_tuning) == ("prompt.nearest", "no")
    turn = next(point for point in found.switch_points if point.what == "practical_margin")
    assert (turn.at, turn.beyond, turn.to) == (pytest.approx(0.009), "below", "lora")


def test_as_good_and_past_its_break_even_is_a_yes() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.nearest", 0.90, 0.01, n=4000, per_1k=0.50),
            strategy("lora", 0.90, 0.01, n=4000, setup=2.0, per_1k=0.10),
            break_even=(BreakEven(from_="prompt.nearest", to="lora", requests=417.0),),
        ),
        TRIAGE,
        NEEDS,
    )
    assert (found.strategy, found.commit_to_fine_tuning) == ("lora", "yes")
    turn = next(point for point in found.switch_points if point.what == "requests_per_month")
    assert (turn.at, turn.beyond, turn.to) == (417.0, "below", "prompt.nearest")


def test_too_little_data_is_not_yet_with_the_examples_that_would_tell() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.few-shot", 0.75, 0.13, n=40),
            strategy("lora", 0.80, 0.12, n=40, setup=2.0),
        ),
        TRIAGE,
        NEEDS,
    )
    assert (found.strategy, found.verdict) == ("prompt.few-shot", "prompting")
    assert found.commit_to_fine_tuning == "not yet"
    # by hand: error = 0.1253 / 1.96 = 0.0639; 40 × ((1.645 + 0.842) × 0.0639 / 0.03)² = 1,122
    assert found.examples_needed == pytest.approx(1_082, abs=15)
    assert any("more test examples would tell" in reason for reason in found.reasons)


def test_only_the_tuned_strategy_can_serve_the_needs() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.nearest", 0.93, 0.03, p95=1900),
            strategy("lora", 0.93, 0.03, p95=200, setup=2.0),
        ),
        TRIAGE,
        Needs(latency_p95_ms=800),
    )
    assert (found.strategy, found.commit_to_fine_tuning) == ("lora", "yes")


def test_a_failed_tuning_leaves_it_open_unless_the_needs_are_met() -> None:
    failed = absent("lora", "failed", "loss became NaN in epoch 1")
    rows = summary_of(strategy("prompt.nearest", 0.92, 0.02, n=600), failed)
    found = recommend(rows, TRIAGE, NEEDS)
    assert found.commit_to_fine_tuning == "not yet"
    assert "lora failed: loss became NaN in epoch 1." in found.reasons
    met = recommend(rows, TRIAGE, Needs(quality_at_least=0.85))
    assert met.commit_to_fine_tuning == "no"


def test_a_kind_of_tuning_that_broke_was_not_beaten() -> None:
    rows = (
        strategy("rag.hybrid", 0.62, 0.07, n=100, metric="token_f1"),
        strategy("lora", 0.44, 0.08, n=100, metric="token_f1", setup=2.0),
    )
    assert recommend(summary_of(*rows), QUESTIONS, NEEDS).commit_to_fine_tuning == "no"
    broken = summary_of(*rows, absent("lora+rag", "failed", "out of memory"))
    found = recommend(broken, QUESTIONS, NEEDS)
    assert (found.strategy, found.commit_to_fine_tuning) == ("rag.hybrid", "not yet")
    assert any("lora+rag failed and may be better" in reason for reason in found.reasons)
    met = recommend(broken, QUESTIONS, Needs(quality_at_least=0.5))
    assert met.commit_to_fine_tuning == "no"
    lost = summary_of(*rows, absent("lora+rag", "skipped", "needs documents"))
    assert recommend(lost, QUESTIONS, NEEDS).commit_to_fine_tuning == "no"


def test_no_yes_while_the_alternative_broke() -> None:
    rows = (
        strategy("prompt.few-shot", 0.30, 0.05, n=200, metric="token_f1"),
        strategy("lora+rag", 0.60, 0.05, n=200, metric="token_f1", setup=2.0),
    )
    assert recommend(summary_of(*rows), QUESTIONS, NEEDS).commit_to_fine_tuning == "yes"
    broken = summary_of(*rows, absent("rag.dense", "failed", "index broken"))
    assert recommend(broken, QUESTIONS, NEEDS).commit_to_fine_tuning == "not yet"
    other = strategy("rag.bm25", 0.35, 0.05, n=200, metric="token_f1")
    measured = summary_of(*rows, other, absent("rag.dense", "failed", "index broken"))
    assert recommend(measured, QUESTIONS, NEEDS).commit_to_fine_tuning == "yes"


def test_a_gap_just_below_the_margin_needs_many_more_rows() -> None:
    far, near = (Gap(value, value - 0.02, value + 0.02, 4_000) for value in (0.001, 0.018))
    # by hand: error = 0.0102; 4,000 × (1.2816 × 0.0102 / 0.002)² = 171,000 rows
    assert near.further_examples(0.02) == pytest.approx(167_000, rel=0.01)
    assert far.further_examples(0.02) < 10_000


def decided(plain: float, tuned: float, reach: float, n: int, **needs: float) -> Recommendation:
    """Few-shot prompting and LoRA of those scores, with an interval of ± `reach` between them."""
    return recommend(
        summary_of(
            strategy("prompt.few-shot", plain, reach, n=n),
            strategy("lora", tuned, reach, n=n, setup=2.0, per_1k=0.02),
        ),
        TRIAGE,
        NEEDS.model_copy(update=needs),
    )


@pytest.mark.parametrize(
    ("gain", "answer"),
    # by hand: error = 0.0196 / 1.96 = 0.01, so 0.02 + 1.645 × 0.01 is the least proven gain
    [(0.0350, "not yet"), (0.0360, "not yet"), (0.0370, "yes")],
)
def test_a_gain_that_is_proven_but_not_to_matter_is_no_yes(gain: float, answer: str) -> None:
    found = decided(0.7, 0.7 + gain, 0.0196, 800)
    assert (found.strategy, found.commit_to_fine_tuning) == ("lora", answer)
    if answer == "not yet":
        assert any("A gain of more than 2 points is not proven" in why for why in found.reasons)
        assert found.examples_needed is not None


@pytest.mark.parametrize(
    ("gain", "reach", "answer"),
    # by hand, with errors of 0.01, then 0.1: E[max(0, gap - 0.02)] = 0.0031 and 0.0001, then
    # 0.0307, 0.0120 and 0.0046; a quarter of 0.02 is allowed
    [
        (0.018, 0.0196, "no"),
        (0.0, 0.0196, "no"),
        (0.0, 0.1960, "not yet"),
        (-0.06, 0.1960, "not yet"),
        (-0.11, 0.1960, "no"),
    ],
)
def test_what_not_tuning_may_forgo_decides_between_no_and_not_yet(
    gain: float, reach: float, answer: str
) -> None:
    found = decided(0.7, 0.7 + gain, reach, 100)
    assert (found.strategy, found.commit_to_fine_tuning) == ("prompt.few-shot", answer)
    assert (found.examples_needed is None) is (answer == "no")


def test_so_many_rows_bring_the_forgone_gain_down_to_what_is_allowed() -> None:
    gap = Gap(0.0, -0.196, 0.196, 100)
    more = gap.examples_to_forgo(0.02, 0.005)
    assert more is not None
    error = gap.error * (100 / (100 + more)) ** 0.5
    high, reach = 0.841621 * error, 1.959964 * error  # four measurements in five are lower
    again = Gap(high, high - reach, high + reach, 100 + more)
    assert again.expected_gain(0.02) == pytest.approx(0.005, rel=0.01)
    assert Gap(0.03, -0.1, 0.16, 100).examples_to_forgo(0.02, 0.005) is None


def test_a_leak_of_unknown_rows_holds_the_decision_back() -> None:
    rows = summary_of(
        strategy("prompt.few-shot", 0.5, 0.03, n=400), strategy("lora", 0.9, 0.03, n=400)
    )
    assert recommend(rows, TRIAGE, NEEDS).commit_to_fine_tuning == "yes"
    found = recommend(rows.model_copy(update={"leak": Leak(rows=None)}), TRIAGE, NEEDS)
    assert found.commit_to_fine_tuning == "not yet"
    assert any("nearly repeat training examples" in reason for reason in found.reasons)
    known = recommend(rows.model_copy(update={"leak": Leak(rows=30)}), TRIAGE, NEEDS)
    assert known.commit_to_fine_tuning == "yes"
    assert any(reason.endswith("would flatter: 30 of 150.") for reason in known.reasons)


def test_the_rows_that_prove_a_gain_do_not_grow_without_end() -> None:
    # by hand: 100 × ((1.645 + 0.842) × 0.04 / 0.01)² = 9,893 rows, for 3 points as for 2.1
    near, far = (Gap(size, size - 0.0784, size + 0.0784, 100) for size in (0.021, 0.03))
    assert near.examples_to_prove(0.02) == far.examples_to_prove(0.02)
    assert far.examples_to_prove(0.02) == pytest.approx(9_793, rel=0.01)
    assert Gap(0.01, -0.05, 0.07, 100).examples_to_prove(0.02) == pytest.approx(
        Gap(0.01, -0.05, 0.07, 100).further_examples(0.02)
    )


@pytest.mark.parametrize(("loss", "answer"), [(0.002, "yes"), (0.005, "not yet")])
def test_what_saves_money_must_be_shown_to_lose_no_more_than_the_margin(
    loss: float, answer: str
) -> None:
    # by hand: error = 0.01, so -0.02 + 1.645 × 0.01 = -0.0036 is the least that is as good
    found = recommend(
        summary_of(
            strategy("prompt.nearest", 0.9, 0.0196, n=800, per_1k=0.5),
            strategy("lora", 0.9 - loss, 0.0196, n=800, setup=2.0, per_1k=0.1),
        ),
        TRIAGE,
        NEEDS,
    )
    assert (found.strategy, found.commit_to_fine_tuning) == ("lora", answer)
