"""Bounds that hold at any time, held against known truths with a look after every single draw."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from benchmarks.anytime import log_wealth
from benchmarks.resampling import ALPHA, Floats
from benchmarks.simulation.cells import PAIRED, PAIRED_GROUPED
from benchmarks.simulation.figures import percent, slack
from benchmarks.simulation.worlds import (
    BETTER,
    HALF_RIGHT,
    NEARLY_RIGHT,
    ROWS_A_GROUP,
    Alike,
    Shape,
    drawn,
    right,
)
from benchmarks.speed.checks import BenchCheck, at_most, stated
from benchmarks.speed.sheet import Measurement, Sheet

LOOKED = "looked at"
ROWS = (30, 100, 300)
BLOCK = 250
"""Data sets at a time: bounds the memory."""
Flags = NDArray[np.bool_]
BENCHMARKS = Path(__file__).parent.parent
TESTED = ("anytime.py", "simulation/worlds.py", "simulation/looks.py")


@dataclass(frozen=True)
class Look:
    """Differences of two strategies. `from_split`: of rows drawn from a split of so many, until
    none is left; the split is new for each data set, and the truth is its own mean."""

    shapes: tuple[Shape, Shape]
    alike: Alike
    rows: int
    from_split: bool = False

    @property
    def what(self) -> str:
        told = f"{self.shapes[0].name} against {self.shapes[1].name}"
        told += ", in groups" if self.alike.grouped else ""
        return told + (", from a split" if self.from_split else "")

    @property
    def name(self) -> str:
        return f"looks: {self.what}, {self.rows} rows"


PAIRS: tuple[tuple[Shape, Shape], ...] = (
    (right(0.5), right(0.5)),
    (right(0.9), right(0.9)),
    (right(0.98), right(0.98)),
    (right(0.9), right(0.6)),
    (HALF_RIGHT, HALF_RIGHT),
    (NEARLY_RIGHT, NEARLY_RIGHT),
    (BETTER, HALF_RIGHT),
)


def looks() -> list[Look]:
    """All of them, those of fewest rows first."""
    found = []
    for rows in ROWS:
        found += [Look(pair, PAIRED, rows) for pair in PAIRS]
        found += [Look(pair, PAIRED_GROUPED, rows) for pair in (PAIRS[1], PAIRS[4])]
        found += [Look(pair, PAIRED, rows, from_split=True) for pair in (PAIRS[1], PAIRS[3])]
    return found


def wrong_looks(look: Look, simulations: int) -> int:
    """Data sets in which a 95% interval (2.5% at each end) ever leaves out the truth."""
    wrong = 0
    size = ROWS_A_GROUP if look.alike.grouped else 1
    for block, start in enumerate(range(0, simulations, BLOCK)):
        rng = np.random.default_rng([crc32(look.name.encode()), block])
        scores = drawn(rng, look.shapes, look.alike, rows=look.rows, sets=BLOCK)
        differences = (scores[..., 0] - scores[..., 1])[:, : simulations - start]
        truth: float | Floats = look.shapes[0].mean - look.shapes[1].mean
        if look.from_split:
            truth = differences.mean(axis=0)
        sums = differences.reshape(-1, size, differences.shape[1]).sum(axis=1)
        wrong += int(ever_wrong(sums, size, truth).sum())
    return wrong


def ever_wrong(sums: Floats, size: int, truth: float | Floats) -> Flags:
    """For each data set whether betting against its truth, from either side, ever wins."""
    sizes = np.full(len(sums), float(size))
    both = [log_wealth(sign * sums, sizes, float(size), sign * truth) for sign in (1.0, -1.0)]
    result: Flags = np.any(np.maximum(*both) >= -log(ALPHA / 2), axis=0)
    return result


def measure_looks(
    simulations: int, *, sheet: Sheet, say: Callable[[str], None]
) -> list[Measurement]:
    """One measurement each; the sheet's are taken where they were made by this very code."""
    code = code_tested()
    done = {one.key: one for one in sheet.measurements if one.facts["code"] == code}
    found = []
    for look in looks():
        key = (look.name, LOOKED, simulations)
        if key not in done:
            began = time.perf_counter()
            wrong = wrong_looks(look, simulations)
            facts = {"code": code, "simulations": simulations, "wrong": wrong}
            seconds = time.perf_counter() - began
            done[key] = Measurement(look.name, LOOKED, simulations, seconds, facts)
            sheet.add(done[key])
            say(f"{look.name}: wrong at some look in {percent(wrong / simulations)}%")
        found.append(done[key])
    return found


def looks_checks(found: Sequence[Measurement]) -> list[BenchCheck]:
    """The largest share of data sets in which the interval was ever wrong."""
    fewest = min(one.facts["simulations"] for one in found)
    most = max(one.facts["wrong"] / one.facts["simulations"] for one in found)
    allowed = ALPHA + slack(ALPHA, fewest, fewest)
    return [
        at_most("anytime_type_one_max", most, "share", allowed),
        stated("anytime_cells", len(found), "cells"),
    ]


def looks_table(found: Sequence[Measurement]) -> str:
    """Percentages by numbers of rows, as Markdown."""
    by_name = {one.piece: one.facts["wrong"] / one.facts["simulations"] for one in found}
    lines: dict[str, list[str]] = {}
    for look in looks():
        share = by_name.get(look.name)
        lines.setdefault(look.what, []).append("" if share is None else percent(share))
    sizes = " | ".join(f"n = {rows}" for rows in ROWS)
    head = [f"| difference of | {sizes} |", "| --- " * (len(ROWS) + 1) + "|"]
    return "\n".join([*head, *rows_of(lines)])


def rows_of(lines: dict[str, list[str]]) -> Iterator[str]:
    return (f"| {' | '.join([what, *shares])} |" for what, shares in lines.items())


def code_tested() -> str:
    """A digest of the sources that a result depends on."""
    digest = hashlib.sha256()
    for name in TESTED:
        digest.update((BENCHMARKS / name).read_bytes())
    return digest.hexdigest()[:16]
