"""Steps that are recorded on CUDA, computed here as they are: what plain decoding gives."""

import gc
import weakref

import pytest
import torch
from networks import network_of

from strategies.models.decoder import PlainDecoder
from strategies.models.decoding import compute_prefix, generate
from strategies.models.fused import decoder_of
from strategies.models.recorded import FEWEST, Recorder, Steps, Unrecordable

PREFIX = (5, 6, 7)
ROWS = ((11, 12, 13, 14, 15), (21,), (11, 12, 31))
OTHERS = ((9, 8, 7, 6, 5, 4, 3), (41, 42), (1, 1, 1))


@pytest.fixture(params=[True, False], ids=["as of transformers", "attention in blocks"])
def network(request):
    return network_of("llama" if request.param else "qwen2, one key head", plain=request.param)


class Recording(PlainDecoder):
    """A decoder that takes its steps as on CUDA, unrecorded."""

    def __init__(self, network, make=Steps) -> None:
        super().__init__(network)
        self.recorder = Recorder(self, make)
        self.recorder.able = True
        self.given: list[Steps | None] = []

    @property
    def records(self) -> bool:
        return self.recorder.able

    def steps(self, cache, room):
        self.given.append(self.recorder.steps(cache, room))
        return self.given[-1]


def raising(error):
    def make(*arguments: object) -> Steps:
        raise error

    return make


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


def test_steps_of_one_row_serve_the_next_request(network) -> None:
    asked = [[ROWS[0]], [OTHERS[0]], ROWS, ROWS[:1]]
    expected = [answers(PlainDecoder(network), rows) for rows in asked]
    recording = Recording(network)
    assert [answers(recording, rows) for rows in asked] == expected
    first, second, batch, third = recording.given
    assert first is second, "recorded once"
    assert batch is not second
    assert third is not second, "the room of a batch comes first"


@pytest.mark.parametrize(
    ("error", "able"),
    [(Unrecordable("it waits"), False), (torch.OutOfMemoryError("CUDA out of memory"), True)],
    ids=["it cannot be recorded", "memory does not hold it"],
)
def test_what_is_not_recorded_is_decoded_plainly(network, error, able) -> None:
    recording = Recording(network, raising(error))
    assert answers(recording, ROWS) == answers(PlainDecoder(network), ROWS)
    assert recording.given == [None]
    assert recording.records == able


def test_another_error_while_recording_is_not_hidden(network) -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        answers(Recording(network, raising(RuntimeError("shapes do not fit"))), ROWS)


def test_few_tokens_are_not_worth_a_recording(network) -> None:
    recording = Recording(network)
    few = answers(recording, ROWS, most=FEWEST - 1)
    assert few == answers(PlainDecoder(network), ROWS, most=FEWEST - 1)
    assert recording.given == []


def test_a_decoder_goes_when_nothing_asks_for_it(network) -> None:
    decoder = PlainDecoder(network)
    seen = weakref.ref(decoder)
    gc.disable()
    try:
        del decoder
        assert seen() is None, "one in a circle would keep its network until the next collection"
    finally:
        gc.enable()


def test_nothing_is_recorded_on_a_cpu(network) -> None:
    assert not PlainDecoder(network).records
    assert not decoder_of(network).records
