"""What runs today beside the strategies: its own answers, stated figures, and nothing invented."""

import pytest
from conftest import key_for
from tinystrategies import Tiny, right

from benchmarks.errors import RunMismatch
from benchmarks.incumbent import NO_ANSWER
from benchmarks.journal import Journal
from benchmarks.records import OutcomeRecord, RunRecord, StatedRecord
from benchmarks.results import Latency
from benchmarks.runner import run_comparison
from benchmarks.summary import summarise
from corpora.errors import InvalidInput
from corpora.task import Incumbent, IncumbentAnswer


def given(dataset, answers, **more):
    """The data set with an incumbent that gives those answers, by example id."""
    rows = tuple(IncumbentAnswer(id=id_, output=text, **more) for id_, text in answers.items())
    return dataset.model_copy(update={"incumbent": Incumbent(source="a.jsonl", answers=rows)})


def run(dataset, prices, folder, *strategies, **more):
    return run_comparison(
        dataset, strategies=strategies, models={}, folder=folder, prices=prices, **more
    )


def rights(dataset):
    return {row.id: row.output for row in dataset.test}


def result(records, id_="incumbent"):
    return next(row for row in summarise(records).strategies if row.id == id_)


def test_equal_inputs_get_their_own_answers(dataset, prices, tmp_path) -> None:
    same = tuple(row.model_copy(update={"input": "the same text"}) for row in dataset.test)
    dataset = dataset.model_copy(update={"test": same})
    answers = rights(dataset) | {"test-4": "purple"}
    records = run(given(dataset, answers), prices, tmp_path, Tiny(lambda text: right("red")))
    rows = [r for r in records if isinstance(r, OutcomeRecord) and r.strategy == "incumbent"]
    assert [row.text for row in rows] == list(answers.values())
    (wrong,) = [row for row in rows if row.scores["accuracy"] == 0.0]
    assert (wrong.example, wrong.state, wrong.predicted) == ("test-4", "ok", None)
    assert result(records).quality.value == 39 / 40


def test_a_missing_answer_is_an_error_and_pairs_use_the_rows_of_both(
    dataset, prices, tmp_path
) -> None:
    answers = rights(dataset)
    del answers["test-7"]
    records = run(given(dataset, answers), prices, tmp_path, Tiny(right))
    (bad,) = [r for r in records if isinstance(r, OutcomeRecord) and r.state == "error"]
    assert (bad.strategy, bad.example, bad.error, bad.scores) == (
        "incumbent",
        "test-7",
        NO_ANSWER,
        {},
    )
    quality = result(records).quality
    assert (quality.value, quality.n, quality.errors) == (1.0, 39, 1)
    (pair,) = summarise(records).comparisons
    assert (pair.a, pair.b, pair.difference, pair.n) == ("incumbent", "tiny", 0.0, 39)
    assert result(records).p_best == result(records, "tiny").p_best == 0.5


def test_cost_and_latency_are_as_stated(dataset, prices, tmp_path) -> None:
    answers = [
        IncumbentAnswer(
            id=row.id,
            output=row.output,
            cost_usd=0.002 if number < 10 else None,
            latency_ms=100.0 * (number + 1) if number < 3 else None,
        )
        for number, row in enumerate(dataset.test)
    ]
    incumbent = Incumbent(source="a.jsonl", answers=tuple(answers))
    records = run(dataset.model_copy(update={"incumbent": incumbent}), prices, tmp_path)
    row = result(records)
    assert row.cost.model_dump() == {
        "setup_seconds": 0.0,
        "setup_usd": 0.0,
        "per_1k_requests_usd": pytest.approx(2.0),
        "monthly_usd": pytest.approx(2.0),
        "horizon_usd": pytest.approx(24.0),
        "stated": True,
        "parts": {
            "setup": 0.0,
            "retraining": 0.0,
            "labels": None,
            "refresh": 0.0,
            "requests": pytest.approx(24.0),
            "hosting": None,
            "engineering": None,
        },
    }
    assert row.latency_ms == Latency(p50=200.0, p95=290.0, n=3, stated=True)
    assert (row.tokens, row.throughput_per_s, row.model) == (None, None, None)
    assert summarise(records).spent_usd == 0.0


def test_nothing_is_invented_where_nothing_is_stated(dataset, prices, tmp_path) -> None:
    records = run(given(dataset, rights(dataset)), prices, tmp_path, Tiny(right))
    row = result(records)
    assert (row.status, row.cost, row.latency_ms) == ("completed", None, None)
    assert all("incumbent" not in (b.from_, b.to) for b in summarise(records).break_even)
    assert "stated" not in result(records, "tiny").cost.model_dump()


def test_a_rerun_stores_nothing_again_and_a_torn_one_is_completed(
    dataset, prices, tmp_path
) -> None:
    dataset = given(dataset, rights(dataset), cost_usd=0.01)
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    first = run(dataset, prices, whole, Tiny(right))
    assert run(dataset, prices, whole, Tiny(right)) == first
    run(dataset, prices, torn)
    path = torn / "outcomes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:20]) + lines[20][:9])  # an outcome without what is stated
    again = run(dataset, prices, torn)
    stored = [r.example for r in again if isinstance(r, StatedRecord)]
    assert stored == [r.example for r in again if isinstance(r, OutcomeRecord)]
    assert stored == [row.id for row in dataset.test]


def test_other_answers_are_another_run_and_no_strategy_depends_on_them(
    dataset, prices, tmp_path, cache
) -> None:
    one = given(dataset, rights(dataset))
    other = given(dataset, rights(dataset) | {"test-0": "blue"})
    run(one, prices, tmp_path, Tiny(right))
    with pytest.raises(RunMismatch):
        run(other, prices, tmp_path, Tiny(right))
    with pytest.raises(RunMismatch):
        run(dataset, prices, tmp_path, Tiny(right))
    assert key_for(one, cache) == key_for(other, cache) == key_for(dataset, cache) is not None


def test_no_strategy_can_take_its_name(dataset, prices, tmp_path) -> None:
    with pytest.raises(InvalidInput, match="another name"):
        run(given(dataset, rights(dataset)), prices, tmp_path, Tiny(right, name="incumbent"))


def test_it_is_the_first_row_of_the_run_and_of_the_progress(dataset, prices, tmp_path) -> None:
    events = []
    records = run(
        given(dataset, rights(dataset)), prices, tmp_path, Tiny(right), on_progress=events.append
    )
    assert isinstance(records[0], RunRecord)
    assert [facts.id for facts in records[0].strategies] == ["incumbent", "tiny"]
    ends = [(e.strategy, e.position, e.total) for e in events if e.phase == "done"]
    assert ends == [("incumbent", 1, 2), ("tiny", 2, 2)]
    assert Journal(tmp_path / "outcomes.jsonl").read() == records
