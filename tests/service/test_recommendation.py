"""The decision rule, one planted situation a test."""

import pytest
from planted import QUESTIONS, TRIAGE, absent, strategy, summary_of

from corpora.task import Needs
from service.evidence import evidence_of
from service.recommendation import recommend
from service.suitability import floor_of, is_clear, is_tuned

NEEDS = Needs(requests_per_month=10_000)


def test_a_tie_goes_to_the_cheaper_and_says_so() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.few-shot", 0.90, 0.03, per_1k=0.05, n=600),
            strategy("prompt.zero-shot", 0.895, 0.03, per_1k=0.01, n=600),
        ),
        TRIAGE,
        NEEDS,
    )
    assert (found.strategy, found.verdict) == ("prompt.zero-shot", "prompting")
    assert found.runner_up == "prompt.few-shot"
    assert any("cannot be told apart" in reason for reason in found.reasons)
    assert any("cheapest is recommended" in reason for reason in found.reasons)


def test_a_probably_better_rival_of_another_kind_leaves_it_open() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.few-shot", 0.60, 0.14, n=50),
            strategy("lora", 0.72, 0.13, n=50, setup=2.0),
        ),
        TRIAGE,
        NEEDS,
    )
    assert found.verdict == "inconclusive"
    assert found.strategy == "prompt.few-shot"
    assert found.commit_to_fine_tuning == "not yet"
    assert found.examples_needed is not None
    assert found.confidence < 0.2


def test_all_below_the_bar_names_the_best_and_the_unmet_need() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.nearest", 0.70, 0.06),
            strategy("prompt.few-shot", 0.50, 0.06),
            absent("lora", "failed", "out of memory"),
        ),
        TRIAGE,
        Needs(requests_per_month=10_000, quality_at_least=0.9),
    )
    assert (found.strategy, found.verdict) == ("prompt.nearest", "prompting")
    assert found.unmet_needs == ("quality of at least 0.90: 0.70 (0.64–0.76)",)
    assert found.commit_to_fine_tuning == "not yet"


def test_one_that_misses_the_bar_by_its_value_alone_still_weighs_in() -> None:
    needs = Needs(requests_per_month=10_000, quality_at_least=0.9)
    others = strategy("prompt.few-shot", 0.91, 0.08), strategy("lora", 0.89, 0.08, setup=2.0)
    found = recommend(summary_of(*others), TRIAGE, needs)
    assert found.strategy == "prompt.few-shot"
    assert found.confidence < 0.95
    assert found.expected_regret is not None
    assert found.expected_regret > 0.005
    alone = recommend(summary_of(others[0]), TRIAGE, needs)
    assert (alone.confidence, alone.expected_regret) == (1.0, 0.0)


def test_a_bar_that_only_the_value_clears_is_not_certain() -> None:
    found = recommend(
        summary_of(strategy("prompt.nearest", 0.91, 0.04), strategy("lora", 0.80, 0.05, setup=2.0)),
        TRIAGE,
        Needs(quality_at_least=0.9),
    )
    assert found.strategy == "prompt.nearest"
    assert found.unmet_needs == ()
    assert any(reason.startswith("Not certain: quality") for reason in found.reasons)
    assert found.commit_to_fine_tuning == "no"


def test_a_latency_limit_excludes_the_best() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.nearest", 0.80, 0.04, p95=200),
            strategy("lora", 0.93, 0.03, p95=1900, setup=2.0),
        ),
        TRIAGE,
        Needs(latency_p95_ms=800),
    )
    assert (found.strategy, found.commit_to_fine_tuning) == ("prompt.nearest", "no")
    assert "lora is out: p95 latency of at most 800 ms: 1,900 ms." in found.reasons


def test_nothing_is_praised_for_a_score_near_zero() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.few-shot", 0.03, 0.03, n=100, metric="exact_match"),
            strategy("lora", 0.05, 0.04, n=100, metric="exact_match", setup=1.0),
        ),
        QUESTIONS,
        NEEDS,
    )
    assert (found.strategy, found.verdict) == (None, "inconclusive")
    assert found.reasons[0] == "No approach tried here solves this task."
    assert found.commit_to_fine_tuning == "no"
    assert found.confidence > 0.9


def test_chance_is_the_floor_of_a_classification() -> None:
    found = recommend(
        summary_of(strategy("prompt.zero-shot", 0.12, 0.05), strategy("lora", 0.13, 0.05)),
        TRIAGE,
        NEEDS,
    )
    assert found.verdict == "inconclusive"


def of_words(name: str, value: float, reach: float = 0.03, n: int = 200):
    return strategy(name, value, reach, n=n, metric="token_f1")


@pytest.mark.parametrize(
    ("majority", "copy", "value", "meaning"),
    [
        (0.05, 0.06, 0.1, "what unrelated texts can score"),
        (0.20, 0.06, 0.2, "always giving the most frequent answer"),
        (0.20, 0.40, 0.4, "copying the input"),
    ],
)
def test_the_floor_is_the_highest_of_what_takes_no_thought(majority, copy, value, meaning) -> None:
    rows = (of_words("baseline.majority", majority), of_words("baseline.copy", copy))
    floor = floor_of((*rows, of_words("lora", 0.9)), QUESTIONS)
    assert (floor.value, floor.meaning, floor.limit) == (value, meaning, 0.1)
    assert floor.trivial == ("baseline.majority", "baseline.copy")


def test_a_strategy_must_beat_each_trivial_one_pair_by_pair() -> None:
    rows = (
        of_words("baseline.majority", 0.3),
        of_words("baseline.copy", 0.4),
        of_words("lora", 0.41),
    )
    floor, evidence = floor_of(rows, QUESTIONS), evidence_of(summary_of(*rows))
    assert [is_clear(row, floor, evidence) for row in rows] == [False, False, False]
    rows = (*rows[:2], of_words("lora", 0.5))
    assert is_clear(rows[2], floor, evidence_of(summary_of(*rows)))
    rows = (absent("baseline.copy", "failed", "no rows"), of_words("lora", 0.41))
    assert floor_of(rows, QUESTIONS).trivial == ()


def test_what_does_not_beat_copying_the_input_is_worth_nothing() -> None:
    rows = (of_words("baseline.copy", 0.50), of_words("prompt.few-shot", 0.49))
    found = recommend(summary_of(*rows), QUESTIONS, NEEDS)
    assert (found.strategy, found.verdict) == (None, "inconclusive")
    assert found.reasons[1] == (
        "The best, baseline.copy, scores 0.50 token F1 (95% interval 0.47–0.53, 200 test"
        " examples); that is copying the input, and nothing is clearly above it."
    )
    rows = (*rows, of_words("prompt.nearest", 0.51))
    said = recommend(summary_of(*rows), QUESTIONS, NEEDS).reasons[1]
    assert said.endswith("that is not clearly above 0.50 (copying the input).")
    found = recommend(summary_of(*rows, of_words("lora", 0.70)), QUESTIONS, NEEDS)
    assert (found.strategy, found.commit_to_fine_tuning) == ("lora", "yes")


def test_a_test_split_too_small_to_tell_from_the_floor_asks_for_more() -> None:
    found = recommend(summary_of(strategy("prompt.few-shot", 0.4, 0.35, n=5)), TRIAGE, NEEDS)
    assert (found.strategy, found.verdict) == (None, "inconclusive")
    assert found.commit_to_fine_tuning == "not yet"
    assert found.examples_needed is not None
    assert found.examples_needed >= 1


def test_eight_percent_of_errors_disqualify_while_another_serves() -> None:
    shaky = strategy("prompt.nearest", 0.95, 0.03, n=138, errors=12, per_1k=0.001)
    steady = strategy("prompt.few-shot", 0.85, 0.05)
    found = recommend(summary_of(shaky, steady), TRIAGE, NEEDS)
    assert found.strategy == "prompt.few-shot"
    assert "prompt.nearest is out: 8% of its answers failed." in found.reasons
    alone = recommend(summary_of(shaky), TRIAGE, NEEDS)
    assert alone.strategy == "prompt.nearest"
    assert any("12 of its answers failed (8%)" in reason for reason in alone.reasons)


def test_an_equal_baseline_means_no_language_model() -> None:
    found = recommend(
        summary_of(
            strategy("baseline.linear", 0.95, 0.02, n=500),
            strategy("prompt.nearest", 0.95, 0.02, n=500),
            strategy("lora", 0.95, 0.02, n=500, setup=2.0),
        ),
        TRIAGE,
        Needs(),
    )
    assert (found.strategy, found.verdict) == ("baseline.linear", "no-llm")
    assert found.model is None
    assert found.commit_to_fine_tuning == "no"


def test_retrieval_wins_on_knowledge() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.few-shot", 0.42, 0.08, n=100, metric="token_f1"),
            strategy("rag.hybrid", 0.62, 0.07, n=100, metric="token_f1"),
            strategy("lora", 0.44, 0.08, n=100, metric="token_f1", setup=2.0),
        ),
        QUESTIONS,
        NEEDS,
    )
    assert (found.strategy, found.verdict, found.commit_to_fine_tuning) == (
        "rag.hybrid",
        "rag",
        "no",
    )


def test_the_combination_wins() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.few-shot", 0.04, 0.02, n=60, metric="token_f1"),
            strategy("rag.hybrid", 0.17, 0.06, n=60, metric="token_f1"),
            strategy("lora+rag", 0.44, 0.10, n=60, metric="token_f1", setup=0.1),
        ),
        QUESTIONS,
        NEEDS,
    )
    assert (found.strategy, found.verdict, found.commit_to_fine_tuning) == (
        "lora+rag",
        "combined",
        "yes",
    )


def test_without_a_volume_the_simplest_of_equals_is_recommended() -> None:
    found = recommend(
        summary_of(
            strategy("rag.dense", 0.60, 0.05, per_1k=0.01, volume=None, metric="token_f1"),
            strategy("prompt.few-shot", 0.60, 0.05, per_1k=0.05, volume=None, metric="token_f1"),
        ),
        QUESTIONS,
        Needs(),
    )
    assert found.strategy == "prompt.few-shot"
    turn = next(point for point in found.switch_points if point.what == "cost_per_1k_requests")
    assert (turn.at, turn.to) == (0.05, "rag.dense")


@pytest.mark.parametrize(
    ("tokens", "chosen"), [(4.0, "lora"), (3.0, "lora.optimized")], ids=["twins", "fewer tokens"]
)
def test_of_twins_the_one_without_the_search_is_recommended(tokens: float, chosen: str) -> None:
    """The timing of requests put the searched one ahead, which kept the default's settings."""
    searched = strategy("lora.optimized", 0.80, 0.05, setup=0.9, per_1k=0.0044)
    assert searched.tokens is not None
    written = searched.tokens.model_copy(update={"completion_per_request": tokens})
    found = recommend(
        summary_of(
            strategy("lora", 0.80, 0.05, setup=0.4, per_1k=0.0100),
            searched.model_copy(update={"tokens": written}),
            strategy("prompt.few-shot", 0.50, 0.05, per_1k=0.05),
        ),
        TRIAGE,
        Needs(requests_per_month=10_000),
    )
    assert found.strategy == chosen
    assert found.runner_up == ("lora.optimized" if chosen == "lora" else "lora")


def test_a_quality_bar_above_what_is_certain_turns_the_choice() -> None:
    found = recommend(
        summary_of(
            strategy("prompt.few-shot", 0.900, 0.020, n=900, per_1k=0.01),
            strategy("lora", 0.915, 0.012, n=900, per_1k=0.02, setup=1.0),
        ),
        TRIAGE,
        NEEDS,
    )
    turn = next(point for point in found.switch_points if point.what == "quality_at_least")
    assert (found.strategy, turn.at, turn.to) == ("prompt.few-shot", pytest.approx(0.88), "lora")


def test_nothing_completed() -> None:
    found = recommend(summary_of(absent("lora", "failed", "out of memory")), TRIAGE, NEEDS)
    assert (found.strategy, found.verdict, found.confidence) == (None, "inconclusive", 0.0)


@pytest.mark.parametrize(
    ("scores", "told"), [((0.28, 0.46, 0.67), True), ((0.6, 0.7, 0.71), False)]
)
def test_a_training_that_ended_while_it_gained_is_told(scores, told) -> None:
    curve = [{"epoch": n + 1.0, "validation_score": score} for n, score in enumerate(scores)]
    found = recommend(
        summary_of(
            strategy("baseline.linear", 0.78, 0.06),
            strategy("lora", 0.60, 0.08, training={"epochs": 3, "curve": curve}),
        ),
        TRIAGE,
        NEEDS,
    )
    said = [text for text in found.would_change_if if text.startswith("More epochs: lora")]
    assert bool(said) is told
    if told:
        assert "validation 0.46 to 0.67 in the last one" in said[0]


@pytest.mark.parametrize(
    ("name", "epochs", "tuned"),
    [
        ("cascade", 0, False),
        ("cascade", 2, True),
        ("lora+rag", 0, True),
        ("rag.optimized", 0, False),
    ],
)
def test_a_cascade_is_tuned_only_where_a_part_is(name: str, epochs: int, tuned: bool) -> None:
    chosen = {"epochs": epochs, "search": [{"threshold": 0.9}]}
    assert is_tuned(strategy(name, 0.9, 0.02, training=chosen)) is tuned
