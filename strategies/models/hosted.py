"""Models behind an OpenAI-compatible endpoint, configured by name in the user's `models.yaml`:

team-gpt:
  base_url: https://llm.example.com/v1
  model: gpt-4o-mini
  api_key_env: TEAM_GPT_KEY      # the variable that holds the key; or
  api_key_file: /run/secrets/key # the file that does; leave both out where there is none
  context_length: 128000
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from strategies.errors import ModelError, UnknownName
from strategies.models.account import (
    Account,
    Ask,
    Kept,
    account,
    keys_of,
    note_recalled,
    prompt_at_most,
)
from strategies.models.base import Choice, Generation, ModelInfo, Prompt, Usage
from strategies.models.chat_client import ChatClient
from strategies.models.completion import Completion
from strategies.models.key_file import read_key
from strategies.models.labels import certain
from strategies.models.pace import pace_of
from strategies.reuse import note_reused

CHARACTERS_PER_TOKEN = 4


class Endpoint(BaseModel):
    """One entry of `models.yaml`. Unknown fields are refused, a key in the file among them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = Field(pattern=r"^https?://")
    model: str = Field(min_length=1)
    api_key_env: str | None = None
    api_key_file: str | None = Field(default=None, min_length=1)
    context_length: int = Field(default=128_000, ge=1)
    concurrency: int = Field(default=8, ge=1, le=64)
    timeout_s: float = Field(default=120.0, gt=0, allow_inf_nan=False)

    @field_validator("base_url")
    @classmethod
    def _holds_no_secret(cls, url: str) -> str:
        """It is shown in errors and reports."""
        parts = urlsplit(url)
        if parts.username or parts.password or parts.query:
            raise ValueError(
                "holds a user, a password or a query; use api_key_env or api_key_file for the key"
            )
        return url

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if self.api_key_env is not None and self.api_key_file is not None:
            raise ValueError("names a key twice: keep api_key_env or api_key_file")
        return self


class HostedModel:
    """A model billed by the token.

    Its tokenizer is not at hand: token counts before a request are estimates at four characters
    a token, and so is the usage where the endpoint reports none. It gives no likelihoods: a
    choice is a written reply matched to the labels. A failed request is an error of that
    request alone, and so is one that the account has no money for. What the account keeps of an
    earlier attempt at the same work is not asked again.
    """

    trainable = False
    hosted = True

    def __init__(
        self,
        name: str,
        *,
        client: ChatClient,
        context_length: int = 128_000,
    ) -> None:
        self.context_length = context_length
        self._client = client
        served = f"{client.base_url}\n{client.model}"
        self.info = ModelInfo(
            name,
            parameters=0,
            dtype="hosted",
            fingerprint=f"hosted:{hashlib.sha256(served.encode()).hexdigest()[:16]}",
        )

    def __repr__(self) -> str:
        return f"HostedModel({self.info.name!r}, model={self._client.model!r})"

    def render(self, prompt: Prompt) -> str:
        """The conversation as it is sent; the endpoint puts its own marks around the turns."""
        turns = [f"{message.role}: {message.content}" for message in prompt.messages]
        return "\n".join([*turns, "assistant:"])

    def count_tokens(self, text: str) -> int:
        return math.ceil(len(text) / CHARACTERS_PER_TOKEN)

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Generation]:
        """Raises what the account raises to end the work, within seconds."""
        booked_on = account()
        keys = keys_of(self.info.fingerprint, prompts, max_new_tokens)
        kept = [booked_on.recall(key) if key else None for key in keys]
        if seconds := [one.seconds for one in kept if one is not None]:
            side_by_side = min(len(prompts), self._client.pace.most)
            took = sum(seconds) / side_by_side
            note_reused(len(seconds), took)
            note_recalled(took)
        given_up = threading.Event()

        def check() -> None:
            if given_up.is_set():
                raise ModelError("another request of the same batch was ended")
            booked_on.check()

        def one(prompt: Prompt, key: str | None, known: Kept | None) -> Generation:
            if known is not None:
                return known.reply
            most = prompt_at_most(prompt)
            ask = Ask(key, self.info.name, most, max_new_tokens)
            return self._generate(prompt, ask, booked_on, check)

        if len(prompts) == 1:  # a thread for it would only be waited for
            return [one(prompts[0], keys[0], kept[0])]
        with ThreadPoolExecutor(max_workers=self._client.pace.most) as pool:
            try:
                return list(pool.map(one, prompts, keys, kept))
            except BaseException:
                given_up.set()
                raise

    def choose(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[Choice]:
        # one token a character is the most that a label can take; the rest is for a preamble
        limit = max(len(choice) for choice in choices) + 32
        return [
            Choice({}, given.usage, error=given.error)
            if given.error is not None
            else Choice(certain(given.text, choices), given.usage)
            for given in self.generate(prompts, max_new_tokens=limit)
        ]

    def _generate(
        self, prompt: Prompt, ask: Ask, booked_on: Account, check: Callable[[], None]
    ) -> Generation:
        try:
            answered = self._client.complete(
                prompt.messages, ask=ask, account=booked_on, check=check
            )
        except ModelError as error:
            return Generation("", error=str(error))
        completion = answered.completion
        given = self._given(prompt, completion)
        billed = given.usage if completion.usage is not None else None
        kept = Kept(given, answered.seconds) if given.error is None else None
        booked_on.settle(answered.booking, billed, kept)
        return given

    def _given(self, prompt: Prompt, completion: Completion) -> Generation:
        option = completion.choices[0]
        text = option.message.content
        usage = self._usage(prompt, completion, text or "")
        if text is None:
            why = option.message.refusal or option.finish_reason or "no reason given"
            why = self._client.without_key(why)
            return Generation("", usage, error=f"the endpoint gave no text: {why}")
        return Generation(self._client.without_key(text.strip()), usage)

    def _usage(self, prompt: Prompt, completion: Completion, text: str) -> Usage:
        said = completion.usage
        if said is None:
            return Usage(self.count_tokens(self.render(prompt)), completion=self.count_tokens(text))
        details = said.prompt_tokens_details
        cached = (details.cached_tokens if details else None) or 0
        return Usage(said.prompt_tokens, cached, said.completion_tokens)


def hosted_models() -> list[str]:
    """The configured names, sorted. Raises ModelError where the file is wrong."""
    return sorted(_endpoints())


def load_hosted(name: str) -> HostedModel:
    """The model configured under `name`, with its key as it is now."""
    endpoints = _endpoints()
    if name not in endpoints:
        raise UnknownName("hosted model", name, sorted(endpoints))
    endpoint = endpoints[name]
    client = ChatClient(
        base_url=endpoint.base_url,
        model=endpoint.model,
        api_key=_key(name, endpoint),
        timeout_s=endpoint.timeout_s,
        pace=pace_of(endpoint.base_url, endpoint.model, endpoint.concurrency),
    )
    return HostedModel(name, client=client, context_length=endpoint.context_length)


def models_file() -> Path:
    """Where hosted models are configured: TUNEWORTH_MODELS, else the user's settings folder."""
    import platformdirs

    chosen = os.environ.get("TUNEWORTH_MODELS")
    if chosen:
        return Path(chosen).expanduser()
    return platformdirs.user_config_path("tuneworth") / "models.yaml"


def _key(name: str, endpoint: Endpoint) -> str:
    if endpoint.api_key_file is not None:
        place = models_file().parent / Path(endpoint.api_key_file).expanduser()
        try:
            return read_key(place)
        except ModelError as error:
            raise ModelError(f"{name}: api_key_file: {error}") from error
    variable = endpoint.api_key_env
    if variable is None:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ModelError(
            f"{name}: the environment variable {variable} is empty. Put the API key into it;"
            f" {models_file()} names it as api_key_env."
        )
    return key


def _endpoints() -> dict[str, Endpoint]:
    path = models_file()
    if not path.is_file():
        if os.environ.get("TUNEWORTH_MODELS"):
            raise ModelError(f"TUNEWORTH_MODELS: {path} is not a file. Correct or unset it.")
        return {}
    return {name: _endpoint(path, name, fields) for name, fields in _read(path).items()}


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError(f"{path}: cannot be read as YAML ({error}).") from error
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise ModelError(f"{path}: must map names to endpoints (base_url, model, ...).")
    return found


def _endpoint(path: Path, name: str, fields: Any) -> Endpoint:
    try:
        return Endpoint.model_validate(fields)
    except ValidationError as error:
        # inputs are left out: a key pasted into the file must not reach a log
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join([name, *(str(part) for part in first["loc"])])
        raise ModelError(
            f"{path}: {where}: {first['msg']}. An endpoint has base_url (http...), model, and"
            " optionally api_key_env (the name of the variable that holds the key) or api_key_file"
            " (the file that holds it),"
            " context_length, concurrency and timeout_s."
        ) from None
