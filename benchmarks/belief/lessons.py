"""What measured tasks teach of their own findings: how far each was from what came of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import optimize

from benchmarks.belief.angles import to_angle
from benchmarks.belief.channels import SAME_TASK, Lesson
from benchmarks.belief.figures import readings_of
from benchmarks.belief.history import UNSURE, noise_of
from benchmarks.belief.macro import balanced, extra_of
from benchmarks.belief.measured import Measured
from benchmarks.belief.rows import Drift, answered, rows_observation
from benchmarks.resampling import Floats

NO_DRIFT = Drift(shared=1e-9, own=1e-9)


def lessons_of(tasks: Sequence[Measured]) -> list[Lesson]:
    """Every reading beside what its strategy reached. Where a task gives several of a kind, their
    noises are alike, and they count for less than as many tasks."""
    found: list[Lesson] = []
    for task in tasks:
        told = balanced(task.findings, task.expected)
        read = readings_of(told, task.strategies, extra_of(task.expected)).values()
        there = [one for one in read if one.strategy in task.qualities]
        counts = Counter((one.deed, one.share) for one in there)
        for one in there:
            quality = task.qualities[one.strategy]
            weight = 1 / (1 + SAME_TASK * (counts[one.deed, one.share] - 1))
            angle = float(to_angle(quality.value))
            found.append(Lesson(one, task.kind, angle, noise_of(quality), weight))
    return found


def drift_of(tasks: Sequence[Measured]) -> Drift:
    """How far validation rows mislead beyond their sampling noise: the most probable deviations
    given the tasks and the guesses."""
    gaps = [gap for gap in map(gaps_of, tasks) if gap is not None]
    guess = np.log([Drift().shared ** 2, Drift().own ** 2])
    if not gaps:
        return Drift()

    def lost(logs: Floats) -> float:
        shared, own = np.exp(logs)
        total = float((((logs - guess) / UNSURE) ** 2).sum())
        for off, noise in gaps:
            covariance = noise + shared + own * np.eye(len(off))
            total += float(off @ np.linalg.solve(covariance, off))
            total += float(np.linalg.slogdet(covariance)[1])
        return total / 2

    shared, own = np.exp(optimize.minimize(lost, guess, method="Nelder-Mead").x / 2)
    return Drift(shared=float(shared), own=float(own))


def gaps_of(task: Measured) -> tuple[Floats, Floats] | None:
    """Angles on validation rows less those on test rows, and the covariance of their noise."""
    ids = [s.id for s in task.strategies if s.id in task.qualities]
    seen = answered(task.findings, ids, task.expected)
    observation = rows_observation(seen, NO_DRIFT)
    if observation is None:
        return None
    qualities = [task.qualities[id] for id in observation.about]
    deviations = np.array([noise_of(quality) for quality in qualities])
    shared = task.alike + (1 - task.alike) * np.eye(len(qualities))
    ends = to_angle(np.array([quality.value for quality in qualities]))
    return observation.values - ends, observation.noise + shared * np.outer(deviations, deviations)
