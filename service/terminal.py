"""What a person sees on the terminal: consoles, refusals and progress.

Results go to stdout, progress and errors to stderr, so that a pipe gets the results alone.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
)
from rich.table import Column, Table
from rich.text import Text

from service.exits import STOPPED, Refusal

PIPED_WIDTH = 140
"""Columns where nobody's window limits them: tables stay in one piece in a log."""

SECONDS_BETWEEN_LINES = 5.0


def console(*, stderr: bool = False) -> Console:
    """A console on stdout (results) or stderr (the rest).

    Without markup: names, reasons and paths come from users, and may hold square brackets.
    """
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, markup=False, soft_wrap=False)


def is_interactive() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def say_refusal(problem: Refusal) -> None:
    """The error on stderr: the message in red, then its details one a line."""
    to = console(stderr=True)
    if problem.code == STOPPED:
        to.print(Text(problem.message, "yellow"))
    else:
        to.print(Text.assemble(("Error: ", "bold red"), (problem.message, "red")))
    details = Table.grid(padding=(0, 2))
    for label, text in problem.details:
        details.add_row(Text(f"  {label}", "dim"), Text(text))
    to.print(details)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


class Watch(Protocol):
    """Shows how far each of several pieces of work is."""

    def tell(self, name: str, phase: str, fraction: float, seconds_left: float | None) -> None:
        """`fraction` (0 to 1) and `seconds_left` are of the phase."""
        ...

    def finish(self, name: str, message: str) -> None:
        """This one has ended, well or not; the message says how."""
        ...


@contextmanager
def one_bar(name: str) -> Iterator[Callable[[float, str], None]]:
    """Progress of one piece of work: hands out a callback for (fraction, message)."""
    with watching([name]) as watch:
        yield lambda fraction, message: watch.tell(name, message, fraction, None)


@contextmanager
def watching(names: Sequence[str]) -> Iterator[Watch]:
    """Progress on stderr: a bar for each name on a terminal, plain lines elsewhere."""
    # the bars of the libraries beneath would tear ours
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if not sys.stderr.isatty():
        yield Lines(console(stderr=True))
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[status]}", table_column=Column(no_wrap=True, ratio=1)),
    )
    with Progress(*columns, console=console(stderr=True), expand=True) as progress:
        yield Bars(progress, names)


class Bars:
    """One bar a name: how far its phase is, which phase it is, and the time left of it."""

    def __init__(self, progress: Progress, names: Sequence[str]) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        for name in names:
            self._bar(name)

    def tell(self, name: str, phase: str, fraction: float, seconds_left: float | None) -> None:
        status = escape(phase)
        if seconds_left is not None and fraction < 1.0:
            status += f"[dim], {left(seconds_left)}"
        self._progress.update(self._bar(name), completed=fraction, status=status)

    def finish(self, name: str, message: str) -> None:
        self._progress.update(self._bar(name), completed=1.0, status=f"[dim]{escape(message)}")

    def _bar(self, name: str) -> TaskID:
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(
                escape(name), total=1.0, status="[dim]waiting"
            )
        return self._bars[name]


class Lines:
    """A line where a name ends, and between them at most one every few seconds."""

    def __init__(
        self,
        to: Console,
        *,
        every: float = SECONDS_BETWEEN_LINES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._to = to
        self._every = every
        self._clock = clock
        self._last = clock()

    def tell(self, name: str, phase: str, fraction: float, seconds_left: float | None) -> None:
        if self._clock() - self._last < self._every:
            return
        rest = f", {left(seconds_left)}" if seconds_left is not None else ""
        self._line(f"{name}: {phase}, {fraction:.0%}{rest}")

    def finish(self, name: str, message: str) -> None:
        self._line(f"{name}: {message}")

    def _line(self, text: str) -> None:
        self._last = self._clock()
        self._to.print(text, markup=False, soft_wrap=True)


def left(seconds: float) -> str:
    """`3 min 20 s left`."""
    from service.wording import duration  # loads pydantic, which --help does without

    return f"{duration(seconds)} left"
