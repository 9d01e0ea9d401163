import resource
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from strategies.models.attention import BLOCK, FEW, NAME, attend
from strategies.models.layout import causal_mask, left_padded
from strategies.models.memory import keep_freed_memory

MODULE = SimpleNamespace(num_key_value_groups=3, is_causal=True)


def inputs(rows, tokens, keys, dtype=torch.float32):
    torch.manual_seed(0)
    query = torch.randn(rows, 6, tokens, 16, dtype=dtype)
    return (
        query,
        torch.randn(rows, 2, keys, 16, dtype=dtype),
        torch.randn(rows, 2, keys, 16).to(dtype),
    )


def reference(query, key, value, mask):
    out = scaled_dot_product_attention(
        query.float(), key.float(), value.float(), attn_mask=mask, enable_gqa=True
    )
    return out.transpose(1, 2)


@pytest.mark.parametrize(
    "tokens", [1, 2, 7, FEW, FEW + 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]
)
@pytest.mark.parametrize("prefix", [0, 5, 300])
def test_causal_blocks_equal_the_fused_kernel(tokens, prefix):
    query, key, value = inputs(2, tokens, prefix + tokens)
    mask = causal_mask(prefix, torch.ones(2, tokens, dtype=torch.bool))
    out, _ = attend(MODULE, query, key, value, mask)
    torch.testing.assert_close(out, reference(query, key, value, mask), atol=2e-6, rtol=1e-4)


def test_padding_and_rows_of_other_lengths_stay_apart():
    _, real, _ = left_padded([range(1, n) for n in (4, 200, 700)], 0)
    query, key, value = inputs(3, real.shape[1], 9 + real.shape[1])
    mask = causal_mask(9, real)
    out, _ = attend(MODULE, query, key, value, mask)
    assert torch.isfinite(out).all()
    torch.testing.assert_close(out, reference(query, key, value, mask), atol=2e-6, rtol=1e-4)


def test_many_rows_go_through_in_parts(monkeypatch):
    monkeypatch.setattr("strategies.models.attention.SCORES", 4 * 6 * 40 * 40)
    query, key, value = inputs(11, 40, 40)
    mask = causal_mask(0, torch.ones(11, 40, dtype=torch.bool))
    out, _ = attend(MODULE, query, key, value, mask)
    torch.testing.assert_close(out, reference(query, key, value, mask), atol=2e-6, rtol=1e-4)


def test_keys_that_no_query_sees_are_never_read():
    tokens = FEW + 1
    query, key, value = inputs(1, tokens, 20)
    key[:, :, 4 + tokens :] = torch.nan
    value[:, :, 4 + tokens :] = torch.nan
    mask = torch.zeros(1, 1, tokens, 20, dtype=torch.bool)
    mask[..., : 4 + tokens] = causal_mask(4, torch.ones(1, tokens, dtype=torch.bool))
    out, _ = attend(MODULE, query, key, value, mask)
    assert torch.isfinite(out).all()


def test_without_a_mask_it_is_causal():
    query, key, value = inputs(1, 2 * BLOCK, 2 * BLOCK)
    out, _ = attend(MODULE, query, key, value, None)
    mask = causal_mask(0, torch.ones(1, 2 * BLOCK, dtype=torch.bool))
    torch.testing.assert_close(out, reference(query, key, value, mask), atol=2e-6, rtol=1e-4)


@pytest.mark.parametrize("tokens", [FEW, FEW + 1])
def test_values_may_have_another_width(tokens):
    query, key, value = inputs(2, tokens, tokens)
    mask = causal_mask(0, torch.ones(2, tokens, dtype=torch.bool))
    whole, _ = attend(MODULE, query, key, value, mask)
    out, _ = attend(MODULE, query, key, value[..., :10], mask)
    torch.testing.assert_close(out, whole[..., :10])


def test_one_query_and_scaling():
    query, key, value = inputs(3, 1, 30)
    mask = torch.ones(3, 1, 1, 30, dtype=torch.bool)
    out, _ = attend(MODULE, query, key, value, mask, scaling=0.3)
    expected = reference(query * 0.3 * 4, key, value, mask)
    torch.testing.assert_close(out, expected, atol=2e-6, rtol=1e-4)
    query, key, value = inputs(3, 5, 5)
    mask = causal_mask(0, torch.ones(3, 5, dtype=torch.bool))
    out, _ = attend(MODULE, query, key, value, mask, scaling=0.3)
    expected = reference(query * 0.3 * 4, key, value, mask)
    torch.testing.assert_close(out, expected, atol=2e-6, rtol=1e-4)


def test_gradients_equal_those_of_the_fused_kernel():
    mask = causal_mask(17, torch.ones(2, BLOCK + 30, dtype=torch.bool))
    ours = [one.requires_grad_() for one in inputs(2, BLOCK + 30, BLOCK + 47)]
    theirs = [one.detach().clone().requires_grad_() for one in ours]
    weights = torch.randn(2, BLOCK + 30, 6, 16)
    (attend(MODULE, *ours, mask)[0] * weights).sum().backward()
    (reference(*theirs, mask) * weights).sum().backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad, atol=2e-5, rtol=1e-3)


def test_bfloat16_stays_near_the_exact_answer():
    query, key, value = inputs(1, 600, 700, torch.bfloat16)
    mask = causal_mask(100, torch.ones(1, 600, dtype=torch.bool))
    out, _ = attend(MODULE, query, key, value, mask)
    exact = reference(query, key, value, mask)
    assert (out.float() - exact).abs().mean() < 0.01 * exact.abs().mean()


def test_local_models_on_the_cpu_use_it(tiny_model):
    assert tiny_model.network.config._attn_implementation == NAME


PROBE = """
import resource, sys, torch
from strategies.models.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
for _ in range(15):
    torch.ones(64 << 20, dtype=torch.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(64 << 20, dtype=torch.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_freed_memory_is_used_again_without_new_pages():
    def faults(mode):
        done = subprocess.run(
            [sys.executable, "-c", PROBE, mode], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    pages = 5 * (64 << 20) // resource.getpagesize()
    assert faults("plain") > pages // 2
    assert faults("keep") < pages // 100
    assert isinstance(keep_freed_memory(), bool)
