"""Gradients that are recorded on CUDA, computed here as they are: those of unpadded rows."""

import pytest
import torch
from networks import network_of

from strategies import recorded_gradients
from strategies.adapters import InTraining, wrapped
from strategies.models.local import LocalModel
from strategies.recorded_gradients import GradientRecorder, shape_of
from strategies.training import accumulate
from strategies.training_rows import Item, laid_out

PREFIX = (5, 6, 7)
ROWS = [
    Item(PREFIX, (11, 12, 13), (14, 2)),
    Item(PREFIX, (21,), (22, 23, 24, 2)),
    Item(PREFIX, (31, 32), (2,)),
]
OTHERS = [Item(PREFIX, (1, 1, 4), (9, 8, 7)), Item(PREFIX, (40, 41, 42, 43, 44), (2,))]


@pytest.fixture(params=["llama", "qwen2, one key head"])
def training(request, tiny_model: LocalModel):
    model = tiny_model.variant(network_of(request.param, size=1.0), "random")
    with wrapped(model, rank=3, alpha=5, seed=0) as (found, _):
        for weight in found.weights.values():
            torch.nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(1))
        yield found


def recorder_of(training: InTraining) -> GradientRecorder:
    assert training.layers is not None
    return GradientRecorder(training.network, training.layers, list(training.weights.values()))


@pytest.mark.parametrize("rows", [ROWS, OTHERS, ROWS[:1]], ids=["three", "two", "one"])
def test_padding_leaves_the_gradient_as_it_is(training: InTraining, rows: list[Item]) -> None:
    expected_loss, expected = accumulate(training, rows)
    assert expected.norm() > 0.1
    row = laid_out(rows)
    assert len(row.ids) < shape_of(row)[0]
    found = recorder_of(training).gradient(row, 1 / len(row.targets))
    assert found is not None
    loss, gradient = found
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    assert (gradient - expected).norm() < 1e-4 * expected.norm()


def test_one_shape_is_recorded_once_and_forgets_the_rows_before(training: InTraining) -> None:
    recorder = recorder_of(training)
    first = recorder.gradient(laid_out(ROWS), 1.0)
    recorder.gradient(laid_out(OTHERS), 1.0)
    again = recorder.gradient(laid_out(ROWS), 1.0)
    assert first is not None
    assert again is not None
    assert torch.equal(again[1], first[1])
    assert len(recorder._kept) == 1
    longer = Item(PREFIX, tuple(range(1, 80)), tuple(range(1, 81)))
    recorder.gradient(laid_out([longer]), 1.0)
    assert set(recorder._kept) == {(128, 64), (256, 128)}


def test_weights_that_change_are_read_anew(training: InTraining) -> None:
    recorder = recorder_of(training)
    recorder.gradient(laid_out(ROWS), 1.0)
    with torch.no_grad():
        for weight in training.weights.values():
            weight.mul_(0.5)
    found = recorder.gradient(laid_out(ROWS), 1 / 7)
    loss, gradient = accumulate(training, ROWS)
    assert found is not None
    assert found[0] == pytest.approx(loss, abs=1e-5)
    assert (found[1] - gradient).norm() < 1e-4 * gradient.norm()


def test_a_step_takes_its_gradient_from_the_recorder(training: InTraining, monkeypatch) -> None:
    expected_loss, expected = accumulate(training, [*ROWS, *OTHERS])
    recorder, asked = recorder_of(training), []
    ask = recorder.gradient

    def gradient(row, scale):
        asked.append(row)
        return ask(row, scale)

    monkeypatch.setattr(recorder, "gradient", gradient)
    monkeypatch.setitem(vars(training), "recorder", recorder)
    monkeypatch.setattr("strategies.training.PACKED_TOKENS", 16)
    loss, found = accumulate(training, [*ROWS, *OTHERS])
    assert len(asked) > 1, "several micro-batches"
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    assert (found - expected).norm() < 1e-4 * expected.norm()


@pytest.mark.parametrize(
    ("error", "able"),
    [
        (RuntimeError("operation not permitted when stream is capturing"), False),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
    ],
)
def test_what_cannot_be_recorded_is_computed(
    training: InTraining, monkeypatch, error: RuntimeError, able: bool
) -> None:
    def refuse(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(recorded_gradients, "Gradient", refuse)
    recorder = recorder_of(training)
    if able:
        with pytest.raises(torch.OutOfMemoryError):
            recorder.gradient(laid_out(ROWS), 1.0)
    else:
        assert recorder.gradient(laid_out(ROWS), 1.0) is None
        monkeypatch.setitem(vars(training), "recorder", recorder)
        assert accumulate(training, ROWS)[1].norm() > 0.1
    assert recorder.able == able


def test_nothing_is_recorded_on_a_cpu(training: InTraining) -> None:
    assert training.recorder is None
