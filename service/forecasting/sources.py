"""Where a forecast's findings and its experience come from, where nobody hands in others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.belief.predictor import SHIPPED, Predictor
from benchmarks.costs import PriceList
from benchmarks.evidence.finding import Action, Finding, Source
from benchmarks.evidence.live import LiveSource
from benchmarks.evidence.store import FindingStore, head_of
from benchmarks.evidence.workshop import nothing
from benchmarks.plan import needed_models
from corpora.errors import InvalidInput
from corpora.task import Dataset
from service.comparing import load_named
from service.forecasting.expected import Outlook
from service.forecasting.planning import ForecastPlan
from strategies.models.base import Model
from strategies.waiting import settle_waiting


def live_source(
    dataset: Dataset,
    outlook: Outlook,
    prices: PriceList,
    earlier: Sequence[Finding] = (),
    poll: Callable[[], None] = nothing,
    load: Callable[[str], Model] = load_named,
) -> LiveSource:
    """Computes here, with the models of the comparison; goes on behind `earlier`."""
    settle_waiting(alone=True)
    entries = outlook.fitting
    return LiveSource(
        dataset,
        entries,
        {name: partial(load, name) for name in needed_models(entries)},
        outlook.run.seed,
        quoted=outlook.models,
        prices=prices,
        earlier=earlier,
        poll=poll,
    )


def kept_source(
    planned: ForecastPlan,
    path: Path,
    poll: Callable[[], None] = nothing,
    load: Callable[[str], Model] = load_named,
) -> Continued:
    """A live source whose findings go to a file, and that goes on behind those of the file; what
    was found of something else, or by another version, makes way. `poll` may raise Cancelled in
    the middle of something, which is then not found."""
    outlook = planned.outlook
    head = head_of(
        planned.dataset, outlook.fitting, outlook.run.seed, n_test=outlook.run.task.n_test
    )
    try:
        store = FindingStore(path, head)
    except InvalidInput:
        path.unlink()
        store = FindingStore(path, head)
    earlier = tuple(store.findings)
    live = live_source(planned.dataset, outlook, planned.prices, earlier, poll, load)
    return Continued(live, earlier, store.add)


class Continued:
    """A source that goes on behind what was found `earlier`, which a forecast books at its start.

    `live` stands behind all of `earlier`. Every new finding goes to `keep`.
    """

    def __init__(
        self, live: Source, earlier: Sequence[Finding], keep: Callable[[Finding], None]
    ) -> None:
        self.live = live
        self.earlier = tuple(earlier)
        self.keep = keep

    def actions(self) -> Sequence[Action]:
        return self.live.actions()

    def take(self, action: Action) -> Finding:
        finding = self.live.take(action)
        self.keep(finding)
        return finding


def shipped_predictor() -> Predictor:
    """The one that comes with Tuneworth."""
    return Predictor.read(SHIPPED)


def predictor_told(predictor: Predictor) -> str:
    """What the belief was learned from, in words."""
    tasks = len(predictor.tasks)
    if not tasks:
        return "no measured task, but guesses that are wide on purpose."
    sources = len({task.source for task in predictor.tasks})
    tested = predictor.gate.tasks
    part = f", {tested} of them with cheap evidence" if tested else ""
    return f"{tasks} compared tasks of {sources} sources{part}."
