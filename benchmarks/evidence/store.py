"""The findings of one task in a file: a head line, then one finding a line, written as it is made.

Whoever was stopped goes on where it was. A line that was cut short by the stop is dropped.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from benchmarks.code import code_of
from benchmarks.environment import read_environment
from benchmarks.evidence.expectation import Guess
from benchmarks.evidence.finding import Finding
from benchmarks.journal import append_whole
from benchmarks.plan import NOT_SEEN, Entry, settings_of, task_facts
from benchmarks.records import Environment, StrategyFacts, TaskFacts
from benchmarks.reuse import OURS
from corpora.errors import InvalidInput
from corpora.task import Dataset, Frozen
from strategies.cache import key_of

SCHEMA: Literal["tuneworth.findings/1"] = "tuneworth.findings/1"
SAME = ("task", "data", "strategies", "settings", "seed", "code")
"""What may not change between findings of one file. The machine may: times are told by findings."""


class Head(Frozen):
    """What the findings were made of and with.

    `task` counts as many test rows as were stated, which none of them has seen; `data` is a digest
    of all that they may see. `settings` are those of each strategy by id; `code` is a digest, None
    where the code could not be read. `guesses` are a live source's own.
    """

    findings_schema: Literal["tuneworth.findings/1"] = Field(default=SCHEMA, alias="schema")
    task: TaskFacts
    data: str
    strategies: tuple[StrategyFacts, ...]
    settings: dict[str, dict[str, Any]]
    seed: int
    code: str | None
    environment: Environment
    guesses: tuple[Guess, ...] = ()


def head_of(
    dataset: Dataset,
    entries: Sequence[Entry],
    seed: int,
    *,
    guesses: Sequence[Guess] = (),
    n_test: int = 0,
) -> Head:
    """The head of a file to begin. The test rows of `dataset` are not looked at."""
    seen = Dataset(
        task=dataset.task,
        train=dataset.train,
        validation=dataset.validation,
        test=(),
        documents=dataset.documents,
    )
    return Head(
        schema=SCHEMA,
        task=task_facts(seen).model_copy(update={"n_test": n_test}),
        data=key_of(seen.model_dump(mode="json", exclude={"task": NOT_SEEN})),
        strategies=tuple(entry.facts for entry in entries),
        settings={entry.id: settings_of(entry.strategy) for entry in entries},
        seed=seed,
        code=code_of(*OURS),
        environment=read_environment(),
        guesses=tuple(guesses),
    )


class FindingStore:
    """Findings on the disk. `findings` are those of the file, in order."""

    def __init__(self, path: Path, head: Head) -> None:
        """Opens or begins the file. Raises InvalidInput where it holds something else, and
        StorageFull."""
        self.path = path
        lines = mended(path)
        if not lines:
            self.head = head
            self.findings: list[Finding] = []
            path.parent.mkdir(parents=True, exist_ok=True)
            append_whole(path, line_of(head))
            return
        self.head, self.findings = read_lines(path, lines)
        for name in SAME:
            if getattr(self.head, name) != getattr(head, name):
                fix = f"It was begun with another {name}. Give another file, or remove it."
                raise InvalidInput("findings", str(path), fix)

    def add(self, finding: Finding) -> None:
        """Onto the disk before anything else begins. Raises StorageFull."""
        append_whole(self.path, line_of(finding))
        self.findings.append(finding)


def read_findings(path: Path) -> tuple[Head, list[Finding]]:
    """What a file holds, which is left as it is. Raises InvalidInput where that is no findings."""
    lines = whole_lines(path.read_bytes()) if path.is_file() else []
    if not lines:
        raise InvalidInput("findings", str(path), "There are none. Give a file of findings.")
    return read_lines(path, lines)


def read_lines(path: Path, lines: Sequence[bytes]) -> tuple[Head, list[Finding]]:
    findings: list[Finding] = []
    try:
        head = Head.model_validate_json(lines[0])
    except ValidationError as error:
        fix = "It does not begin as a file of findings. Give another file, or remove it."
        raise InvalidInput("findings", str(path), fix) from error
    try:
        for line in lines[1:]:
            findings.append(Finding.model_validate_json(line))
    except ValidationError as error:
        fix = f"Line {len(findings) + 2} is no finding. Give another file, or remove it."
        raise InvalidInput("findings", str(path), fix) from error
    return head, findings


def mended(path: Path) -> list[bytes]:
    """The whole lines of a file, after cutting off one that was not written to its end."""
    if not path.is_file():
        return []
    data = path.read_bytes()
    lines = whole_lines(data)
    end = sum(map(len, lines))
    if end < len(data):
        os.truncate(path, end)
    return lines


def whole_lines(data: bytes) -> list[bytes]:
    return [line for line in data.splitlines(keepends=True) if line.endswith(b"\n")]


def line_of(part: Frozen) -> bytes:
    return part.model_dump_json(by_alias=True).encode() + b"\n"
