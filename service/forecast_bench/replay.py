"""The forecast replayed on measured tasks, each by what tasks of other sources taught.

At each budget the controller decides as if nothing were known: a recorded source hands out what a
live one found, and books what that took. Its own thinking is timed beside; the budget books it at
a fixed rate, so that a replay on any machine decides alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import thread_time

from benchmarks.belief.gate import PREDICTOR
from benchmarks.belief.macro import Expected, expected_of
from benchmarks.belief.measured import Measured
from benchmarks.belief.predictor import Predictor
from benchmarks.costs import PriceList, RunPrices
from benchmarks.evidence.recorded import RecordedSource
from benchmarks.records import StrategyFacts
from service.forecast_bench.findings import Evidence
from service.forecast_bench.measure import Bench
from service.forecast_bench.record import TaskRecord
from service.forecast_bench.replayed import Foretold, Replay
from service.forecast_bench.tasks import BenchTask
from service.forecast_bench.truth import RULE, Truth
from service.forecasting.planning import ForecastPlan, plan_forecast
from service.forecasting.result import Forecast
from service.forecasting.running import forecast

THOUGHT = 0.005
"""Seconds that a replay books for each look at the clock, one for each action that is appraised:
fixed, so that a replay decides alike on every machine. What they took is told apart."""
ROOT = Path(__file__).parent.parent.parent
SOURCES = (
    *("benchmarks/belief/*.py", "benchmarks/evidence/*.py", "service/forecasting/*.py"),
    *("benchmarks/quote.py", "benchmarks/workload.py", "benchmarks/prices.yaml"),
    *("benchmarks/request_quote.py", "benchmarks/search_quote.py", "benchmarks/plan.py"),
    *("benchmarks/curve.py", "benchmarks/latency.py", "benchmarks/probe_rows.py"),
    *("benchmarks/sentinels.py", "strategies/cascade.py"),
    *("service/forecast_bench/replay.py", "service/forecast_bench/lessons.py"),
    "service/forecast_bench/rivals.py",
)
"""What foretells, beside the rule: a replay by another version of it is done anew."""


@dataclass(frozen=True)
class Case:
    """A task with all that is known of it."""

    task: BenchTask
    record: TaskRecord
    evidence: Evidence
    truth: Truth

    @property
    def fitting(self) -> tuple[StrategyFacts, ...]:
        """The strategies that serve the task."""
        lines = self.record.run_of(self.record.seeds[0])
        return tuple(line.facts for line in lines if line.status != "skipped")


@cache
def forecast_code() -> str:
    digest = hashlib.sha256()
    files = {path for pattern in (*SOURCES, *RULE) for path in ROOT.glob(pattern)}
    for file in sorted(files):
        digest.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def taught_by(lessons: Sequence[Measured], source: str, data: str) -> list[Measured]:
    """What tasks of other sources taught, and of other data: a copy under another name and source
    is the task itself."""
    return [lesson for lesson in lessons if lesson.source != source and lesson.data != data]


def key_of(
    truth: Truth, evidence: Evidence, data: str, lessons: Sequence[Measured], budget: float
) -> str:
    """A digest of all that a replay of a task is computed from; `data` is the digest of its
    rows."""
    digest = hashlib.sha256(f"{forecast_code()}\0{budget}\0{data}".encode())
    for part in (truth, evidence, *taught_by(lessons, truth.source, data)):
        digest.update(part.model_dump_json().encode())
    return digest.hexdigest()[:16]


class Thinking:
    """A clock by which a forecast's thinking takes THOUGHT a look at it, and nothing else does."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return THOUGHT * self.looks


def replay(
    case: Case, predictor: Predictor, budget: float, key: str, bench: Bench, way: str = PREDICTOR
) -> Replay:
    """One forecast of a task that may spend `budget` of the exhaustive seconds; who decides it
    says the gate of the predictor."""
    planned = plan_of(case, budget, bench)
    source = RecordedSource(case.evidence.findings, case.evidence.head.guesses)
    began = thread_time()
    found = forecast(
        planned,
        source=source,
        predictor=predictor,
        expected=by_number(
            expected_of(case.task.dataset, bench.size.seeds[0]), case.task.dataset.task.labels
        ),
        clock=Thinking(),
    )
    return replay_of(found, case, budget, key, way, thread_time() - began)


def by_number(expected: Expected, labels: Sequence[str]) -> dict[str, str]:
    """As the findings of a record tell them; nothing of a label that the task does not have."""
    places = {label: str(number) for number, label in enumerate(labels)}
    return {row: places[label] for row, label in expected.items() if label in places}


def priced_as(record: TaskRecord, prices: PriceList) -> PriceList:
    """The list with the machine that the comparison was made on, at what it cost then: quotes are
    its quotes, on whatever machine they are replayed. One that the list does not name is taken to
    be the class of machine that has its cores, and a GPU where it had one."""
    then, made = RunPrices.model_validate(record.task.prices), record.task.environment
    name = then.machine
    if name not in prices.machines:
        anew = prices.model_copy(update={"machine": "auto"})
        name = anew.machine_for(cores=made.cores, gpu=made.gpu is not None)
        return prices.model_copy(update={"machine": name})
    known = prices.machines[name].model_copy(update={"usd_per_hour": then.usd_per_hour})
    machines = {**prices.machines, name: known}
    return prices.model_copy(update={"machine": name, "machines": machines})


def plan_of(case: Case, budget: float, bench: Bench) -> ForecastPlan:
    """With that share of what hosted models are quoted at, too, where there are any."""

    def planned(usd: float | None) -> ForecastPlan:
        return plan_forecast(
            case.task.dataset,
            strategies=bench.size.strategies,
            prices=priced_as(case.record, bench.prices),
            seed=bench.size.seeds[0],
            budget_seconds=budget * case.truth.seconds,
            budget_usd=usd,
        )

    first = planned(None)
    return first if first.purse.usd is None else planned(budget * first.outlook.usd)


def replay_of(
    found: Forecast, case: Case, budget: float, key: str, way: str, deciding_seconds: float
) -> Replay:
    """What of a forecast is held against the truth."""
    taken = [step for step in found.trace if step.taken]
    return Replay(
        key=key,
        task=case.task.name,
        source=case.truth.source,
        way=way,
        budget=budget,
        pick=found.answer.strategy,
        commit=found.answer.commit_to_fine_tuning,
        p_tuned=found.answer.p_tuned,
        seconds=found.spent.seconds - found.spent.thinking_seconds,
        operations=found.spent.operations,
        deciding_seconds=round(deciding_seconds, 3),
        quoted_seconds=round(found.exhaustive.seconds, 3),
        strategies={
            row.id: Foretold(
                value=row.quality.value,
                low=row.quality.low,
                high=row.quality.high,
                p_best=row.p_best,
            )
            for row in found.strategies
            if row.quality is not None
        },
        stopped=found.stopped,
        steps=tuple(f"{step.deed} {step.strategy or ''}".strip() for step in taken),
    )
