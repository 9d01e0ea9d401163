"""One request to an OpenAI-compatible chat endpoint, with the only layer of retries there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from strategies.errors import ModelError
from strategies.models.base import Message

FIRST_WAIT_S = 0.5
RETRIED_STATUSES = frozenset({408, 409, 429})
"""Besides every status from 500 on."""


class _Said(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Option(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _PromptDetails(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    prompt_tokens_details: _PromptDetails | None = None


class Completion(BaseModel):
    """The part of a reply that is read. `usage` is None where the endpoint does not say."""

    choices: list[_Option] = Field(min_length=1)
    usage: _Usage | None = None


class ChatClient:
    """Asks for greedy completions. Safe to call from several threads.

    A busy or broken endpoint is asked up to `attempts` times, waiting as its Retry-After header
    says, or else twice as long each time, and never more than `longest_wait_s`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str,
        attempts: int = 5,
        timeout_s: float = 120.0,
        longest_wait_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url
        self.model = model
        self._api_key = api_key
        self._attempts = attempts
        self._timeout_s = timeout_s
        self._longest_wait_s = longest_wait_s
        self._sleep = sleep

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Completion:
        """Raises ModelError with the reason (never the key) once no attempt is left."""
        import openai

        for attempt in range(self._attempts):
            try:
                return self._ask(messages, max_tokens)
            except openai.APIError as error:
                left = self._attempts - attempt - 1
                if left == 0 or not _worth_retrying(error):
                    raise ModelError(self._explain(error, attempt + 1)) from None
                self._sleep(min(_wait(error, attempt), self._longest_wait_s))
            except ValidationError as error:
                first = error.errors(include_input=False, include_url=False)[0]
                where = ".".join(str(part) for part in first["loc"])
                raise ModelError(
                    f"{self.base_url} answered with something else than a chat completion"
                    f" ({where + ': ' if where else ''}{first['msg']})."
                ) from None
        raise ModelError(f"attempts: {self._attempts}. Allow at least one.")

    def _ask(self, messages: Sequence[Message], max_tokens: int) -> Completion:
        raw = self._client.chat.completions.with_raw_response.create(
            model=self.model,
            messages=[{"role": turn.role, "content": turn.content} for turn in messages],
            max_tokens=max_tokens,
            temperature=0,
            seed=0,
        )
        return Completion.model_validate_json(raw.http_response.content)

    @cached_property
    def _client(self) -> Any:
        from openai import OpenAI

        return OpenAI(
            base_url=self.base_url,
            api_key=self._api_key or "none",  # endpoints without keys ignore it
            max_retries=0,
            timeout=self._timeout_s,
        )

    def _explain(self, error: Exception, attempts: int) -> str:
        tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        text = " ".join(f"{self.base_url}: {error} ({tries})".split())
        text = text.replace(self._api_key, "[key]") if self._api_key else text
        return text if len(text) <= 400 else text[:399] + "…"


def _worth_retrying(error: Exception) -> bool:
    import openai

    if isinstance(error, openai.APIConnectionError):  # time-outs too
        return True
    if not isinstance(error, openai.APIStatusError) or error.code == "insufficient_quota":
        return False
    return error.status_code in RETRIED_STATUSES or error.status_code >= 500


def _wait(error: Exception, attempt: int) -> float:
    """Seconds to wait: what the endpoint asks for (RFC 9110, 10.2.3), else 0.5 · 2^attempt."""
    response = getattr(error, "response", None)
    asked = response.headers.get("retry-after") if response is not None else None
    fallback = FIRST_WAIT_S * 2.0**attempt
    if asked is None:
        return fallback
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass  # not seconds, so a date
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return fallback
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
