"""A strategy that is made of others, as it is planned, quoted and run."""

import pytest

from benchmarks.judging import confidence
from benchmarks.latency import REQUESTS, WARM_UPS
from benchmarks.plan import plan_run, settings_of
from benchmarks.quote import QuotedModel, quote
from benchmarks.records import OutcomeRecord, RunRecord, SetupRecord
from benchmarks.runner import run_comparison
from corpora.task import Document
from strategies.base import Answer
from strategies.cascade import Cascade
from strategies.embedding import HashingEmbedder
from strategies.few_shot import FewShot, NearestShot
from strategies.models.scripted import ScriptedModel
from strategies.rag import HybridRag
from strategies.zero_shot import ZeroShot

LOCAL = QuotedModel(name="small", parameters=135_000_000)


@pytest.fixture
def questions(dataset):
    task = dataset.task.model_copy(update={"kind": "question-answering", "labels": ()})
    documents = (Document(id="d", text="Paint it red. It is the best."),)
    return dataset.model_copy(update={"task": task, "documents": documents})


def test_it_comes_after_what_it_is_made_of(questions):
    entries = plan_run(questions, (Cascade(), HybridRag(), NearestShot()), ["m"])
    assert [entry.id for entry in entries] == ["prompt.nearest", "rag.hybrid", "cascade"]


def test_the_parts_are_among_the_settings(dataset):
    strategy = Cascade(cheap="baseline.majority", dear="prompt.few-shot")
    assert settings_of(strategy) == {
        "cheap": "baseline.majority",
        "dear": "prompt.few-shot",
        "embedder": None,
        "needs_model": True,
        "parts": [
            ["strategies.baselines.Majority", {}],
            ["strategies.few_shot.FewShot", {"shots": 8}],
        ],
    }


def test_a_quote_takes_half_the_requests_to_reach_the_dear_part(dataset, prices):
    strategies = [Cascade(cheap="baseline.nearest", dear="prompt.zero-shot"), ZeroShot()]
    zero, cascade = quote(dataset, strategies, [LOCAL], prices, cores=2).rows
    assert (cascade.id, zero.id) == ("cascade", "prompt.zero-shot")
    speed = prices.machines["cpu-2-core"].speed
    embedded = 1 / speed.embedded_texts_per_s
    asked = 20 + REQUESTS + WARM_UPS  # of 40 test rows, half in batches
    request = zero.seconds / (asked + 64)  # and 32 rows of the guard, twice
    # 12 training rows are embedded; both parts answer 6 validation rows
    assert cascade.setup_seconds == pytest.approx(18 * embedded + 6 * request)
    answering = asked * embedded + zero.seconds / 2
    assert cascade.seconds == pytest.approx(cascade.setup_seconds + answering)
    assert cascade.usd == pytest.approx(cascade.seconds * 0.09 / 3600)
    assert cascade.prompt_tokens == pytest.approx(zero.prompt_tokens / 2)
    assert cascade.completion_tokens == pytest.approx(zero.completion_tokens / 2)


def test_a_quote_pays_a_hosted_model_for_validation_too(dataset, prices):
    hosted = QuotedModel(name="gpt-4o-mini", hosted=True)
    strategies = [Cascade(cheap="baseline.majority", dear="prompt.zero-shot"), ZeroShot()]
    zero, cascade = quote(dataset, strategies, [hosted], prices, cores=2).rows
    requests = 20 + REQUESTS + WARM_UPS
    waited = 6 / 8 * 0.09 / 3600  # this machine's time, as in the bill of a setup
    assert cascade.usd == pytest.approx(zero.usd / requests * (requests / 2 + 6) + waited)
    assert cascade.setup_seconds == pytest.approx(6 / 8)


def test_a_misfit_of_a_part_is_foretold(dataset, prices):
    (row,) = quote(dataset, [Cascade(dear="rag.bm25")], [LOCAL], prices).rows
    said = "cascade asks a strategy that does not fit: rag.bm25 needs documents"
    assert (row.skipped, row.seconds) == (said, 0.0)


def colour(prompt):
    text = prompt.messages[-1].content
    return next(word for word in ("red", "green", "blue") if word in text)


def test_a_run_charges_the_model_only_where_it_was_asked(dataset, prices, tmp_path):
    strategy = Cascade(cheap="baseline.linear", dear="prompt.zero-shot", embedder=HashingEmbedder())

    def run():
        return run_comparison(
            dataset,
            strategies=[strategy],
            models={"small": lambda: ScriptedModel(colour, name="small")},
            folder=tmp_path / "out",
            prices=prices,
        )

    records = run()
    facts = next(r for r in records if isinstance(r, RunRecord)).strategies[0]
    assert (facts.id, facts.family, facts.model) == ("cascade", "combined", "small")
    setup = next(r for r in records if isinstance(r, SetupRecord))
    assert [row.get("chosen") for row in setup.training["search"]].count(1.0) == 1
    chosen = next(row for row in setup.training["search"] if row.get("chosen"))
    outcomes = [r for r in records if isinstance(r, OutcomeRecord)]
    assert len(outcomes) == 40
    for outcome in outcomes:
        is_cheap = outcome.prompt_tokens == 0
        if is_cheap:
            assert round(outcome.confidence, 5) >= chosen["threshold"]
        else:
            assert (outcome.confidence, outcome.text) == (0.9, outcome.expected)
    assert {outcome.prompt_tokens == 0 for outcome in outcomes} == {True, False}
    assert run() == records  # nothing is done twice


def test_the_stored_confidence_stays_the_probability_of_the_chosen_label():
    assert confidence(Answer("a", confidence=0.9)) is None
    assert confidence(Answer("a", probabilities={"a": 0.6, "b": 0.4}, confidence=0.9)) == 0.6


def test_a_strategy_that_is_made_of_none_is_left_as_it_is(dataset):
    strategy = FewShot(shots=2)
    [entry] = plan_run(dataset, [strategy], ["m"])
    assert entry.strategy is strategy
