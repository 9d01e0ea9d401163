"""The protocol of a model: generate text, and weigh a choice of continuations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Prompt:
    """A conversation to be continued by the assistant.

    The first `shared` messages are the same in every request of a strategy (instruction, fixed
    examples), so a model may compute them once and reuse them.
    """

    messages: tuple[Message, ...]
    shared: int = 0


@dataclass(frozen=True)
class Usage:
    """Tokens of one request. `cached` is the part of `prompt` that was not computed again."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0


@dataclass(frozen=True)
class Generation:
    """A generated completion, stripped of end-of-turn tokens; `error` says why there is none."""

    text: str
    usage: Usage = Usage()
    error: str | None = None


@dataclass(frozen=True)
class Choice:
    """Probabilities over the offered continuations (they sum to 1), or the error."""

    probabilities: Mapping[str, float]
    usage: Usage = Usage()
    error: str | None = None

    @property
    def best(self) -> str:
        """The most probable continuation; ties go to the one offered first."""
        return max(self.probabilities, key=lambda label: self.probabilities[label])


@dataclass(frozen=True)
class ModelInfo:
    """What a report says of a model. `parameters` is 0 where unknown (hosted)."""

    name: str
    parameters: int
    dtype: str
    fingerprint: str


@runtime_checkable
class Model(Protocol):
    """Greedy decoding only: the same prompt gives the same text."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def context_length(self) -> int:
        """The most tokens of prompt and completion together."""
        ...

    @property
    def trainable(self) -> bool:
        """Whether LoRA can be trained on it (weights at hand)."""
        ...

    @property
    def hosted(self) -> bool:
        """Whether it is billed by the token instead of by this machine's time."""
        ...

    def render(self, prompt: Prompt) -> str:
        """The exact text the model reads, generation prefix included."""
        ...

    def count_tokens(self, text: str) -> int: ...

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Generation]:
        """Continue each prompt until end of turn or `max_new_tokens`; order is kept."""
        ...

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice]:
        """Weigh `choices` as the assistant's whole reply to each prompt.

        The score of a choice is its log-likelihood; where one of them is the beginning of
        another, that of the choice with the end of turn, so that none wins by being shorter.
        """
        ...
