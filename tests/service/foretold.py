"""What the tests of forecasts share: a small task, a scripted source, beliefs without a past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from pathlib import Path

import numpy as np
from planted import TRIAGE, strategy

from benchmarks.belief.angles import to_angle
from benchmarks.belief.belief import Belief, Observation
from benchmarks.belief.measured import Measured, MeasuredQuality
from benchmarks.belief.predictor import Predictor
from benchmarks.costs import read_prices
from benchmarks.evidence.finding import Action, Finding
from benchmarks.records import StrategyFacts
from corpora.task import Dataset, Example, Needs, Task
from service.forecasting.planning import ForecastPlan, plan_forecast
from service.forecasting.result import Forecast
from service.forecasting.running import forecast
from service.forecasting.verdict import Judged, judge_worlds

STRATEGIES = ("baseline.majority", "baseline.linear", "prompt.few-shot", "lora")
LABELS = ("red", "green", "blue", "grey")
TRUTH = {"baseline.majority": 0.25, "baseline.linear": 0.9, "prompt.few-shot": 0.5, "lora": 0.6}
FACTS = tuple(
    StrategyFacts(
        id=name,
        name=name,
        family={"baseline": "baseline", "prompt": "prompting"}.get(
            name.split(".")[0], "fine-tuning"
        ),
        model=None if name.startswith("baseline") else "small",
    )
    for name in STRATEGIES
)


def dataset(
    model: Path, *, needs: Needs | None = None, n_test: int = 200, **more: object
) -> Dataset:
    """Colours to name; `model` is a folder that no test loads."""
    task = Task(
        name="colours",
        kind="classification",
        instruction="Name the colour that the customer asks for.",
        labels=LABELS,
        metric="accuracy",
        models=(str(model),),
        needs=needs or Needs(),
        **more,
    )
    return Dataset(
        task=task,
        train=rows("train", 120),
        validation=rows("validation", 64),
        test=rows("test", n_test),
    )


def measured(number: int, lora: float) -> Measured:
    """A task on which linear reached 0.9 and LoRA `lora`."""
    values = {
        "baseline.majority": 0.25,
        "baseline.linear": 0.9,
        "prompt.few-shot": 0.4,
        "lora": lora,
    }
    return Measured(
        name=f"task {number}",
        source=f"source {number}",
        kind="classification",
        strategies=FACTS,
        qualities={
            name: MeasuredQuality(value=value + 0.01 * (number % 3), error=0.01, n=500)
            for name, value in values.items()
        },
    )


def rows(split: str, count: int) -> tuple[Example, ...]:
    return tuple(
        Example(
            id=f"{split} {n}",
            input=f"{split} order {n * 7919}: paint in {LABELS[n % 4]}, please",
            output=LABELS[n % 4],
        )
        for n in range(count)
    )


def planned(model: Path, **options: object) -> ForecastPlan:
    """A forecast of STRATEGIES to be made, with `options` of the plan or of the task."""
    mine = {name: options.pop(name) for name in ("budget_seconds", "budget_usd") if name in options}
    names = options.pop("strategies", STRATEGIES)
    return plan_forecast(dataset(model, **options), strategies=names, prices=read_prices(), **mine)


@dataclass
class Scripted:
    """Answers rows by script: `truth` is the score of each strategy. Samples double from 8 to 64;
    each row takes `seconds`. What is in `broken` cannot answer."""

    truth: Mapping[str, float]
    seconds: Mapping[str, float] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    features: bool = True
    done: dict[str, int] = field(default_factory=dict)
    taken: list[Action] = field(default_factory=list)

    def actions(self) -> list[Action]:
        found = []
        if self.features:
            found.append(Action(deed="features", strategy=None, rows=64, share=1.0, seconds=0.01))
        for name in self.truth:
            done = self.done.get(name, 0)
            if done < 64:
                wanted = max(8, 2 * done)
                took = (wanted - done) * self.seconds.get(name, 0.1)
                found.append(
                    Action(deed="rows", strategy=name, rows=wanted, share=1.0, seconds=took)
                )
        return found

    def take(self, action: Action) -> Finding:
        self.taken.append(action)
        if action.strategy is None:
            self.features = False
            return Finding(action=action, figures={"train_rows": 120.0}, seconds=action.seconds)
        if action.strategy in self.broken:
            self.done[action.strategy] = 64
            return Finding(action=action, seconds=action.seconds, trouble="it caught fire")
        self.done[action.strategy] = action.rows
        score = self.truth[action.strategy]
        each = self.seconds.get(action.strategy, 0.1)
        return Finding(
            action=action,
            figures={"score": score, "ms_per_row": 1000 * each},
            scores={f"validation {n}": score for n in range(action.rows)},
            seconds=action.seconds,
        )


@dataclass(frozen=True)
class PlainMind:
    """Strategies that know nothing of each other: an answered share is binomial."""

    ids: tuple[str, ...] = STRATEGIES
    value: float = 0.5
    spread: float = 0.3

    def belief(self, findings: Sequence[Finding]) -> Belief:
        found = Belief(
            self.ids,
            np.full(len(self.ids), float(to_angle(self.value))),
            np.eye(len(self.ids)) * self.spread**2,
        )
        last = {f.action.strategy: f for f in findings if f.scores}
        for name, finding in last.items():
            if name in self.ids:
                score = finding.figures["score"]
                found = found.updated(binomial(name, score, len(finding.scores)))
        return found

    def foreseen(self, findings: Sequence[Finding], action: Action) -> Belief:
        if action.deed != "rows" or action.strategy not in self.ids:
            return self.belief(findings)
        others = [f for f in findings if f.action.strategy != action.strategy]
        then = self.belief(others).updated(binomial(action.strategy, 0.5, action.rows))
        return replace(self.belief(findings), covariance=then.covariance)


def binomial(name: str, score: float, n: int) -> Observation:
    error = 1 / (2 * sqrt(n))
    return Observation(
        (name,), np.ones((1, 1)), np.array([float(to_angle(score))]), np.array([[error**2]])
    )


def certain(worlds: Mapping[str, float], draws: int = 4) -> tuple[np.ndarray, tuple[str, ...]]:
    """Draws in which each quality is the same, and their ids."""
    return np.tile(list(worlds.values()), (draws, 1)), tuple(worlds)


def expected(name: str, *, per_1k: float = 0.01, p95: float = 100.0, volume: float | None = None):
    """A strategy as it is expected: its quality comes with the draws."""
    row = strategy(name, 0.5, 0.1, per_1k=per_1k, p95=p95, volume=volume)
    return row.model_copy(update={"quality": None, "p_best": None})


def judged(
    worlds: np.ndarray, names: tuple[str, ...], needs: Needs | None = None, **more: object
) -> Judged:
    rows = more.pop("rows", None) or [expected(name) for name in names]
    facts = more.pop("facts", TRIAGE)
    return judge_worlds(worlds, names, rows, facts, needs or Needs(), **more)


def foretold(model: Path, source: Scripted | None = None, **options: object) -> Forecast:
    """A forecast with a predictor that has seen no task."""
    plan = planned(model, budget_seconds=options.pop("budget_seconds", 1e4), **options)
    return forecast(
        plan, source=source or Scripted(TRUTH), predictor=Predictor(), clock=lambda: 0.0
    )


def drawn(few: float, lora: float, spread: float, seed: int = 0) -> np.ndarray:
    """Draws of prompt.few-shot, known exactly, and lora, known to ± spread."""
    luck = np.random.default_rng(seed).standard_normal(4000)
    return np.column_stack([np.full(4000, few), lora + spread * luck])
