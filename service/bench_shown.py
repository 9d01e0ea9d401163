"""The figures of a benchmark on the terminal, for people and for machines."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from service.exits import DONE, FAILED
from service.terminal import console

if TYPE_CHECKING:
    from benchmarks.speed.checks import BenchCheck


def show(
    name: str, environment: Mapping[str, Any], checks: "Sequence[BenchCheck]", *, as_json: bool
) -> int:
    """The figures for people, or the one line for machines; the exit code."""
    from benchmarks.speed.checks import all_met, last_line

    table_of(checks, console(stderr=as_json))
    if as_json:
        print(last_line(name, environment, checks))
    return DONE if all_met(checks) else FAILED


def table_of(checks: "Sequence[BenchCheck]", to: Any) -> None:
    from rich.table import Table

    table = Table("figure", "value", "unit", "target", "", box=None, pad_edge=False)
    for check in checks:
        target = "" if check.target is None else f"{check.target:g}"
        met = {True: "met", False: "missed", None: ""}[check.met]
        value = "not measured" if check.value is None else f"{check.value:,.3f}"
        table.add_row(check.name, value, check.unit, target, met)
    to.print(table)
