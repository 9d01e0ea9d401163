"""Writing and reading what a prepared strategy leaves behind: JSON, JSON lines, Markdown.

Readable files only, so that a user can take a prompt or an index elsewhere; never pickle.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from corpora.task import Example, Task
from strategies.base import Training
from strategies.embedding import Embedder
from strategies.errors import ModelError, StrategyError
from strategies.models.base import Model, Usage
from strategies.prompting import Passage, Shot, build_prompt


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_lines(path: Path, rows: Iterable[object]) -> None:
    """One JSON value a line."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_lines(path: Path) -> list[Any]:
    # not str.splitlines: a text may hold U+2028, which JSON leaves unescaped
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def write_shots(path: Path, shots: Iterable[Shot]) -> None:
    write_lines(
        path,
        (
            {
                "input": shot.input,
                "output": shot.output,
                "passages": [
                    {"document": p.document, "text": p.text, "title": p.title}
                    for p in shot.passages
                ],
            }
            for shot in shots
        ),
    )


def read_shots(path: Path) -> tuple[Shot, ...]:
    return tuple(
        Shot(row["input"], row["output"], tuple(Passage(**p) for p in row["passages"]))
        for row in read_lines(path)
    )


def write_prompt(
    path: Path,
    task: Task,
    shots: Iterable[Shot],
    *,
    form: str = "",
    grounded: bool = False,
    shots_are_fixed: bool = True,
    best_last: bool = True,
) -> None:
    """The prompt as a person reads it, with a place holder where the input goes."""
    order = "best last" if best_last else "best first"
    passages = (Passage("…", f"{{passages found for the input, {order}}}"),) if grounded else ()
    prompt = build_prompt(
        task,
        "{input}",
        shots=tuple(shots),
        passages=passages,
        form=form,
        shots_are_fixed=shots_are_fixed,
        best_last=best_last,
    )
    turns = [f"## {message.role}\n\n{message.content}\n" for message in prompt.messages]
    path.write_text(f"# Prompt of {task.name}\n\n" + "\n".join(turns), encoding="utf-8")


def check_embedder(saved: str, embedder: Embedder) -> None:
    """Raises ModelError where vectors were made by another embedder than the one at hand."""
    if saved != embedder.fingerprint:
        raise ModelError(
            f"embedder: the saved vectors were made with {saved!r}, and {embedder.fingerprint!r} "
            "cannot search them. Load with the same embedder, or prepare the strategy again."
        )


def need_rows(name: str, train: Iterable[Example]) -> None:
    """Raises StrategyError for a strategy that cannot work without training rows."""
    if not any(True for _ in train):
        raise StrategyError(f"{name} needs at least one training example.")


def need_model(name: str, model: Model | None) -> Model:
    """The model, or StrategyError where none was given."""
    if model is None:
        raise StrategyError(f"{name} needs a language model.")
    return model


def write_training(folder: Path, training: Training | None) -> None:
    if training is not None:
        write_json(folder / "training.json", asdict(training))


def read_training(folder: Path) -> Training | None:
    path = folder / "training.json"
    if not path.is_file():
        return None
    saved = read_json(path)
    return Training(
        curve=tuple(saved["curve"]),
        epochs=saved["epochs"],
        seeds=tuple(saved["seeds"]),
        search=tuple(saved["search"]),
        tokens=saved["tokens"],
        left_out=saved.get("left_out", 0),  # which older artefacts do not tell
        usage=Usage(**saved.get("usage", {})),
    )
