"""The runner: what is stored, what is skipped, and what is told meanwhile."""

import errno
import weakref

import pytest
from running import of, run
from safetensors import SafetensorError
from tinystrategies import Tiny, always_red, right

from benchmarks.errors import BadPriceFile, StorageFull
from benchmarks.records import (
    BatchRecord,
    EndRecord,
    FailureRecord,
    LatencyRecord,
    OutcomeRecord,
    RunRecord,
    SentinelRecord,
)
from benchmarks.summary import summarise
from strategies.base import Answer
from strategies.models.scripted import ScriptedModel


def test_half_the_examples_are_answered_alone_the_others_in_chunks_of_16(dataset, prices, tmp_path):
    tiny = Tiny(right)
    records = run(dataset, prices, tmp_path, tiny)
    outcomes = of(records, OutcomeRecord)
    assert [row.example for row in outcomes] == [row.id for row in dataset.test]
    assert [batch.n for batch in of(records, BatchRecord)] == [12, 8]
    assert len(of(records, LatencyRecord)) == 60
    first = outcomes[0]
    assert (first.predicted, first.expected, first.scores["accuracy"]) == ("red", "red", 1.0)
    assert (first.prompt_tokens, first.cached_tokens, first.completion_tokens) == (10, 4, 1)
    assert first.input == dataset.test[0].input
    assert [len(batch) for batch in tiny.speaker.asked] == [1] * 63 + [12, 8]
    assert isinstance(records[0], RunRecord)
    assert isinstance(records[-1], EndRecord)
    assert (tmp_path / "artifacts" / "tiny" / "note.txt").exists()


def test_one_that_breaks_or_does_not_fit_harms_no_other(dataset, prices, tmp_path):
    class Raises(Tiny):
        def prepare(self, *args, **more):
            raise ValueError("no such luck")

    def breaks(text):
        raise RuntimeError("cannot say")

    records = run(
        dataset,
        prices,
        tmp_path,
        Raises(right, name="raises"),
        Tiny(right, name="misfit", excuse="misfit needs documents"),
        Tiny(breaks, name="mute"),
        Tiny(right, name="good"),
    )
    statuses = {row.id: (row.status, row.reason) for row in summarise(records).strategies}
    assert statuses == {
        "raises": ("failed", "ValueError: no such luck"),
        "misfit": ("skipped", "misfit needs documents"),
        "mute": ("failed", "RuntimeError: cannot say"),
        "good": ("completed", None),
    }


def test_an_answer_in_error_is_recorded_and_never_scored(dataset, prices, tmp_path):
    def sometimes(text):
        return Answer("", error="timeout") if " 7:" in text else right(text)

    records = run(dataset, prices, tmp_path, Tiny(sometimes))
    (bad,) = [row for row in of(records, OutcomeRecord) if row.state == "error"]
    assert (bad.error, bad.scores, bad.text) == ("timeout", {}, None)
    quality = summarise(records).strategies[0].quality
    assert (quality.value, quality.n, quality.errors) == (1.0, 39, 1)
    assert len(of(records, LatencyRecord)) == 60
    assert "test-7" not in {row.example for row in of(records, LatencyRecord)}


def test_too_few_answers_are_a_fault_of_the_strategy(dataset, prices, tmp_path):
    class Short(Tiny):
        def prepare(self, *args, **more):
            speaker = super().prepare(*args, **more)
            speaker.answer = lambda inputs: []
            return speaker

    records = run(dataset, prices, tmp_path, Short(right))
    (failure,) = of(records, FailureRecord)
    assert failure.reason == "gave 0 answers to 1 inputs"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EROFS, "Read-only file system"),
        SafetensorError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_no_fault_of_the_strategy(dataset, prices, tmp_path, error):
    class Heavy(Tiny):
        def prepare(self, *args, **more):
            speaker = super().prepare(*args, **more)
            speaker.save = self.fill
            return speaker

        def fill(self, folder):
            raise error

    with pytest.raises(StorageFull, match="run again"):
        run(dataset, prices, tmp_path, Heavy(right))
    records = run(dataset, prices, tmp_path, Tiny(right))
    assert summarise(records).strategies[0].status == "completed"


def test_a_folder_that_takes_no_artefact_is_no_fault_of_the_strategy(dataset, prices, tmp_path):
    (tmp_path / "artifacts").touch()
    with pytest.raises(StorageFull, match="run again"):
        run(dataset, prices, tmp_path, Tiny(right))
    (tmp_path / "artifacts").unlink()
    records = run(dataset, prices, tmp_path, Tiny(right))
    assert summarise(records).strategies[0].status == "completed"


def test_models_take_turns_and_every_row_names_its_model(dataset, prices, tmp_path):
    alive, made = [], []

    def load(name):
        assert not [model for model in made if model() is not None], "two models at once"
        alive.append(name)
        model = ScriptedModel(lambda prompt: "red", name=name)
        made.append(weakref.ref(model))
        return model

    models = {name: lambda name=name: load(name) for name in ("one", "two")}
    records = run(
        dataset,
        prices,
        tmp_path,
        Tiny(always_red, name="zero", family="prompting", needs_model=True),
        Tiny(right, name="plain"),
        models=models,
    )
    assert [row.id for row in of(records, RunRecord)[0].strategies] == [
        "plain",
        "zero@one",
        "zero@two",
    ]
    assert alive == ["two", "one", "two"]
    assert [facts.name for facts in of(records, RunRecord)[0].models] == ["one", "two"]
    assert {row.strategy for row in of(records, SentinelRecord)} == {None, "zero@one", "zero@two"}


def test_a_hosted_model_without_a_price_stops_before_anything_is_spent(dataset, prices, tmp_path):
    model = ScriptedModel(lambda prompt: "red", name="my-endpoint")
    model.hosted = True
    tiny = Tiny(right, needs_model=True)
    with pytest.raises(BadPriceFile, match=r"models\.my-endpoint"):
        run(dataset, prices, tmp_path, tiny, models={"my-endpoint": lambda: model})
    assert tiny.log == []


def test_progress_names_strategy_phase_and_time_left(dataset, prices, tmp_path):
    events = []
    run(dataset, prices, tmp_path, Tiny(right), on_progress=events.append)
    phases = list(dict.fromkeys(event.phase for event in events))
    assert phases == ["preparing", "timing", "answering", "done"]
    assert all(event.strategy == "tiny" and 0 <= event.fraction <= 1 for event in events)
    assert any(event.seconds_left is not None for event in events)
    assert (events[-1].position, events[-1].total) == (1, 1)


def test_the_end_of_each_strategy_says_why_it_did_not_complete(dataset, prices, tmp_path):
    def broken(text):
        raise ValueError("no [/idea]")

    for _ in range(2):  # a rerun says the same
        unfit = Tiny(right, name="b", excuse="b needs a door")
        tinies = (Tiny(right), unfit, Tiny(broken, name="c"))
        events = []
        run(dataset, prices, tmp_path, *tinies, on_progress=events.append)
        assert {event.strategy: event.message for event in events if event.phase == "done"} == {
            "tiny": "",
            "b": "skipped: b needs a door",
            "c": "failed: ValueError: no [/idea]",
        }
