"""The pieces of work, and the processes that do each: the peer's, ours, a plain reference.

Both sides of a piece are charged the same seconds, which `covers` names; loading is charged to
nobody. The peers' scripts are no part of this package: the user says where they lie.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.workload import FILES
from corpora.errors import InvalidInput

PEER, OURS, REFERENCE, EXACT, OURS_EXACT = "peer", "ours", "reference", "exact", "ours exact"
FULL, HALF, THIRD = "full depth", "upper half", "upper third"
SIZES = (100, 300, 1_000, 3_000, 10_000)
SCRIPTS = ("lm_eval_choice.py", "hf_generate_qa.py", "trl_lora.py")
NEED_PEERS = ("label_scoring", "rag", "rag_batch", "lora")
NEED_NOTHING = ("growth",)
LLAMA = "latency_llama_cpp"
DEPTH = "lora_depth"
NAMES = (*NEED_PEERS, "latency", LLAMA, "ceiling", DEPTH, *NEED_NOTHING)


@dataclass(frozen=True)
class Turn:
    """One process. `command` makes its arguments from the round; `once` is for all rounds."""

    side: str
    command: Callable[[int], Sequence[str]]
    once: bool = False


@dataclass(frozen=True)
class Piece:
    """Work that every side does in turn."""

    name: str
    covers: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Places:
    """Where things lie on this machine; None where the user said nothing."""

    model: Path | None = None
    datasets: Path | None = None
    peers: Path | None = None
    peers_python: Path | None = None
    gguf: Path | None = None


def needs_model(names: Sequence[str]) -> bool:
    return any(name not in NEED_NOTHING for name in names)


def check_places(names: Sequence[str], places: Places) -> None:
    """Raises InvalidInput, with the fix, where a chosen piece lacks what it needs."""
    if needs_model(names):
        missing = missing_of(places.datasets, FILES)
        if missing:
            fix = f"Give the folder of data sets, with {missing} in it; {without(names)}"
            raise InvalidInput("--datasets", shown(places.datasets), fix)
    if any(name in NEED_PEERS for name in names):
        missing = missing_of(places.peers, SCRIPTS)
        if missing:
            fix = f"Give the folder of the peers' scripts, with {missing} in it; {without(names)}"
            raise InvalidInput("--peers", shown(places.peers), fix)
    if any(name in (*NEED_PEERS, LLAMA) for name in names) and (
        places.peers_python is None or not places.peers_python.is_file()
    ):
        fix = f"Give the Python that runs the peers' scripts; {without(names)}"
        raise InvalidInput("--peers-python", shown(places.peers_python), fix)
    if LLAMA in names and (places.gguf is None or not places.gguf.is_file()):
        fix = f"Give the model's weights as a GGUF file; or leave {LLAMA} out of --only."
        raise InvalidInput("--gguf", shown(places.gguf), fix)


def missing_of(folder: Path | None, files: Sequence[str]) -> str:
    """The files that are not in the folder, as a text; empty where all are there."""
    return ", ".join(name for name in files if folder is None or not (folder / name).is_file())


def without(names: Sequence[str]) -> str:
    return f"or choose other work with --only (asked for: {', '.join(names)})."


def shown(path: Path | None) -> str | None:
    return None if path is None else str(path)


def pieces(names: Sequence[str], places: Places) -> list[Piece]:
    """The chosen pieces, in their fixed order. `places` must have passed `check_places`."""
    made = {piece.name: piece for piece in every_piece(places)}
    return [made[name] for name in NAMES if name in names]


def every_piece(places: Places) -> list[Piece]:
    def ours(work: str, *more: str) -> Callable[[int], Sequence[str]]:
        return worker("ours", work, places, more)

    def plain(work: str, *more: str) -> Callable[[int], Sequence[str]]:
        return worker("reference", work, places, more)

    def peer(script: str, *more: str) -> Callable[[int], Sequence[str]]:
        return lambda round: [
            str(places.peers_python),
            str(places.peers and places.peers / script),
            *(part.format(round=round) for part in more),
        ]

    answers = Turn(REFERENCE, plain("rag"), once=True)
    return [
        Piece(
            "label_scoring",
            "rendering, encoding and scoring of all rows",
            (
                Turn(PEER, peer("lm_eval_choice.py", "--shots", "10", "--batch", "8")),
                Turn(OURS, ours("label_scoring")),
                Turn(REFERENCE, plain("label_scoring"), once=True),
                Turn(EXACT, plain("label_scoring", "--exact"), once=True),
            ),
        ),
        Piece(
            "rag",
            "embedding the questions, search and generation, without building the index",
            (
                Turn(PEER, peer("hf_generate_qa.py", "--batch", "1")),
                Turn(OURS, ours("rag")),
                answers,
                Turn(EXACT, plain("rag", "--exact"), once=True),
                Turn(OURS_EXACT, ours("rag", "--exact"), once=True),
            ),
        ),
        Piece(
            "rag_batch",
            "embedding the questions, search and generation, without building the index",
            (Turn(PEER, peer("hf_generate_qa.py", "--batch", "8")), Turn(OURS, ours("rag"))),
        ),
        Piece(
            "lora",
            "training of all four epochs; ours with encoding the rows and writing the adapter",
            (
                Turn(
                    PEER,
                    peer(
                        *("trl_lora.py", "--weights", "bfloat16"),
                        *("--n-test", "300", "--seed", "{round}"),
                    ),
                ),
                Turn(OURS, ours("lora", "--seed", "{round}")),
            ),
        ),
        Piece(
            "latency",
            "one request of 20 new tokens, the median of 20 requests",
            (Turn(PEER, plain("latency")), Turn(OURS, ours("latency"))),
        ),
        Piece(
            LLAMA,
            "one request of 20 new tokens, the median of 20 requests",
            (Turn(PEER, llama_cpp(places)), Turn(OURS, ours("latency"))),
        ),
        Piece(
            "ceiling",
            "matrix products of a prefill and of one epoch of training",
            (Turn(OURS, ours("ceiling")),),
        ),
        Piece(
            DEPTH,
            "training of all four epochs, adapters on every layer or on the upper ones",
            tuple(
                Turn(side, ours("lora", "--seed", "{round}", "--again", "--upper", str(part)))
                for side, part in ((FULL, 1), (HALF, 2), (THIRD, 3))
            ),
        ),
        Piece(
            "growth",
            "a whole run of prompt.zero-shot over so many test rows, with a tiny random model",
            tuple(Turn(f"{size} rows", ours("growth", "--rows", str(size))) for size in SIZES),
        ),
    ]


def worker(
    module: str, work: str, places: Places, more: Sequence[str]
) -> Callable[[int], Sequence[str]]:
    """A process of this package, in this Python."""
    fixed = [sys.executable, "-P", "-m", f"benchmarks.speed.{module}", work]
    for option, path in (("--model", places.model), ("--datasets", places.datasets)):
        if path is not None:
            fixed += [option, str(path)]
    return lambda round: [*fixed, *(part.format(round=round) for part in more)]


def llama_cpp(places: Places) -> Callable[[int], Sequence[str]]:
    """The reference process renders the prompts and hands them to the peers' Python."""
    more = ("--gguf", str(places.gguf), "--peers-python", str(places.peers_python))
    return worker("reference", "latency_llama_cpp", places, more)
