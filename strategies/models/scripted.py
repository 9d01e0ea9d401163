"""A model whose replies are given beforehand: for tests, examples and trying things out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from strategies.errors import ModelError
from strategies.models.base import Choice, Generation, ModelInfo, Prompt, Usage
from strategies.models.labels import certain

Reply = Callable[[Prompt], str] | Mapping[str, str]
Probabilities = Callable[[Prompt, Sequence[str]], Mapping[str, float]]

SURE = 0.9


class ScriptedModel:
    """Replies by a function of the prompt, or by a table from its last message.

    A message missing from the table, and a ModelError raised by the function, become errors of
    that request. A choice gets 0.9 if it is the reply and shares the rest otherwise, unless
    `probabilities` says more; a reply that is none of the choices stands with 1.0 beside them.
    Tokens are words. `seconds_per_request` makes it as slow as a real one.
    """

    context_length = 1_000_000
    trainable = False
    hosted = False

    def __init__(
        self,
        reply: Reply,
        *,
        name: str = "scripted",
        probabilities: Probabilities | None = None,
        seconds_per_request: float = 0.0,
    ) -> None:
        self._reply = reply
        self._probabilities = probabilities
        self._seconds = seconds_per_request
        self.info = ModelInfo(name, parameters=0, dtype="none", fingerprint=f"scripted:{name}")

    def render(self, prompt: Prompt) -> str:
        turns = [f"{message.role}: {message.content}" for message in prompt.messages]
        return "\n".join([*turns, "assistant:"])

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Generation]:
        return [self._generate(prompt, max_new_tokens) for prompt in prompts]

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice]:
        return [self._choose(prompt, choices) for prompt in prompts]

    def _generate(self, prompt: Prompt, max_new_tokens: int) -> Generation:
        usage = self._prompt_usage(prompt)
        try:
            text = self._say(prompt)
        except ModelError as error:
            return Generation("", usage, error=str(error))
        words = text.split()
        if len(words) > max_new_tokens:
            words = words[:max_new_tokens]
            text = " ".join(words)
        return Generation(text, Usage(usage.prompt, completion=len(words)))

    def _choose(self, prompt: Prompt, choices: Sequence[str]) -> Choice:
        usage = self._prompt_usage(prompt)
        try:
            return Choice(self._weigh(prompt, choices), usage)
        except ModelError as error:
            return Choice({}, usage, error=str(error))

    def _weigh(self, prompt: Prompt, choices: Sequence[str]) -> Mapping[str, float]:
        if self._probabilities is not None:
            return self._probabilities(prompt, choices)
        reply = self._say(prompt)
        if reply not in choices or len(choices) == 1:
            return certain(reply, choices)
        rest = (1 - SURE) / (len(choices) - 1)
        return {choice: SURE if choice == reply else rest for choice in choices}

    def _say(self, prompt: Prompt) -> str:
        if self._seconds:
            time.sleep(self._seconds)
        if callable(self._reply):
            return self._reply(prompt)
        asked = prompt.messages[-1].content
        if asked not in self._reply:
            raise ModelError(f"no scripted reply to {asked!r}")
        return self._reply[asked]

    def _prompt_usage(self, prompt: Prompt) -> Usage:
        return Usage(prompt=self.count_tokens(self.render(prompt)))
