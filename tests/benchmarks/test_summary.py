"""Summaries of hand-made records, against values worked out by hand."""

from dataclasses import replace

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.journal import line_of, publish_records
from benchmarks.records import (
    BatchRecord,
    EndRecord,
    Environment,
    FailureRecord,
    LatencyRecord,
    ModelFacts,
    OutcomeRecord,
    RunRecord,
    SetupRecord,
    StrategyFacts,
    TaskFacts,
)
from benchmarks.summary import summarise
from corpora.power import detectable_difference
from corpora.task import Needs

FAMILIES = {
    "zero": "prompting",
    "rag.x": "rag",
    "cascade": "rag",
    "lora": "fine-tuning",
    "none": "baseline",
}


def run_record(*names, hosted=False):
    return RunRecord(
        fingerprint="f",
        seed=0,
        task=TaskFacts(
            name="t",
            kind="question-answering",
            metric="token_f1",
            n_train=5,
            n_validation=2,
            n_test=20,
            n_documents=3,
        ),
        needs=Needs(requests_per_month=1000),
        models=(ModelFacts(name="m", parameters=1, dtype="x", fingerprint="m", hosted=hosted),),
        strategies=tuple(
            StrategyFacts(id=name, name=name, family=FAMILIES[name], model="m") for name in names
        ),
        environment=Environment(
            cpu="c",
            cores=2,
            memory_gb=1,
            gpu=None,
            torch="2",
            versions={},
            started_at="2026-01-01T00:00:00+00:00",
        ),
        prices={
            "machine": "m",
            "usd_per_hour": 3.6,
            "source": "made up",
            "as_of": "2026-01",
            "models": {
                "m": {"input": 1, "cached": 0.1, "output": 2, "source": "s", "as_of": "2026-01"}
            }
            if hosted
            else {},
        },
    )


def outcomes(name, scores, **fields):
    """A score of None is an error."""
    return [
        OutcomeRecord(
            strategy=name,
            example=f"e{number}",
            state="error" if score is None else "ok",
            error="timeout" if score is None else None,
            scores={} if score is None else {"token_f1": score, "exact_match": float(score == 1)},
            prompt_tokens=100,
            cached_tokens=40,
            completion_tokens=10,
            text=None if score is None else f"{name} says",
            input=f"question {number}",
            reference="answer",
            **fields,
        )
        for number, score in enumerate(scores)
    ]


def track(name, scores, setup=1.0, seconds=2.0, **fields):
    return [
        SetupRecord(strategy=name, status="completed", seconds=setup),
        *outcomes(name, scores, **fields),
        BatchRecord(strategy=name, n=len(scores), seconds=seconds),
        *[LatencyRecord(strategy=name, example="e0", ms=float(ms)) for ms in range(1, 61)],
    ]


def summary_of(*records):
    return summarise([*records, EndRecord(seconds=9.0)])


def test_one_strategy_by_hand():
    summary = summary_of(run_record("zero"), *track("zero", [1.0] * 15 + [0.0] * 5))
    (row,) = summary.strategies
    assert (row.quality.value, row.quality.n, row.quality.errors) == (0.75, 20, 0)
    assert (row.quality.low, row.quality.high) == pytest.approx((0.5313, 0.8881), abs=5e-5)
    assert row.quality.extra == {"exact_match": 0.75}
    assert row.throughput_per_s == pytest.approx(10)
    assert row.cost.per_1k_requests_usd == pytest.approx(1000 * 0.1 * 0.001)
    assert row.cost.horizon_usd == pytest.approx(0.001 + 12 * 1000 * 0.1 * 0.001)
    assert (row.latency_ms.p50, row.latency_ms.n) == (30.5, 60)
    assert row.latency_ms.p95 == pytest.approx(57.05)
    assert row.tokens.model_dump() == {
        "prompt_per_request": 100,
        "cached_per_request": 40,
        "completion_per_request": 10,
    }
    assert row.retrieval is None
    assert row.p_best == 1.0
    assert summary.seconds == 9.0
    assert summary.spent_usd == pytest.approx((1.0 + 2.0 + 1.83) * 0.001)
    assert summary.detectable_difference == detectable_difference(20)


def test_a_change_of_documents_builds_an_index_and_chooses_no_threshold_anew():
    """12 changes: of 3 s each for both, though the cascade also took 50 s to choose."""
    chosen = [
        row.model_copy(update={"training": {"search": []}}) if isinstance(row, SetupRecord) else row
        for row in track("cascade", [1.0] * 20, setup=50.0, retrieved=1)
    ]
    run = run_record("rag.x", "cascade")
    needs = Needs(requests_per_month=0, documents_change="monthly")
    records = [*track("rag.x", [1.0] * 20, setup=3.0, retrieved=1), *chosen]
    rag, cascade = summary_of(run.model_copy(update={"needs": needs}), *records).strategies
    assert rag.cost.horizon_usd == pytest.approx((3 + 12 * 3) * 0.001)
    assert cascade.cost.horizon_usd == pytest.approx((50 + 12 * 3) * 0.001)


def test_a_hosted_model_is_charged_by_the_token():
    summary = summary_of(run_record("zero", hosted=True), *track("zero", [1.0] * 20))
    each = (60 * 1 + 40 * 0.1 + 10 * 2) / 1e6
    assert summary.strategies[0].cost.per_1k_requests_usd == pytest.approx(1000 * each)
    assert summary.spent_usd == pytest.approx((1 + 2 + 1.83) * 0.001 + 83 * each)


def test_a_timed_answer_that_counts_is_paid_once():
    """Of 20 rows 12 were answered in a batch, 8 when timed: 52 of 60 timed requests are extra,
    and so are 3 that warm up."""
    records = [
        row.model_copy(update={"n": 12}) if isinstance(row, BatchRecord) else row
        for row in track("zero", [1.0] * 20)
    ]
    each = (60 * 1 + 40 * 0.1 + 10 * 2) / 1e6
    spent = summary_of(run_record("zero", hosted=True), *records).spent_usd
    assert spent == pytest.approx((1 + 2 + 1.83) * 0.001 + (20 + 52 + 3) * each)


def test_retrieval_counts_rows_whose_sources_are_known():
    records = track("rag.x", [1.0] * 4)
    ranks = [1, 2, 0, None]
    rows = [
        replace(row, rank=ranks[int(row.example[1:])], retrieved=3)
        if isinstance(row, OutcomeRecord)
        else row
        for row in records
    ]
    retrieval = summary_of(run_record("rag.x"), *rows).strategies[0].retrieval
    assert retrieval.hit_at_k == pytest.approx(2 / 3)
    assert retrieval.mrr == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert retrieval.k == 3


def test_few_errors_are_counted_and_many_never_look_better():
    few = summary_of(run_record("zero"), *track("zero", [1.0] * 19 + [None]))
    quality = few.strategies[0].quality
    assert (quality.value, quality.n, quality.errors) == (1.0, 19, 1)
    assert quality.low == pytest.approx(0.8318, abs=5e-5)
    many = summary_of(run_record("zero"), *track("zero", [1.0] * 10 + [None] * 10))
    quality = many.strategies[0].quality
    assert (quality.value, quality.n, quality.errors) == (1.0, 10, 10)
    assert quality.low == pytest.approx(0.2993, abs=5e-5)
    assert quality.high == 1.0


def test_a_strategy_that_errs_on_hard_rows_is_not_shown_to_be_better():
    half = [1.0] * 10 + [None] * 10
    plain = [1.0] * 8 + [0.0] * 12
    summary = summary_of(run_record("zero", "lora"), *track("zero", half), *track("lora", plain))
    (pair,) = summary.comparisons
    assert (pair.a, pair.b, pair.difference, pair.n) == ("zero", "lora", pytest.approx(0.2), 10)
    assert pair.low < 0 < pair.high
    assert pair.p_value == 1.0


def test_every_pair_is_compared_and_adjusted_together():
    records = [run_record("zero", "rag.x", "lora")]
    records += track("zero", [0.0] * 20)
    records += track("rag.x", [1.0] * 10 + [0.0] * 10)
    records += track("lora", [1.0] * 20)
    summary = summary_of(*records)
    found = {(pair.a, pair.b): pair for pair in summary.comparisons}
    assert list(found) == [("zero", "rag.x"), ("zero", "lora"), ("rag.x", "lora")]
    assert found["zero", "lora"].p_value == pytest.approx(3 * 2 / 2**20)
    assert found["rag.x", "lora"].p_value == pytest.approx(2 * 2 / 2**10)
    assert found["zero", "lora"].difference == -1.0
    for pair in found.values():
        assert pair.low_all <= pair.low <= pair.difference <= pair.high <= pair.high_all
    assert found["zero", "lora"].high_all < 0
    odds = [row.p_best for row in summary.strategies]
    assert odds[2] > 0.99
    assert sum(odds) == pytest.approx(1)


def test_one_pair_is_all_pairs_at_once():
    records = [run_record("zero", "lora"), *track("zero", [0.2, 0.6, 0.4, 0.9] * 5)]
    (pair,) = summary_of(*records, *track("lora", [0.3, 0.5, 0.8, 0.9] * 5)).comparisons
    assert (pair.low_all, pair.high_all) == pytest.approx((pair.low, pair.high))


def test_failed_skipped_and_silent_strategies_have_no_figures():
    records = [
        run_record("zero", "rag.x", "lora", "none"),
        SetupRecord(strategy="zero", status="failed", reason="ValueError: no"),
        SetupRecord(strategy="rag.x", status="skipped", reason="rag needs documents"),
        *track("lora", [None, None]),
        *track("none", [1.0, 1.0]),
        FailureRecord(strategy="none", reason="RuntimeError: broke"),
    ]
    rows = summary_of(*records).strategies
    assert [(row.status, row.reason) for row in rows] == [
        ("failed", "ValueError: no"),
        ("skipped", "rag needs documents"),
        ("failed", "every answer was an error: timeout"),
        ("failed", "RuntimeError: broke"),
    ]
    assert all(row.quality is None and row.cost is None and row.p_best is None for row in rows)


def test_disagreements_are_the_widest_spreads_with_their_texts():
    records = [run_record("zero", "lora")]
    records += track("zero", [1.0, 0.5, 0.0, 0.2, 1.0, 1.0, 1.0, 0.9])
    records += track("lora", [1.0, 0.0, 1.0, 0.3, 0.0, 0.4, None, 0.9])
    shown = summary_of(*records).disagreements
    assert [one.id for one in shown] == ["e2", "e4", "e5", "e1", "e3"]
    assert shown[0].input == "question 2"
    assert shown[0].answers["lora"].model_dump() == {"text": "lora says", "score": 1.0}


def test_published_records_hold_no_text_and_the_same_figures():
    records = [run_record("zero"), *track("zero", [1.0] * 15 + [0.0] * 5)]
    public = publish_records(records)
    assert "question" not in b"".join(map(line_of, public[1:])).decode()
    assert "says" not in b"".join(map(line_of, public)).decode()
    assert summarise(public).strategies == summarise(records).strategies


def test_the_same_records_give_the_same_summary():
    scores = [0.1, 0.5, 0.9, 0.4] * 5
    records = [run_record("zero", "lora"), *track("zero", scores), *track("lora", scores[::-1])]
    assert summarise(records) == summarise(records)


def test_records_of_no_run_are_refused():
    with pytest.raises(BenchmarkError, match="no run record"):
        summarise(track("zero", [1.0]))
