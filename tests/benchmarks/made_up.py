"""Made-up tasks whose true qualities are known: what a predictor is taught by and held against.

A `Plain` world is one that the predictor's model can describe. A `Rough` one is not: effects have
heavy tails, searches take the better of two settings, cascades fall two points short of the better
of their parts on average, pilots lag behind and saturate, and validation rows are easier than test
rows.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from benchmarks.belief.angles import to_angle, to_quality
from benchmarks.belief.cascade import with_cascades
from benchmarks.belief.measured import Measured, MeasuredQuality
from benchmarks.belief.spread import Spread, parts_of
from benchmarks.evidence.finding import Action, Finding
from benchmarks.records import StrategyFacts

FAMILIES = {
    "baseline.majority": "baseline",
    "baseline.nearest": "baseline",
    "baseline.linear": "baseline",
    "baseline.passage": "baseline",
    "prompt.zero-shot": "prompting",
    "prompt.few-shot": "prompting",
    "prompt.nearest": "prompting",
    "prompt.optimized": "prompting",
    "rag.bm25": "rag",
    "rag.dense": "rag",
    "rag.hybrid": "rag",
    "rag.optimized": "rag",
    "lora": "fine-tuning",
    "lora.optimized": "fine-tuning",
    "lora+rag": "combined",
    "lora+rag.optimized": "combined",
    "cascade": "combined",
}
UNSEEN = ("optimized", "lora", "cascade")
"""Strategies with one of these in the name answer no validation rows beforehand."""
KINDS = ("classification", "extraction", "question-answering", "generation")
NEEDS_DOCUMENTS = ("rag", "passage")


def facts(name, model="small"):
    family = FAMILIES.get(name, "unknown")
    return StrategyFacts(
        id=name, name=name, family=family, model=None if family == "baseline" else model
    )


def fitting(kind, documents):
    return tuple(
        facts(name)
        for name in FAMILIES
        if (documents or not any(word in name for word in NEEDS_DOCUMENTS))
        and (name != "baseline.linear" or kind == "classification")
    )


def has_documents(number):
    """Whether a world's task of this number has any."""
    return number % 2 == 0


def parts_of_cascade(kind, number):
    if kind == "classification":
        return ("baseline.linear", "prompt.nearest")
    if kind != "extraction" and has_documents(number):
        return ("baseline.passage", "rag.hybrid")
    return ("baseline.nearest", "prompt.nearest")


def believed(predictor, kind, strategies, findings):
    """As a forecast believes of a task of these worlds: what follows others is bound to them."""
    documents = any(strategy.name == "rag.hybrid" for strategy in strategies)
    belief = predictor.belief(kind, strategies, findings)
    return with_cascades(belief, kind, strategies, has_documents=documents)


def hardness(rng, n, halves=1):
    return rng.standard_normal((halves, n, 1))


def score_rows(rng, qualities, n, *, binary, alike=0.5, hard=None):
    """Scores of n rows by strategies of these qualities: n × strategies. A row is hard for all:
    `hard`, halves × n × 1, where others answer the same rows."""
    halves = 1 if binary else 2
    hard = hardness(rng, n, halves) if hard is None else hard[:halves, :n]
    own = rng.standard_normal((halves, n, len(qualities))) * (1 - alike) ** 0.5
    return (stats.norm.cdf(alike**0.5 * hard + own) < np.asarray(qualities)).mean(axis=0)


@dataclass(frozen=True)
class World:
    """`truths` of a task are returned beside it, by strategy, 0 to 1."""

    seed: int = 0
    rough: bool = False
    spread: Spread = field(
        default_factory=lambda: Spread(
            task=0.25, language=0.08, examples=0.06, documents=0.15, tuned=0.12, own=0.06
        )
    )
    test_rows: int = 200
    validation_rows: int = 100

    def tasks(self, count, findings=True):
        rng = np.random.default_rng(self.seed)
        everything = tuple(facts(name) for name in FAMILIES)
        average = self.effects(rng, everything, self.spread.over_all**0.5) + np.pi / 4
        of_kind = {k: self.effects(rng, everything, self.spread.over_kind**0.5) for k in KINDS}
        names = [strategy.name for strategy in everything]
        found = []
        for number in range(count):
            kind = KINDS[number % 4]
            strategies = fitting(kind, documents=has_documents(number))
            angles = average + of_kind[kind] + self.effects(rng, everything, 1.0)
            if self.rough:
                angles = searched(rng, names, angles)
            lost = rng.exponential(0.02) if self.rough else rng.normal(0.01, 0.02)
            best = max(angles[names.index(part)] for part in parts_of_cascade(kind, number))
            angles[names.index("cascade")] = best - lost
            truth = {s.id: float(to_quality(angles[names.index(s.name)])) for s in strategies}
            found.append((self.measured(rng, number, kind, strategies, truth, findings), truth))
        return found

    def effects(self, rng, strategies, size):
        covariance = np.tensordot(self.spread.variances, parts_of(strategies, strategies), axes=1)
        drawn = rng.multivariate_normal(np.zeros(len(strategies)), covariance)
        # Student's t with 5 degrees of freedom, of the same variance
        tails = (3 / 5 * 5 / rng.chisquare(5)) ** 0.5 if self.rough else 1.0
        return size * tails * drawn

    def measured(self, rng, number, kind, strategies, truth, findings):
        binary = kind == "classification"
        scores = score_rows(rng, list(truth.values()), self.test_rows, binary=binary)
        return Measured(
            name=f"task {number}",
            source=f"source {number - number % 5 // 4}",
            kind=kind,
            strategies=strategies,
            qualities={
                id: MeasuredQuality(
                    value=float(column.mean()),
                    error=float(column.std() / self.test_rows**0.5),
                    n=self.test_rows,
                )
                for id, column in zip(truth, scores.T, strict=True)
            },
            findings=tuple(self.findings(rng, kind, truth)) if findings else (),
        )

    def findings(self, rng, kind, truth):
        n, binary = self.validation_rows, kind == "classification"
        angles = to_angle(np.array(list(truth.values())))
        drift = rng.normal(0.05, 0.05) if self.rough else rng.normal(0, 0.03)
        nearby = to_quality(angles + drift + rng.normal(0, 0.02, len(angles)))
        hard = hardness(rng, n, 2)
        scores = score_rows(rng, nearby, n, binary=binary, hard=hard)
        misled = rng.standard_normal(3)
        for (id, _), column, angle in zip(truth.items(), scores.T, angles, strict=True):
            if not any(word in id for word in UNSEEN):
                yield rows_found(id, column)
            if id in ("prompt.zero-shot", "prompt.few-shot"):
                yield read("likelihood", id, n, nll=self.nats(rng, kind, angle, misled[0], 0.1))
            if id in ("rag.bm25", "rag.dense", "rag.hybrid"):
                hit = to_quality(0.3 + 0.7 * angle + 0.12 * (misled[1] + rng.standard_normal()))
                yield read("retrieval", id, n, hit_at_1=float(hit), hit_at_3=float(hit) ** 0.5)
            if id == "lora" and binary:
                seen = to_quality(angle - 0.05 + rng.normal(0, 0.08))
                yield read(
                    "head", None, n, accuracy=float(score_rows(rng, [seen], n, binary=True).mean())
                )
            if id in ("lora", "lora+rag"):
                yield from self.pilots(rng, kind, id, angle, misled[2], hard)

    def pilots(self, rng, kind, id, angle, misled, hard):
        """One pilot after the other: what misleads at a small share misleads less at a larger."""
        n, binary = min(64, self.validation_rows), kind == "classification"
        walk = rng.standard_normal() + misled
        for share in (0.05, 0.1, 0.25, 0.5):
            left = np.log2(1 / share)
            walk = 0.8 * walk + 0.6 * rng.standard_normal()
            at = angle - 0.04 * left + 0.02 * left * walk
            if self.rough:
                at = angle * (1 - 0.6 * np.exp(-share / 0.1)) + 0.02 * left * walk
            scores = score_rows(rng, [to_quality(at)], n, binary=binary, hard=hard)[:, 0]
            nats = self.nats(rng, kind, at, walk, 0.02)
            found = read("pilot", id, n, share, score=float(scores.mean()), nll=nats)
            yield found.model_copy(update={"scores": by_row(scores)})

    def nats(self, rng, kind, angle, misled, size):
        told = 0.2 + 0.1 * KINDS.index(kind) + 0.6 * angle + size * misled + rng.normal(0, 0.03)
        return float(-np.log(np.clip(to_quality(told), 1e-4, 0.9999)))


def searched(rng, names, angles):
    """A search takes the better of its default and another setting, and sometimes finds a lot."""
    found = angles.copy()
    for name, default in (
        ("prompt.optimized", "prompt.nearest"),
        ("rag.optimized", "rag.hybrid"),
        ("lora.optimized", "lora"),
        ("lora+rag.optimized", "lora+rag"),
    ):
        gain = rng.exponential(0.05) if rng.random() < 0.7 else -0.02
        found[names.index(name)] = angles[names.index(default)] + gain
    return found


def rows_found(id, scores, **more):
    figures = {"score": float(np.mean(scores)), "sd_score": float(np.std(scores)), **more}
    action = Action(deed="rows", strategy=id, rows=len(scores), share=1.0, seconds=1.0)
    return Finding(action=action, figures=figures, scores=by_row(scores), seconds=1.0)


def read(deed, strategy, rows, share=1.0, **figures):
    action = Action(deed=deed, strategy=strategy, rows=rows, share=share, seconds=1.0)
    return Finding(action=action, figures=figures, seconds=1.0)


def by_row(scores):
    return {f"row {place}": float(score) for place, score in enumerate(scores)}
