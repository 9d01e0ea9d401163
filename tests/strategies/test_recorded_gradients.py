"""Gradients that are recorded on CUDA, computed here as they are: those of unpadded rows."""

import pytest
import torch
from networks import network_of

from strategies.adapters import InTraining, wrapped
from strategies.models.local import LocalModel
from strategies.models.recorded import Unrecordable
from strategies.recorded_gradients import Gradient, GradientRecorder, shape_of
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


def recorder_of(training: InTraining, make=Gradient) -> GradientRecorder:
    assert training.layers is not None
    weights = list(training.weights.values())
    return GradientRecorder(training.network, training.layers, weights, make)


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
    "error",
    [Unrecordable("it waits"), torch.OutOfMemoryError("CUDA out of memory")],
    ids=["it cannot be recorded", "memory does not hold it"],
)
def test_what_is_not_recorded_is_computed(training: InTraining, monkeypatch, error) -> None:
    expected_loss, expected = accumulate(training, ROWS)
    recorder = recorder_of(training, raising(error))
    monkeypatch.setitem(vars(training), "recorder", recorder)
    loss, found = accumulate(training, ROWS)
    assert loss == expected_loss
    assert torch.equal(found, expected)
    assert not recorder.able


def test_another_error_while_recording_is_not_hidden(training: InTraining) -> None:
    recorder = recorder_of(training, raising(RuntimeError("shapes do not fit")))
    with pytest.raises(RuntimeError, match="shapes"):
        recorder.gradient(laid_out(ROWS), 1.0)


def raising(error):
    def make(*arguments: object) -> Gradient:
        raise error

    return make


def test_nothing_is_recorded_on_a_cpu(training: InTraining) -> None:
    assert training.recorder is None
