"""From findings to a belief: fitted to tasks measured whole, or unfitted and wide.

What is fitted are eleven variances (how strategies and tasks vary together), two (how validation
rows differ from test rows), and for each kind of other figure a few weights, all of them drawn to
guesses that few tasks overrule only slowly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field
from threadpoolctl import threadpool_limits

from benchmarks.belief.belief import Belief, Observation
from benchmarks.belief.channels import Channel, learned, observed
from benchmarks.belief.figures import (
    READ,
    Reading,
    latest,
    readings_of,
    to_come,
    train_rows_in,
    worth,
)
from benchmarks.belief.gate import Gate
from benchmarks.belief.history import History, doubt_of, fitted_spread, history_of, table_of
from benchmarks.belief.layout import laid_out
from benchmarks.belief.lessons import drift_of, lessons_of
from benchmarks.belief.macro import NONE_EXPECTED, Expected, balanced, extra_of
from benchmarks.belief.measured import Measured
from benchmarks.belief.rows import Answered, Drift, answered, rows_observation, with_more
from benchmarks.belief.spread import Spread
from benchmarks.evidence.finding import Action, Deed, Finding
from benchmarks.records import StrategyFacts
from corpora.errors import InvalidInput
from corpora.files import parse_json, read_text
from corpora.invalid import validated
from corpora.task import Frozen, Kind

SHIPPED = Path(__file__).with_name("predictor.json")
"""What comes with the product. Without tasks in it, it is the guesses alone."""
Readings = Mapping[tuple[Deed, str], Reading]
NOT_KEPT: Mapping[str, object] = {"findings": (), "expected": {}}
"""Of a measured task, once it was learned from."""
MEANING = {
    "scale": "All deviations and weights are of angles: quality = sine squared of the angle.",
    "spread": "Standard deviations of the effects on one task: of the task on all strategies, on"
    " those with a language model, with examples looked up, with documents, with trained weights,"
    " on those that do nearly the same, on a search and its default, and of one strategy alone"
    " with (own) and without (plain) a language model. over_all, over_kind: the variances of the"
    " same effects over all tasks and over all tasks of a kind, as multiples of these.",
    "doubt": "What the covariance of a new task is multiplied by, because tasks left out came out"
    " farther off than it says.",
    "drift": "How far validation rows are from test rows beyond sampling: all strategies together,"
    " and each.",
    "channels": "How the figures of a kind of finding speak of a strategy: figure = weights[0] +"
    " weights[1] x (angle - 0.8) + weights[2..5] by kind of task (classification, extraction,"
    " question-answering, generation) + noise. unsure: the covariance of the weights. noise: that"
    " of the figures, from so many degrees of freedom. models: those that it was fitted to; what"
    " another language model reads is trusted less.",
    "gate": "What decides a forecast (way): the predictor, or a simple rule that did"
    " better on measured tasks whose source was left out; with the figures that decided it, and the"
    " number of tested tasks of each kind, and their language models: on a kind of fewer than four,"
    " or with another model, the predictor decides."
    " Without figures nothing was tested.",
    "tasks": "What was measured on test rows, which is what strategies are known by: mean, its"
    " standard error, rows. Cascades follow their parts.",
}


class Predictor(Frozen):
    """What measured tasks taught; a readable JSON file. `Predictor()` has seen none."""

    format: Literal["tuneworth.predictor/1"] = "tuneworth.predictor/1"
    meaning: dict[str, str] = MEANING
    spread: Spread = Spread()
    doubt: float = Field(default=1.0, ge=1)
    drift: Drift = Drift()
    channels: tuple[Channel, ...] = ()
    gate: Gate = Gate()
    tasks: tuple[Measured, ...] = ()

    @classmethod
    def fit(cls, tasks: Sequence[Measured]) -> Predictor:
        """Fit to tasks measured whole. None or few leave the guesses nearly as they are.

        Of twenty tasks with eighteen strategies it takes about a second.
        """
        with threadpool_limits(1, user_api="blas"):  # more wait by spinning, on a busy machine long
            table = table_of(tasks)
            spread = fitted_spread(table)
            return cls(
                spread=spread,
                doubt=doubt_of(table, spread),
                drift=drift_of(tasks),
                channels=learned(lessons_of(tasks)),
                tasks=tuple(task.model_copy(update=NOT_KEPT) for task in tasks),
            )

    @classmethod
    def read(cls, path: Path) -> Predictor:
        """Raises InvalidInput for a file that is not one."""
        values = parse_json(read_text(path, path.name), path.name)
        if not isinstance(values, dict):
            raise InvalidInput(path.name, values, "Give a file that `Predictor.write` wrote.")
        return validated(cls, values, place=f"{path.name}: ")

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        draft = path.with_name(path.name + ".tmp")
        draft.write_text(laid_out(self.model_dump(mode="json")) + "\n", encoding="utf-8")
        draft.replace(path)

    @cached_property
    def history(self) -> History:
        return history_of(table_of(self.tasks), self.spread, self.doubt)

    def prior(self, kind: Kind, strategies: Sequence[StrategyFacts]) -> Belief:
        """Before any finding. A strategy never measured is believed to be like its family."""
        key = (kind, tuple(strategies))
        if key not in self._priors:
            self._priors[key] = self.history.belief(*key)
        return self._priors[key]

    @cached_property
    def _priors(self) -> dict[tuple[Kind, tuple[StrategyFacts, ...]], Belief]:
        """Those that were asked for: a forecast asks for the same one at every step."""
        return {}

    def belief(
        self,
        kind: Kind,
        strategies: Sequence[StrategyFacts],
        findings: Sequence[Finding],
        expected: Expected = NONE_EXPECTED,
    ) -> Belief:
        """After all these findings, whatever their order; of one deed and strategy the one with
        most rows or the largest share counts. Findings with trouble, or of strategies that are
        not among `strategies`, say nothing. Where the metric is macro-F1, `expected` are the right
        labels of the rows."""
        rows = answered(findings, [strategy.id for strategy in strategies], expected)
        first = self.after_rows(kind, strategies, rows)
        readings = beside(rows, read_in(findings, strategies, expected), kind, expected)
        return self.after_readings(kind, first, readings, first)

    def foreseen(
        self,
        kind: Kind,
        strategies: Sequence[StrategyFacts],
        findings: Sequence[Finding],
        action: Action,
        expected: Expected = NONE_EXPECTED,
    ) -> Belief:
        """The belief as `action` would leave it, finding what is expected: the same mean, and the
        covariance that would remain."""
        rows = answered(findings, [strategy.id for strategy in strategies], expected)
        readings = read_in(findings, strategies, expected)
        first = self.after_rows(kind, strategies, rows)
        now = self.after_readings(kind, first, beside(rows, readings, kind, expected), first)
        train_rows, extra = train_rows_in(findings), extra_of(expected)
        coming = to_come(action, kind, strategies, readings, train_rows, extra)
        then = first
        if coming is not None:
            readings = {**readings, (coming.deed, coming.strategy): coming}
        elif action.deed == "rows" and action.strategy in now.ids:
            rows = with_more(rows, action, expected)
            then = self.after_rows(kind, strategies, rows)
        readings = beside(rows, readings, kind, expected)
        # figures to come are not known: only covariances are taken from here
        covariance = self.after_readings(kind, then, readings, first).covariance
        return Belief(now.ids, now.mean, covariance)

    def after_rows(
        self, kind: Kind, strategies: Sequence[StrategyFacts], rows: Mapping[str, Answered]
    ) -> Belief:
        """After answered rows, all together."""
        prior = self.prior(kind, strategies)
        observation = rows_observation(rows, self.drift)
        return prior if observation is None else prior.updated(observation)

    def after_readings(self, kind: Kind, belief: Belief, readings: Readings, at: Belief) -> Belief:
        """After what each kind of reading says of all its strategies; how sure its weights are is
        judged where `at` believes the qualities to be."""
        for deed in READ:
            of_deed = [one for one in readings.values() if one.deed == deed]
            if of_deed:
                belief = belief.updated(self.observed(of_deed, kind, at))
        return belief

    def observed(self, readings: Sequence[Reading], kind: Kind, at: Belief) -> Observation:
        angles = [float(at.mean[at.ids.index(one.strategy)]) for one in readings]
        return observed(readings, self.channels, kind, angles)


def read_in(
    findings: Sequence[Finding], strategies: Sequence[StrategyFacts], expected: Expected
) -> Readings:
    """Of each deed and strategy what was read last."""
    return latest(readings_of(balanced(findings, expected), strategies, extra_of(expected)))


def beside(
    rows: Mapping[str, Answered], readings: Readings, kind: Kind, expected: Expected
) -> Readings:
    """What readings say that answered rows did not. Where there are labels a prompt answers the
    one that is likeliest, so that its likelihoods of as many rows are the same answers again."""
    extra = extra_of(expected)
    return {
        key: one
        for key, one in readings.items()
        if kind != "classification"
        or one.deed != "likelihood"
        or one.strategy not in rows
        or worth(rows[one.strategy].rows, extra) < one.rows
    }
