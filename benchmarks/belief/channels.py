"""What figures other than answered rows say of a strategy, learned from measured tasks. Pure.

A channel takes the figures of one kind of finding as noisy readings of the quality that the
strategy has in the end: figure = intercept + slope × quality + offset of the kind of task + noise,
all on the scale of angles. Read this way round, a figure that says nothing gets a slope near 0
and is ignored, and one that jumps about gets a large noise; neither draws a belief anywhere.

A channel starts from guesses (`figures.guesses`), and its weights are drawn to them: a ridge
regression whose penalties are prior variances (Hoerl and Kennard 1970). How unsure the weights
remain, and that the noise comes from few tasks, goes into what a reading is trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pydantic import Field

from benchmarks.belief.belief import Observation
from benchmarks.belief.figures import CENTRE, Guess, Reading, guesses
from benchmarks.evidence.finding import Deed
from benchmarks.resampling import Floats
from corpora.task import Frozen, Kind

KINDS: tuple[Kind, ...] = ("classification", "extraction", "question-answering", "generation")
NOISE_FROM = 2.0
"""Tasks that a guessed noise is worth."""
LEFT_OF_NOISE = 0.3
"""At least this part of a noise stays when the measuring error of the qualities is taken out."""
SAME_TASK = 0.5
"""Correlation of the noises of two strategies' readings by one channel on one task."""
ROUNDS = 4
"""Weights depend on the noise and the noise on the weights; they settle in so many rounds."""


class Figure(Frozen):
    """`weights`: the intercept at CENTRE, the slope, and the offset of each of KINDS. `unsure`
    is their covariance."""

    name: str
    weights: tuple[float, ...]
    unsure: tuple[tuple[float, ...], ...]


class Channel(Frozen):
    """What was learned of some figures read together. `noise` is their covariance (figures ×
    figures) around what they should be, estimated with `freedom` degrees."""

    deed: Deed
    share: float = Field(description="part of the training rows, 1 where that does not matter")
    tasks: float = Field(description="measured tasks that it was fitted to")
    rows: float = Field(description="validation rows behind a figure, on average; 0 if guessed")
    figures: tuple[Figure, ...]
    noise: tuple[tuple[float, ...], ...]
    freedom: float
    models: tuple[str, ...] = Field(default=(), description="language models that it was fitted to")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(figure.name for figure in self.figures)

    @property
    def slopes(self) -> Floats:
        return np.array([figure.weights[1] for figure in self.figures])

    def without_quality(self, reading: Reading, kind: Kind) -> Floats:
        """The figures less all that is not slope × quality."""
        at_zero = regressors(0.0, kind)
        rests = [
            reading.figures[one.name] - at_zero @ np.array(one.weights) for one in self.figures
        ]
        return np.array(rests)

    def noise_at(self, kind: Kind, angle: float, rows: int, model: str | None) -> Floats:
        """Covariance of the figures around slope × quality where the quality is about `angle`:
        their noise, how unsure the weights are there, fewer rows than they were fitted to, and
        what another model may read beside those, guessed to be as much as another kind of task.

        Of p figures whose noise was estimated with f degrees of freedom some combination always
        looks surer than it is, by about 1 + (p + 1) / f.
        """
        at = regressors(angle, kind)
        unsure = np.array([at @ np.array(figure.unsure) @ at for figure in self.figures])
        if self.tasks and model is not None and model not in self.models:
            known = guesses(self.deed, self.share)
            unsure += np.array([known[name].unsure_kind ** 2 for name in self.names])
        few = 1 + (len(self.figures) + 1) / self.freedom if self.tasks else 1.0
        fewer = 1 / (4 * rows + 2) - 1 / (4 * self.rows + 2) if self.rows else 0.0
        scores = np.array(["likelihood" not in name for name in self.names], dtype=float)
        found: Floats = few * np.array(self.noise) + np.diag(unsure + max(0.0, fewer) * scores)
        return found


@dataclass(frozen=True)
class Lesson:
    """A reading beside the angle that its strategy reached in the end, and the error of that.
    `weight` is below 1 where one task gives several."""

    reading: Reading
    kind: Kind
    angle: float
    error: float
    weight: float = 1.0


def regressors(angle: float, kind: Kind) -> Floats:
    return np.array([1.0, angle - CENTRE, *(float(kind == one) for one in KINDS)])


def learned(lessons: Sequence[Lesson]) -> tuple[Channel, ...]:
    """A channel for every set of figures that was read together; a lesson counts for each set
    of which it has all."""
    sets = dict.fromkeys(
        (one.reading.deed, one.reading.share, tuple(one.reading.figures)) for one in lessons
    )
    return tuple(
        taught(deed, share, names, [one for one in lessons if has(one.reading, deed, share, names)])
        for deed, share, names in sorted(sets)
    )


def has(reading: Reading, deed: Deed, share: float, names: Iterable[str]) -> bool:
    return (reading.deed, reading.share) == (deed, share) and set(names) <= set(reading.figures)


def channel_for(reading: Reading, channels: Iterable[Channel]) -> Channel:
    """The one that reads most of the figures at hand; a guessed one where none was learned."""
    fit = [one for one in channels if has(reading, one.deed, one.share, one.names)]
    if fit:
        return max(fit, key=lambda one: (len(one.figures), one.tasks))
    return taught(reading.deed, reading.share, tuple(reading.figures), [])


def taught(deed: Deed, share: float, names: tuple[str, ...], lessons: Sequence[Lesson]) -> Channel:
    """From guesses and lessons; from guesses alone where there is no lesson."""
    known = [guesses(deed, share)[name] for name in names]
    at = np.array([regressors(one.angle, one.kind) for one in lessons])
    at = at.reshape(-1, 2 + len(KINDS))
    read = np.array([[one.reading.figures[name] for name in names] for one in lessons])
    read = read.reshape(-1, len(names))
    weight = np.array([one.weight for one in lessons])
    fits = [ridge(guess, at, column, weight) for guess, column in zip(known, read.T, strict=True)]
    off = read - at @ np.stack([fit.weights for fit in fits], axis=1)
    free = np.sqrt([fit.freedom for fit in fits])
    noise = NOISE_FROM * np.diag([guess.noise**2 for guess in known])
    noise = (noise + off.T @ (weight[:, None] * off)) / np.outer(free, free)
    tasks = float(weight.sum())
    error = sum(one.weight * one.error**2 for one in lessons) / tasks if tasks else 0.0
    slopes = np.array([fit.weights[1] for fit in fits])
    return Channel(
        deed=deed,
        share=share,
        tasks=tasks,
        models=tuple(sorted({one.reading.model for one in lessons if one.reading.model})),
        rows=sum(one.weight * one.reading.rows for one in lessons) / tasks if tasks else 0.0,
        figures=tuple(
            Figure(name=name, weights=short(fit.weights), unsure=shortened(fit.unsure))
            for name, fit in zip(names, fits, strict=True)
        ),
        noise=shortened(without_error(noise, slopes, error)),
        freedom=float(min(fit.freedom for fit in fits)),
    )


@dataclass(frozen=True)
class Ridge:
    """`freedom`: degrees of freedom left for the noise, those of its guess included."""

    weights: Floats
    unsure: Floats
    freedom: float


def ridge(guess: Guess, at: Floats, figure: Floats, weight: Floats) -> Ridge:
    """The weights of one figure: normal around the guess, given the noise, which is the mean
    square of what is left and of its own guess."""
    first = np.array([guess.at_centre, guess.slope, *(0.0 for _ in KINDS)])
    before = np.diag(np.full(2 + len(KINDS), guess.unsure_kind**-2.0))
    before[:2, :2] = np.linalg.inv(guess.unsure)
    weighed = at.T * weight
    variance = guess.noise**2
    for _ in range(ROUNDS):
        unsure = np.linalg.inv(before + weighed @ at / variance)
        weights = first + unsure @ weighed @ (figure - at @ first) / variance
        used = float(np.trace(unsure @ weighed @ at)) / variance
        freedom = NOISE_FROM + float(weight.sum()) - used
        squares = float(weight @ (figure - at @ weights) ** 2)
        variance = (NOISE_FROM * guess.noise**2 + squares) / freedom
    return Ridge(np.asarray(weights), np.asarray(unsure), freedom)


def without_error(noise: Floats, slopes: Floats, error: float) -> Floats:
    """Measured qualities are inexact, which looks like noise of the figures: slope² × error². It
    is taken out, but never more than LEFT_OF_NOISE leaves."""
    size = float(slopes @ np.linalg.solve(noise, slopes))
    most = (1 - LEFT_OF_NOISE) / size if size > 0 else 0.0
    found: Floats = noise - min(error, most) * np.outer(slopes, slopes)
    return found


def short(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)


def shortened(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(short(row) for row in matrix)


def observed(
    readings: Sequence[Reading],
    channels: Iterable[Channel],
    kind: Kind,
    angles: Sequence[float],
) -> Observation:
    """Readings of one deed, of several strategies, as one observation; `angles` are what is
    believed of each strategy. What makes a task's figures mislead for one strategy misleads in
    part for the next, so their noises are correlated where the same figures were read."""
    there = tuple(channels)
    read = [channel_for(one, there) for one in readings]
    ends = np.cumsum([0, *(len(one.figures) for one in read)])
    places = [slice(a, b) for a, b in pairwise(ends)]
    loadings, values = np.zeros((ends[-1], len(readings))), np.zeros(ends[-1])
    noise = np.zeros((ends[-1], ends[-1]))
    roots = [
        np.linalg.cholesky(channel.noise_at(kind, angle, one.rows, one.model))
        for one, channel, angle in zip(readings, read, angles, strict=True)
    ]
    for i, (place, channel, one) in enumerate(zip(places, read, readings, strict=True)):
        loadings[place, i] = channel.slopes
        values[place] = channel.without_quality(one, kind)
        noise[place, place] = roots[i] @ roots[i].T
        for j in range(i):
            if read[j].names == channel.names:
                shared = SAME_TASK * roots[i] @ roots[j].T
                noise[place, places[j]], noise[places[j], place] = shared, shared.T
    return Observation(tuple(one.strategy for one in readings), loadings, values, noise)
