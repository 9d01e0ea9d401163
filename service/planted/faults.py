"""Situations in which the data mislead: too few rows, leaks, errors, wrong labels, no signal."""

from __future__ import annotations

from service.planted.gains import dearer, needs_of
from service.planted.situation import NOT_YES, Right, Situation
from service.planted.worlds import Rng, World, ways_of


def too_few_rows(rng: Rng) -> tuple[World, Right]:
    """No answer is wrong that the truth bears out, but hardly any can be given."""
    best = rng.uniform(0.6, 0.8)
    gain = rng.uniform(-0.05, 0.1)
    qualities = {
        "baseline.majority": 0.1,
        "prompt.zero-shot": best - rng.uniform(0.2, 0.3),
        "prompt.few-shot": best,
        "lora": best + gain,
    }
    needs = needs_of(rng)
    world = World(
        ways_of(rng, qualities, lora=dearer(rng)),
        rows=int(rng.integers(20, 41)),
        needs=needs,
        correlation=rng.uniform(0.3, 0.7),
    )
    true = "yes" if gain > needs.practical_margin else "no"
    return world, Right(["not yet", true], counted=True)


def leak(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.6, 0.75)
    qualities = {
        "baseline.majority": 0.1,
        "prompt.zero-shot": best - rng.uniform(0.15, 0.3),
        "prompt.few-shot": best,
        "lora": best - rng.uniform(0.0, 0.08),
    }
    world = World(
        ways_of(rng, qualities, lora={**dearer(rng), "memory": rng.uniform(0.95, 1.0)}),
        rows=int(rng.integers(200, 401)),
        needs=needs_of(rng),
        correlation=rng.uniform(0.3, 0.7),
        leaked=rng.uniform(0.15, 0.4),
    )
    verdicts = ["prompting", "inconclusive"]
    return world, Right(NOT_YES, verdicts, ["prompt.few-shot"], says="nearly repeat")


def failing_requests(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.6, 0.75)
    qualities = {
        "baseline.majority": 0.1,
        "baseline.linear": best - rng.uniform(0.15, 0.25),
        "prompt.few-shot": best,
        "lora": best + rng.uniform(0.1, 0.2),
    }
    world = World(
        ways_of(rng, qualities, lora={"errors": rng.uniform(0.08, 0.12)}),
        rows=int(rng.integers(400, 601)),
        needs=needs_of(rng),
        correlation=rng.uniform(0.3, 0.7),
    )
    return world, Right(NOT_YES, ["prompting"], ["prompt.few-shot"])


def wrong_labels(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.55, 0.65)
    qualities = {
        "baseline.majority": 0.1,
        "baseline.linear": best - rng.uniform(0.05, 0.1),
        "prompt.few-shot": best - rng.uniform(0.05, 0.1),
        "prompt.nearest": best,
        "lora": best + rng.uniform(0.22, 0.3),
    }
    world = World(
        ways_of(rng, qualities),
        rows=int(rng.integers(300, 501)),
        needs=needs_of(rng),
        correlation=rng.uniform(0.3, 0.7),
        noise=rng.uniform(0.1, 0.2),
    )
    return world, Right(["yes"], ["fine-tuning"], ["lora"])


def no_signal(rng: Rng) -> tuple[World, Right]:
    floor = rng.uniform(0.3, 0.5)
    names = ("prompt.zero-shot", "prompt.few-shot", "prompt.nearest", "lora")
    qualities = {"baseline.majority": floor}
    qualities |= {name: floor * rng.uniform(0.6, 1.0) for name in names}
    world = World(
        ways_of(rng, qualities),
        rows=int(rng.integers(150, 301)),
        needs=needs_of(rng),
        correlation=rng.uniform(0.0, 0.5),
    )
    return world, Right(NOT_YES, ["inconclusive"], [None])


FAULTS = (
    Situation(
        "too-few-rows",
        "lora is worse by up to 5 points or better by up to 10; 20 to 40 rows",
        "not yet; else what is true",
        too_few_rows,
    ),
    Situation(
        "leak",
        "15% to 40% of the test rows stand in the training rows, which lora knows by heart; on"
        " others it is no better than few-shot prompting; 200 to 400 rows",
        "prompt.few-shot, no yes, the leak named",
        leak,
    ),
    Situation(
        "failing-requests",
        "lora is better by 10 to 20 points where it answers, and fails on 8% to 12%;"
        " 400 to 600 rows",
        "prompt.few-shot, no yes",
        failing_requests,
    ),
    Situation(
        "wrong-labels",
        "lora is better by 22 to 30 points; 10% to 20% of the test labels are wrong;"
        " 300 to 500 rows",
        "commit, to lora",
        wrong_labels,
    ),
    Situation(
        "no-signal",
        "no strategy is better than always giving the most frequent answer; 150 to 300 rows",
        "nothing, inconclusive, no yes",
        no_signal,
    ),
)
