"""What a comparison answered and spent so far, counted from its records as they are stored."""

from collections.abc import Iterable

from pydantic import Field

from benchmarks.costs import RunPrices, TokenPrice
from benchmarks.records import FailureRecord, OutcomeRecord, Record, RunRecord, SetupRecord
from corpora.task import Frozen

TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens")


class Counts(Frozen):
    """Of all strategies, their learning curves included; what preparing took is not in it."""

    samples: int = Field(default=0, description="Test rows answered, errors included.")
    errors: int = Field(default=0, description="Answers that ended in an error.")
    failures: int = Field(default=0, description="Times that a strategy broke.")
    prompt_tokens: int = 0
    cached_tokens: int = Field(default=0, description="Prompt tokens that came from a cache.")
    completion_tokens: int = 0
    usd: float = Field(default=0.0, description="What the answers of hosted models cost.")


def summed(parts: Iterable[Counts]) -> Counts:
    """Those of several units together."""
    told = [part.model_dump() for part in parts]
    return Counts(**{name: sum(part[name] for part in told) for name in Counts.model_fields})


class Counting:
    """Takes in records one after the other. What answers of hosted models cost goes by the prices
    of the last run record before them; that of another unit is taken in by `price`."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(Counts.model_fields, 0.0)
        self._prices: dict[str, TokenPrice] = {}

    def counts(self) -> Counts:
        """Of all that was taken in."""
        return Counts.model_validate(self._counts)

    def price(self, run: RunRecord) -> None:
        models = RunPrices.model_validate(run.prices).models
        self._prices = {s.id: models[s.model] for s in run.strategies if s.model in models}

    def take(self, record: Record) -> None:
        if isinstance(record, RunRecord):
            self.price(record)
        elif isinstance(record, OutcomeRecord):
            tokens = record.prompt_tokens, record.cached_tokens, record.completion_tokens
            price = self._prices.get(record.strategy)
            self._counts["samples"] += 1
            self._counts["errors"] += record.state == "error"
            for name, number in zip(TOKENS, tokens, strict=True):
                self._counts[name] += number
            self._counts["usd"] += price.usd(*tokens) if price else 0.0
        elif isinstance(record, FailureRecord) or (
            isinstance(record, SetupRecord) and record.status == "failed"
        ):
            self._counts["failures"] += 1
