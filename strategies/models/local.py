"""A transformers model on this machine: greedy generation, label likelihoods, LoRA adapters."""

from __future__ import annotations

import hashlib
import platform
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from strategies.errors import ModelError
from strategies.models.attention import use_blocks
from strategies.models.base import Choice, Generation, ModelInfo, Prompt, Usage
from strategies.models.batching import halving, kept_budget, row_budget, token_budget
from strategies.models.chat import ChatFormat
from strategies.models.decoder import Decoder
from strategies.models.decoding import compute_prefix, generate, weigh
from strategies.models.frozen import FrozenStates
from strategies.models.fused import FusedDecoder, decoder_of
from strategies.models.heads import FloatHead
from strategies.models.layout import Encoded, batches, kin_batches
from strategies.models.memory import keep_freed_memory
from strategies.models.norms import fuse_norms
from strategies.models.slots import KeyValues

KEPT_PREFIXES = 4
NO_MEMORY = "the memory of this machine does not hold this prompt"
UNREADABLE = (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError)
"""What loading raises for damaged, foreign or mismatched files."""


class LocalModel:
    """Weights from a folder (safetensors) or a hub id that is already in the local hub cache.

    Computes in bfloat16 on CUDA and on CPUs with bfloat16 matrix units, in float32 elsewhere.
    Raises ModelError where the weights or the tokenizer cannot be read.
    """

    trainable = True
    hosted = False

    def __init__(
        self,
        source: Path | str,
        *,
        name: str,
        device: str | None = None,
        dtype: torch.dtype | None = None,
        download: bool = False,
    ) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = dtype or (torch.bfloat16 if computes_bfloat16(device) else torch.float32)
        common: dict[str, Any] = {
            "local_files_only": not download,
            "trust_remote_code": False,
        }
        try:
            tokenizer = AutoTokenizer.from_pretrained(source, **common)
            network: Any = AutoModelForCausalLM.from_pretrained(
                source, dtype=dtype, use_safetensors=True, **common
            )
        except UNREADABLE as error:
            raise ModelError(
                f"model: {str(source)!r} cannot be loaded ({error}). Give a folder with "
                "config.json, safetensors weights and the tokenizer's files."
            ) from error
        network.to(device).eval().requires_grad_(False)
        if device == "cpu":
            use_blocks(network)
            fuse_norms(network)
            keep_freed_memory()
        self._set_up(network, tokenizer, name, fingerprint_of(network, tokenizer))

    def _set_up(self, network: Any, tokenizer: Any, name: str, fingerprint: str) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.chat = ChatFormat(tokenizer)
        parameters = sum(weight.numel() for weight in network.parameters())
        dtype = str(network.dtype).removeprefix("torch.")
        self._info = ModelInfo(name, parameters, dtype, fingerprint)
        self._prefixes: dict[tuple[int, ...], KeyValues] = {}
        ends = network.generation_config.eos_token_id
        listed = ends if isinstance(ends, list) else [ends] if ends is not None else []
        self.stop = frozenset([self.chat.end_token, *listed])
        pad = tokenizer.pad_token_id
        self.pad = int(pad if pad is not None else self.chat.end_token)

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def context_length(self) -> int:
        config = self.network.config
        length = int(getattr(config, "max_position_embeddings", 2048))
        window = getattr(config, "sliding_window", None)
        return min(length, window) if window else length

    def variant(self, network: Any, mark: str) -> LocalModel:
        """The same tokenizer and template around other weights; `mark` tells them apart."""
        other = object.__new__(LocalModel)
        digest = hashlib.sha256(f"{self._info.fingerprint}:{mark}".encode()).hexdigest()[:16]
        other._set_up(network, self.tokenizer, self._info.name, digest)
        return other

    def with_adapter(self, folder: Path) -> LocalModel:
        """A copy of this model with a saved LoRA adapter merged into its weights."""
        from peft import PeftModel

        weights = folder / "adapter_model.safetensors"
        if not weights.is_file():
            raise ModelError(f"adapter: {folder.name!r} holds no adapter_model.safetensors.")
        with without_notices():
            wrapped = PeftModel.from_pretrained(deepcopy(self.network), str(folder))
            merged = wrapped.merge_and_unload().eval().requires_grad_(False)
        return self.variant(merged, hashlib.sha256(weights.read_bytes()).hexdigest())

    def render(self, prompt: Prompt) -> str:
        return self.chat.render(prompt.messages, reply=True)

    def count_tokens(self, text: str) -> int:
        return len(self.chat.encode(text))

    def encode(self, prompt: Prompt) -> Encoded:
        ids, shared = self.chat.encode_prompt(prompt)
        return Encoded(tuple(ids), shared)

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Generation]:
        encoded = [self.encode(prompt) for prompt in prompts]
        results: list[Generation] = [Generation("", error="not reached")] * len(prompts)

        def replies_of(rows: Sequence[int]) -> list[list[int]]:
            prefix = encoded[rows[0]].prefix
            return generate(
                self.decoder,
                prefix,
                self.prefix(prefix),
                [encoded[row].own for row in rows],
                max_new_tokens=max_new_tokens,
                stop=self.stop,
                pad=self.pad,
                max_tokens=token_budget(self.network),
            )

        fits = self._fitting(encoded, max_new_tokens, results)
        found = kin_batches(
            [encoded[row] for row in fits],
            max_tokens=kept_budget(self.network),
            max_rows=row_budget(self.network),
            extra=max_new_tokens,
        )
        for rows, replies in halving(picked(fits, found), replies_of):
            for place, row in enumerate(rows):
                if replies is None:
                    results[row] = Generation("", error=NO_MEMORY)
                    continue
                text = self.tokenizer.decode(replies[place], skip_special_tokens=True).strip()
                usage = Usage(len(encoded[row].ids), encoded[row].shared, len(replies[place]))
                results[row] = Generation(text, usage)
        return results

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice]:
        encoded = [self.encode(prompt) for prompt in prompts]
        continuations = self.chat.encode_choices(choices)
        extra = sum(len(continuation) for continuation in continuations)
        results: list[Choice] = [Choice({}, error="not reached")] * len(prompts)

        def weights_of(rows: Sequence[int]) -> list[list[float]]:
            weights = weigh(
                self.decoder,
                self.head,
                self.prefix(encoded[rows[0]].prefix),
                [encoded[row].own for row in rows],
                continuations,
                self.pad,
            )
            return weights.softmax(dim=1).tolist()

        fits = self._fitting(encoded, extra, results)
        longest = max((len(encoded[row].ids) for row in fits), default=0) + extra
        found = batches(
            [encoded[row] for row in fits],
            max_tokens=token_budget(self.network),
            max_rows=row_budget(self.network, longest),
            extra=extra,
        )
        for rows, lines in halving(picked(fits, found), weights_of):
            for place, row in enumerate(rows):
                if lines is None:
                    results[row] = Choice({}, error=NO_MEMORY)
                    continue
                usage = Usage(len(encoded[row].ids), encoded[row].shared, 1)
                results[row] = Choice(dict(zip(choices, lines[place], strict=True)), usage)
        return results

    def likelihoods(self, prompt: Prompt, replies: Sequence[str]) -> list[float]:
        """Log-likelihood of each reply, in nats a token, without its end of turn."""
        bare = [self.chat.encode_reply(reply)[:-1] for reply in replies]
        ids = self.encode(prompt).ids
        (totals,) = weigh(self.decoder, self.head, [], [ids], bare, self.pad).tolist()
        return [total / len(each) for total, each in zip(totals, bare, strict=True)]

    def _fitting(self, encoded: Sequence[Encoded], extra: int, results: list[Any]) -> list[int]:
        """Rows that fit the context; the others get their error in `results`."""
        limit = self.context_length
        fits = []
        for row, item in enumerate(encoded):
            needed = len(item.ids) + extra
            if needed <= limit:
                fits.append(row)
                continue
            reason = f"the prompt and its answer take {needed} tokens; the model takes {limit}"
            failed = type(results[row])
            results[row] = failed("" if failed is Generation else {}, error=reason)
        return fits

    @cached_property
    def decoder(self) -> Decoder:
        """The quickest way through the network's layers."""
        return decoder_of(self.network)

    @cached_property
    def frozen(self) -> FrozenStates | None:
        """States of these weights that trainings of upper layers share; None where the layers are
        not computed one by one. First to be asked for while no adapters are in the network."""
        return FrozenStates(self.decoder) if isinstance(self.decoder, FusedDecoder) else None

    @cached_property
    def head(self) -> FloatHead:
        """For likelihoods that are compared with each other."""
        return FloatHead(self.network)

    def prefix(self, ids: tuple[int, ...]) -> KeyValues:
        """Keys and values of a shared prefix, the few latest of which are kept."""
        if not ids:
            return []
        if ids not in self._prefixes:
            while len(self._prefixes) >= KEPT_PREFIXES:
                del self._prefixes[next(iter(self._prefixes))]
            self._prefixes[ids] = compute_prefix(self.decoder, ids)
        return self._prefixes[ids]

    def forget_prefixes(self) -> None:
        """Drop the kept prefixes: the weights have changed."""
        self._prefixes.clear()


def picked(rows: Sequence[int], places: Sequence[Sequence[int]]) -> list[list[int]]:
    """Groups of places in `rows` as groups of its rows."""
    return [[rows[place] for place in group] for group in places]


@contextmanager
def without_notices() -> Iterator[None]:
    """Keep back what peft and transformers tell each other's developers of coming changes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def computes_bfloat16(device: str) -> bool:
    """Whether bfloat16 is the faster type: on CUDA, or on a CPU with bfloat16 matrix units."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    if platform.system() != "Linux" or not Path("/proc/cpuinfo").is_file():
        return False
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    return "amx_bf16" in flags or "avx512_bf16" in flags


def fingerprint_of(network: Any, tokenizer: Any) -> str:
    """16 hex digits that stand for weights, their type, the vocabulary and the chat template."""
    digest = hashlib.sha256()
    for name, weight in sorted(network.state_dict().items()):
        digest.update(f"{name}{tuple(weight.shape)}{weight.dtype}".encode())
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    digest.update(str(tokenizer.chat_template).encode())
    digest.update(repr(sorted(tokenizer.get_vocab().items())).encode())
    return digest.hexdigest()[:16]
