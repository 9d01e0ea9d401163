"""What a comparison answered and spent so far, counted from its journal as that grows.

The worker's main thread reads what was appended; the thread that computes knows nothing of it.
"""

import json
import threading
from pathlib import Path
from typing import Any

from pydantic import Field

from benchmarks.costs import RunPrices, TokenPrice
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


class JournalCount:
    """Follows one journal. A journal that became shorter is read from its beginning again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._start_over()

    def _start_over(self) -> None:
        self._read = 0
        self._counts: dict[str, float] = {}
        self._prices: dict[str, TokenPrice] = {}

    def read(self) -> Counts:
        """Take in what was appended since the last call; the sums so far."""
        with self._lock:
            if self._path.exists():
                self._take_in()
            return Counts.model_validate(self._counts)

    def _take_in(self) -> None:
        if self._path.stat().st_size < self._read:
            self._start_over()
        with self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]  # a line that is being written waits
        for line in whole.split(b"\n")[:-1]:
            self._take(json.loads(line))
        self._read += len(whole)

    def _take(self, record: dict[str, Any]) -> None:
        kind = record["record"]
        if kind == "run":
            models = RunPrices.model_validate(record["prices"]).models
            named = {one["id"]: one["model"] for one in record["strategies"]}
            self._prices = {id: models[name] for id, name in named.items() if name in models}
        elif kind == "outcome":
            tokens = [record.get(name, 0) for name in TOKENS]
            self._add("samples", 1)
            self._add("errors", record["state"] == "error")
            for name, number in zip(TOKENS, tokens, strict=True):
                self._add(name, number)
            price = self._prices.get(record["strategy"])
            self._add("usd", price.usd(*tokens) if price else 0.0)
        elif kind == "failure" or (kind == "setup" and record["status"] == "failed"):
            self._add("failures", 1)

    def _add(self, name: str, number: float) -> None:
        self._counts[name] = self._counts.get(name, 0) + number
