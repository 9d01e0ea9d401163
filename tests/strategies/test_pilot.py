"""A pilot learns as it grows, leaves nothing behind in the model, and goes on where it was."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from corpora.errors import InvalidInput
from corpora.task import Document, Example, Task
from strategies.adapters import MasterAdam, wrapped
from strategies.base import no_progress
from strategies.embedding import HashingEmbedder
from strategies.errors import ModelError
from strategies.likelihood import asked_rows, likelihood_of
from strategies.lora import Lora, LoraRag
from strategies.models.local import LocalModel
from strategies.pilot import Pilot
from strategies.training import accumulate, learn, within

TASK = Task(
    name="cards",
    kind="classification",
    instruction="Sort the order.",
    labels=("card", "bike"),
    metric="accuracy",
)
TEXTS = Task(name="cards", kind="generation", instruction="Say it.", metric="rouge_l")
WORDS = ("card", "bike")
ROWS = tuple(
    Example(id=f"r{n}", input=f"my {WORDS[n % 2]} order {n}", output=WORDS[n % 2])
    for n in range(24)
)
TRAIN, VALIDATION = ROWS[:16], ROWS[16:]
LONG = Example(id="long", input="order " * 3000, output="card")
TUNER = {"rank": 4, "learning_rate": 0.01, "epochs": 3, "batch_rows": 2}


@pytest.fixture(scope="module")
def sure(tiny_folder: Path) -> LocalModel:
    """The tiny model with a head that can be as sure of a token as that of a trained one."""
    model = LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.float32)
    head = model.network.lm_head
    head.weight = torch.nn.Parameter(30 * head.weight.detach(), requires_grad=False)
    return model


def pilot(model: LocalModel, *, strategy: Lora | None = None, task: Task = TASK, **more) -> Pilot:
    rows = {"train": TRAIN, "validation": VALIDATION, **more}
    return Pilot(strategy or Lora(**TUNER), task, model, **rows)


def test_it_learns_more_the_further_it_grows(sure: LocalModel) -> None:
    asked = asked_rows(TASK, sure, TRAIN, VALIDATION)
    before = likelihood_of(TASK, sure, asked)
    growing = pilot(sure)
    readings = [growing.grow(share) for share in (0.25, 0.5, 1.0)]
    assert [(each.rows, each.share) for each in readings] == [(4, 0.25), (8, 0.5), (16, 1.0)]
    assert [each.steps for each in readings] == [6, 6, 12]
    assert [len(each.losses) for each in readings] == [3, 3, 3]
    nlls = [before.nll, *(each.likelihood.nll for each in readings)]
    assert nlls == sorted(nlls, reverse=True)
    assert nlls[-1] < 0.2 * nlls[0]
    assert readings[0].likelihood.nats.keys() == {row.id for row in VALIDATION}
    assert readings[2].losses[2] < readings[0].losses[0]


def test_the_same_seed_and_growths_give_the_same_readings(tiny_model: LocalModel) -> None:
    def readings(seed: int, shares=(0.2, 0.6)):
        growing = pilot(tiny_model, seed=seed)
        return [asdict(growing.grow(share)) for share in shares]

    assert readings(0) == readings(0)
    assert readings(0) != readings(1)


@pytest.mark.parametrize("layers", [None, 1])
def test_other_strategies_run_between_two_growths(tiny_model: LocalModel, layers) -> None:
    """What they compute is what they compute without the pilot, and it is not disturbed either."""
    prompts = [row.prompt for row in asked_rows(TEXTS, tiny_model, TRAIN, VALIDATION)]
    strategy = Lora(**TUNER, layers=layers)

    def others():
        said = tiny_model.generate(prompts, max_new_tokens=6)
        tuned = Lora(rank=2, epochs=1, layers=layers).prepare(
            TASK, TRAIN, VALIDATION, (), tiny_model, lambda examples, answers: 0.5
        )
        return said, tuned.training

    alone = others()
    quiet = pilot(tiny_model, strategy=strategy)
    wanted = [quiet.grow(0.3), quiet.grow(1.0)]
    growing = pilot(tiny_model, strategy=strategy)
    first = growing.grow(0.3)
    names = [name for name, _ in tiny_model.network.named_modules()]
    assert not any("lora" in name or "base_layer" in name for name in names)
    assert not any(weight.requires_grad for weight in tiny_model.network.parameters())
    assert others() == alone
    assert [first, growing.grow(1.0)] == wanted


def test_an_optimiser_goes_on_in_other_layers_as_if_nothing_had_been(
    tiny_model: LocalModel,
) -> None:
    rows = Lora().untuned(TASK, TRAIN, None, tiny_model).training_rows(TRAIN)
    items = within(tiny_model, rows)
    planned = [items[start : start + 4] for start in range(0, 16, 4)]

    def taken(breaks: bool) -> torch.Tensor:
        optimiser = None
        for part in [planned[:2], planned[2:]] if breaks else [planned]:
            with wrapped(tiny_model, rank=2, alpha=4, seed=3) as (training, _):
                if optimiser is None:
                    optimiser = MasterAdam(training.weights, 0.01)
                else:
                    optimiser.move_to(training.weights)
                learn(training, optimiser, part, lambda step: 0.01, lambda step, loss: None)
        assert optimiser is not None
        return optimiser.flat

    assert torch.equal(taken(True), taken(False))


def test_weights_that_are_shown_are_read_and_then_left_again(tiny_model: LocalModel) -> None:
    rows = Lora().untuned(TASK, TRAIN, None, tiny_model).training_rows(TRAIN)
    step = within(tiny_model, rows)[:2]
    with wrapped(tiny_model, rank=2, alpha=4, seed=0) as (training, _):
        optimiser = MasterAdam(training.weights, 0.01)
        before, _ = accumulate(training, step)
        drawn = torch.randn(len(optimiser.flat), generator=torch.Generator().manual_seed(0))
        masters = optimiser.flat.clone()
        optimiser.show(drawn)
        assert accumulate(training, step)[0] != pytest.approx(before, abs=1e-3)
        assert torch.equal(optimiser.flat, masters)
        optimiser.move_to(training.weights)
        assert accumulate(training, step)[0] == before
        with pytest.raises(ValueError, match="other layers"):
            optimiser.move_to({})


@pytest.mark.parametrize("share", [0.25, 0.2, 0.0, -1.0, 1.1])
def test_a_pilot_only_grows(tiny_model: LocalModel, share: float) -> None:
    growing = pilot(tiny_model)
    growing.grow(0.25)
    with pytest.raises(InvalidInput, match=r"share: .* Give more than 0\.25"):
        growing.grow(share)


def test_the_smallest_growth_is_one_row(tiny_model: LocalModel) -> None:
    reading = pilot(tiny_model).grow(0.001)
    assert (reading.rows, reading.share, reading.steps) == (1, 1 / 16, 3)


def test_labels_are_answers_to_all_rows(sure: LocalModel) -> None:
    def score(examples, answers):
        assert [example.id for example in examples] == [*(row.id for row in VALIDATION), "long"]
        assert answers[-1].error is not None
        return sum(a.text == e.output for e, a in zip(examples, answers, strict=True)) / 9

    growing = pilot(sure, validation=(*VALIDATION, LONG), score=score)
    reading = growing.grow(1.0)
    assert reading.score == pytest.approx(sum(reading.likelihood.right.values()) / 9)
    assert [a.text for a in reading.answers[:-1]] == [*reading.likelihood.likeliest.values()]
    assert reading.answered[-1] == LONG


def test_texts_are_answered_by_a_few_rows_where_a_score_is_asked_for(
    tiny_model: LocalModel,
) -> None:
    scored = []

    def score(examples, answers):
        scored.append(len(answers))
        return 0.25

    reading = pilot(tiny_model, task=TEXTS, score=score, answered=3).grow(0.5)
    assert (reading.score, scored, len(reading.answers)) == (0.25, [3], 3)
    assert [row.id for row in reading.answered] == ["r16", "r18", "r21"]
    assert len(reading.likelihood.nats) == len(VALIDATION)
    reading = pilot(tiny_model, task=TEXTS, answered=3).grow(0.5)
    assert (reading.score, reading.answers, reading.answered) == (None, (), ())


def test_passages_are_read_where_there_is_an_index(tiny_model: LocalModel) -> None:
    documents = [Document(id=word, text=f"The {word} is for the order.") for word in WORDS]
    strategy = LoraRag(**TUNER, top_k=1, embedder=HashingEmbedder())
    index = strategy.index_of(documents, no_progress)
    more = {"task": TEXTS, "score": lambda examples, answers: 1.0}
    plain = pilot(tiny_model, **more).grow(0.5)
    reading = pilot(tiny_model, strategy=strategy, index=index, **more).grow(0.5)
    assert {answer.sources for answer in reading.answers} <= {("card",), ("bike",)}
    assert reading.tokens > 1.3 * plain.tokens
    assert reading.operations > 1.3 * plain.operations


def test_rows_that_do_not_fit_are_counted_and_all_of_them_refused(tiny_model: LocalModel) -> None:
    reading = pilot(tiny_model, train=(*TRAIN, LONG)).grow(1.0)
    assert (reading.rows, reading.left_out) == (17, 1)
    with pytest.raises(ModelError, match="no training row fits"):
        pilot(tiny_model, train=(LONG,)).grow(1.0)


def test_a_growth_by_nothing_that_fits_reads_the_same_again(tiny_model: LocalModel) -> None:
    growing = pilot(tiny_model, train=(TRAIN[1], LONG))
    readings = [growing.grow(0.5), growing.grow(1.0)]
    assert [each.left_out for each in readings] == [0, 1]
    assert readings[1].likelihood == readings[0].likelihood
    assert (readings[1].losses, readings[1].tokens) == ((), 0)


def test_progress_is_told_by_steps(tiny_model: LocalModel) -> None:
    told = []
    pilot(tiny_model).grow(0.25, progress=lambda share, said: told.append((share, said)))
    assert [share for share, _ in told] == pytest.approx([n / 6 for n in range(1, 7)])
    assert told[-1][1].startswith("step 6 of 6, loss ")
