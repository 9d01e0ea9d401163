"""How often the rule is right in each situation, and tells equal strategies apart.

Draws come in pieces, each stored as it is done, so that a measurement that was stopped goes on
where it was. A draw depends on its situation and its number alone, never on the order.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.environment import installed
from benchmarks.simulation.measure import one_thread
from benchmarks.speed.sheet import Measurement, Sheet
from service.planted.races import answers_of_race
from service.planted.situation import answer_to
from service.planted.situations import BY_NAME, SITUATIONS, equal_run, tells_apart

SCHEMA = "tuneworth.decisions/1"
EQUAL = "equal strategies"
RACED = "races"
SIDE = "the rule"
DRAWS, EQUAL_RUNS, RACES = 200, 10_000, 200
QUICK_DRAWS, QUICK_RACES = 5, len(SITUATIONS)
DRAWS_A_PIECE, RUNS_A_PIECE = 10, 100
APART = 1_000_000
"""Draws of one seed: those of the next begin behind them."""
ROOT = Path(__file__).parent.parent.parent
SOURCES = (
    *("service/planted/*.py", "service/recommendation.py", "service/choosing.py"),
    *("service/commitment.py", "service/evidence.py", "service/suitability.py"),
    *("service/changing.py", "service/reasons.py"),
    *("benchmarks/summary.py", "benchmarks/quality.py", "benchmarks/statistics.py"),
    *("benchmarks/paired.py", "benchmarks/pairs.py", "benchmarks/families.py"),
    *("benchmarks/odds.py", "benchmarks/pricing.py", "benchmarks/upkeep.py"),
    *("benchmarks/resampling.py", "benchmarks/spending.py", "benchmarks/track.py"),
    *("benchmarks/aggregates.py", "benchmarks/metrics.py", "benchmarks/costs.py"),
    *("benchmarks/break_even.py", "benchmarks/load.py", "corpora/power.py"),
    *("benchmarks/choice.py", "benchmarks/anytime.py", "benchmarks/contest.py"),
    *("benchmarks/raced.py", "benchmarks/race_bill.py", "service/stopped.py"),
    *("benchmarks/seating.py", "benchmarks/distributions.py"),
)
"""What decides, and what draws: a measurement does not go on with another version of it."""


@dataclass(frozen=True)
class Piece:
    """The draws `first` to `first + count - 1` of a situation, of equal strategies, or of races."""

    name: str
    first: int
    count: int

    @property
    def number(self) -> int:
        return self.first + 1


def head_of(seed: int) -> dict[str, Any]:
    """The first line of a file: what its draws were made with."""
    digest = hashlib.sha256()
    for file in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        digest.update(file.name.encode() + file.read_bytes())
    versions = {name: installed(name) for name in ("numpy", "scipy", "statsmodels")}
    return {"seed": seed, "code": digest.hexdigest()[:16], "versions": versions}


def pieces(draws: int, runs: int, names: Iterable[str], races: int = 0) -> list[Piece]:
    """Each situation in turn, then equal strategies, then races."""
    wanted = [(name, draws, DRAWS_A_PIECE) for name in names]
    wanted += [(EQUAL, runs, RUNS_A_PIECE), (RACED, races, DRAWS_A_PIECE)]
    return [
        Piece(name, first, min(size, total - first))
        for name, total, size in wanted
        for first in range(0, total, size)
    ]


def planted_truths(
    draws: int = DRAWS,
    seed: int = 0,
    *,
    runs: int = EQUAL_RUNS,
    races: int = 0,
    names: Sequence[str] = tuple(BY_NAME),
    processes: int = 1,
    sheet: Sheet | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Measurement]:
    """Measures each situation `draws` times, `runs` runs of equal strategies, and `races` runs of
    the situations in turn with a race and without.

    What stands in the sheet is not drawn again. Yields every measurement, old and new, as it is
    there.
    """
    todo = []
    known = {one.key: one for one in sheet.measurements} if sheet else {}
    for piece in pieces(draws, runs, names, races):
        done = known.get((piece.name, SIDE, piece.number))
        if done is not None and sum_of(done) >= piece.count:
            yield done
        else:
            todo.append(piece)
    for found in measured(todo, seed, processes):
        if sheet is not None:
            sheet.add(found)
        say(told(found))
        yield found


def measure_decisions(
    out: Path, *, quick: bool, processes: int, say: Callable[[str], None]
) -> list[Measurement]:
    """Every situation and the equal strategies, in full or at a glance, kept in the file `out`."""
    draws = QUICK_DRAWS if quick else DRAWS
    runs = draws * EQUAL_RUNS // DRAWS
    races = QUICK_RACES if quick else RACES
    sheet = Sheet(out, head_of(0), schema=SCHEMA)
    found = planted_truths(draws, runs=runs, races=races, processes=processes, sheet=sheet, say=say)
    return list(found)


def measured(todo: Sequence[Piece], seed: int, processes: int) -> Iterator[Measurement]:
    """In order in this process, or in several as they finish."""
    if processes <= 1 or len(todo) <= 1:
        yield from (measure(piece, seed) for piece in todo)
        return
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(todo)), fresh, initializer=one_thread) as pool:
        waiting = [pool.submit(measure, piece, seed) for piece in todo]
        try:
            yield from (future.result() for future in as_completed(waiting))
        finally:
            pool.shutdown(cancel_futures=True)


def measure(piece: Piece, seed: int) -> Measurement:
    began = perf_counter()
    numbers = [seed * APART + piece.first + at for at in range(piece.count)]
    others = {EQUAL: equals_in, RACED: races_in}
    facts = others[piece.name](numbers) if piece.name in others else truths_in(piece.name, numbers)
    return Measurement(piece.name, SIDE, piece.number, round(perf_counter() - began, 3), facts)


def truths_in(name: str, numbers: Sequence[int]) -> dict[str, Any]:
    """Counts of right answers and of each answer; the wrong ones with their draw."""
    answers: Counter[str] = Counter()
    wrong: list[list[Any]] = []
    for number in numbers:
        _, right, records = BY_NAME[name].drawn(number)
        answer = answer_to(records)
        strategy = answer.strategy or "nothing"
        text = f"{answer.commit_to_fine_tuning}, {strategy} ({answer.verdict})"
        answers[text] += 1
        if not right.allows(answer):
            wrong.append([number, text])
    facts = {"draws": len(numbers), "right": len(numbers) - len(wrong)}
    return {**facts, "answers": dict(sorted(answers.items())), "wrong": wrong}


def equals_in(numbers: Sequence[int]) -> dict[str, Any]:
    """Runs and those in which the rule told equal ones apart, by the number of strategies."""
    runs: Counter[str] = Counter()
    different: Counter[str] = Counter()
    for number in numbers:
        count, records = equal_run(number)
        runs[str(count)] += 1
        different[str(count)] += tells_apart(records)
    return {"draws": len(numbers), "runs": dict(runs), "different": dict(different)}


def races_in(numbers: Sequence[int]) -> dict[str, Any]:
    """Comparisons with a race whose answer is that without, and those in which the race stopped
    anybody; the others with their draw. Situations come in turn."""
    stopped = 0
    other: list[list[Any]] = []
    for number in numbers:
        seed, place = divmod(number, len(SITUATIONS))
        found = answers_of_race(SITUATIONS[place], seed)
        stopped += found is not None
        if found is not None and found[0] != found[1]:
            other.append([number, SITUATIONS[place].name, *found])
    same = len(numbers) - len(other)
    return {"draws": len(numbers), "same": same, "stopped": stopped, "other": other}


def sum_of(measurement: Measurement) -> int:
    return int(measurement.facts["draws"])


def told(found: Measurement) -> str:
    """One line for a person who waits."""
    last = found.round + sum_of(found) - 1
    if found.piece == RACED:
        result = f"{found.facts['same']} answered alike"
    elif found.piece == EQUAL:
        result = f"{sum(found.facts['different'].values())} told apart"
    else:
        result = f"{found.facts['right']} right"
    return f"{found.piece} {found.round}-{last}: {result}, {found.seconds:.1f} s"
