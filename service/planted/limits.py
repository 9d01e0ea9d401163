"""Situations in which money, time or a stated need decides."""

from __future__ import annotations

from benchmarks.incumbent import INCUMBENT
from benchmarks.spending import CHANGES_A_MONTH
from corpora.task import Needs
from service.planted.drawing import USD_PER_HOUR
from service.planted.gains import needs_of
from service.planted.situation import NOT_YES, Right, Situation
from service.planted.worlds import Rng, World, ways_of


def dollars(world: World, name: str) -> float:
    """What that strategy truly costs over the horizon, refreshes included.

    Each change of the documents costs one that reads them its setup, less what its search gave
    up: that is so where no strategy of the run does nothing but index them.
    """
    way, needs = world.way(name), world.needs
    changes = CHANGES_A_MONTH[needs.documents_change] * needs.horizon_months
    refresh = way.setup - way.tried if way.reads else 0.0
    requests = (needs.requests_per_month or 0.0) * needs.horizon_months
    return (way.setup + changes * refresh + requests * way.seconds) * USD_PER_HOUR / 3600


def never_breaks_even(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.75, 0.88)
    qualities = {
        "baseline.majority": 0.1,
        "prompt.zero-shot": best - rng.uniform(0.1, 0.3),
        "prompt.few-shot": best,
        "lora": best + rng.uniform(0.0, 0.01),
    }
    dear = {"seconds": 0.19 * rng.uniform(1.3, 2.0), "setup": rng.uniform(300, 3000)}
    world = World(
        ways_of(rng, qualities, lora=dear),
        rows=int(rng.integers(600, 1001)),
        needs=needs_of(rng),
        correlation=rng.uniform(0.5, 0.8),
    )
    assert dollars(world, "lora") > dollars(world, "prompt.few-shot")
    return world, Right(NOT_YES, ["prompting"], ["prompt.few-shot"])


def cost_excludes(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.55, 0.7)
    qualities = {
        "baseline.majority": 0.1,
        "baseline.linear": best - rng.uniform(0.15, 0.25),
        "prompt.few-shot": best,
        "lora": best + rng.uniform(0.1, 0.25),
    }
    dear = {"seconds": 0.19 * rng.uniform(2.0, 4.0), "setup": rng.uniform(300, 3000)}
    limit = 1000 * 0.19 * rng.uniform(1.3, 1.6) * USD_PER_HOUR / 3600
    world = World(
        ways_of(rng, qualities, lora=dear),
        rows=int(rng.integers(150, 301)),
        needs=needs_of(rng, cost_per_1k_requests=limit),
        correlation=rng.uniform(0.3, 0.7),
    )
    return world, Right(["no"], ["prompting"], ["prompt.few-shot"])


def latency_excludes(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.55, 0.7)
    qualities = {
        "baseline.majority": 0.1,
        "baseline.linear": best - rng.uniform(0.15, 0.25),
        "prompt.few-shot": best,
        "lora": best + rng.uniform(0.1, 0.25),
    }
    limit = 210 * rng.uniform(1.8, 2.2)
    world = World(
        ways_of(rng, qualities, lora={"latency_ms": limit * rng.uniform(1.2, 3.0)}),
        rows=int(rng.integers(150, 301)),
        needs=needs_of(rng, latency_p95_ms=limit),
        correlation=rng.uniform(0.3, 0.7),
    )
    return world, Right(["no"], ["prompting"], ["prompt.few-shot"])


def bar_too_high(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.5, 0.6)
    qualities = {
        "baseline.majority": 0.1,
        "baseline.linear": best - rng.uniform(0.02, 0.1),
        "prompt.few-shot": best - rng.uniform(0.02, 0.1),
        "prompt.nearest": best,
        "lora": best + rng.uniform(0.16, 0.22),
    }
    world = World(
        ways_of(rng, qualities),
        rows=int(rng.integers(200, 401)),
        needs=needs_of(rng, quality_at_least=rng.uniform(0.92, 0.97)),
        correlation=rng.uniform(0.3, 0.7),
    )
    return world, Right(NOT_YES, picks=["lora"], unmet=True)


def documents_daily(rng: Rng) -> tuple[World, Right]:
    """The tuned strategy is the cheaper one until its daily refresh is counted."""
    best = rng.uniform(0.5, 0.7)
    qualities = {
        "baseline.majority": 0.03,
        "prompt.few-shot": best - rng.uniform(0.2, 0.35),
        "rag.optimized": best,
        "lora+rag": best + rng.uniform(-0.02, 0.0),
    }
    searched = {"setup": 200 * rng.uniform(0.8, 1.2), "tried": 150.0}
    tuned = {"setup": rng.uniform(2000, 4000), "seconds": 0.8 * rng.uniform(0.5, 0.8)}
    needs = Needs(requests_per_month=rng.uniform(10_000, 50_000), documents_change="daily")
    world = World(
        ways_of(rng, qualities, rag_optimized=searched, lora_rag=tuned),
        rows=int(rng.integers(300, 501)),
        needs=needs,
        kind="question-answering",
        metric="exact_match",
        correlation=rng.uniform(0.5, 0.8),
    )
    assert dollars(world, "lora+rag") > 1.2 * dollars(world, "rag.optimized")
    return world, Right(NOT_YES, ["rag"], ["rag.optimized"])


def tuning_saves(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.85, 0.92)
    qualities = {
        "baseline.majority": 0.1,
        "prompt.zero-shot": best - rng.uniform(0.15, 0.3),
        "prompt.nearest": best,
        "lora": best + rng.uniform(0.005, 0.015),
    }
    world = World(
        ways_of(rng, qualities),
        rows=int(rng.integers(900, 1301)),
        needs=needs_of(rng),
        correlation=rng.uniform(0.7, 0.9),
    )
    assert dollars(world, "lora") < 0.8 * dollars(world, "prompt.nearest")
    return world, Right(["yes"], ["fine-tuning"], ["lora"])


def today_as_good(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.65, 0.88)
    qualities = {
        INCUMBENT: best,
        "baseline.majority": 0.1,
        "baseline.linear": best - rng.uniform(0.15, 0.25),
        "prompt.few-shot": best - rng.uniform(0.05, 0.15),
        "lora": best - rng.uniform(0.0, 0.01),
    }
    cheap = 0.14 * rng.uniform(0.5, 1.0) * USD_PER_HOUR / 3600
    world = World(
        ways_of(rng, qualities, incumbent={"usd": cheap}),
        rows=int(rng.integers(300, 601)),
        needs=needs_of(rng),
        correlation=rng.uniform(0.3, 0.7),
    )
    return world, Right(NOT_YES, ["keep"], [INCUMBENT])


LIMITS = (
    Situation(
        "never-breaks-even",
        "lora is better by up to 1 point, half the practical margin, and costs 1.2 to 2.2 times as"
        " much; 600 to 1,000 rows",
        "prompt.few-shot, no yes",
        never_breaks_even,
    ),
    Situation(
        "cost-excludes",
        "lora is better by 10 to 25 points; a request costs more than is allowed; 150 to 300 rows",
        "no, prompt.few-shot",
        cost_excludes,
    ),
    Situation(
        "latency-excludes",
        "lora is better by 10 to 25 points and too slow; 150 to 300 rows",
        "no, prompt.few-shot",
        latency_excludes,
    ),
    Situation(
        "bar-too-high",
        "the quality bar lies 10 points or more above lora, the best by 16 to 22 points;"
        " 200 to 400 rows",
        "lora with the need it misses, no yes",
        bar_too_high,
    ),
    Situation(
        "documents-daily",
        "lora+rag is as good as rag.optimized within 2 points; a request costs less, refreshing it"
        " daily more than that saves; 300 to 500 rows",
        "rag.optimized, no yes",
        documents_daily,
    ),
    Situation(
        "tuning-saves",
        "lora is better by 0.5 to 1.5 points and costs less than 80% over the horizon;"
        " 900 to 1,300 rows",
        "commit, to lora",
        tuning_saves,
    ),
    Situation(
        "today-as-good",
        "what runs today is as good as lora or better by up to 1 point, and no dearer;"
        " 300 to 600 rows",
        "keep it, no yes",
        today_as_good,
    ),
)
