"""The turns of the parity benchmark, each stored as it is done; what is stored is not redone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.parity.figures import BATCHES, BESIDE, BOTH, CHOICES, HARNESS, OURS
from benchmarks.parity.hosted import ask_both, choose_both, compare_both
from benchmarks.parity.rows import (
    QUICK_ROWS,
    TASKS,
    Piece,
    job_of,
    pieces,
    prepare,
    prompts_of,
    read_rows,
)
from benchmarks.speed.sheet import Measurement, Sheet
from corpora.errors import InvalidInput
from strategies.few_shot import FewShot

if TYPE_CHECKING:
    from strategies.models.local import LocalModel

PARTS = ("harness", "hosted")
WRITTEN = "dstc9-faq"
"""Questions with short written answers, for which both sides keep as many tokens: a hosted model
estimates the length of the training answers at four characters a token."""
LABELLED = "banking77-10"
COMPARED_ROWS, ASKED_ROWS, CHOSEN_ROWS = 24, 48, 60
SHOTS = 8
Say = Callable[[str], None]


@dataclass(frozen=True)
class Turn:
    """One side of a piece. `work` returns its facts, `seconds` among them."""

    piece: str
    side: str
    work: Callable[[], Mapping[str, Any]]


class Places:
    """Where things lie: the model's folder, the data sets, the Python that has lm-eval."""

    def __init__(self, model: Path, datasets: Path, python: Path | None = None) -> None:
        self.folder = model
        self.datasets = datasets
        self.python = python

    @cached_property
    def model(self) -> LocalModel:
        """In the type that the product computes in here."""
        return self._load()

    @cached_property
    def exact(self) -> LocalModel:
        """In float32."""
        import torch

        return self._load(dtype=torch.float32)

    def _load(self, **how: Any) -> LocalModel:
        from strategies.models.local import LocalModel

        return LocalModel(self.folder, name=self.folder.name, device="cpu", **how)


def check_parts(parts: Sequence[str], datasets: Path | None, python: Path | None) -> Path:
    """The folder of data sets. Raises InvalidInput, with the fix, where a part lacks what it
    needs."""
    needed = {"harness": TASKS, "hosted": (WRITTEN, LABELLED)}
    names = sorted({name for part in parts for name in needed[part]})
    missing = [name for name in names if datasets is None or not (datasets / name).is_dir()]
    if datasets is None or missing:
        fix = f"Give the folder of data sets, with {', '.join(missing)} in it."
        raise InvalidInput("--datasets", None if datasets is None else str(datasets), fix)
    if "harness" in parts and (python is None or not python.is_file()):
        fix = (
            "Give the Python that has lm-eval, or with --peers a folder that holds it as "
            "bin/python or peers-venv/bin/python; or choose --only hosted."
        )
        raise InvalidInput("--peers-python", None if python is None else str(python), fix)
    return datasets


def python_in(peers: Path | None) -> Path | None:
    """The Python of an environment that is the folder of the peers, or lies in it or here."""
    folders = [*((peers, peers / "peers-venv") if peers else ()), Path("peers-venv")]
    found = (folder.absolute() / "bin" / "python" for folder in folders)
    return next((path for path in found if path.is_file()), None)


def measure_parity(
    places: Places, parts: Sequence[str], *, quick: bool, sheet: Sheet, say: Say
) -> list[Measurement]:
    """Do what the sheet lacks; returns the measurements of these parts. Raises SideFailed, all
    before it kept."""
    turns = {"harness": harness_turns, "hosted": hosted_turns}
    asked = [turn for part in PARTS if part in parts for turn in turns[part](places, quick=quick)]
    for turn in asked:
        if sheet.has(turn.piece, turn.side, 0):
            continue
        say(f"{turn.piece}, {turn.side} ...")
        facts = dict(turn.work())
        seconds = float(facts.pop("seconds"))
        sheet.add(Measurement(turn.piece, turn.side, 0, seconds, facts))
        say(f"{turn.piece}, {turn.side}: {seconds:.1f} s")
    keys = {(turn.piece, turn.side, 0) for turn in asked}
    return [one for one in sheet.measurements if one.key in keys]


def harness_turns(places: Places, *, quick: bool) -> Iterator[Turn]:
    for piece in pieces(quick=quick):
        yield Turn(piece.name, OURS, partial(ours, places, piece))
        yield Turn(piece.name, HARNESS, partial(harness, places, piece))


def ours(places: Places, piece: Piece) -> Mapping[str, Any]:
    from benchmarks.parity.scoring import score_ours

    dataset = read_rows(places.datasets, piece.task, piece.rows)
    prepared = prepare(dataset, places.model, piece.shots)
    return {**asdict(piece), **score_ours(prepared, places.model, dataset.test)}


def harness(places: Places, piece: Piece) -> Mapping[str, Any]:
    from benchmarks.parity.scoring import score_by_harness

    assert places.python is not None
    dataset = read_rows(places.datasets, piece.task, piece.rows)
    prepared = prepare(dataset, places.model, piece.shots)
    dtype = places.model.info.dtype
    job = job_of(prepared, dataset.test, model=places.folder, dtype=dtype)
    return {**asdict(piece), "dtype": dtype, **score_by_harness(piece.name, places.python, job)}


def hosted_turns(places: Places, *, quick: bool) -> Iterator[Turn]:
    """The comparison in float32, the rest in the type that the product computes in."""

    def rows(many: int) -> int:
        return QUICK_ROWS if quick else many

    for piece, work, many in (
        (BESIDE, beside, COMPARED_ROWS),
        (BATCHES, in_batches, ASKED_ROWS),
        (CHOICES, choices, CHOSEN_ROWS),
    ):
        yield Turn(f"{piece}, {rows(many)} rows", BOTH, partial(work, places, rows(many)))


def beside(places: Places, rows: int) -> Mapping[str, Any]:
    dataset = read_rows(places.datasets, WRITTEN, rows)
    return compare_both(dataset, FewShot(shots=SHOTS), places.exact)


def in_batches(places: Places, rows: int) -> Mapping[str, Any]:
    dataset = read_rows(places.datasets, WRITTEN, rows)
    prepared = prepare(dataset, places.model, SHOTS)
    prompts = prompts_of(prepared, dataset.test)
    return ask_both(places.model, prompts, max_new_tokens=prepared.max_new_tokens)


def choices(places: Places, rows: int) -> Mapping[str, Any]:
    dataset = read_rows(places.datasets, LABELLED, rows)
    prepared = prepare(dataset, places.model, SHOTS)
    prompts = prompts_of(prepared, dataset.test)
    right = [row.output for row in dataset.test]
    return choose_both(places.model, prompts, dataset.task.labels, right)
