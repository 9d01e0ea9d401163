"""Every task's evidence begins alike: libraries are imported, and no embedder is loaded.

What is imported once a process would else be booked to whichever action came first in it, and the
embedder, which stays for the whole process, to one task of many or to none.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path

from benchmarks.guard import Broken, guarded
from benchmarks.model_slot import LoadModel
from strategies.base import Strategy
from strategies.embedding import let_go, warm_up

LIBRARIES = (
    *("faiss", "rank_bm25", "sklearn.linear_model", "sklearn.model_selection"),
    *("rouge_score.rouge_scorer", "sacrebleu.metrics.chrf"),
    *("peft.tuners.lora", "strategies.training", "strategies.models.given"),
)
"""What strategies and metrics import when they first need it."""


def begin_alike(strategies: Iterable[Strategy], models: Iterable[LoadModel], folder: Path) -> None:
    """Import what will be used, load each model and the embedder once, and let go of all.

    A model that cannot be loaded is told when it is asked for. Raises StorageFull.
    """
    for name in LIBRARIES:
        import_module(name)
    for load in models:
        with suppress(Broken):
            guarded(load, folder)
        gc.collect()
    for strategy in strategies:
        with suppress(Broken):
            guarded(partial(warm_up, strategy), folder)
    let_go()
    gc.collect()
