"""Steps that are recorded on CUDA, computed here as they are: what plain decoding gives."""

import pytest
import torch
from networks import network_of

from strategies.models import recorded
from strategies.models.decoder import PlainDecoder
from strategies.models.decoding import compute_prefix, generate
from strategies.models.fused import decoder_of
from strategies.models.recorded import Recorder, Steps

PREFIX = (5, 6, 7)
ROWS = ((11, 12, 13, 14, 15), (21,), (11, 12, 31))
OTHERS = ((9, 8, 7, 6, 5, 4, 3), (41, 42), (1, 1, 1))


@pytest.fixture(params=["llama", "qwen2, one key head"])
def network(request):
    return network_of(request.param, plain=True)


class Recording(PlainDecoder):
    """A decoder that takes its steps as on CUDA, unrecorded."""

    def __init__(self, network) -> None:
        super().__init__(network)
        self.recorder = Recorder(self)
        self.recorder.able = True
        self.given: list[Steps | None] = []

    @property
    def records(self) -> bool:
        return self.recorder.able

    def steps(self, cache, room):
        self.given.append(self.recorder.steps(cache, room))
        return self.given[-1]


def answers(decoder, rows, most=40, stop=frozenset()) -> list[list[int]]:
    kept = compute_prefix(decoder, PREFIX)
    return generate(
        decoder, PREFIX, kept, rows, max_new_tokens=most, stop=stop, pad=0, max_tokens=1000
    )


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1]], ids=["several rows", "one row"])
def test_recorded_steps_decode_what_plain_ones_do(network, rows) -> None:
    expected = answers(PlainDecoder(network), rows)
    assert all(len(set(row)) > 5 for row in expected), "a test of one repeated token shows little"
    recording = Recording(network)
    assert answers(recording, rows) == expected
    assert recording.given[0] is not None


def test_rows_end_at_their_stop(network) -> None:
    whole = answers(PlainDecoder(network), ROWS)
    stop = frozenset({whole[0][3], whole[1][0]})
    expected = answers(PlainDecoder(network), ROWS, stop=stop)
    assert expected[1] == []
    assert answers(Recording(network), ROWS, stop=stop) == expected


def test_steps_serve_the_next_batch_of_their_shape(network) -> None:
    expected = [answers(PlainDecoder(network), rows) for rows in (ROWS, OTHERS)]
    recording = Recording(network)
    assert [answers(recording, rows) for rows in (ROWS, OTHERS)] == expected
    assert recording.given[0] is recording.given[1], "recorded once"
    answers(recording, ROWS[:2])
    assert recording.given[2] is not recording.given[1], "of other rows"


def test_a_network_that_cannot_be_recorded_decodes_plainly(network, monkeypatch) -> None:
    def refuse(*arguments: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(recorded, "Steps", refuse)
    recording = Recording(network)
    assert answers(recording, ROWS) == answers(PlainDecoder(network), ROWS)
    assert recording.given == [None]
    assert not recording.records


def test_steps_that_memory_cannot_hold_are_an_error_of_their_batch(network, monkeypatch) -> None:
    def refuse(*arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(recorded, "Steps", refuse)
    recording = Recording(network)
    with pytest.raises(torch.OutOfMemoryError):
        answers(recording, ROWS)
    assert recording.records


def test_nothing_is_recorded_on_a_cpu(network) -> None:
    assert not PlainDecoder(network).records
    assert not decoder_of(network).records
