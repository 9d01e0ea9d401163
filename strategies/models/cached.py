"""A local model that computes the same call once, as far as the cache is open.

Only weights that are at hand can be told apart by their content. What stands behind the name of
a hosted model changes without notice, and greedy settings make its replies no more than likely
to come again, so hosted replies are never kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from strategies.cache import key_of
from strategies.models.base import Choice, Generation, Prompt, Usage
from strategies.models.local import LocalModel
from strategies.reuse import computed_once


class CachedModel(LocalModel):
    """A LocalModel whose replies are those of a plain one, bit for bit.

    The key is the whole call: in their last bits replies depend on what they are computed along
    with. Its adapters are merged into models of this kind; a network in training
    (`variant`) is a plain LocalModel, because its weights change under one fingerprint.
    """

    @classmethod
    def around(cls, model: LocalModel) -> CachedModel:
        """The same weights; `model` itself should no longer be used."""
        other = object.__new__(cls)
        other.__dict__.update(model.__dict__)
        return other

    @cached_property
    def identity(self) -> str:
        """A digest of all that replies depend on besides the call: the fingerprint (weights,
        their type, adapter, template), the network's and the tokenizer's settings, the device, and
        whether weights are packed, which the free memory decides."""
        config = json.loads(self.network.config.to_json_string(use_diff=False))
        for name in ("_name_or_path", "transformers_version"):
            config.pop(name, None)
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        return key_of(
            {
                "fingerprint": self.info.fingerprint,
                "config": config,
                "tokenizer": hashlib.sha256(backend.to_str().encode()).hexdigest()
                if backend is not None
                else str(self.tokenizer),
                "stop": sorted(self.stop),
                "pad": self.pad,
                "device": str(self.network.device),
                "packed": self.decoder.packed,
            }
        )

    def with_adapter(self, folder: Path) -> LocalModel:
        return CachedModel.around(super().with_adapter(folder))

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Generation]:
        return computed_once(
            "generation",
            lambda: {**self._parts("generate", prompts), "max_new_tokens": max_new_tokens},
            lambda: super(CachedModel, self).generate(prompts, max_new_tokens=max_new_tokens),
            write=generations_to_bytes,
            read=lambda data: generations_from_bytes(data, len(prompts)),
        )

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice]:
        def parts() -> dict[str, Any]:
            replies = self.chat.encode_choices(choices)
            return {**self._parts("choose", prompts), "choices": list(choices), "replies": replies}

        return computed_once(
            "generation",
            parts,
            lambda: super(CachedModel, self).choose(prompts, choices),
            write=choices_to_bytes,
            read=lambda data: choices_from_bytes(data, choices, len(prompts)),
        )

    def _parts(self, call: str, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """Token ids stand for the rendered messages: they are what the network reads."""
        encoded = [self.encode(prompt) for prompt in prompts]
        return {
            "call": call,
            "model": self.identity,
            "context_length": self.context_length,
            "prompts": [[list(one.ids), one.shared] for one in encoded],
        }


def generations_to_bytes(results: Sequence[Generation]) -> bytes | None:
    """One [text, prompt, cached, completion] a reply; None where a reply is an error."""
    if any(one.error is not None for one in results):
        return None
    return json.dumps([[one.text, *counts(one.usage)] for one in results]).encode()


def generations_from_bytes(data: bytes, rows: int) -> list[Generation]:
    """Raises ValueError for anything but so many replies."""
    return [Generation(text, usage_of(usage)) for text, *usage in lines(data, rows)]


def choices_to_bytes(results: Sequence[Choice]) -> bytes | None:
    """One [probabilities in the order of the choices, prompt, cached, completion] a reply; None
    where one is an error."""
    if any(one.error is not None for one in results):
        return None
    rows = [[list(one.probabilities.values()), *counts(one.usage)] for one in results]
    return json.dumps(rows).encode()


def choices_from_bytes(data: bytes, choices: Sequence[str], rows: int) -> list[Choice]:
    """Raises ValueError for anything but so many rows of a probability for each choice."""
    names = list(dict.fromkeys(choices))
    return [
        Choice(dict(zip(names, shares, strict=True)), usage_of(usage))
        for shares, *usage in lines(data, rows)
    ]


def counts(usage: Usage) -> tuple[int, int, int]:
    return usage.prompt, usage.cached, usage.completion


def usage_of(values: Sequence[int]) -> Usage:
    prompt, cached, completion = values
    return Usage(prompt, cached, completion)


def lines(data: bytes, rows: int) -> list[Any]:
    found = json.loads(data)
    if not isinstance(found, list) or len(found) != rows:
        raise ValueError(f"not {rows} replies")
    return found
