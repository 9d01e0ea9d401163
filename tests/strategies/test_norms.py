"""A fused normalisation gives what the layer of transformers gives, and so does its gradient."""

from copy import deepcopy

import pytest
import torch
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from strategies.models.local import LocalModel
from strategies.models.norms import alike, fuse_norms, normed


def layer_and_inputs(dtype: torch.dtype) -> tuple[LlamaRMSNorm, torch.Tensor]:
    torch.manual_seed(1)
    layer = LlamaRMSNorm(96, eps=1e-5).to(dtype).requires_grad_(False)
    layer.weight.copy_(torch.randn(96))
    inputs = torch.randn(3, 7, 96) * torch.tensor([1e-3, 1.0, 50.0])[:, None, None]
    return layer, inputs.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_rounded_where_the_layer_rounds(dtype: torch.dtype) -> None:
    layer, inputs = layer_and_inputs(dtype)
    before = inputs.clone()
    out, expected = normed(layer, inputs), layer(inputs)
    assert torch.equal(inputs, before)
    if dtype == torch.float32:
        torch.testing.assert_close(out, expected, rtol=1e-6, atol=1e-7)
    else:
        assert (out == expected).float().mean() > 0.99


@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float32, 1e-4), (torch.bfloat16, 0.03)])
def test_the_gradient_is_that_of_the_layer(dtype: torch.dtype, rtol: float) -> None:
    layer, inputs = layer_and_inputs(dtype)
    aim = torch.randn(inputs.shape).to(dtype)
    inputs.requires_grad_()
    (ours,) = torch.autograd.grad((normed(layer, inputs) * aim).sum(), inputs)
    exact = inputs.detach().double().requires_grad_()
    scaled = exact * torch.rsqrt(exact.square().mean(-1, keepdim=True) + 1e-5)
    (theirs,) = torch.autograd.grad((scaled * layer.weight.double() * aim).sum(), exact)
    gap = (ours.double() - theirs).norm(dim=-1) / theirs.norm(dim=-1)
    assert gap.max() < rtol


def test_a_weight_in_training_is_refused() -> None:
    layer, inputs = layer_and_inputs(torch.float32)
    layer.weight.requires_grad_()
    with pytest.raises(RuntimeError, match="cannot be trained"):
        normed(layer, inputs).sum().backward()


def test_only_layers_of_this_kind_are_fused(tiny_model: LocalModel) -> None:
    other = GemmaRMSNorm(16)
    with torch.no_grad():
        other.weight.fill_(0.5)
    assert not alike(other)
    assert not alike(torch.nn.LayerNorm(16))
    network = torch.nn.Sequential(other, LlamaRMSNorm(16).requires_grad_(False))
    fuse_norms(network)
    assert ["forward" in vars(layer) for layer in network] == [False, True]
    norms = [m for m in tiny_model.network.modules() if isinstance(m, LlamaRMSNorm)]
    assert len(norms) == 5
    assert all("forward" in vars(layer) for layer in norms)


def test_a_copy_of_a_network_normalises_by_its_own_weights(tiny_model: LocalModel) -> None:
    network = deepcopy(tiny_model.network)
    inputs = torch.randn(2, 3, network.config.hidden_size)
    before = tiny_model.network.model.norm(inputs)
    with torch.no_grad():
        network.model.norm.weight.mul_(3)
    assert torch.equal(tiny_model.network.model.norm(inputs), before)
    torch.testing.assert_close(network.model.norm(inputs), 3 * before)
