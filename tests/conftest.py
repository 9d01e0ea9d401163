"""Shared fixtures: a real transformer with two layers, built on the fly.

Where the variable CI is set, a skipped test is a failure: what nobody runs there proves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

os.environ["TUNEWORTH_CACHE_GB"] = "0"  # no test computes less for what an earlier one did
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # tests start servers and workers beside
# numpy's threads wait by spinning, also where another process has their core
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

WORDS = "the of and to in is it that for on you your my order card bike box charge return refund"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: where tests run side by side, the others then run beside them."""
    items.sort(key=lambda item: item.get_closest_marker("real_model") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not hasattr(report, "wasxfail"):  # an expected failure was run
        refuse_skipping(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skipping(report)
    return report


def refuse_skipping(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure where CI runs."""
    if os.environ.get("CI") and report.skipped and isinstance(report.longrepr, tuple):
        file, line, reason = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{file}:{line}: {reason}. Where CI runs, a skipped test is a failure."


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer Llama with random weights and a byte-level tokenizer with a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|start|>", "<|end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([WORDS], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>", bos_token="<|start|>"
    )
    fast.chat_template = (
        "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
    )
    config = LlamaConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        eos_token_id=2,
        bos_token_id=1,
        pad_token_id=0,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = LlamaForCausalLM(config)
    folder = tmp_path_factory.mktemp("tiny")
    network.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Path):  # type: ignore[no-untyped-def]
    """The tiny transformer as a LocalModel, in float32."""
    import torch

    from strategies.models.local import LocalModel

    return LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.float32)
