"""Behaviour as the reports show it: only what holds something, and a sentence where it matters."""

import pytest
from example_run import example_records
from planted import reported, strategy, summary_of

from benchmarks.behaviour_results import (
    Abstention,
    Behaviour,
    Calibration,
    Forgetting,
    Kept,
    Share,
    WrongCorpus,
)
from benchmarks.results import Tokens
from service.beyond import TITLE, beyond_notes, beyond_table, prompt_saved
from service.concerns import concerns
from service.html import as_html
from service.markdown import as_markdown
from service.report import build_report

SURE = Calibration(
    n=150,
    error=0.17,
    error_if_calibrated=0.04,
    confidence=0.88,
    accuracy=0.71,
    over_confidence=0.17,
    low=0.1,
    high=0.24,
    accuracy_at_50=0.9,
    accuracy_at_80=0.8,
)
SILENT = Abstention(
    unanswerable=Share(value=0.4, low=0.2, high=0.7, n=10),
    answerable=Share(value=0.1, low=0.05, high=0.2, n=50),
)
SHAKEN = Kept(
    change="typos",
    kept=Share(value=0.5, low=0.3, high=0.7, n=16),
    score_before=0.8,
    score_after=0.55,
    low=-0.45,
    high=-0.05,
)
MISLED = WrongCorpus(
    n=16,
    score=0.1,
    score_with_own=0.6,
    closed_book="prompt.few-shot",
    closed_book_score=0.3,
    difference=-0.2,
    low=-0.35,
    high=-0.05,
    n_shared=14,
)
FORGOT = Forgetting(n=12, change_nats=-0.42, known_before=11, still_known=6, known_after=7)


def one(name="lora", **parts):
    return strategy(name, 0.8, 0.05, behaviour=Behaviour(**parts))


def test_probabilities_that_are_far_too_low_are_a_fault_too():
    low = {"confidence": 0.63, "accuracy": 0.96, "over_confidence": -0.33}
    shy = SURE.model_copy(update=low | {"low": -0.35, "high": -0.30})
    (sentence,) = concerns(one(calibration=shy))
    assert "63% on average, and 96% right" in sentence
    assert concerns(one(calibration=shy.model_copy(update={"high": 0.01}))) == []


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"calibration": SURE}, "lora is too sure of itself: 88% on average, and 71% right (150"),
        ({"abstention": SILENT}, "lora says that there is no answer to 4 of 10 inputs that have"),
        ({"consistency": (SHAKEN,)}, "lora loses 25 points when inputs have typos (16 validation"),
        ({"wrong_corpus": MISLED}, "without any, by 20 points (14 validation examples)"),
        ({"forgetting": FORGOT}, "of 11 general questions that the model knew before tuning, it"),
    ],
)
def test_a_large_fault_gets_one_sentence(parts, said):
    (sentence,) = concerns(one(**parts))
    assert said in sentence


@pytest.mark.parametrize(
    "parts",
    [
        {"calibration": SURE.model_copy(update={"over_confidence": 0.09})},
        {"calibration": SURE.model_copy(update={"low": -0.01})},
        {"abstention": Abstention(unanswerable=Share(value=0.5, low=0.2, high=0.8, n=10))},
        {"abstention": Abstention(unanswerable=Share(value=0.0, low=0.0, high=0.6, n=4))},
        {"consistency": (SHAKEN.model_copy(update={"high": 0.0}),)},
        {"consistency": (SHAKEN.model_copy(update={"score_after": 0.71}),)},
        {"wrong_corpus": MISLED.model_copy(update={"high": 0.01})},
        {"wrong_corpus": WrongCorpus(n=16, score=0.1)},
        {"forgetting": FORGOT.model_copy(update={"still_known": 9})},
    ],
)
def test_a_small_or_doubtful_one_gets_none(parts):
    assert concerns(one(**parts)) == []


def test_the_reasons_name_faults_of_the_recommended_one_alone():
    first = strategy("baseline.linear", 0.8, 0.05, behaviour=Behaviour(calibration=SURE))
    other = strategy("lora", 0.5, 0.05, behaviour=Behaviour(forgetting=FORGOT))
    answer = reported(summary_of(first, other)).recommendation
    assert answer.strategy == "baseline.linear"
    said = " ".join(answer.reasons)
    assert "baseline.linear is too sure of itself" in said
    assert "forgotten" not in said


def shown_report():
    rag = strategy(
        "rag.hybrid", 0.6, 0.05, behaviour=Behaviour(abstention=SILENT, wrong_corpus=MISLED)
    )
    lora = one(consistency=(SHAKEN,), forgetting=FORGOT)
    return reported(summary_of(lora, rag, strategy("prompt.few-shot", 0.3, 0.05)))


def test_the_table_holds_only_columns_and_rows_with_something():
    head, rows = beyond_table(shown_report())
    assert head == [
        "strategy",
        "no answer given: none right / one right",
        "answers kept: spacing / typos / order",
        "score under typos, points",
        "irrelevant passages, points",
        "general questions, nats a token; still known",
    ]
    assert rows == [
        ["lora", "", "– / 0.50 / – (n = 16)", "−25.0 (−45.0 to −5.0)", "", "−0.42, 6 of 11"],
        ["rag.hybrid", "4 of 10 / 5 of 50", "", "", "−20.0 (−35.0 to −5.0, n = 14)", ""],
    ]
    notes = beyond_notes(shown_report())
    assert [note.split(":")[0].lower() for note in notes] == [
        "no answer given",
        "answers kept",
        "score under typos",
        "irrelevant passages",
        "general questions",
    ]


def test_calibration_stands_beside_what_chance_shows():
    head, rows = beyond_table(reported(summary_of(one(calibration=SURE))))
    assert dict(zip(head, rows[0], strict=True)) == {
        "strategy": "lora",
        "calibration error (of a calibrated one)": "0.170 (0.040)",
        "confidence above accuracy, points": "+17.0 (+10.0 to +24.0)",
        "accuracy of the surest 50% / 80%": "0.90 / 0.80",
    }


def test_what_tuning_saves_in_the_prompt():
    short = Tokens(prompt_per_request=120, cached_per_request=0, completion_per_request=4)
    long = short.model_copy(update={"prompt_per_request": 1900})
    lora = strategy("lora", 0.8, 0.05).model_copy(update={"tokens": short})
    near = strategy("prompt.nearest", 0.7, 0.05).model_copy(update={"tokens": long})
    zero = strategy("prompt.zero-shot", 0.3, 0.05)
    (sentence,) = prompt_saved(reported(summary_of(lora, near, zero)))
    assert sentence == "lora reads 120 tokens a request, prompt.nearest 1,900: 94% fewer."
    assert prompt_saved(reported(summary_of(near, zero))) == []


def test_both_views_show_it_and_neither_without_it():
    report = shown_report()
    page, text = as_html(report), as_markdown(report)
    for view in (page, text):
        assert TITLE in view
        assert "−0.42, 6 of 11" in view
        assert "General questions: how much likelier" in view
    bare = build_report(example_records())
    assert TITLE not in as_html(bare)
    assert TITLE not in as_markdown(bare)
