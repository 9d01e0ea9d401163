"""The gradient that is written out for a layer with adapters is the one that torch finds."""

from typing import Any

import pytest
import torch
from networks import NETWORKS, network_of
from peft import LoraConfig, get_peft_model

from strategies.adapted_layers import AdaptedLayers, computable
from strategies.adapters import use_adapted
from strategies.models.fused import all_linears

TOKENS = 300
"""More than a block of queries."""


def with_adapters(
    kind: str, dtype: torch.dtype = torch.float32, *, plain: bool = False, **more: Any
) -> Any:
    fixed: dict[str, Any] = {"target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    network = network_of(kind, plain=plain, size=1.0)
    network = get_peft_model(network, LoraConfig(r=3, lora_alpha=5, **fixed, **more))
    for name, weight in network.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.2)
    return network.to(dtype)


def reading() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids; what sees what: a prefix of 20, then rows of 70, blind to each other; places; wanted."""
    drawn = torch.Generator().manual_seed(3)
    owner = torch.tensor([-1] * 20 + [place // 70 for place in range(TOKENS - 20)])
    seen = ((owner[None] == owner[:, None]) | (owner[None] < 0)).tril()
    places = torch.tensor([*range(20), *(20 + place % 70 for place in range(TOKENS - 20))])
    wanted = torch.tensor([*range(85, 90), *range(150, 160), TOKENS - 2, TOKENS - 1])
    return torch.randint(0, 90, (TOKENS,), generator=drawn), seen, places, wanted


def weights_of(network: Any) -> list[torch.Tensor]:
    return [weight for weight in network.parameters() if weight.requires_grad]


def by_torch(network: Any) -> tuple[torch.Tensor, ...]:
    """States, and gradients of their product with some numbers, by PEFT's and torch's layers."""
    ids, seen, places, wanted = reading()
    states = network.get_decoder()(
        input_ids=ids[None],
        attention_mask=seen[None, None],
        position_ids=places[None],
        use_cache=False,
    ).last_hidden_state[0, wanted]
    return states, *torch.autograd.grad((states * aim(states)).sum(), weights_of(network))


def by_us(network: Any) -> tuple[torch.Tensor, ...]:
    use_adapted(network)
    assert computable(network)
    layers = AdaptedLayers(network)
    ids, *rest = reading()
    states = layers.states(layers.embedded(ids), *rest)
    return states, *torch.autograd.grad((states * aim(states)).sum(), weights_of(network))


def aim(states: torch.Tensor) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(4)
    return torch.randn(states.shape, generator=drawn).to(states.dtype)


@pytest.mark.parametrize("kind", NETWORKS)
def test_states_and_gradients_are_those_of_torch(kind: str) -> None:
    expected = by_torch(with_adapters(kind, plain=True))
    found = by_us(with_adapters(kind))
    assert len(found) == len(expected) == 1 + 3 * 7 * 2
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert theirs.norm() > 0
        assert (ours - theirs).norm() < 1e-4 * theirs.norm()


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
@pytest.mark.parametrize("kind", NETWORKS)
def test_in_bfloat16_they_are_as_near_to_float32_as_those_of_torch(kind: str) -> None:
    exact = by_torch(with_adapters(kind, torch.bfloat16, plain=True).float())
    theirs = by_torch(with_adapters(kind, torch.bfloat16, plain=True))
    network = with_adapters(kind, torch.bfloat16)
    ours = by_us(network)
    assert all(linear.forward.there is not None for linear in all_linears(network))

    def far(found: tuple[torch.Tensor, ...]) -> float:
        shares = [
            float(((one.float() - true).norm() / true.norm()).detach())
            for one, true in zip(found, exact, strict=True)
        ]
        return sum(shares) / len(shares)

    assert far(ours) < 1.3 * far(theirs) < 0.2


def test_what_is_left_to_torch() -> None:
    network = with_adapters("llama")
    assert not computable(network), "linear layers as PEFT made them"
    use_adapted(network)
    assert computable(network)
    network.config.attention_dropout = 0.1
    assert not computable(network)
    some = with_adapters("llama", exclude_modules=["down_proj"])
    use_adapted(some)
    assert not computable(some), "a linear layer without an adapter"
