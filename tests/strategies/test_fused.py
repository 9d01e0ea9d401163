"""Layers in fewer steps give what the layers of transformers give."""

from __future__ import annotations

import pytest
import torch
from networks import NETWORKS, SIZES, network_of
from transformers import (
    DynamicCache,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from strategies.models.attention import FEW, use_blocks
from strategies.models.decoder import Decoder, PlainDecoder
from strategies.models.fused import FusedDecoder, decoder_of
from strategies.models.layout import causal_mask, left_padded

ROWS = [list(range(3, 23)), list(range(40, 51)), [7]]
PREFIX = [80, 81, 82, 83, 80]


@torch.inference_mode()
def readings(decoder: Decoder, last: int) -> list[torch.Tensor]:
    """A padded batch; a prefix alone and, behind it, another batch, then a token a row."""
    ids, mask, positions = left_padded(ROWS, 0)
    width = ids.shape[1]
    found = [decoder.states(ids, causal_mask(0, mask), positions, None, last=last)]
    cache = DynamicCache()
    rows = len(ROWS)
    head = torch.tensor([PREFIX]).expand(rows, -1)
    places = torch.arange(len(PREFIX)).expand(rows, -1)
    seen = causal_mask(0, torch.ones_like(head, dtype=torch.bool))
    found.append(decoder.states(head, seen, places, cache, last=len(PREFIX)))
    behind = positions + len(PREFIX)
    seen = causal_mask(len(PREFIX), mask)
    found.append(decoder.states(ids, seen, behind, cache, last=min(last, width)))
    next_seen = torch.cat([seen[:, :, -1:], torch.ones(rows, 1, 1, 1, dtype=torch.bool)], dim=3)
    next_ids = torch.tensor([[5], [6], [9]])
    found.append(decoder.states(next_ids, next_seen, behind[:, -1:] + 1, cache, last=1))
    found.append(decoder.logits(found[-1][:, 0]))
    return found


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("last", [1, FEW, FEW + 4])
def test_fused_layers_give_the_states_of_transformers(kind: str, last: int) -> None:
    decoder = decoder_of(network_of(kind))
    assert type(decoder) is FusedDecoder
    expected = readings(PlainDecoder(network_of(kind, plain=True)), last)
    for found, wanted in zip(readings(decoder, last), expected, strict=True):
        assert found.shape == wanted.shape
        assert wanted.abs().mean() > 0.1
        torch.testing.assert_close(found, wanted, atol=2e-4, rtol=2e-4)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
@pytest.mark.parametrize("kind", NETWORKS)
def test_in_bfloat16_they_are_nearer_to_float32_than_those_of_transformers(kind: str) -> None:
    exact = PlainDecoder(network_of(kind, torch.bfloat16, plain=True, size=1.0).float())
    plain = PlainDecoder(network_of(kind, torch.bfloat16, plain=True, size=1.0))
    fused = decoder_of(network_of(kind, torch.bfloat16, size=1.0))
    assert isinstance(fused, FusedDecoder)
    assert fused.packed
    far: list[float] = []
    all_found = (readings(each, FEW) for each in (fused, plain, exact))
    for ours, theirs, true in zip(*all_found, strict=True):
        assert ours.dtype == torch.bfloat16
        far.append(rms(ours - true) / rms(theirs - true))
        assert far[-1] < 1.3
        assert rms(theirs - true) < 0.1 * rms(true)
    assert sum(far) / len(far) < 0.96, "residual sums that are rounded come to more"


def rms(numbers: torch.Tensor) -> float:
    return float(numbers.square().mean().sqrt())


def test_what_is_read_with_the_layers_of_transformers() -> None:
    sizes = {"n_embd": 24, "n_layer": 1, "n_head": 2, "vocab_size": 90}
    other = GPT2LMHeadModel(GPT2Config(**sizes)).eval()
    use_blocks(other)
    assert type(decoder_of(other)) is PlainDecoder, "another kind"
    assert type(decoder_of(LlamaForCausalLM(LlamaConfig(**SIZES)))) is PlainDecoder, (
        "attention not ours"
    )
    gelu = LlamaForCausalLM(LlamaConfig(**SIZES, hidden_act="gelu"))
    use_blocks(gelu)
    assert type(decoder_of(gelu)) is PlainDecoder, "another activation"
    replaced = network_of("llama")
    replaced.model.layers[1].mlp.up_proj = torch.nn.Sequential(torch.nn.Linear(48, 80))
    assert type(decoder_of(replaced)) is PlainDecoder, "a layer that is not plain"
