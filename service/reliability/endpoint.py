"""The part `endpoint`: minutes of an endpoint's misbehaviour, and a limit in the midst of it.

Every sample has to come back as its answer or as an error with a reason, the rate has to be back
once the endpoint is well again, and no request may pass the limit by the endpoint's own count.
"""

from __future__ import annotations

import math
import time
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from benchmarks.costs import TokenPrice, read_prices
from benchmarks.speed.checks import BenchCheck, at_least, at_most, stated
from benchmarks.speed.sheet import Measurement
from service.file_book import FileBook
from service.ledger import Ledger, Limits
from service.reliability.bench import Bench
from service.reliability.misbehaving import Manner, Misbehaving, misbehaving
from strategies.errors import LIMIT
from strategies.models.account import Account, accounting, scoped
from strategies.models.base import Generation, Message, Prompt
from strategies.models.chat_client import ChatClient
from strategies.models.hosted import HostedModel
from strategies.models.pace import Pace

NAME = "endpoint"
COVERS = "429, 500, malformed and half replies, silence and drips; a spending limit meanwhile"
SCHEDULE: tuple[tuple[Manner, float], ...] = (
    ("well", 0.10),
    ("busy", 0.10),
    ("failing", 0.10),
    ("malformed", 0.10),
    ("half", 0.10),
    ("silent", 0.10),
    ("drip", 0.10),
    ("well", 0.30),
)
"""How every second request is answered, and for which share of the time."""
SECONDS, QUICK_SECONDS = 600.0, 60.0
LIMITED, QUICK_LIMITED = 2_000, 300
LIMIT_SHARE = 0.6
BATCH = 32
AT_ONCE = 8
TAKES_S = 0.1
TIMEOUT_S, QUICK_TIMEOUT_S = 5.0, 2.0
PRICE = TokenPrice(input=1.0, cached=0.5, output=10.0, source="made up", as_of="2026")
MODEL = "endpoint"
LEAST_RATE = 0.8


def measure(bench: Bench) -> None:
    """Do what the sheet does not have yet."""
    if not bench.sheet.has(NAME, "schedule", 0):
        seconds = QUICK_SECONDS if bench.quick else SECONDS
        timeout_s = QUICK_TIMEOUT_S if bench.quick else TIMEOUT_S
        place = bench.place / "schedule.jsonl"
        bench.sheet.add(scheduled(place, seconds, bench.say, timeout_s))
    if not bench.sheet.has(NAME, "limit", 0):
        samples = QUICK_LIMITED if bench.quick else LIMITED
        bench.sheet.add(limited(bench.place / "limit.jsonl", samples))


def checks(rows: Sequence[Measurement], *, quick: bool) -> list[BenchCheck]:
    """The figures of its measurements."""
    facts = {row.side: row.facts for row in rows}
    schedule, limit = facts["schedule"], facts["limit"]
    unaccounted = schedule["unaccounted"] + limit["unaccounted"]
    return [
        stated("endpoint_samples", schedule["samples"] + limit["samples"], "samples"),
        at_most("samples_unaccounted", unaccounted, "samples", 0),
        at_most("requests_beyond_limit", limit["beyond"], "requests", 0),
        at_least("rate_recovered", schedule["recovered"], "of the rate before", LEAST_RATE),
    ]


class Timetable:
    """Tells the server how to answer by the time that has passed, and counts what it did."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.ends = [seconds * share for share in accumulate(share for _, share in SCHEDULE)]
        self.begin()

    def begin(self) -> None:
        self.began = self.clock()
        self.served = [0] * len(SCHEDULE)
        self.late = 0

    @property
    def passed(self) -> float:
        return self.clock() - self.began

    @property
    def phase(self) -> int:
        return min(bisect(self.ends, self.passed), len(SCHEDULE) - 1)

    def manner(self, number: int, text: str) -> Manner:
        phase = self.phase
        self.served[phase] += 1
        if phase == len(SCHEDULE) - 1 and self.passed > self.settled:
            self.late += 1
        return SCHEDULE[phase][0] if number % 2 else "well"

    @property
    def settled(self) -> float:
        """When the rate should be back: two thirds into the last phase."""
        return (self.ends[-2] + 2 * self.ends[-1]) / 3

    def recovered(self) -> float:
        """The rate of requests in the end, as a share of that in the beginning."""
        before = self.served[0] / self.ends[0]
        after = self.late / (self.passed - self.settled)
        return after / before if before else math.nan


def scheduled(
    path: Path, seconds: float, say: Callable[[str], None], timeout_s: float = TIMEOUT_S
) -> Measurement:
    """Ask batch after batch until the time is up."""
    ledger = Ledger(FileBook(path), priced(), Limits(), lambda: False)
    table = Timetable(seconds)
    with misbehaving(table.manner, say=answer_to, takes_s=TAKES_S) as server:
        model = hosted(server, timeout_s)
        told, samples, errors, unaccounted = -1, 1, 0, 0
        asked(model, ledger, 0, 1)  # loads what asks
        table.begin()
        while table.passed < seconds:
            if table.phase != told:
                told = table.phase
                say(f"every second request: {SCHEDULE[told][0]}")
            given = asked(model, ledger, samples, BATCH)
            unaccounted += sum(not is_accounted(one, samples + n) for n, one in enumerate(given))
            errors += sum(one.error is not None for one in given)
            samples += BATCH
        facts = {
            "samples": samples,
            "errors": errors,
            "unaccounted": unaccounted,
            "requests": server.asked,
            "answered": dict(server.answered),
            "recovered": table.recovered(),
            "spent_usd": ledger.spent.usd,
            "billed_usd": billed(server),
        }
    return Measurement(NAME, "schedule", 0, seconds, facts)


def limited(path: Path, samples: int) -> Measurement:
    """So many samples, with money for a part of them, while every fourth request goes wrong."""
    began = time.monotonic()
    wrong: tuple[Manner, ...] = ("half", "failing", "malformed", "uncounted")

    def manner(number: int, text: str) -> Manner:
        return wrong[number // 4 % len(wrong)] if number % 4 == 0 else "well"

    whole = sum(dollars(number) for number in range(samples))
    limit = LIMIT_SHARE * whole
    ledger = Ledger(FileBook(path), priced(), Limits(usd=limit), lambda: False)
    with misbehaving(manner, say=answer_to) as server:
        model = hosted(server)
        given: list[Generation] = []
        for first in range(0, samples, BATCH):
            given += asked(model, ledger, first, min(BATCH, samples - first))
        beyond = max(0.0, billed(server) - limit)
        facts: dict[str, Any] = {
            "samples": samples,
            "refused": sum(LIMIT in (one.error or "") for one in given),
            "unaccounted": sum(not is_accounted(one, n) for n, one in enumerate(given)),
            "limit_usd": limit,
            "spent_usd": ledger.spent.usd,
            "billed_usd": billed(server),
            "beyond": math.ceil(beyond / dollars(0)),
        }
    return Measurement(NAME, "limit", 0, time.monotonic() - began, facts)


def asked(model: HostedModel, account: Account, first: int, count: int) -> list[Generation]:
    prompts = [question(number) for number in range(first, first + count)]
    with accounting(account), scoped(f"endpoint/answer/{first}"):
        return model.generate(prompts, max_new_tokens=64)


def hosted(server: Misbehaving, timeout_s: float = TIMEOUT_S) -> HostedModel:
    client = ChatClient(
        base_url=server.url, model=MODEL, api_key="", pace=Pace(AT_ONCE), timeout_s=timeout_s
    )
    return HostedModel(MODEL, client=client)


def question(number: int) -> Prompt:
    return Prompt((Message("user", f"What is question {number:06}?"),))


def answer_to(text: str) -> str:
    return f"It is {text.split()[-1].rstrip('?')}."


def is_accounted(given: Generation, number: int) -> bool:
    """Whether it is the answer to that question, or says why there is none."""
    if given.error is not None:
        return bool(given.error) and not given.text
    return given.text == answer_to(question(number).messages[-1].content)


def dollars(number: int) -> float:
    """What one answer is billed, as the server counts."""
    text = question(number).messages[-1].content
    return PRICE.usd(len(text) // 4, 0, len(answer_to(text)))


def billed(server: Misbehaving) -> float:
    return server.usd(PRICE.input, PRICE.output)


def priced() -> Any:
    return read_prices().model_copy(update={"models": {MODEL: PRICE}})
