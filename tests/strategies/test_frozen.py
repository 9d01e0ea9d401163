"""States of frozen layers: the right ones, computed once, within their share of memory."""

from typing import Any

import pytest
import torch
from networks import Counting, network_of

from strategies.models.frozen import FrozenStates
from strategies.models.fused import FusedDecoder

PREFIX = (80, 81, 82, 83, 80)
ROWS = [
    (PREFIX, (3, 4, 5, 6, 40)),
    (PREFIX, (7,)),
    (PREFIX, (8, 9, 10, 43, 44)),
    ((), (11, 12, 13, 46)),
]
"""Each a prefix and the tokens behind it."""


def test_states_are_those_of_the_layers_and_are_kept_by_number_and_prefix() -> None:
    network = network_of("llama")
    kept = FrozenStates(Counting(network))
    for layers in (1, 2):
        kept.fill(layers, ROWS)
    decoder = kept.decoder
    assert isinstance(decoder, Counting)
    done = len(decoder.read)
    for layers in (1, 2):
        for prefix, rows in ((PREFIX, [ROWS[0][1], ROWS[2][1]]), ((), [ROWS[3][1]])):
            whole = [by_transformers(network, layers, (*prefix, *row)) for row in rows]
            expected = [whole[0][: len(prefix)], *(each[len(prefix) :] for each in whole)]
            found = kept.of(layers, prefix, rows)
            torch.testing.assert_close(found, torch.cat(expected), atol=2e-4, rtol=2e-4)
    assert len(decoder.read) == done


@torch.no_grad()
def by_transformers(network: Any, layers: int, ids: tuple[int, ...]) -> torch.Tensor:
    out = network.model(input_ids=torch.tensor([ids]), output_hidden_states=True)
    states: torch.Tensor = out.hidden_states[layers][0]
    return states


def test_states_are_in_the_type_of_the_network_and_near_to_float32() -> None:
    network = network_of("llama", torch.bfloat16, size=1.0)
    rounded = FrozenStates(FusedDecoder(network)).of(2, PREFIX, [ROWS[0][1]])
    ids = (*PREFIX, *ROWS[0][1])
    theirs = by_transformers(network_of("llama", torch.bfloat16, size=1.0, plain=True), 2, ids)
    exact = by_transformers(
        network_of("llama", torch.bfloat16, size=1.0, plain=True).float(), 2, ids
    )
    assert rounded.dtype == torch.bfloat16
    assert (rounded - exact).norm() < 1.1 * (theirs - exact).norm()


def test_states_stay_within_their_share_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    token = 48 * 4
    counting = Counting(network_of("llama"))
    kept = FrozenStates(counting)
    free = {"bytes": 0}

    def free_memory(device: torch.device) -> int:
        return free["bytes"]

    monkeypatch.setattr("strategies.models.frozen.free_memory", free_memory)
    monkeypatch.setattr("strategies.models.frozen.SHARE", 1.0)
    whole = kept.of(2, PREFIX, [row for _, row in ROWS[:3]])
    kept.fill(2, ROWS)
    assert kept.bytes == 0

    free["bytes"] = token * (len(PREFIX) + 8)
    kept.fill(2, ROWS[:3])
    assert token * len(PREFIX) < kept.bytes <= free["bytes"]
    found = kept.of(2, PREFIX, [row for _, row in ROWS[:3]])
    torch.testing.assert_close(found, whole, atol=1e-4, rtol=1e-4)

    counting.read.clear()
    kept.of(2, PREFIX, [ROWS[0][1]])
    assert counting.read == [], "no row makes room for another of the same training"

    held, free["bytes"] = kept.bytes, 0
    kept.fill(2, ROWS[:3])
    assert kept.bytes == held, "what is kept already is not dropped for want of room"


def test_what_was_used_least_recently_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = [((), (word, word + 1, word + 2)) for word in (10, 20, 30)]
    counting = Counting(network_of("llama"))
    kept = FrozenStates(counting)
    kept.fill(2, [first, second])
    kept.fill(2, [first])
    held = kept.bytes
    monkeypatch.setattr("strategies.models.frozen.free_memory", lambda device: 0)
    monkeypatch.setattr("strategies.models.frozen.SHARE", 1.0)
    kept.fill(2, [third])
    assert kept.bytes == held
    counting.read.clear()
    for prefix, row in (first, third):
        kept.of(2, prefix, [row])
    assert counting.read == []
    kept.of(2, second[0], [second[1]])
    assert counting.read == [1]


def test_rows_that_do_not_fit_memory_together_are_read_in_parts() -> None:
    network = network_of("llama")
    whole, parts = FrozenStates(Counting(network)), FrozenStates(Counting(network, most=1))
    for each in (whole, parts):
        each.fill(2, ROWS)
    assert parts.bytes == whole.bytes > 0
    held = sum(states.untyped_storage().nbytes() for states in whole._kept.values())
    assert held == whole.bytes, "no state keeps the padded tensor that it was part of"
    rows = [row for _, row in ROWS[:3]]
    expected = whole.of(2, PREFIX, rows)
    torch.testing.assert_close(parts.of(2, PREFIX, rows), expected, atol=1e-4, rtol=1e-4)
    none = FrozenStates(Counting(network, most=0))
    none.fill(2, ROWS)
    assert none.bytes == 0, "no row fits: training says so, as it does for its own layers"
