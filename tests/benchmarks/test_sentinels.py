"""Each sentinel passes on sound work and fires on a planted fault."""

from dataclasses import dataclass

import pytest
from tinystrategies import Speaker, Tiny, right

from benchmarks.errors import Cancelled
from benchmarks.journal import Journal
from benchmarks.judging import scorer
from benchmarks.records import SentinelRecord
from benchmarks.runner import run_comparison
from benchmarks.sentinels import (
    adapter_changes_outputs,
    batch_size_is_harmless,
    check_strategy,
    same_prompt,
    train_and_test_are_apart,
)
from strategies.base import Answer
from strategies.models.scripted import ScriptedModel


@dataclass
class Tuned(Speaker):
    """A tuned strategy with its hooks; `base` answers with the adapter off."""

    base: object = right
    suffix: str = ""

    def base_answers(self, inputs):
        return [self.base(text) for text in inputs]

    def rendered_training_prompt(self, example):
        return f"user: {example.input}\nassistant:"

    def rendered_serving_prompt(self, text):
        return f"user: {text}\nassistant:{self.suffix}"


def weighed(red):
    return lambda text: Answer("red", probabilities={"red": red, "blue": 1 - red})


def test_an_adapter_that_is_not_applied_fires(dataset):
    silent = Tuned(right, base=right)
    record = adapter_changes_outputs("lora", silent.answer, silent, dataset.validation)
    assert not record.passed
    assert record.message.startswith("With the adapter, 0 of 6 answers differ")
    louder = Tuned(weighed(0.7), base=weighed(0.6))
    assert adapter_changes_outputs("lora", louder.answer, louder, dataset.validation).passed
    same = Tuned(weighed(0.7), base=weighed(0.7))
    assert not adapter_changes_outputs("lora", same.answer, same, dataset.validation).passed


def test_another_prompt_in_serving_fires(dataset):
    assert same_prompt("lora", Tuned(right), dataset.train).passed
    record = same_prompt("lora", Tuned(right, suffix=" "), dataset.train)
    assert not record.passed
    assert "train-0, train-1" in record.message


def test_rows_that_training_did_not_read_are_left_out(dataset):
    @dataclass
    class Choosy(Tuned):
        read: tuple = ()

        def rendered_training_prompt(self, example):
            return super().rendered_training_prompt(example) if example.id in self.read else None

    record = same_prompt("lora", Choosy(right, read=("train-1", "train-9")), dataset.train)
    assert (record.passed, record.message) == (
        True,
        "Training and serving render the same prompt for 2 rows.",
    )
    assert not same_prompt("lora", Choosy(right), dataset.train).passed


@dataclass
class BatchShy:
    """Answers differently in company: the fault that padding makes."""

    alone: object
    crowd: object

    def answer(self, inputs):
        return [(self.alone if len(inputs) == 1 else self.crowd)(text) for text in inputs]


def red_for_one(text):
    return Answer("red") if "item 1:" in text else right(text)


def red_for_two(text):
    return Answer("red") if "item 1:" in text or "item 2:" in text else right(text)


@pytest.mark.parametrize(
    ("crowd", "passed"),
    [
        (right, True),
        (red_for_one, True),
        (red_for_two, False),
        (lambda text: Answer("red"), False),
    ],
)
def test_scores_that_move_with_the_batch_fire(dataset, crowd, passed):
    shy = BatchShy(right, crowd)
    record = batch_size_is_harmless("s", shy.answer, dataset.validation, scorer(dataset.task))
    assert record.passed is passed
    assert "allowed: 0.05" in record.message
    assert ("without one of them by 0.000" in record.message) is (crowd is red_for_one)


@pytest.mark.parametrize(("crowd", "passed"), [(0.68, True), (0.55, False)])
def test_probabilities_that_move_with_the_batch_fire(dataset, crowd, passed):
    shy = BatchShy(weighed(0.7), weighed(crowd))
    record = batch_size_is_harmless("s", shy.answer, dataset.validation, scorer(dataset.task))
    assert record.passed is passed


def test_a_test_row_in_the_training_data_fires(dataset):
    text = (
        "My parcel with the two blue lamps never came, and nobody answers the telephone; I have "
        "waited since Monday and would like to know where it is and when it comes at last"
    )
    train = dataset.train[0].model_copy(update={"input": text})
    nearly = dataset.test[3].model_copy(update={"input": text.upper() + " please"})
    leaky = dataset.model_copy(update={"train": (train,), "test": (dataset.test[0], nearly)})
    record = train_and_test_are_apart(leaky)
    assert not record.passed
    assert record.message.endswith(": train-0 and test-3. They count for no score (1 of 2).")
    assert record.examples == ("test-3",)
    assert train_and_test_are_apart(leaky.model_copy(update={"test": dataset.test[:2]})).passed
    other = nearly.model_copy(update={"output": "blue" if train.output == "red" else "red"})
    answered = leaky.model_copy(update={"test": (dataset.test[0], other)})
    assert train_and_test_are_apart(answered).passed, "one question about two things"
    same = other.model_copy(update={"input": text})
    again = train_and_test_are_apart(leaky.model_copy(update={"test": (dataset.test[0], same)}))
    assert again.examples == ("test-3",)


def test_tuning_without_a_way_to_show_it_is_not_taken_on_trust(dataset):
    records = check_strategy(
        "lora",
        "fine-tuning",
        Speaker(right),
        dataset.validation,
        scorer(dataset.task),
        train=dataset.train,
        poll=lambda: None,
    )
    assert [(record.name, record.passed) for record in records] == [
        ("adapter changes outputs", False),
        ("batch size", True),
    ]


class Lora(Tiny):
    def prepare(self, *args, **more):
        self.speaker = Tuned(self.say, base=weighed(0.5))
        return self.speaker


def test_they_end_before_the_next_request_once_told_to_stop(dataset, prices, tmp_path):
    lora = Lora(right, name="lora", family="fine-tuning", needs_model=True)
    begun = []

    def note(event):
        if event.phase == "checking":
            begun.append(len(lora.speaker.asked))

    with pytest.raises(Cancelled):
        run_comparison(
            dataset,
            strategies=[lora],
            models={"m": lambda: ScriptedModel({})},
            folder=tmp_path,
            prices=prices,
            on_progress=note,
            cancelled=lambda: bool(begun),
        )
    assert begun == [len(lora.speaker.asked)]


def test_they_run_in_every_comparison(dataset, prices, tmp_path):
    def run():
        return run_comparison(
            dataset,
            strategies=[Lora(right, name="lora", family="fine-tuning", needs_model=True)],
            models={"m": lambda: ScriptedModel({})},
            folder=tmp_path,
            prices=prices,
        )

    found = [record for record in run() if isinstance(record, SentinelRecord)]
    assert [(record.strategy, record.name, record.passed) for record in found] == [
        (None, "train and test apart", True),
        ("lora", "adapter changes outputs", True),
        ("lora", "same prompt", True),
        ("lora", "batch size", True),
    ]
    # a write that was cut short after the first guard: the others are not taken as done
    journal = Journal(tmp_path / "outcomes.jsonl")
    lines = journal.path.read_bytes().splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if b"adapter changes" in line)
    journal.path.write_bytes(b"".join(lines[: first + 1]) + lines[first + 1][:9])
    again = {record.name for record in run() if isinstance(record, SentinelRecord)}
    assert "batch size" in again
