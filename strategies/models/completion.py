"""What comes back from a chat endpoint: a completion, or why there is none."""

from __future__ import annotations

from pydantic import BaseModel, Field


class _Said(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Option(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _PromptDetails(BaseModel):
    cached_tokens: int | None = Field(default=None, ge=0)


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    prompt_tokens_details: _PromptDetails | None = None


class Completion(BaseModel):
    """The part of a reply that is read. `usage` is None where the endpoint does not say."""

    choices: list[_Option] = Field(min_length=1)
    usage: _Usage | None = None


class Failed(Exception):
    """One exchange brought no completion.

    `again` says whether another attempt may do better, `busy` whether the endpoint should be asked
    more slowly, `unbilled` whether surely nothing was billed, and `wait` for how many seconds the
    endpoint asked not to be asked.
    """

    def __init__(
        self,
        reason: str,
        *,
        again: bool = False,
        busy: bool = False,
        unbilled: bool = False,
        wait: float | None = None,
    ) -> None:
        self.reason = reason
        self.again = again
        self.busy = busy
        self.unbilled = unbilled
        self.wait = wait
        super().__init__(reason)
