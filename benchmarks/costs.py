"""What an hour of a machine and a million tokens cost: the price list and what a run pays.

Time is measured by the runner and tokens by the strategies; they become money only when a
report is made, so that a new price needs no new run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import not_
from pathlib import Path
from typing import Any

import yaml
from genai_prices import Usage, calc_price
from pydantic import Field, ValidationError

from benchmarks.errors import BadPriceFile
from benchmarks.records import Environment
from corpora.errors import InvalidInput
from corpora.invalid import did_you_mean
from corpora.task import DEAREST, Deployment, Frozen, is_none

DEFAULT_PRICES = Path(__file__).with_name("prices.yaml")
PRICES_VARIABLE = "TUNEWORTH_PRICES"


class Speed(Frozen):
    """How fast a machine is with a model of 135 million parameters; for quotes only."""

    prefill_tokens_per_s: float = Field(gt=0)
    decode_tokens_per_s: float = Field(gt=0)
    single_tokens_per_s: float = Field(gt=0)
    training_tokens_per_s: float = Field(gt=0)
    embedded_texts_per_s: float = Field(gt=0)


class Machine(Frozen):
    """A class of machine at its price, with where the price comes from and when."""

    usd_per_hour: float = Field(ge=0, le=DEAREST)
    cores: int = Field(gt=0)
    gpu: bool = False
    memory_gb: float | None = Field(default=None, gt=0)
    source: str
    as_of: str
    speed: Speed


class TokenPrice(Frozen):
    """US dollars per million tokens. `cached` is the price of prompt tokens read from a cache,
    `batch_discount` the share that is taken off requests that can wait.
    """

    input: float = Field(ge=0, le=DEAREST)
    cached: float = Field(ge=0, le=DEAREST)
    output: float = Field(ge=0, le=DEAREST)
    batch_discount: float = Field(default=0.0, ge=0, le=1, exclude_if=not_)
    source: str
    as_of: str

    def usd(self, prompt: float, cached: float, completion: float) -> float:
        """The price of so many tokens; `cached` is the part of `prompt` that was."""
        fresh = max(0.0, prompt - cached)
        return (fresh * self.input + cached * self.cached + completion * self.output) / 1e6


class HostPrice(Frozen):
    """Another machine than the run began on: that of a stated deployment, or one that measured a
    strategy. `memory_gb` is None where nobody stated it."""

    machine: str
    usd_per_hour: float = Field(ge=0, le=DEAREST)
    memory_gb: float | None = Field(default=None, gt=0)
    source: str
    as_of: str


class RunPrices(Frozen):
    """The prices one run is charged by, kept in its first record so that a report can cite them.

    `machines` are others that measured strategies, by name; a run that begins knows none.
    """

    machine: str
    usd_per_hour: float = Field(ge=0, le=DEAREST)
    source: str
    as_of: str
    models: dict[str, TokenPrice] = Field(default_factory=dict)
    host: HostPrice | None = Field(default=None, exclude_if=is_none)
    machines: dict[str, HostPrice] = Field(default_factory=dict, exclude_if=not_)

    @property
    def usd_per_second(self) -> float:
        return self.usd_per_hour / 3600

    def on(self, machine: str | None) -> RunPrices:
        """The same with the hour of that one of `machines`; as they are for any other."""
        other = self.machines.get(machine) if machine else None
        if other is None:
            return self
        return self.model_copy(update=other.model_dump(exclude={"memory_gb"}))


class PriceList(Frozen):
    """Every known price. `path` says which file to mend."""

    machine: str = "auto"
    machines: dict[str, Machine] = Field(min_length=1)
    models: dict[str, TokenPrice] = Field(default_factory=dict)
    path: str = str(DEFAULT_PRICES)

    def machine_for(self, *, cores: int, gpu: bool) -> str:
        """The named machine; with "auto" the smallest that has the cores (and the GPU)."""
        if self.machine != "auto":
            if self.machine not in self.machines:
                known = ", ".join(["auto", *self.machines])
                fix = f"{self.machine!r} is no machine of the list. Choose one of: {known}."
                raise BadPriceFile(self.path, "machine", fix)
            return self.machine
        fitting = [name for name in self.machines if self.machines[name].gpu == gpu]
        by_size = sorted(fitting or self.machines, key=lambda name: self.machines[name].cores)
        enough = [name for name in by_size if self.machines[name].cores >= cores]
        return enough[0] if enough else by_size[-1]

    def tokens_for(self, model: str) -> TokenPrice:
        """The token price of a hosted model; raises BadPriceFile where nobody states one."""
        if model in self.models:
            return self.models[model]
        known = listed_price(model)
        if known is None:
            fix = (
                f"no token price is known for the hosted model {model!r}. "
                "Add input, cached and output in US dollars per million tokens."
            )
            raise BadPriceFile(self.path, f"models.{model}", fix)
        return known

    def host(self, name: str) -> HostPrice:
        """The price of a machine of the list; raises InvalidInput where it is not there."""
        if name not in self.machines:
            fix = f"No machine of the price list has that name{did_you_mean(name, self.machines)}."
            fix += f" Choose one of: {', '.join(self.machines)}, or add it (--prices)."
            raise InvalidInput("deployment.machine", name, fix)
        found = self.machines[name]
        return HostPrice(
            machine=name,
            usd_per_hour=found.usd_per_hour,
            memory_gb=found.memory_gb,
            source=found.source,
            as_of=found.as_of,
        )

    def for_run(
        self,
        environment: Environment,
        hosted: Iterable[str],
        deployment: Deployment | None = None,
    ) -> RunPrices:
        """The prices of a run on that machine with those hosted models, and of the machine that
        a stated deployment is on. Raises BadPriceFile and InvalidInput."""
        name = self.machine_for(cores=environment.cores, gpu=environment.gpu is not None)
        chosen = self.machines[name]
        return RunPrices(
            machine=name,
            usd_per_hour=chosen.usd_per_hour,
            source=chosen.source,
            as_of=chosen.as_of,
            models={model: self.tokens_for(model) for model in sorted(set(hosted))},
            host=self.host(deployment.machine or name) if deployment else None,
        )


def listed_price(model: str) -> TokenPrice | None:
    """The price that the genai-prices package knows, at its first tier; None where it has none."""
    try:
        plain = calc_price(Usage(input_tokens=1000, output_tokens=1000), model_ref=model)
        cached = calc_price(Usage(input_tokens=1000, cache_read_tokens=1000), model_ref=model)
    except LookupError:
        return None
    return TokenPrice(
        input=round(float(plain.input_price) * 1000, 6),
        cached=round(float(cached.input_price) * 1000, 6),
        output=round(float(plain.output_price) * 1000, 6),
        source=f"genai-prices, {plain.provider.id} {plain.model.id}",
        as_of="the installed package",
    )


def read_prices(path: Path | str | None = None) -> PriceList:
    """The defaults, changed by the file at `path` or the one TUNEWORTH_PRICES names.

    Raises BadPriceFile, which names the field, for a file that is missing or wrong.
    """
    chosen = path or os.environ.get(PRICES_VARIABLE)
    default = read_mapping(DEFAULT_PRICES)
    if not chosen:
        return PriceList.model_validate(default)
    try:
        merged = merge(default, read_mapping(Path(chosen)))
        return PriceList.model_validate({**merged, "path": str(chosen)})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadPriceFile(chosen, field, f"{first['msg']}, not {first['input']!r}.") from error


def read_mapping(path: Path) -> dict[str, Any]:
    try:
        content = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadPriceFile(path, "file", "there is no such file.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadPriceFile(path, "file", f"cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise BadPriceFile(path, "file", "should hold the keys machine, machines and models.")
    return content


@lru_cache(maxsize=8)
def _parsed(text: str) -> Any:
    """What a price file says; for readers only, as who asks again is given the same."""
    return yaml.load(text, Loader=PriceLoader)


class PriceLoader(yaml.SafeLoader):
    """YAML without dates, so that `as_of: 2026-06-01` stays the text it is."""


PriceLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `change`, mapping by mapping."""
    merged = dict(base)
    for key, value in change.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = merge(old, value)
        merged[key] = value
    return merged
