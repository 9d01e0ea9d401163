"""What a worker does with an order: the real comparison, unit by unit, or forecast, by the
registries."""

import gc
import sys
from collections.abc import Callable

from benchmarks import stages
from benchmarks.costs import read_prices
from benchmarks.errors import Cancelled
from benchmarks.progress import ProgressEvent
from benchmarks.race_quote import with_race
from benchmarks.records import EndRecord, Record, RunRecord
from benchmarks.runner import setting_of
from benchmarks.stages import Setting
from benchmarks.standing import latest_run
from corpora.task import Dataset
from service.basis import basis_of
from service.caching import task_cache
from service.comparing import chosen_of, load_named
from service.consent import check_cost, check_forecast_cost
from service.forecasting.defaults import FINDINGS
from service.forecasting.hope import hope
from service.forecasting.pages import write_forecast
from service.forecasting.planning import plan_forecast
from service.forecasting.running import forecast
from service.forecasting.sources import kept_source
from service.forms import BASIS_FILE, FORECAST_FILES
from service.orders import BEGIN, FINISH, FORECAST, RACE, Next, Order, Planned
from service.progress import ForecastBoard
from service.published import write_reports
from service.report import build_report
from service.shapes import NewComparison, NewForecast
from service.specs import dataset_from
from strategies.models.account import accounting
from strategies.models.base import Model


def dataset_of(order: Order) -> Dataset:
    """The data of an order, split and limited as its options say."""
    told = {name: order.options.get(name) for name in ("limit", "train_limit")}
    return dataset_from(order.spec, seed=order.options.get("seed", 0), **told)


class Computer:
    """Does one unit after the other (`service.orders.Compute`), and keeps what the next one may
    need too: the data of the comparison, and the model that is in memory."""

    def __init__(self, dataset_of: Callable[[Order], Dataset] = dataset_of) -> None:
        self._dataset_of = dataset_of
        self._model = OneModel()
        self._order: Order | None = None
        self._setting: Setting | None = None

    def __call__(self, order: Order) -> Next:
        try:
            with accounting(order.account):
                if order.name == FORECAST:
                    self._setting = None
                    foretell(order, self._dataset_of(order), self._model.load)
                    return Next()
                return self._do(order, self._setting_for(order))
        except BaseException:
            self._setting = None
            self._model.let_go()  # it may have been left in the midst of its training
            raise

    def _do(self, order: Order, setting: Setting) -> Next:
        race = NewComparison(**order.options).race
        if order.name == BEGIN:
            return begun(order, setting, race=race)
        records = order.records.read()
        run = latest_run(records)
        assert run is not None  # the unit that begins it is done before any other is given out
        if order.name == RACE:
            return raced(order, setting, run)
        if order.name != FINISH:
            stages.take(setting, run, order.records, order.name, over=order.over, before=records)
            return Next()
        left = stages.again(records, run) if race else []
        if not left:
            finish(order, records)
        return Next(again=tuple(left))

    def _setting_for(self, order: Order) -> Setting:
        """What this order's comparison works with: the last order's, where it was of the same.
        Another one reads prices, endpoints and their keys anew: they may be others by now."""
        last, self._order = self._order, order
        if self._setting is None or last is None or last.work != order.work:
            self._setting = None  # lets go of its data and its model
            self._setting = self._make_setting(order)
        self._setting = self._setting.on(order.shelf)
        return self._setting

    def _make_setting(self, order: Order) -> Setting:
        dataset, prices = self._dataset_of(order), read_prices(None)
        options = NewComparison(**order.options)
        strategies, models = chosen_of(dataset, options.strategies, prices, self._model.load)
        return setting_of(
            dataset,
            strategies=strategies,
            models=models,
            shelf=order.shelf,
            seed=options.seed,
            prices=prices,
            on_progress=self._note,
            cancelled=self._cancelled,
            beside=self._beside,
            cache=task_cache(order.results) if order.results else None,
            probes=options.probes,
        )

    def _note(self, event: ProgressEvent) -> None:
        """Of the order at hand: a setting outlives an order."""
        assert self._order is not None
        assert not isinstance(self._order.board, ForecastBoard)
        self._order.board.note(event)

    def _cancelled(self) -> bool:
        assert self._order is not None
        return self._order.cancelled()

    def _beside(self) -> int:
        assert self._order is not None
        return self._order.beside()


class OneModel:
    """The one model that a process has in memory, however many comparisons ask for it."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._model: Model | None = None

    def load(self, name: str) -> Model:
        """Raises as `load_named`."""
        if self._model is None or name != self._name:
            self.let_go()
            model = load_named(name)
            if model.hosted:  # its endpoint may be another one when it is asked for next
                return model
            self._name, self._model = name, model
        return self._model

    def let_go(self) -> None:
        held = self._model is not None
        self._name = self._model = None
        if held or "torch" in sys.modules:  # also what half a load has left
            gc.collect()


def begun(order: Order, setting: Setting, *, race: bool) -> Next:
    """Begin the run; what follows are its strategies, behind their race where there is one."""
    options = NewComparison(**order.options)
    # asked for again: prices and endpoints may be others than when it was queued
    check_cost(
        setting.dataset,
        options.strategies,
        options.accept_cost_usd,
        setting.prices,
        race=race,
        at_most=options.spend_at_most_usd,
    )
    return Next(units=planned(setting, stages.begin(setting, order.records), race=race))


def planned(setting: Setting, run: RunRecord, *, race: bool) -> tuple[Planned, ...]:
    """The units of a run that follow its beginning, in its order."""
    quoted = setting.quoted(run)
    here = {model.name for model in run.models if not model.hosted}
    hosted = {entry.id for entry in setting.entries if entry.model and entry.model not in here}
    rows = with_race(quoted, setting.dataset, hosted).rows if race else quoted.rows
    before = {row.id: row.race_seconds + row.setup_seconds if race else 0.0 for row in rows}
    whole = {row.id: row.seconds for row in rows}
    units = [
        Planned(entry.id, whole[entry.id] - before[entry.id], entry.model in here)
        for entry in setting.entries
    ]
    if race:
        computes = any(unit.computes for unit in units)
        units.insert(0, Planned(RACE, sum(before.values()), computes))
    return tuple(units)


def raced(order: Order, setting: Setting, run: RunRecord) -> Next:
    """Race before the test; who is over is not taken."""
    options = NewComparison(**order.options)
    may_win = hope(
        setting.dataset,
        order.records,
        strategies=options.strategies,
        prices=setting.prices,
        seed=options.seed,
    )
    return Next(over=stages.race(setting, run, order.records, may_win))


def finish(order: Order, records: list[Record]) -> None:
    """Say what the run took, unless it is said already, and write the reports and what what-ifs
    rest on."""
    if not any(isinstance(record, EndRecord) for record in records):
        order.records.append([EndRecord(seconds=order.seconds)])
        records = order.records.read()
    report = build_report(records)
    write_reports(report, order.folder)
    (order.folder / BASIS_FILE).write_bytes(basis_of(records, report).as_json())


def foretell(order: Order, dataset: Dataset, load: Callable[[str], Model]) -> None:
    """Foretell, and write the three forms; what an earlier attempt found is not computed again."""
    assert isinstance(order.board, ForecastBoard)
    options, prices = NewForecast(**order.options), read_prices(None)
    planned = plan_forecast(
        dataset,
        strategies=options.strategies,
        prices=prices,
        seed=options.seed,
        budget_seconds=options.budget_seconds,
        budget_usd=options.budget_usd,
        spend_at_most=options.spend_at_most_usd,
    )
    check_forecast_cost(planned, options.accept_cost_usd, options.spend_at_most_usd)

    def poll() -> None:
        if order.cancelled():
            raise Cancelled("told to stop")

    found = forecast(
        planned,
        confidence=options.confidence,
        source=kept_source(planned, order.folder / FINDINGS, poll, load),
        cancelled=order.cancelled,
        on_step=order.board.note,
    )
    if found.stop == "told to":
        raise Cancelled("told to stop")
    for name in FORECAST_FILES:
        write_forecast(found, order.folder / name)
