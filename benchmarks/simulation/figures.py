"""From tallies to checks and to the table of the docs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from benchmarks.simulation.cells import CASES, ROWS, Cell, cells
from benchmarks.speed.checks import BenchCheck, at_least, at_most, stated
from benchmarks.speed.sheet import Measurement

ENOUGH = 10_000
"""Simulations a cell from which on the targets hold as they stand."""
MEAN, MEAN_REACH = 0.95, 0.01
WORST, TYPE_ONE = 0.91, 0.055
ERRORS = 4.0
"""With fewer simulations every target gives way by so many of its binomial standard errors: of
a hundred cells that just meet it, one in three hundred runs then shows one that does not."""
HEADS = {
    "score": "a score",
    "difference": "a paired difference",
    "family": "all 45 differences of ten strategies at once",
    "seeds": "a score over three seeds",
}


def statistics_checks(found: Sequence[Measurement]) -> list[BenchCheck]:
    """`coverage_mean` is taken over all cells alike; `type_one_max` is the largest rate at which
    equal strategies were called different, or a pair's p-value was 5% or less."""
    fewest = min(one.facts["simulations"] for one in found)
    shares = {one.piece: covered(one) for one in found}
    wrong = [rate for one in found for rate in error_rates(one)]
    mean = sum(shares.values()) / len(shares)
    reach = MEAN_REACH + slack(MEAN, fewest * len(shares), fewest)
    near = abs(mean - MEAN) <= reach
    return [
        BenchCheck("coverage_mean", mean, "share", MEAN, near),
        at_least("coverage_worst_cell", min(shares.values()), "share", worst_target(fewest)),
        at_most(
            "type_one_max",
            max(wrong, default=0.0),
            "share",
            TYPE_ONE + slack(TYPE_ONE, fewest, fewest),
        ),
        *(kind_check(kind, found) for kind in CASES if shares_of(kind, found)),
        stated("cells", len(shares), "cells"),
        stated("simulations", fewest, "a cell"),
    ]


def kind_check(kind: str, found: Sequence[Measurement]) -> BenchCheck:
    shares = shares_of(kind, found)
    return stated(f"coverage_{kind}", sum(shares) / len(shares), "share")


def shares_of(kind: str, found: Sequence[Measurement]) -> list[float]:
    """What was covered in each cell of a kind."""
    return [covered(one) for one in found if one.piece.startswith(f"{kind}: ")]


def worst_target(simulations: int) -> float:
    return WORST - slack(WORST, simulations, simulations)


def slack(share: float, draws: int, simulations: int) -> float:
    """What chance may do to a share of so many draws; nothing from ENOUGH simulations on."""
    return 0.0 if simulations >= ENOUGH else ERRORS * sqrt(share * (1 - share) / draws)


def covered(one: Measurement) -> float:
    return float(one.facts["covered"] / one.facts["simulations"])


def error_rates(one: Measurement) -> list[float]:
    counts = (one.facts["different"], one.facts["rejected"])
    return [count / one.facts["simulations"] for count in counts if count is not None]


def coverage_table(found: Sequence[Measurement]) -> str:
    """Percentages by numbers of rows, as Markdown: coverage, and how often equals were called
    different. Cells that are missing are left empty."""
    by_name = {one.piece: one for one in found}
    lines: dict[tuple[str, str], list[str]] = {}
    errors: dict[tuple[str, str], list[str]] = {}
    for cell in sorted(cells(quick=False), key=lambda cell: cell.rows):
        key = (HEADS[cell.kind], cell.what)
        one = by_name.get(cell.name)
        lines.setdefault(key, []).append(percent(covered(one)) if one else "")
        errors.setdefault(key, []).append(worst_error(cell, one))
    sizes = " | ".join(f"n = {rows}" for rows in ROWS)
    table = [
        f"| interval of | scores | {sizes} | equal, called different |",
        "| --- " * (len(ROWS) + 3) + "|",
    ]
    for key, shares in sorted(
        lines.items(), key=lambda line: list(HEADS.values()).index(line[0][0])
    ):
        wrong = ", ".join(errors[key]) if any(errors[key]) else ""
        table.append(f"| {' | '.join([*key, *shares, wrong])} |")
    return "\n".join(table)


def worst_error(cell: Cell, one: Measurement | None) -> str:
    return percent(error_rates(one)[0]) if one is not None and cell.equal else ""


def percent(share: float) -> str:
    return f"{100 * share:.1f}"
