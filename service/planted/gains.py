"""Situations in which quality decides: a true gain, a true tie, and winners by chance alone."""

from __future__ import annotations

from corpora.task import Needs
from service.planted.situation import NOT_YES, Right, Situation
from service.planted.worlds import Rng, World, way_of, ways_of

TEN = (
    *("baseline.linear", "baseline.nearest"),
    *("prompt.zero-shot", "prompt.few-shot", "prompt.nearest"),
    *("rag.bm25", "rag.dense", "rag.hybrid"),
    *("lora", "lora+rag"),
)
"""Ten strategies, from the cheapest on: of the same quality, the first is the right one."""


def needs_of(rng: Rng, **stated: float) -> Needs:
    """A volume of 10,000 to 100,000 requests a month, and what else is stated."""
    volume = float(round(10_000 * 10 ** rng.uniform(0, 1)))
    return Needs.model_validate({"requests_per_month": volume, **stated})


def dearer(rng: Rng) -> dict[str, float]:
    """For a tuned strategy that costs more than few-shot prompting, whatever that is drawn to."""
    return {"seconds": 0.22 * rng.uniform(1.1, 1.5)}


def tuning_pays(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.55, 0.68)
    qualities = {
        "baseline.majority": 0.1,
        "baseline.linear": best - rng.uniform(0.02, 0.1),
        "prompt.zero-shot": best - rng.uniform(0.1, 0.25),
        "prompt.few-shot": best - rng.uniform(0.03, 0.1),
        "prompt.nearest": best,
        "lora": best + rng.uniform(0.16, 0.28),
    }
    world = World(
        ways_of(rng, qualities),
        rows=int(rng.integers(200, 401)),
        needs=needs_of(rng),
        correlation=rng.uniform(0.3, 0.7),
    )
    return world, Right(["yes"], ["fine-tuning"], ["lora"])


def combination_wins(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.35, 0.55)
    qualities = {
        "baseline.majority": 0.03,
        "prompt.few-shot": best - rng.uniform(0.15, 0.3),
        "rag.bm25": best - rng.uniform(0.0, 0.1),
        "rag.hybrid": best,
        "lora": best - rng.uniform(0.1, 0.25),
        "lora+rag": best + rng.uniform(0.18, 0.3),
    }
    world = World(
        ways_of(rng, qualities),
        rows=int(rng.integers(200, 401)),
        needs=needs_of(rng),
        kind="question-answering",
        metric="exact_match",
        correlation=rng.uniform(0.3, 0.7),
    )
    return world, Right(["yes"], ["combined"], ["lora+rag"])


def retrieval_knows(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.6, 0.75)
    plain = best - rng.uniform(0.25, 0.35)
    qualities = {
        "prompt.few-shot": plain,
        "rag.hybrid": best,
        "lora": plain + rng.uniform(-0.05, 0.1),
    }
    world = World(
        ways_of(rng, qualities),
        rows=int(rng.integers(80, 121)),
        needs=needs_of(rng),
        kind="question-answering",
        metric="token_f1",
        correlation=rng.uniform(0.3, 0.7),
        graded=True,
    )
    return world, Right(["no"], ["rag"], ["rag.hybrid"])


def tie(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.65, 0.85)
    qualities = {
        "baseline.majority": 0.1,
        "baseline.linear": best - rng.uniform(0.15, 0.25),
        "prompt.zero-shot": best - rng.uniform(0.15, 0.3),
        "prompt.few-shot": best,
        "lora": best,
    }
    world = World(
        ways_of(rng, qualities, lora=dearer(rng)),
        rows=int(rng.integers(300, 601)),
        needs=needs_of(rng),
        correlation=rng.uniform(0.3, 0.7),
    )
    return world, Right(NOT_YES, ["prompting"], ["prompt.few-shot"])


def baseline_equal(rng: Rng) -> tuple[World, Right]:
    best = rng.uniform(0.8, 0.93)
    qualities = {
        "baseline.majority": 0.1,
        "baseline.linear": best,
        "prompt.few-shot": best - rng.uniform(0.1, 0.3),
        "prompt.nearest": best,
        "lora": best,
    }
    world = World(
        ways_of(rng, qualities),
        rows=int(rng.integers(300, 601)),
        needs=needs_of(rng) if rng.random() < 0.5 else Needs(),
        correlation=rng.uniform(0.3, 0.7),
    )
    return world, Right(NOT_YES, ["no-llm"], ["baseline.linear"])


def winner_by_chance(rng: Rng) -> tuple[World, Right]:
    quality = rng.uniform(0.5, 0.85)
    world = World(
        tuple(way_of(rng, name, quality) for name in TEN),
        rows=int(rng.integers(100, 201)),
        needs=needs_of(rng),
        correlation=rng.uniform(0.3, 0.7),
    )
    return world, Right(NOT_YES, ["no-llm", "inconclusive"], TEN[:1])


GAINS = (
    Situation(
        "tuning-pays",
        "lora is better by 16 to 28 points than the best without tuning, and affordable;"
        " 200 to 400 rows",
        "commit, to lora",
        tuning_pays,
    ),
    Situation(
        "combination-pays",
        "lora+rag is better by 18 to 30 points than the best retrieval; 200 to 400 rows",
        "commit, to lora+rag",
        combination_wins,
    ),
    Situation(
        "knowledge-not-skill",
        "rag.hybrid is better by 15 to 40 points than lora, which is near few-shot prompting;"
        " scores between 0 and 1, 80 to 120 rows",
        "no, rag.hybrid",
        retrieval_knows,
    ),
    Situation(
        "tie",
        "lora and few-shot prompting are equal, lora costs more; 300 to 600 rows",
        "prompt.few-shot, no yes",
        tie,
    ),
    Situation(
        "baseline-as-good",
        "baseline.linear, prompt.nearest and lora are equal; 300 to 600 rows",
        "baseline.linear, no yes",
        baseline_equal,
    ),
    Situation(
        "winner-by-chance",
        "ten strategies, all equal; 100 to 200 rows",
        "the cheapest, no yes",
        winner_by_chance,
    ),
)
