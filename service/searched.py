"""What each family tried, and what it chose: the searches as every view of a report tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from benchmarks.plan import CHEAP_TO_DEAR
from benchmarks.results import StrategyResult
from corpora.task import Search
from service import wording
from service.changing import is_incumbent
from service.report import Report
from service.tries import Try, last_in, looks_in, seconds_of, settings_tried, tries_in

NO_SETTINGS = (
    *("validation_score", "rows", "seconds", "dropped", "chosen"),
    *("stage", "best_epoch", "seed", "tokens", "cheap", "dear"),
)
"""Columns of a try that are no setting."""
FIGURES = ("mrr", "hit_at_3", "retrieval_score", "told_by")
"""Columns of a look at retrieval that are no setting either."""
FEWEST_TO_JUDGE = 20
MISJUDGED, ERRORS_OFF = 0.05, 3.0
"""By how much, and by how many standard errors, a choice must have looked better on validation
rows than it is on the test for a sentence. Three, as it is the best of several."""
INTERVAL = 2 * 1.96
"""Standard errors from end to end of a 95% interval."""
FLATTERS = (
    "Settings were chosen on validation rows alone; no test example had a say. The validation"
    " score of a chosen setting is the best of several on the same rows, so it flatters."
)


@dataclass(frozen=True)
class Searched:
    """One strategy's choice. `tries` begins with its default where it searched within `budget`;
    that is None for one that chose from a fixed list of its own. `looks` are settings of retrieval
    that were ranked by what they find, without asking the model."""

    result: StrategyResult
    tries: tuple[Try, ...]
    chosen: Try
    budget: Search | None
    looks: tuple[Try, ...] = ()

    @property
    def default(self) -> Try:
        return self.tries[0]

    @property
    def kept_default(self) -> bool:
        return self.chosen is self.default

    @property
    def settings(self) -> list[str]:
        return settings_in(self.tries)

    @property
    def seconds(self) -> float:
        """Of choosing: looks and settings tried."""
        return seconds_of((*self.looks, *settings_tried(self.tries)))

    @property
    def n(self) -> int:
        """Validation rows behind the score of the chosen one."""
        return int(self.chosen.get("rows", 0))

    @property
    def changes(self) -> str:
        """`shots 8 → 16, choice balanced → nearest`; empty where the default stands. That a last
        training was on every layer is no change: the family's default is, too."""
        same = {"depth"} if self.chosen in last_in(self.tries) else set()
        return ", ".join(
            f"{label(name)} {told(self.default.get(name))} → {told(self.chosen.get(name))}"
            for name in self.settings
            if self.default.get(name) != self.chosen.get(name) and name not in same
        )


def searches_of(report: Report) -> list[Searched]:
    """Strategies that searched within a budget, in the order of their families."""
    found = [each for each in choices_of(report) if each.budget is not None]
    return sorted(found, key=lambda each: dearness(each.result))


def choices_of(report: Report) -> list[Searched]:
    """Every strategy that recorded what it chose from."""
    found = []
    for row in report.strategies:
        training = row.training or {}
        told = tuple(training.get("search") or ())
        looks, tries = looks_in(told), tries_in(told)
        if tries:
            chosen = chosen_of(tries, training)
            found.append(Searched(row, tries, chosen, row.search_budget, looks))
    return found


def settings_in(rows: Sequence[Try]) -> list[str]:
    """The columns that are settings, in the order in which they first stand."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if name not in (*NO_SETTINGS, *FIGURES)]


def chosen_of(tries: Sequence[Try], training: Mapping[str, Any]) -> Try:
    """The one marked; else the epochs that were kept; else the best score."""
    marked = [row for row in tries if row.get("chosen")]
    kept = [row for row in tries if "epochs" in row and row["epochs"] == training.get("epochs")]
    return (
        marked or kept or [max(tries, key=lambda row: float(row.get("validation_score", 0.0)))]
    )[0]


def dearness(row: StrategyResult) -> int:
    return CHEAP_TO_DEAR.index(row.family) if row.family in CHEAP_TO_DEAR else len(CHEAP_TO_DEAR)


def label(name: str) -> str:
    return name.replace("_", " ")


def told(value: Any) -> str:
    """A setting as people write it: `8`, `0.0002`, `nearest`; `none` where a try has none."""
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def tried(each: Searched) -> str:
    """`6 of 8 settings`."""
    number = len(settings_tried(each.tries))
    return f"{number} of {each.budget.trials} settings" if each.budget else f"{number} settings"


def spent(each: Searched) -> str:
    """`2 min 10 s of 3 min`; `..., then 4 min for the last training` where there was one."""
    limit = f" of {wording.duration(each.budget.seconds)}" if each.budget else ""
    last = last_in(each.tries)
    many = f"{len(last)} last trainings" if len(last) > 1 else "the last training"
    then = f", then {wording.duration(seconds_of(last))} for {many}" if last else ""
    return wording.duration(each.seconds) + limit + then


def setup(row: StrategyResult) -> str:
    """`2 min 31 s, $0.0038`: the search is part of it."""
    if row.cost is None:
        return ""
    return f"{wording.duration(row.cost.setup_seconds)}, {wording.dollars(row.cost.setup_usd)}"


def asked(each: Searched) -> str:
    """`12,300 tokens`: what the search asked of the model; empty where nobody counted."""
    usage = (each.result.training or {}).get("usage") or {}
    tokens = sum(int(usage.get(name, 0)) for name in ("prompt", "completion"))
    return f"{tokens:,} tokens" if tokens else ""


def scores(each: Searched) -> str:
    """`0.84 → 0.91`, or one score where the default stands."""
    before, after = (
        wording.score(float(row["validation_score"])) for row in (each.default, each.chosen)
    )
    return after if each.kept_default else f"{before} → {after}"


def ends(each: Searched) -> tuple[str, str]:
    """The lowest and the highest validation score of all tries."""
    values = [float(row["validation_score"]) for row in each.tries if row.get("rows", 1)]
    return wording.score(min(values)), wording.score(max(values))


def change(each: Searched) -> str:
    """What is different from the default, in words."""
    stands = "stands" if each.kept_default else "stands, trained on every layer"
    return each.changes or f"nothing: the default {stands}"


def tries_table(each: Searched) -> tuple[list[str], list[list[str]]]:
    """Head and rows of all tries, in the order they were made."""
    head = ["try", *(label(name) for name in each.settings), "validation score", "rows", "time", ""]
    lines = [
        [
            str(at),
            *(told(row[name]) if name in row else "" for name in each.settings),
            wording.score(float(row["validation_score"])) if row.get("rows", 1) else "",
            told(row.get("rows", "")),
            wording.duration(float(row["seconds"])) if "seconds" in row else "",
            remark(each, row),
        ]
        for at, row in enumerate(each.tries, start=1)
    ]
    return head, lines


def looks_table(each: Searched) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the looks at retrieval."""
    settings = settings_in(each.looks)
    head = ["look", *(label(name) for name in settings), *map(label, FIGURES), "rows", "time", ""]
    lines = [
        [
            str(at),
            *(told(row[name]) if name in row else "" for name in (*settings, *FIGURES, "rows")),
            wording.duration(float(row.get("seconds", 0.0))),
            "best" if row.get("chosen") else str(row.get("dropped") or ""),
        ]
        for at, row in enumerate(each.looks, start=1)
    ]
    return head, lines


def remark(each: Searched, row: Try) -> str:
    """`default, chosen`, or why it was not taken."""
    dropped = str(row.get("dropped") or "")
    parts = ["default"] if row is each.default else []
    parts += ["chosen"] if row is each.chosen else []
    return ", ".join(parts + ([f"not taken: {dropped}"] if dropped else []))


def fixed_choices(report: Report) -> list[str]:
    """A sentence for each strategy that chose from a fixed list of its own."""
    found = []
    for each in choices_of(report):
        if each.budget is not None:
            continue
        chosen = ", ".join(choice(name, each.chosen.get(name)) for name in each.settings)
        best = wording.score(float(each.chosen["validation_score"]))
        rows = f" on {each.n} rows" if each.n else ""
        found.append(
            f"{each.result.id}{parts(each.chosen)} chose {chosen} from {len(each.tries)} settings"
            " of its own list"
            f" (validation score {best}{rows})."
        )
    return found


def parts(chosen: Try) -> str:
    """Of a cascade, which two strategies it stands for."""
    if "cheap" not in chosen:
        return ""
    return f" asks {chosen['cheap']} first, and {chosen['dear']} where that is not sure. It"


def choice(name: str, value: Any) -> str:
    """`c 10`; of a cascade `threshold 0.84`, `answered cheaply 92%`."""
    if name == "answered_cheaply":
        return f"{label(name)} {float(value):.0%}"
    short = name == "threshold" and isinstance(value, float)
    return f"{label(name)} {wording.score(value) if short else told(value)}"


def unsearched(report: Report) -> list[str]:
    """Completed strategies that ran as they come; of what runs today nobody here knows."""
    chose = {each.result.id for each in choices_of(report)}
    rows = (row for row in report.strategies if row.quality and not is_incumbent(row))
    return [row.id for row in rows if row.id not in chose]


def misjudged(report: Report) -> list[str]:
    """A sentence for each choice whose validation rows were easier for it than the test is: what
    was chosen there may be the wrong choice here."""
    found = []
    for each in choices_of(report):
        quality = each.result.quality
        if quality is None or each.n < FEWEST_TO_JUDGE:
            continue
        hoped = float(each.chosen["validation_score"])
        error = (quality.high - quality.low) / INTERVAL  # of the test; rows vary alike
        error *= sqrt(1 + quality.n / each.n)
        if hoped - quality.value > max(MISJUDGED, ERRORS_OFF * error):
            found.append(
                f"{each.result.id} scored {wording.score(hoped)} on {each.n} validation examples"
                f" and {wording.score(quality.value)} on the test, more than chance explains: what"
                " it chose there may not suit the test. Are the validation examples closer to the"
                " training examples than real inputs will be?"
            )
    return found


def few_judged(report: Report) -> list[str]:
    """A warning where hardly any validation rows stood behind a choice."""
    fewest = min((each.n for each in choices_of(report) if each.n), default=FEWEST_TO_JUDGE)
    if fewest >= FEWEST_TO_JUDGE:
        return []
    return [
        f"Choices rest on as few as {fewest} validation examples, where one is"
        f" {wording.many_points(1 / fewest)}: most of what settings differ by there is chance."
    ]


def search_notes(report: Report) -> list[str]:
    """What stands beside the searches; empty where nothing was chosen."""
    found = fixed_choices(report)
    if not choices_of(report):
        return []
    if rest := unsearched(report):
        found.append(f"{wording.listed(rest)} ran with default settings; nothing was tried there.")
    return [FLATTERS, *few_judged(report), *misjudged(report), *found]
