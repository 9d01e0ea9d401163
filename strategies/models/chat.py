"""Rendering conversations by the model's own chat template, for training and serving alike."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from jinja2.exceptions import TemplateError

from strategies.models.base import Message, Prompt

PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}\n\n{% endfor %}"
)
"""For base models, whose tokenizer brings no chat template."""


class ChatFormat:
    """One tokenizer's way to write a conversation.

    `end_token` is the id that closes an assistant's turn: what training teaches and what
    generation stops at.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        if not tokenizer.chat_template:
            tokenizer.chat_template = PLAIN_TEMPLATE
        self.takes_system = self._takes_system()
        self.end_token = self._find_end_token()

    def render(self, messages: Sequence[Message], *, reply: bool) -> str:
        """The conversation as text; with `reply`, up to where the assistant begins to answer.

        Special tokens that stand in somebody's words are broken up: data opens no turn.
        """
        turns = messages if self.takes_system else fold_system(messages)
        special = self.tokenizer.all_special_tokens
        text: str = self.tokenizer.apply_chat_template(
            [{"role": turn.role, "content": neutralise(turn.content, special)} for turn in turns],
            tokenize=False,
            add_generation_prompt=reply,
        )
        return text

    def encode(self, text: str) -> list[int]:
        """Token ids of rendered text; special tokens in it are recognised, none is added."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def encode_prompt(self, prompt: Prompt) -> tuple[list[int], int]:
        """Token ids of a prompt, and how many leading ones its shared messages take."""
        ids = self.encode(self.render(prompt.messages, reply=True))
        if not prompt.shared:
            return ids, 0
        head = self.encode(self.render(prompt.messages[: prompt.shared], reply=False))
        shared = 0
        for left, right in zip(head, ids, strict=False):
            if left != right:
                break
            shared += 1
        return ids, min(shared, len(ids) - 1)

    def encode_reply(self, text: str) -> list[int]:
        """Token ids of an assistant's whole reply, its end of turn included."""
        return [*self.encode(neutralise(text, self.tokenizer.all_special_tokens)), self.end_token]

    def encode_choices(self, choices: Sequence[str]) -> list[list[int]]:
        """Token ids by which choices are weighed against each other.

        The end of turn belongs to them only where one choice is the beginning of another, which
        would win by being shorter. Elsewhere it is left out: how little an untuned model expects
        to stop after a label differs between labels, and would outweigh what it thinks of the
        input.
        """
        ended = [self.encode_reply(choice) for choice in choices]
        bare = [ids[:-1] for ids in ended]
        # in order, whatever begins with a choice comes right behind it
        return ended if any(starts(*pair) for pair in pairwise(sorted(bare))) else bare

    def _takes_system(self) -> bool:
        probe = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
        try:
            self.tokenizer.apply_chat_template(probe, tokenize=False)
        except TemplateError:
            return False
        return True

    def _find_end_token(self) -> int:
        """The first special token the template writes after an assistant's words."""
        turns = [Message("user", "u"), Message("assistant", "reply")]
        tail = self.render(turns, reply=False).rpartition("reply")[2]
        special = set(self.tokenizer.all_special_ids)
        ids = [token for token in self.encode(tail) if token in special]
        return ids[0] if ids else int(self.tokenizer.eos_token_id)


def starts(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether `other` begins with `one`."""
    return list(other[: len(one)]) == list(one)


def fold_system(messages: Sequence[Message]) -> list[Message]:
    """For templates without a system role: the instruction opens the first user turn."""
    if not messages or messages[0].role != "system":
        return list(messages)
    rest = list(messages[1:])
    if not rest:
        return [Message("user", messages[0].content)]
    return [Message("user", f"{messages[0].content}\n\n{rest[0].content}"), *rest[1:]]


def neutralise(text: str, special_tokens: Sequence[str]) -> str:
    """The text with a space inside every special token that is written out in it."""
    for token in special_tokens:
        if token in text:
            text = text.replace(token, token[0] + " " + token[1:])
    return text
