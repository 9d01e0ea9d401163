"""Whether what others showed in a race leaves a strategy a chance that is dear to prepare."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.belief.gate import PREDICTOR
from benchmarks.belief.macro import expected_of
from benchmarks.belief.predictor import Predictor
from benchmarks.costs import PriceList
from benchmarks.evidence.finding import Action, Finding
from benchmarks.evidence.tally import scored
from benchmarks.journal import Records
from benchmarks.raced import is_dear, race_track, tries_of
from benchmarks.records import Record, StrategyFacts
from benchmarks.track import track_of
from corpora.task import Dataset
from service import wording
from service.forecasting.judging import Bench
from service.forecasting.mind import Learned
from service.forecasting.planning import plan_forecast
from service.forecasting.sources import shipped_predictor

LEAST = 0.01
"""A strategy with a smaller chance of being chosen is not prepared: of five such ones, one in
twenty races loses the one that the rule would pick, as the bounds of a race may."""


def hope(
    dataset: Dataset,
    records: Records,
    *,
    strategies: Sequence[str] | None,
    prices: PriceList,
    seed: int = 0,
    predictor: Predictor | None = None,
) -> Callable[[str], str | None]:
    """For `comparing.compare(may_win=...)`: why a strategy cannot win, None where it may.

    Read off the `records` when it is asked. A predictor that has seen no task stops
    nobody, nor does one that a simple rule beat on measured tasks, or that was not tested on such
    kinds of task or with these language models; and where nothing was answered yet, nobody is
    stopped by what other tasks were like.
    No test row is looked at.
    """
    known = predictor or shipped_predictor()
    if not known.tasks or known.gate.way != PREDICTOR or not dataset.train:
        return lambda strategy: None
    outlook = plan_forecast(dataset, strategies=strategies, prices=prices, seed=seed).outlook
    facts = tuple(entry.facts for entry in outlook.fitting)
    if known.gate.untested(dataset.task.kind, facts):
        return lambda strategy: None
    judge = Bench(outlook, seed=seed)
    mind = Learned(
        known, dataset.task.kind, facts, bool(dataset.documents), expected_of(dataset, seed)
    )

    def why_not(strategy: str) -> str | None:
        findings = raced(records.read(), facts, dataset)
        if not findings:
            return None
        judged = judge(mind.belief(findings), findings)
        chance = judged.chosen.get(strategy, 1.0)
        if chance >= LEAST:
            return None
        return (
            f"the answers of {len(findings)} others to validation examples leave it a chance of"
            f" {wording.percent(chance)} to be chosen, by {len(known.tasks)} measured tasks"
        )

    return why_not


def raced(
    records: Sequence[Record], strategies: Sequence[StrategyFacts], dataset: Dataset
) -> list[Finding]:
    """What each strategy answered in the race, as a forecast would have found it.

    Those that searched or trained by these very rows are left out: they stop nobody either.
    """
    known = {row.id: row for row in dataset.validation}
    found = []
    for facts in strategies:
        track = race_track(records, facts)
        if is_dear(facts) or not tries_of(track_of(records, facts)):
            continue
        scores = {row.example: row.scores[dataset.task.metric] for row in track.scored}
        labels = {row.example: row.predicted for row in track.scored if row.predicted is not None}
        if not scores:
            continue
        figures = scored(dataset.task, scores, labels, known)
        figures["errors"] = float(track.errors)
        seconds = sum(batch.seconds for batch in track.batches)
        answers = sum(batch.n for batch in track.batches)
        if answers:
            figures["ms_per_row"] = 1000 * seconds / answers
        action = Action(
            deed="rows", strategy=facts.id, rows=len(scores), share=1.0, seconds=seconds
        )
        found.append(
            Finding(action=action, figures=figures, scores=scores, labels=labels, seconds=seconds)
        )
    return found
