"""Several models in one run: one that cannot be loaded, and hosted ones with failed requests."""

import json
from collections import Counter

import pytest
from tinystrategies import Tiny

from benchmarks.costs import TokenPrice
from benchmarks.errors import RunMismatch
from benchmarks.records import FailureRecord, OutcomeRecord, RunRecord, SetupRecord
from benchmarks.runner import run_comparison
from benchmarks.summary import summarise
from corpora.errors import InvalidInput
from strategies.base import Answer
from strategies.errors import ModelError
from strategies.models.base import Usage
from strategies.models.scripted import ScriptedModel


def prompting(say, name="zero"):
    return Tiny(say, name=name, family="prompting", needs_model=True)


def red(text):
    return Answer("red", Usage(prompt=100, completion=10))


def works(name, hosted=False):
    def load():
        model = ScriptedModel(lambda prompt: "red", name=name)
        model.hosted = hosted
        return model

    return load


def fails(reason):
    def load():
        raise InvalidInput("model", "two", reason)

    return load


def run(dataset, prices, folder, *strategies, **models):
    return run_comparison(
        dataset, strategies=strategies, models=models, folder=folder, prices=prices
    )


def statuses(records):
    return {row.id: (row.status, row.reason) for row in summarise(records).strategies}


@pytest.fixture
def paid(prices):
    """One dollar a million tokens read, ten written."""
    price = TokenPrice(input=1.0, cached=1.0, output=10.0, source="test", as_of="2026-06")
    return prices.model_copy(update={"models": {"team-gpt": price}})


def test_a_model_that_cannot_be_loaded_fails_its_own_rows(dataset, prices, tmp_path) -> None:
    tinies = (prompting(red), prompting(red, "few"), Tiny(red, name="plain"))
    records = run(dataset, prices, tmp_path, *tinies, one=works("one"), two=fails("No key."))
    why = ("failed", "the model two cannot be loaded: No key.")
    done = ("completed", None)
    assert statuses(records) == {
        "plain": done,
        "zero@one": done,
        "few@one": done,
        "zero@two": why,
        "few@two": why,
    }
    assert [model.name for model in records[0].models] == ["one"]


def test_what_fits_with_no_model_is_skipped_all_the_same(dataset, prices, tmp_path) -> None:
    rag = prompting(red, "rag")
    rag.excuse = "rag needs documents"
    records = run(dataset, prices, tmp_path, rag, prompting(red), one=works("one"), two=fails("-"))
    assert statuses(records)["rag@two"] == ("skipped", "rag needs documents")
    assert statuses(records)["zero@two"][0] == "failed"


def test_once_it_loads_the_same_run_goes_on(dataset, prices, tmp_path) -> None:
    run(dataset, prices, tmp_path, prompting(red), one=works("one"), two=fails("No key."))
    again = prompting(red)
    records = run(dataset, prices, tmp_path, again, one=works("one"), two=works("two"))
    assert again.log == ["prepare"]
    assert {status for status, _ in statuses(records).values()} == {"completed"}
    runs = [record for record in records if isinstance(record, RunRecord)]
    assert [[model.name for model in each.models] for each in runs] == [["one"], ["one", "two"]]


def test_a_finished_run_needs_no_model_that_is_gone(dataset, prices, tmp_path) -> None:
    first = run(dataset, prices, tmp_path, prompting(red), one=works("one"), two=works("two"))
    gone = {"one": fails("Gone."), "two": fails("Gone.")}
    assert run(dataset, prices, tmp_path, prompting(red), **gone) == first


def test_a_load_that_fails_midway_loses_no_row(dataset, prices, tmp_path) -> None:
    loads = Counter()

    def second():
        loads["two"] += 1
        if loads["two"] > 1:
            raise MemoryError("too large beside the first")
        return works("two")()

    records = run(dataset, prices, tmp_path, prompting(red), one=works("one"), two=second)
    reason = "the model two cannot be loaded: MemoryError: too large beside the first"
    assert statuses(records) == {"zero@one": ("completed", None), "zero@two": ("failed", reason)}
    assert [r.reason for r in records if isinstance(r, FailureRecord)] == [reason]
    assert loads["two"] == 2


@pytest.mark.parametrize("other", [{"three": works("three")}, {}])
def test_other_models_are_another_run(dataset, prices, tmp_path, other) -> None:
    run(dataset, prices, tmp_path, prompting(red), one=works("one"), two=works("two"))
    with pytest.raises(RunMismatch, match="another model"):
        run(dataset, prices, tmp_path, prompting(red), one=works("one"), **other)


def test_with_no_model_at_all_its_own_error_is_raised(dataset, prices, tmp_path) -> None:
    with pytest.raises(InvalidInput, match="No key"):
        run(dataset, prices, tmp_path, prompting(red), one=fails("No key."), two=fails("No key."))
    assert not (tmp_path / "outcomes.jsonl").exists()


def test_hosted_rows_in_error_are_asked_again_and_no_other(dataset, paid, tmp_path) -> None:
    def flaky(text):
        return Answer("", Usage(prompt=50), error="timeout") if "7:" in text else red(text)

    hosted = {"team-gpt": works("team-gpt", hosted=True)}
    first = run(dataset, paid, tmp_path, prompting(flaky), **hosted)
    broken = [row.id for row in dataset.test if "7:" in row.input]
    assert result(first).quality.errors == len(broken) == 4
    again = prompting(red)
    records = run(dataset, paid, tmp_path, again, **hosted)
    asked = [text for batch in again.speaker.asked for text in batch]
    assert asked == [row.input for row in dataset.test if row.id in broken]
    assert (result(records).quality.n, result(records).quality.errors) == (40, 0)
    third = prompting(red)
    assert run(dataset, paid, tmp_path, third, **hosted) == records
    assert third.log == []


def test_errors_that_cannot_be_mended_yet_fail_nobody(dataset, paid, tmp_path) -> None:
    def flaky(text):
        return Answer("", error="timeout") if "7:" in text else red(text)

    hosted = {"team-gpt": works("team-gpt", hosted=True)}
    first = run(dataset, paid, tmp_path, prompting(flaky), **hosted)
    again = run(dataset, paid, tmp_path, prompting(red), **{"team-gpt": fails("No key.")})
    assert result(again).status == "completed"
    assert result(again).quality == result(first).quality


def test_local_rows_in_error_are_not_asked_again(dataset, prices, tmp_path) -> None:
    def long(text):
        return Answer("", error="too long") if "item 7" in text else red(text)

    first = run(dataset, prices, tmp_path, prompting(long), one=works("one"))
    assert run(dataset, prices, tmp_path, prompting(red), one=works("one")) == first


def result(records):
    return summarise(records).strategies[0]


def test_tokens_of_errors_and_of_preparing_are_billed(dataset, paid, tmp_path) -> None:
    hosted = {"team-gpt": works("team-gpt", hosted=True)}

    def half(text):
        bad = "7:" in text
        return Answer("", Usage(prompt=1000), error="withheld") if bad else red(text)

    records = run(dataset, paid, tmp_path, prompting(half), **hosted)
    # 36 good answers at 100 read and 10 written, 4 withheld ones at 1,000 read, and what was
    # asked for its time alone: 3 to warm up, and 60 latencies less the rows that came in no batch
    batched = sum(record.n for record in records if record.record == "batch")
    attempts = [record for record in records if isinstance(record, OutcomeRecord)]
    repeated = 3 + 60 - (len(attempts) - batched)
    tokens = 36 * 0.0002 + 4 * 0.001 + repeated * 0.0002
    seconds = summarise(records).spent_usd - tokens
    machine = paid.for_run(records[0].environment, ["team-gpt"]).usd_per_second
    assert 0 <= seconds < 5 * machine
    assert result(records).cost.per_1k_requests_usd == pytest.approx(0.2)
    searched = [
        with_usage(record, prompt=2_000_000, cached=0, completion=100) for record in records
    ]
    assert summarise(searched).spent_usd == pytest.approx(tokens + seconds + 2.001)
    before, after = result(records).cost, result(searched).cost
    assert after.setup_usd == pytest.approx(before.setup_usd + 2.001)
    assert after.horizon_usd == pytest.approx(before.horizon_usd + 2.001)
    assert after.per_1k_requests_usd == before.per_1k_requests_usd


def with_usage(record, **usage):
    if not isinstance(record, SetupRecord):
        return record
    return record.model_copy(update={"training": {"usage": usage}})


def test_what_a_local_model_reads_while_preparing_is_time_not_tokens(
    dataset, prices, tmp_path
) -> None:
    records = run(dataset, prices, tmp_path, prompting(red), one=works("one"))
    searched = [with_usage(record, prompt=9**9, cached=0, completion=0) for record in records]
    assert summarise(searched).spent_usd == summarise(records).spent_usd


def test_a_model_error_is_told_as_it_is(dataset, prices, tmp_path) -> None:
    def keyless():
        raise ModelError("the variable KEY is empty")

    records = run(dataset, prices, tmp_path, prompting(red), one=works("one"), two=keyless)
    said = statuses(records)["zero@two"][1]
    assert said == "the model two cannot be loaded: ModelError: the variable KEY is empty"
    assert json.dumps(said)
