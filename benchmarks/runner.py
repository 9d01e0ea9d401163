"""Running a comparison: every strategy prepared once, every test example answered once.

The only owner of the clock. Everything is stored in the folder's journal the moment it is done,
so a run that was killed goes on where it was, with the same batches as an unbroken one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from benchmarks import stages
from benchmarks.costs import PriceList
from benchmarks.errors import RunLocked
from benchmarks.journal import JOURNAL, Journal, Records
from benchmarks.model_slot import LoadModel, ModelSlot
from benchmarks.placing import FolderShelf, Shelf
from benchmarks.progress import OnProgress, Reporter, ignore_progress
from benchmarks.racing import MayWin
from benchmarks.records import EndRecord, Record
from benchmarks.stages import Setting
from benchmarks.standing import recorded_seconds
from corpora.task import Dataset
from strategies.base import Strategy
from strategies.cache import Cache


def never() -> bool:
    """A run that nobody cancels."""
    return False


def run_comparison(
    dataset: Dataset,
    *,
    strategies: Sequence[Strategy],
    models: Mapping[str, LoadModel],
    folder: Path,
    seed: int = 0,
    prices: PriceList,
    on_progress: OnProgress = ignore_progress,
    cancelled: Callable[[], bool] = never,
    cache: Cache | None = None,
    probes: bool = False,
    race: bool = False,
    may_win: MayWin | None = None,
) -> list[Record]:
    """Run or continue the comparison in `folder`; returns every record of its journal.

    `models` maps a name to what loads it; one model is in memory at a time. A strategy that
    does not fit is skipped, one that raises is failed, and so are those whose model cannot be
    loaded; the others are unharmed. A rerun tries the failed ones again, and rows of hosted models
    that ended in an error. What runs today is judged first. What `cache` holds of earlier work is
    reused where that spoils no measurement (`benchmarks.reuse`). With `probes`, strategies without
    a hosted model are asked further questions (`benchmarks.probes`). Where the task asks for
    learning curves, what is tuned is tuned on parts of the training rows too. With `race`, who can
    no longer win is stopped on validation rows before the test (`benchmarks.racing`), and `may_win`
    is asked before what is dear is prepared; without it, who was stopped earlier runs after all.
    Raises RunMismatch, RunLocked, StorageFull, DamagedJournal, BadPriceFile (a hosted model without
    a price), UnknownMetric, Cancelled, and where no model can be loaded, what the loading of one
    raises.
    """
    began = time.perf_counter()
    setting = setting_of(
        dataset,
        strategies=strategies,
        models=models,
        shelf=FolderShelf(folder),
        seed=seed,
        prices=prices,
        on_progress=on_progress,
        cancelled=cancelled,
        cache=cache,
        probes=probes,
    )
    with sole_owner(folder):
        journal: Records = Journal(folder / JOURNAL)
        run = stages.begin(setting, journal)
        before = found = journal.read()
        over = frozenset[str]()
        if race:
            over = stages.race(setting, run, journal, may_win)
            found = journal.read()
        worked = len(found) > len(before)
        for entry in setting.entries:
            out = entry.id in over
            worked = stages.take(setting, run, journal, entry.id, over=out, before=found) or worked
        while left := stages.again(journal.read(), run) if race else []:
            for name in left:
                worked = stages.take(setting, run, journal, name) or worked
        if worked or not any(isinstance(record, EndRecord) for record in before):
            seconds = recorded_seconds(before) + time.perf_counter() - began
            journal.append([EndRecord(seconds=seconds)])
        return journal.read()


def setting_of(
    dataset: Dataset,
    *,
    strategies: Sequence[Strategy],
    models: Mapping[str, LoadModel],
    shelf: Shelf,
    seed: int,
    prices: PriceList,
    on_progress: OnProgress,
    cancelled: Callable[[], bool],
    cache: Cache | None,
    probes: bool,
) -> Setting:
    """What the stages of a comparison work with; the loading of a model is told as progress."""

    def tell(name: str) -> None:
        tell_loading(on_progress, name, len(setting.ids))

    setting = Setting(
        dataset=dataset,
        strategies=tuple(strategies),
        slot=ModelSlot(models, tell, shelf.folder),
        shelf=shelf,
        seed=seed,
        prices=prices,
        on_progress=on_progress,
        cancelled=cancelled,
        cache=cache,
        probes=probes,
    )
    return setting


@contextmanager
def sole_owner(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the system lets go when the process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunLocked(folder) from error
    try:
        yield
    finally:
        lock.release()


def tell_loading(on_progress: OnProgress, name: str, total: int) -> None:
    Reporter(on_progress, strategy=None, position=1, total=total).tell("loading", 0.0, name)
