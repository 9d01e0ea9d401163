"""From measured draws to shares, checks and the page of the docs.

`python -m service.planted.figures` writes the tables of the pages from the committed draws.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from statsmodels.stats.proportion import proportion_confint

from benchmarks.simulation.looks import looks_table
from benchmarks.speed.checks import BenchCheck, at_least, at_most, stated
from benchmarks.speed.sheet import Measurement
from service.figures import with_figures
from service.planted.measure import DRAWS, EQUAL, EQUAL_RUNS, RACED, RACES, ROOT, sum_of
from service.planted.reach import reach_table
from service.planted.situations import SITUATIONS
from service.wording import listed

RESULTS = Path(__file__).parent / "results" / "decisions.jsonl"
PAGE = ROOT / "docs" / "planted.md"
BEGIN, END = (
    "<!-- situations: python -m service.planted.figures -->",
    "<!-- end of situations -->",
)
RACES_RUN = RESULTS.with_name("races.jsonl")
LOOKED = ROOT / "benchmarks" / "simulation" / "results" / "looks.jsonl"
RACING = ROOT / "docs" / "racing.md"
LOOKS_BEGIN, LOOKS_END = (
    "<!-- looks: python -m service.planted.figures -->",
    "<!-- end of looks -->",
)
RACES_BEGIN, RACES_END = (
    "<!-- races: python -m service.planted.figures -->",
    "<!-- end of races -->",
)
REACH_BEGIN, REACH_END = (
    "<!-- reach: python -m service.planted.figures -->",
    "<!-- end of reach -->",
)
RIGHT_ENOUGH, APART_ALLOWED = 0.95, 0.05


@dataclass(frozen=True)
class Share:
    """So many of `n`, with the exact 95% interval (Clopper and Pearson 1934)."""

    count: int
    n: int

    @property
    def value(self) -> float:
        return self.count / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        low, high = proportion_confint(self.count, self.n, alpha=0.05, method="beta")
        return float(low), float(high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.value:.1f}% ({100 * low:.1f}–{100 * high:.1f}%)"


def rights(found: Iterable[Measurement]) -> dict[str, Share]:
    """By situation, in their order."""
    counts: Counter[str] = Counter()
    draws: Counter[str] = Counter()
    for one in found:
        if one.piece not in (EQUAL, RACED):
            counts[one.piece] += int(one.facts["right"])
            draws[one.piece] += sum_of(one)
    names = [each.name for each in SITUATIONS if draws[each.name]]
    return {name: Share(counts[name], draws[name]) for name in names}


def apart(found: Iterable[Measurement]) -> dict[int, Share]:
    """Runs in which equal strategies were told apart, by the number of strategies."""
    runs: Counter[int] = Counter()
    different: Counter[int] = Counter()
    for one in found:
        if one.piece == EQUAL:
            for name, n in one.facts["runs"].items():
                runs[int(name)] += n
                different[int(name)] += one.facts["different"][name]
    return {count: Share(different[count], runs[count]) for count in sorted(runs)}


def alike(found: Iterable[Measurement]) -> tuple[Share, Share]:
    """Draws whose answer with a race is that without, and those in which it stopped anybody."""
    races = [one for one in found if one.piece == RACED]
    n = sum(sum_of(one) for one in races)
    same, stopped = (sum(int(one.facts[name]) for one in races) for name in ("same", "stopped"))
    return Share(same, n), Share(stopped, n)


def total(shares: Iterable[Share]) -> Share:
    shares = list(shares)
    return Share(sum(one.count for one in shares), sum(one.n for one in shares))


def decision_checks(found: Sequence[Measurement]) -> list[BenchCheck]:
    """Targets count where there are as many draws as they are stated for."""
    right, equal = rights(found), total(apart(found).values())
    checks = [
        stated(f"right_{name.replace('-', '_')}", share.value, "share")
        for name, share in right.items()
    ]
    if right:
        least = min(share.value for share in right.values())
        name = "planted_truths_right"
        enough = len(right) == len(SITUATIONS) and min(s.n for s in right.values()) >= DRAWS
        whole = at_least(name, least, "share", RIGHT_ENOUGH)
        checks.append(whole if enough else stated(name, least, "share"))
    same, stopped = alike(found)
    if same.n:
        name = "race_same_answer"
        whole = at_least(name, same.value, "share", RIGHT_ENOUGH)
        checks.append(whole if same.n >= RACES else stated(name, same.value, "share"))
        checks.append(stated("race_stopped_any", stopped.value, "share"))
    if equal.n:
        name = "equals_called_different"
        whole = at_most(name, equal.value, "share", APART_ALLOWED)
        checks.append(whole if equal.n >= EQUAL_RUNS else stated(name, equal.value, "share"))
        for end, value in zip(("low", "high"), equal.interval, strict=True):
            checks.append(stated(f"{name}_{end}", value, "share"))
    return checks


def tables(found: Sequence[Measurement]) -> str:
    """The situations with their shares, and the equal strategies, as Markdown."""
    right, equal = rights(found), apart(found)
    rows = [["situation", "what is true", "right", "decided rightly (95% interval)", "answers"]]
    rows.append(["---"] * len(rows[0]))
    for each in SITUATIONS:
        share = right.get(each.name)
        if share:
            told = f"{share.count} of {share.n}: {share}"
            rows.append(
                [f"`{each.name}`", each.what, each.right, told, commonest(each.name, found)]
            )
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if equal:
        heads = [f"{count} strategies" for count in equal]
        shares = [str(share) for share in equal.values()]
        whole = total(equal.values())
        lines += ["", "Runs of equal strategies in which the rule takes one to be beaten:", ""]
        lines += [f"| all {whole.n:,} runs | {' | '.join(heads)} |"]
        lines.append(f"| {' | '.join(['---'] * (len(heads) + 1))} |")
        lines.append(f"| {whole} | {' | '.join(shares)} |")
    return "\n".join(lines)


def commonest(name: str, found: Iterable[Measurement], most: int = 3) -> str:
    """The answers most given, with how often."""
    counts: Counter[str] = Counter()
    for one in found:
        if one.piece == name:
            counts.update(one.facts["answers"])
    return "; ".join(f"{n} × {text}" for text, n in sorted(counts.items(), key=by_count)[:most])


def by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def stored(path: Path = RESULTS) -> list[Measurement]:
    """The draws of a file, the latest of each piece."""
    _, *lines = path.read_text(encoding="utf-8").splitlines()
    found = [Measurement(**json.loads(line)) for line in lines]
    return list({one.key: one for one in found}.values())


def races_told(found: Sequence[Measurement]) -> str:
    """How often a race leads to the same answer, in a sentence, and the others in a list."""
    same, stopped = alike(found)
    lines = [
        f"The same in {same.count} of {same.n} draws of the {len(SITUATIONS)} situations in turn:"
        f" {same}. The race stopped somebody in {stopped.count} of them."
    ]
    others = [each for one in found if one.piece == RACED for each in one.facts["other"]]
    for _, name, *answers, out in others:
        plain, with_race = (f"{commit}, {who or 'nothing'}" for who, _, commit in answers)
        lines.append(f"- `{name}`: {plain} without, {with_race} with it; stopped: {listed(out)}")
    return "\n".join(lines)


def racing_page(text: str) -> str:
    """The page on racing with its tables, computed or from the committed measurements."""
    text = with_figures(text, reach_table(), REACH_BEGIN, REACH_END)
    looked = f"Percent of 10,000 data sets a cell.\n\n{looks_table(stored(LOOKED))}"
    text = with_figures(text, looked, LOOKS_BEGIN, LOOKS_END)
    return with_figures(text, races_told(stored(RACES_RUN)), RACES_BEGIN, RACES_END)


def main() -> None:
    """Bring the pages up to date with the committed draws."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_figures(text, tables(stored()), BEGIN, END), encoding="utf-8")
    text = RACING.read_text(encoding="utf-8")
    RACING.write_text(racing_page(text), encoding="utf-8")


if __name__ == "__main__":
    main()
