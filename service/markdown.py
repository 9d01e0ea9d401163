"""The report as Markdown: the same answer and figures, for a terminal, a wiki or a review."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from corpora.task import Check
from service import (
    before_after,
    beyond,
    bill,
    conditions,
    findings,
    learning,
    raced,
    searched,
    today,
    view,
    wording,
)
from service.report import Report

LONGEST = 160
"""Characters of a text in a table cell."""


def as_markdown(report: Report) -> str:
    """The whole report as one Markdown text."""
    parts = [
        *answer_part(report),
        *change_part(report),
        *table_part(report),
        *bill_part(report),
        *race_part(report),
        *learning_part(report),
        *search_part(report),
        *further_part(report),
        *beyond_part(report),
        *disagreement_part(report),
        *measured_part(report),
    ]
    return "\n".join(parts).rstrip() + "\n"


def answer_part(report: Report) -> list[str]:
    """Title, verdict, its numbers and reasons."""
    answer = report.recommendation
    lines = [f"# {plain(report.task.name)}: {view.headline(report)}", ""]
    if answer.strategy is not None:
        lines += [f"**Recommended: {code(answer.strategy)}**", ""]
    lines.append(f"- **{wording.COMMITMENTS[answer.commit_to_fine_tuning]}**")
    lines.append(f"- Confidence: {view.confidence(report)}")
    lines += [f"- {f.label}: **{f.value}** ({f.note})" for f in view.figures(report)]
    if answer.runner_up is not None:
        lines.append(f"- Runner-up: {code(answer.runner_up)}")
    lines += [f"- **Warning:** {plain(text, 400)}" for text in view.warnings(report)]
    lines += ["", "## Why", "", *bullets(answer.reasons)]
    if answer.unmet_needs:
        lines += ["", "## Unmet needs", "", *bullets(answer.unmet_needs)]
    if answer.would_change_if:
        lines += ["", "## What would change this", "", *bullets(answer.would_change_if)]
    return lines


def change_part(report: Report) -> list[str]:
    """What changing from what runs today would bring; nothing where that is not given."""
    rows = list(today.change_rows(report))
    if not rows:
        return []
    lines = ["", f"## {today.TITLE}", "", plain(today.today_told(report), 400), ""]
    lines += [line(today.HEAD), line(["---"] * len(today.HEAD))]
    for row in rows:
        name = f"**{code(row.to)}**" if row.best else code(row.to)
        lines.append(line([name, *row.cells]))
    return lines


def table_part(report: Report) -> list[str]:
    """All strategies; those without a score below."""
    rows = list(view.table(report))
    has_month = report.needs.requests_per_month is not None
    head = ["strategy", "family", "quality", "95% interval", "n", "against the recommended, points"]
    head += ["setup", "per 1,000", *(["a month"] if has_month else []), "p50 / p95 ms"]
    lines = ["", "## Every strategy", "", line(head), line(["---"] * len(head))]
    for row in rows:
        if row.result.quality is None:
            continue
        name = code(row.result.id)
        cells = [f"**{name}** ◀" if row.recommended else name, row.result.family, row.quality]
        cells += [row.interval, row.n, row.against, row.setup, row.per_1k]
        cells += [row.monthly] if has_month else []
        lines.append(line([*cells, row.latency]))
    absent = [row for row in rows if row.result.quality is None]
    if absent:
        lines += ["", *(f"- {code(row.result.id)} {plain(row.note)}" for row in absent)]
    own = report.recommendation.strategy
    evens = [row for row in report.break_even if own is None or own in (row.from_, row.to)]
    told = [
        f"- {code(row.to)} costs less than {code(row.from_)} from {wording.count(row.requests)}"
        " requests a month"
        for row in evens
        if row.requests is not None
    ]
    return lines + (["", "Break-even volumes:", "", *told] if told else [])


def bill_part(report: Report) -> list[str]:
    """What each costs over the horizon, part by part; nothing where no volume is stated."""
    head, rows = bill.bill_table(report)
    if not rows:
        return []
    lines = ["", f"## {bill.bill_title(report)}", "", line(head), line(["---"] * len(head))]
    return lines + [line([code(cells[0]), *cells[1:]]) for cells in rows]


def race_part(report: Report) -> list[str]:
    """Whom a race stopped, and what it took and spared; nothing where there was none."""
    notes = raced.race_notes(report)
    if not notes:
        return []
    lines = ["", f"## {raced.TITLE}", ""]
    head, rows = raced.race_table(report)
    if rows:
        lines += [line(head), line(["---"] * len(head))]
        lines += [line([code(cells[0]), *map(plain, cells[1:])]) for cells in rows] + [""]
    return lines + bullets(notes)


def learning_part(report: Report) -> list[str]:
    """Learning curves as a table, what more examples would bring, and what epochs show."""
    notes = learning.learning_notes(report)
    if not notes:
        return []
    lines = ["", f"## {learning.TITLE}", ""]
    if report.learning_curve:
        head = ["strategy", "training examples", "quality", "95% interval", "seeds"]
        lines += [line(head), line(["---"] * len(head))]
        lines += [line([code(cells[0]), *cells[1:]]) for cells in learning.curve_table(report)]
        lines.append("")
    return lines + bullets(notes)


def search_part(report: Report) -> list[str]:
    """What was tried and chosen, before and after on the test, and every try."""
    found, pairs = searched.searches_of(report), before_after.before_after(report)
    notes = [*before_after.pair_notes(report), *searched.search_notes(report)]
    if not notes:
        return []
    lines = ["", "## What each family tried", ""]
    if found:
        head = ["strategy", "tried", "time", "validation score", "n", "changed", "setup in all"]
        lines += [line(head), line(["---"] * len(head))]
        lines += [line(search_cells(each)) for each in found] + [""]
    if pairs:
        head = ["family", "best default", "test score", "searched", "test score", "points", "n"]
        head.append("setup")
        lines += ["Before and after, on the test examples:", "", line(head)]
        lines += [line(["---"] * len(head)), *(line(pair_cells(pair)) for pair in pairs), ""]
    lines += bullets(notes)
    for each in found:
        lines += ["", f"### All tries of {code(each.result.id)}", ""]
        lines += table(*searched.tries_table(each))
        if each.looks:
            lines += ["", "Looks at retrieval, without the model:", ""]
            lines += table(*searched.looks_table(each))
    return lines


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    shown = [[plain(cell) for cell in cells] for cells in (head, *rows)]
    return [line(shown[0]), line(["---"] * len(head)), *(line(cells) for cells in shown[1:])]


def search_cells(each: searched.Searched) -> list[str]:
    asked = searched.asked(each)
    setup = searched.setup(each.result) + (f", {asked} asked for it" if asked else "")
    cells = [code(each.result.id), searched.tried(each), searched.spent(each)]
    return [*cells, searched.scores(each), f"{each.n}", plain(searched.change(each), 400), setup]


def pair_cells(pair: before_after.BeforeAfter) -> list[str]:
    cells = [pair.searched.family]
    for row in (pair.default, pair.searched):
        value = wording.score(row.quality.value) if row.quality else ""
        cells += [code(row.id), f"{value} ({before_after.span(row)})"]
    setup = " → ".join(searched.setup(row) for row in (pair.default, pair.searched))
    return [*cells, view.gap_told(pair.gap), f"{pair.gap.n}", setup]


def further_part(report: Report) -> list[str]:
    """What else was measured."""
    head, further = view.further_table(report)
    if not further:
        return []
    lines = ["", "## Behind the figures", "", line(head), line(["---"] * len(head))]
    return lines + [line([code(cells[0]), *cells[1:]]) for cells in further]


def beyond_part(report: Report) -> list[str]:
    """How the strategies behave beside their score."""
    head, rows = beyond.beyond_table(report)
    if not rows:
        return []
    lines = ["", f"## {beyond.TITLE}", "", line(head), line(["---"] * len(head))]
    lines += [line([code(cells[0]), *cells[1:]]) for cells in rows]
    return [*lines, "", *bullets(beyond.beyond_notes(report))]


def disagreement_part(report: Report) -> list[str]:
    """The examples on which strategies differ most."""
    if not report.disagreements:
        return []
    lines = ["", "## Where the strategies disagree"]
    for example in report.disagreements:
        lines += ["", f"### {plain(example.id)}", ""]
        if example.input is not None:
            lines += [f"> {plain(example.input, 600)}", ""]
        if example.reference is not None:
            lines += [f"Right answer: {plain(example.reference, 300)}", ""]
        lines += [line(["strategy", "answer", "score"]), line(["---"] * 3)]
        for name, given in example.answers.items():
            text = "(not published)" if given.text is None else given.text
            score = "error" if given.score is None else wording.score(given.score)
            lines.append(line([code(name), plain(text), score]))
    return lines


def measured_part(report: Report) -> list[str]:
    """What, how and where; checks and sentinels."""
    lines = ["", "## What was measured", ""]
    lines += [f"- {name}: {plain(text, 600)}" for name, text in conditions.facts(report)]
    lines.append(f"- Needs: {conditions.needs_told(report)}")
    if report.sentinels:
        lines += ["", "## Guards against a broken measurement", ""]
    for sentinel in report.sentinels:
        about = f" ({code(sentinel.strategy)})" if sentinel.strategy else ""
        state = "passed" if sentinel.passed else "**FAILED**"
        lines.append(f"- {state}: {sentinel.name}{about}. {plain(sentinel.message, 300)}")
    lines += checks_part(report.checks)
    return [*lines, "", "## How to read this", "", *bullets(view.reading_guide(report))]


def checks_part(checks: Sequence[Check]) -> list[str]:
    """What was found on the data; nothing where all is well."""
    if not checks:
        return []
    lines = ["", "## Data checks", "", f"{findings.counted(checks)}:", ""]
    for check in checks:
        ids = f" ({plain(', '.join(check.examples))})" if check.examples else ""
        lines.append(f"- {check.severity}: {plain(check.message, 500)}{ids}")
    return lines


def bullets(sentences: Iterable[str]) -> list[str]:
    return [f"- {plain(sentence, 1000)}" for sentence in sentences]


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def code(name: str) -> str:
    return f"`{name.replace(chr(96), chr(39)).replace(chr(124), chr(47))}`"


def plain(text: str, limit: int = LONGEST) -> str:
    """Text of users and models as one line that Markdown and HTML leave alone."""
    short = " ".join(text.split())
    short = short if len(short) <= limit else short[: limit - 1] + "…"
    short = short.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\|`\[\]])", r"\\\1", short)
