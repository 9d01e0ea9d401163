"""Progress without a terminal: few lines, and always one where something ends."""

import io

from rich.console import Console
from rich.table import Table

from service.exits import Refusal
from service.terminal import Lines, console, say_refusal


def lines_at(times):
    """A Lines watcher whose clock gives `times` in turn, and the stream it writes to."""
    stream = io.StringIO()
    clock = iter(times)
    return Lines(Console(file=stream, width=100), every=5.0, clock=lambda: next(clock)), stream


def test_a_line_at_most_every_few_seconds():
    # one reading when made, one a call, one more where a line is printed
    watch, stream = lines_at([0, 1, 6, 6, 8, 12, 12])
    for fraction in (0.1, 0.4, 0.5, 0.9):
        watch.tell("lora", "preparing", fraction, 65.0)
    assert stream.getvalue().splitlines() == [
        "lora: preparing, 40%, 1 min 5 s left",
        "lora: preparing, 90%, 1 min 5 s left",
    ]


def test_an_end_is_always_told():
    watch, stream = lines_at([0, 0, 0, 1])
    watch.finish("a", "done")
    watch.finish("b", "failed: [boom]")
    watch.tell("c", "answering", 0.5, None)
    assert stream.getvalue().splitlines() == ["a: done", "b: failed: [boom]"]


def test_a_refusal_goes_to_stderr_with_brackets_unharmed(capsys):
    say_refusal(Refusal(2, "labels[red] is wrong", (("fix", "Use [/] less."),)))
    said = capsys.readouterr()
    assert said.out == ""
    lines = [line.rstrip() for line in said.err.splitlines()]
    assert lines == ["Error: labels[red] is wrong", "  fix  Use [/] less."]


def test_brackets_in_a_table_or_a_line_are_no_markup(capsys):
    table = Table("status")
    table.add_row("failed: KeyError: '[/x]' [red]")
    console().print(table)
    console().print("out/[/x]/report.html")
    said = capsys.readouterr().out
    assert "failed: KeyError: '[/x]' [red]" in said
    assert "out/[/x]/report.html" in said
