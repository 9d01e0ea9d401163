"""Findings as they are made: on the models, by the strategies themselves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from benchmarks.costs import PriceList, read_prices
from benchmarks.environment import cuda_devices, usable_cores
from benchmarks.errors import BadPriceFile, SpendingLimit
from benchmarks.evidence.deeds import (
    Found,
    answer_rows,
    find_passages,
    fit_head,
    grow_pilot,
    look_at_data,
    read_answers,
)
from benchmarks.evidence.expectation import Expectation, Guess
from benchmarks.evidence.finding import Action, Finding
from benchmarks.evidence.guesses import Guesser
from benchmarks.evidence.instruments import Instruments, OnModels
from benchmarks.evidence.offers import Offers, fitting
from benchmarks.evidence.rows import rows_of
from benchmarks.evidence.sharing import Sharing
from benchmarks.evidence.steps import Standing, Step, described, step_of
from benchmarks.evidence.workshop import Workshop, nothing
from benchmarks.guard import Broken
from benchmarks.model_slot import LoadModel, ModelSlot
from benchmarks.plan import Entry, needed_models
from benchmarks.quote import QuotedModel
from corpora.task import Dataset
from strategies.models.account import scoped
from strategies.models.base import Model, Usage
from strategies.models.hosted import hosted_models


class LiveSource:
    """Does what it offers. One model is in memory at a time.

    Of `dataset` the training and validation rows are read, the test rows never. `quoted` says of
    the models what can be known before they are loaded; without it hosted ones are known by their
    configured names. `earlier` are findings of the same task, entries and seed, which it goes on
    behind: what must be made again for that is not booked again. `poll` is called at every step of
    what takes long, and may raise Cancelled: then nothing was found. Raises BadPriceFile for a
    hosted model without a price.

    Of an action that was broken off the paid replies are recalled when it is taken again, and are
    booked with the seconds that they took.
    """

    def __init__(
        self,
        dataset: Dataset,
        entries: Sequence[Entry],
        models: Mapping[str, LoadModel],
        seed: int = 0,
        *,
        quoted: Sequence[QuotedModel] | None = None,
        prices: PriceList | None = None,
        earlier: Sequence[Finding] = (),
        instruments: Instruments | None = None,
        poll: Callable[[], None] = nothing,
        clock: Callable[[], float] = time.perf_counter,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self.clock, self.cpu_clock = clock, cpu_clock
        self.prices = prices or read_prices()
        self.rows = rows_of(dataset.train, dataset.validation, seed)
        self.dataset = Dataset(
            task=dataset.task,
            train=self.rows.learned,
            validation=self.rows.validation,
            test=(),
            documents=dataset.documents,
        )
        self.models = known_models(entries, quoted)
        self.entries = {each.id: each for each in fitting(entries, self.dataset, self.models)}
        chains = Offers(self.dataset, [*self.entries.values()], self.models, self.rows).chains()
        guesser = Guesser(
            self.dataset,
            self.rows,
            self.entries,
            self.models,
            self.prices,
            self.prices.machine_for(cores=usable_cores(), gpu=bool(cuda_devices())),
        )
        self.guesses: tuple[Guess, ...] = tuple(
            guesser.guess(steps[0]) for steps in chains.values()
        )
        self.standing = Standing(chains)
        self.expectation = Expectation(self.guesses)
        for finding in earlier:
            self._took(finding)
        self.sharing = Sharing((finding.shared for finding in earlier), clock=clock)
        self.shop = Workshop(
            self.dataset, self.rows, seed, self.sharing, instruments or OnModels(), poll
        )
        self.slot = ModelSlot(models, lambda name: self.shop.let_go(), self.shop.place)
        self._loaded: str | None = None
        lost = {one.action.strategy for one in earlier if one.model_lost} - {None}
        self._lost = {self.entries[name].model for name in lost if name in self.entries}
        self._close_lost()

    def actions(self) -> list[Action]:
        """As `Source.actions`, cheap deeds first."""
        return [self._action(step) for step in self.standing.open()]

    def take(self, action: Action) -> Finding:
        """As `Source.take`. Raises ValueError for what is not offered."""
        step = step_of(action)
        if step not in self.standing.open():
            raise ValueError(f"{described(action)} is not offered now")
        with self.sharing.accounted() as account, scoped(described(action)) as paid:
            began, computed = self.clock(), -self.cpu_clock()
            try:
                found = self._do(step)
            except Broken as broken:
                found = Found({}, trouble=str(broken))
            except SpendingLimit:
                self.expectation.made(account.used)  # what was made for it stays
                raise
            seconds = max(0.0, self.clock() - began - account.restored) + paid.recalled_s
            computed += self.cpu_clock()
        odd = [name for name, value in found.figures.items() if not math.isfinite(value)]
        if odd and found.trouble is None:
            found = replace(found, trouble=f"the model gave no number: {', '.join(odd)}")
        if found.trouble is not None:
            found = replace(found, figures={}, scores={}, labels={}, readings={})
        finding = Finding(
            action=action,
            figures=found.figures,
            scores=found.scores,
            labels=found.labels,
            readings=finite(found.readings),
            seconds=seconds,
            shared=account.used,
            # what was made again is in it, and cannot be told apart
            cpu_seconds=None if account.restored else computed,
            usd=self._usd(step, found.usage),
            operations=found.operations,
            trouble=found.trouble,
            model_lost=found.trouble is not None and self._is_lost(step.strategy),
        )
        self._took(finding)
        self._close_lost()
        return finding

    def _action(self, step: Step) -> Action:
        seconds, usd = self.expectation.of(step)
        return Action(
            deed=step.deed,
            strategy=step.strategy,
            rows=step.rows,
            share=step.share,
            seconds=seconds,
            usd=usd,
        )

    def _took(self, finding: Finding) -> None:
        self.standing.took(finding)
        self.expectation.took(finding)

    def _do(self, step: Step) -> Found:
        if step.strategy is None:
            return look_at_data(self.shop)
        entry, before = self.entries[step.strategy], self.standing.last(step.chain)
        if step.deed == "retrieval":
            return find_passages(self.shop, entry)
        if entry.model is None:
            return answer_rows(self.shop, entry, None, step, before)
        model = self._model(entry.model)
        if step.deed == "rows":
            return answer_rows(self.shop, entry, model, step, before)
        if step.deed == "likelihood":
            return read_answers(self.shop, entry, model, step, before)
        if step.deed == "head":
            return fit_head(self.shop, entry, model)
        return grow_pilot(self.shop, entry, model, step, self.standing.taken.get(step.chain, []))

    def _model(self, name: str) -> Model:
        """The model; its loading is booked once."""
        if name == self._loaded:
            self.sharing.note_used(f"model {name}")
            return self.slot.load(name)
        self._loaded = None
        model = self.sharing.once(f"model {name}", lambda: self.slot.load(name))
        if model.hosted and not self.models[name].hosted:
            self._bill(name)
        self._loaded = name
        return model

    def _bill(self, name: str) -> None:
        """A model turns out to be a hosted one. Raises Broken where it has no price."""
        try:
            self.prices.tokens_for(name)
        except BadPriceFile as error:
            raise Broken(str(error)) from error
        self.models[name] = self.models[name].model_copy(update={"hosted": True})

    def _close_lost(self) -> None:
        """Nothing more can be learned of what needs a model that cannot be loaded."""
        self.standing.close(
            (deed, strategy)
            for deed, strategy in self.standing.chains
            if deed != "retrieval" and self._is_lost(strategy)
        )

    def _is_lost(self, strategy: str | None) -> bool:
        """Whether it needs a model that cannot be loaded."""
        if strategy is None:
            return False
        model = self.entries[strategy].model
        return model in self._lost or self.slot.is_broken(model)

    def _usd(self, step: Step, usage: Usage) -> float:
        model = self.entries[step.strategy].model if step.strategy else None
        if model is None or not self.models[model].hosted:
            return 0.0
        price = self.prices.tokens_for(model)
        return price.usd(usage.prompt, usage.cached, usage.completion)


def finite(readings: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Without numbers that none can be written for, and names that nothing was read of. One
    strategy's odd confidence must not lose the finding."""
    kept = {
        name: {row: value for row, value in of.items() if math.isfinite(value)}
        for name, of in readings.items()
    }
    return {name: of for name, of in kept.items() if of}


def known_models(
    entries: Sequence[Entry], quoted: Sequence[QuotedModel] | None
) -> dict[str, QuotedModel]:
    """What is known of the models that entries use, by name."""
    told = {model.name: model for model in quoted or ()}
    configured = set(hosted_models()) if quoted is None else set()
    return {
        name: told.get(name) or QuotedModel(name=name, hosted=name in configured)
        for name in needed_models(entries)
    }
