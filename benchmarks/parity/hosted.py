"""A hosted model beside a local one in one comparison, with the same weights behind both.

The hosted one is configured in a `models.yaml` and asked over HTTP as any endpoint is, so that
what the comparison stores of it can be held against the local answers and the server's own count.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.costs import PriceList, TokenPrice, read_prices
from benchmarks.parity.server import ChatServer, Served, serving
from benchmarks.records import OutcomeRecord, Record
from benchmarks.runner import run_comparison
from benchmarks.summary import summarise
from corpora.task import Dataset
from strategies.base import Strategy
from strategies.models.base import Choice, Model, Prompt, Usage
from strategies.models.hosted import load_hosted

LOCAL, HOSTED = "local", "hosted"
PRICE = TokenPrice(input=3.0, cached=0.3, output=15.0, source="made up", as_of="2026")
Facts = dict[str, Any]


@contextmanager
def configured(server: ChatServer, model: Model, folder: Path) -> Iterator[None]:
    """The server as the only hosted model of this process, in a `models.yaml` in `folder`."""
    path = folder / "models.yaml"
    endpoint = {
        "base_url": server.base_url,
        "model": model.info.name,
        "context_length": model.context_length,
        "timeout_s": 600,
    }
    path.write_text(json.dumps({HOSTED: endpoint}), encoding="utf-8")  # JSON is YAML
    before = os.environ.get("TUNEWORTH_MODELS")
    os.environ["TUNEWORTH_MODELS"] = str(path)
    try:
        yield
    finally:
        del os.environ["TUNEWORTH_MODELS"]
        if before is not None:
            os.environ["TUNEWORTH_MODELS"] = before


def compare_both(dataset: Dataset, strategy: Strategy, model: Model) -> Facts:
    """One comparison of the two; what it stored, against each other and against the server.

    `model` answers for both sides, so that they compute alike; in float32, where the size of a
    batch moves no answer, equal texts are to be expected.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name, serving(model) as server:
        folder = Path(name)
        with configured(server, model, folder):
            records = run_comparison(
                dataset,
                strategies=[strategy],
                models={LOCAL: lambda: model, HOSTED: lambda: load_hosted(HOSTED)},
                folder=folder / "run",
                prices=priced(),
            )
        facts = held_against(records, server.served, strategy.name)
    return {"seconds": time.perf_counter() - began, "dtype": model.info.dtype, **facts}


def priced() -> PriceList:
    return read_prices().model_copy(update={"models": {HOSTED: PRICE}})


def held_against(records: Sequence[Record], served: Sequence[Served], strategy: str) -> Facts:
    """Counts of rows: `n`, of `same` texts, of tokens `as_reported` by the server and `as_counted`
    by the local model; and what the report says 1,000 requests cost beside what they come to."""
    local = outcomes_of(records, f"{strategy}@{LOCAL}")
    hosted = outcomes_of(records, f"{strategy}@{HOSTED}")
    reported = usage_by_input(served)
    rows = [(local[name], hosted[name], reported.get(asked_of(hosted[name]))) for name in local]
    used = [usage for _, _, usage in rows if usage is not None]
    (result,) = [
        each for each in summarise(records).strategies if each.id == f"{strategy}@{HOSTED}"
    ]
    assert result.cost is not None
    return {
        "n": len(rows),
        "errors": sum("error" in (here.state, there.state) for here, there, _ in rows),
        "same": sum(here.text == there.text for here, there, _ in rows),
        "as_reported": sum(booked(there) == usage for _, there, usage in rows),
        "as_counted": sum(booked(there) == booked(here) for here, there, _ in rows),
        "served": len(served),
        "reported": asdict(total(used)),
        "usd_per_1k_booked": result.cost.per_1k_requests_usd,
        "usd_per_1k_expected": 1000 * dollars(total(used)) / len(rows),
    }


def outcomes_of(records: Sequence[Record], id: str) -> dict[str, OutcomeRecord]:
    return {
        record.example: record
        for record in records
        if isinstance(record, OutcomeRecord) and record.strategy == id
    }


def usage_by_input(served: Sequence[Served]) -> dict[str, Usage]:
    """What the server reported by the last message. Raises where it did not always say the same."""
    found: dict[str, Usage] = {}
    for one in served:
        asked = one.messages[-1].content
        if found.setdefault(asked, one.usage) != one.usage:
            raise RuntimeError("the server reported two counts of tokens for one request")
    return found


def asked_of(row: OutcomeRecord) -> str:
    return row.input or ""


def booked(row: OutcomeRecord) -> Usage:
    return Usage(row.prompt_tokens, row.cached_tokens, row.completion_tokens)


def total(used: Sequence[Usage]) -> Usage:
    return Usage(
        sum(one.prompt for one in used),
        sum(one.cached for one in used),
        sum(one.completion for one in used),
    )


def dollars(used: Usage) -> float:
    """Tokens times price, a million tokens at a time, worked out in whole ten-millionths."""
    tenths = (
        (used.prompt - used.cached) * round(10 * PRICE.input)
        + used.cached * round(10 * PRICE.cached)
        + used.completion * round(10 * PRICE.output)
    )
    return tenths / 10_000_000


def ask_both(model: Model, prompts: Sequence[Prompt], *, max_new_tokens: int) -> Facts:
    """The share of same texts where the local side answers in batches and the other one by one."""
    began = time.perf_counter()
    with asked_over_http(model) as hosted:
        there = hosted.generate(prompts, max_new_tokens=max_new_tokens)
    here = model.generate(prompts, max_new_tokens=max_new_tokens)
    return {
        "seconds": time.perf_counter() - began,
        "n": len(prompts),
        "same": sum(one.text == other.text for one, other in zip(here, there, strict=True)),
        "dtype": model.info.dtype,
    }


def choose_both(
    model: Model, prompts: Sequence[Prompt], labels: Sequence[str], right: Sequence[str]
) -> Facts:
    """Accuracies: of the likeliest label, and of the one that a written reply names."""
    began = time.perf_counter()
    with asked_over_http(model) as hosted:
        there = best_of(hosted.choose(prompts, labels))
    here = best_of(model.choose(prompts, labels))
    return {
        "seconds": time.perf_counter() - began,
        "n": len(prompts),
        "local_right": sum(map(str.__eq__, here, right)),
        "hosted_right": sum(map(str.__eq__, there, right)),
        "hosted_named": sum(one in labels for one in there),
        "same": sum(map(str.__eq__, here, there)),
        "dtype": model.info.dtype,
    }


def best_of(choices: Sequence[Choice]) -> list[str]:
    """What was chosen; empty where a request failed."""
    return ["" if one.error is not None else one.best for one in choices]


@contextmanager
def asked_over_http(model: Model) -> Iterator[Model]:
    with (
        tempfile.TemporaryDirectory() as name,
        serving(model) as server,
        configured(server, model, Path(name)),
    ):
        yield load_hosted(HOSTED)
