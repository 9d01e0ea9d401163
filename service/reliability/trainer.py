"""A worker that trains a tiny model over and over, so that a true training runs beside requests.

`python -m service.reliability.trainer FOLDER`, with the tiny model in FOLDER.
"""

import sys
from functools import partial
from pathlib import Path

from benchmarks.errors import Cancelled
from benchmarks.judging import scorer
from benchmarks.progress import ProgressEvent
from service.orders import BEGIN, Next, Order, Planned
from service.progress import ProgressBoard
from service.settings import Settings
from service.specs import dataset_from
from service.worker import work


def train(model_folder: Path, order: Order) -> Next:
    """A comparison of one strategy: one LoRA training after the other on the order's rows, until it
    is cancelled."""
    if order.name == BEGIN:
        return Next(units=(Planned("lora", computes=True),))
    from strategies.lora import Lora
    from strategies.models.local import LocalModel

    dataset, board = dataset_from(order.spec), order.board
    assert isinstance(board, ProgressBoard)
    model = LocalModel(model_folder, name="tiny", device="cpu")

    def tell(fraction: float, message: str) -> None:
        board.note(ProgressEvent("lora", "preparing", fraction, None, 1, 1, message))
        if order.cancelled():
            raise Cancelled("told to stop")

    data = (dataset.task, dataset.train, dataset.validation, dataset.documents)
    seed = 0
    while True:
        Lora().prepare(*data, model, scorer(dataset.task), seed=seed, progress=tell)
        seed += 1


if __name__ == "__main__":
    work(Settings.from_environment(), partial(train, Path(sys.argv[1])))
