"""Batches that memory does not hold are halved; sizes follow the free memory."""

from types import SimpleNamespace

import pytest
import torch

from strategies.adapters import wrapped
from strategies.errors import ModelError
from strategies.models import batching, local
from strategies.models.base import Message, Prompt
from strategies.models.batching import (
    MOST_KEPT,
    MOST_TOKENS,
    halving,
    kept_budget,
    out_of_memory,
    token_budget,
)
from strategies.models.layout import little_padded, rounded
from strategies.models.local import LocalModel
from strategies.training import TrainingRow, accumulate, encode_row


def refusing(most, computed=None):
    """A computation that memory holds for up to `most` rows."""

    def compute(rows):
        if len(rows) > most:
            raise torch.OutOfMemoryError("out of memory")
        if computed is not None:
            computed.append(list(rows))
        return [row * 10 for row in rows]

    return compute


def test_batches_are_halved_until_they_fit_and_keep_their_order():
    computed = []
    found = list(halving([[1, 2, 3, 4, 5], [6]], refusing(2, computed)))
    assert found == [([1, 2], [10, 20]), ([3], [30]), ([4, 5], [40, 50]), ([6], [60])]
    assert computed == [[1, 2], [3], [4, 5], [6]]


def test_a_single_row_that_does_not_fit_comes_without_a_result():
    assert list(halving([[1, 2]], refusing(0))) == [([1], None), ([2], None)]


def test_other_errors_are_raised():
    def broken(rows):
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        list(halving([[1]], broken))


def test_what_torch_says_when_the_cpu_has_no_memory_is_understood():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)
    assert out_of_memory(caught.value)
    assert not out_of_memory(RuntimeError("shapes do not match"))


@pytest.mark.parametrize(
    "said",
    [
        "CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in ...",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    ],
)
def test_what_drivers_and_libraries_say_of_a_full_gpu_is_understood(said):
    def compute(rows):
        if len(rows) > 1:
            raise RuntimeError(said)
        return rows

    assert [rows for rows, _ in halving([[1, 2]], compute)] == [[1], [2]]


def test_a_gpu_takes_more_at_once() -> None:
    gpu, other = torch.device("cuda", 1), torch.device("mps")
    assert batching.most(MOST_TOKENS, gpu) > batching.most(MOST_TOKENS, torch.device("cpu"))
    assert batching.most(MOST_TOKENS, other) == MOST_TOKENS["cpu"], "of which nothing is known"


def test_widths_are_few_and_little_wider_than_the_tokens() -> None:
    widths = [rounded(tokens) for tokens in range(2049)]
    assert widths[:10] == [0, *[8] * 8, 16]
    assert widths == sorted(widths)
    for tokens, width in enumerate(widths):
        assert tokens <= width < tokens + max(8, tokens / 15), tokens
    assert len(set(widths)) < 120


def test_labels_come_on_top_of_the_rounded_width() -> None:
    (batch,) = little_padded([129, 129], max_tokens=2 * (136 + 7), max_rows=9, extra=7)
    assert sorted(batch) == [0, 1]
    assert len(little_padded([129, 129], max_tokens=2 * (136 + 7) - 1, max_rows=9, extra=7)) == 2


def test_long_rows_leave_room_for_fewer(tiny_model: LocalModel, monkeypatch) -> None:
    monkeypatch.setattr(batching, "free_memory", lambda device: 10**12)
    kept = batching.kept_budget(tiny_model.network)
    assert batching.row_budget(tiny_model.network) == batching.MOST_ROWS["cpu"]
    assert batching.row_budget(tiny_model.network, kept // 5) == 5
    assert batching.row_budget(tiny_model.network, 10 * kept) == 1


def test_the_budget_follows_the_free_memory(tiny_model: LocalModel, monkeypatch):
    budgets = []
    for free in (0, 10**7, 10**12):
        monkeypatch.setattr(batching, "free_memory", lambda device, free=free: free)
        budgets.append(token_budget(tiny_model.network))
    assert budgets[0] == 1
    assert 1 < budgets[1] < MOST_TOKENS["cpu"]
    assert budgets[2] == MOST_TOKENS["cpu"]
    large = SimpleNamespace(
        num_attention_heads=32,
        num_key_value_heads=8,
        num_hidden_layers=32,
        hidden_size=4096,
        intermediate_size=14336,
    )
    network = SimpleNamespace(
        config=SimpleNamespace(get_text_config=lambda: large),
        dtype=torch.bfloat16,
        device=torch.device("cpu"),
    )
    monkeypatch.setattr(batching, "free_memory", lambda device: 10**9)
    # 2 · 32 layers · 8 heads · 128 wide + 16 · 14336, 2 bytes each: 589,824 bytes a token
    assert token_budget(network) == 508
    # 131,072 bytes of keys and values a token
    assert kept_budget(network) == 2288
    monkeypatch.setattr(batching, "free_memory", lambda device: 10**12)
    assert kept_budget(network) == MOST_KEPT["cpu"]


def prompts(count):
    return [Prompt((Message("user", "my card " * (n + 1)),), shared=0) for n in range(count)]


def only(most, compute, place):
    """`compute`, refusing more than `most` sequences (argument number `place`)."""

    def limited(*arguments, **settings):
        if len(arguments[place]) > most:
            raise torch.OutOfMemoryError("out of memory")
        return compute(*arguments, **settings)

    return limited


def test_a_model_short_of_memory_gives_the_same_answers(tiny_model: LocalModel, monkeypatch):
    asked = prompts(5)
    texts = tiny_model.generate(asked, max_new_tokens=6)
    weighed = tiny_model.choose(asked, ["card", "order"])
    monkeypatch.setattr(local, "generate", only(2, local.generate, 3))
    monkeypatch.setattr(local, "weigh", only(2, local.weigh, 3))
    assert tiny_model.generate(asked, max_new_tokens=6) == texts
    for ours, expected in zip(tiny_model.choose(asked, ["card", "order"]), weighed, strict=True):
        assert ours.probabilities == pytest.approx(expected.probabilities, abs=1e-5)


def test_a_prompt_too_large_for_memory_is_an_error_of_its_own(tiny_model, monkeypatch):
    monkeypatch.setattr(local, "generate", only(0, local.generate, 3))
    answers = tiny_model.generate(prompts(2), max_new_tokens=3)
    assert [answer.error for answer in answers] == [local.NO_MEMORY] * 2


def test_training_short_of_memory_has_the_same_gradient(tiny_model: LocalModel, monkeypatch):
    rows = [TrainingRow(one, reply) for one, reply in zip(prompts(4), "abcd", strict=True)]
    items = [encode_row(tiny_model, row) for row in rows]
    import strategies.training as module

    def gradients():
        with wrapped(tiny_model, rank=4, alpha=8, seed=0) as (training, _):
            return accumulate(training, items)

    loss, expected = gradients()
    whole = module.batch_loss
    monkeypatch.setattr(module, "batch_loss", only(1, whole, 1))
    halved_loss, halved = gradients()
    assert halved_loss == pytest.approx(loss, abs=1e-6)
    torch.testing.assert_close(halved, expected, atol=1e-6, rtol=1e-4)
    monkeypatch.setattr(module, "batch_loss", only(0, whole, 1))
    with pytest.raises(ModelError, match="memory"):
        gradients()
