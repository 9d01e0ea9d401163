"""The comparison as text for a terminal: facts, findings, quote, results, recommendation."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from benchmarks.quote import Quote, QuoteRow
from benchmarks.results import Latency, Quality, StrategyResult
from corpora.task import Check, Dataset
from service import learning, searched
from service.before_after import before_after, paid
from service.findings import counted
from service.raced import race_notes
from service.recommendation import Recommendation
from service.report import Report
from service.today import HEAD, TITLE, change_rows, today_told
from service.wording import (
    COMMITMENTS,
    as_stated,
    dollars,
    duration,
    interval,
    listed,
    many_points,
    score,
    sureness,
    verdict,
)

SEVERITY_STYLE = {"error": "bold red", "warning": "yellow", "info": "dim"}


def facts_text(dataset: Dataset) -> Text:
    """The task in two lines: what it is, and how much data there is."""
    task = dataset.task
    counts = (
        f"{len(dataset.train)} training, {len(dataset.validation)} validation and"
        f" {len(dataset.test)} test examples"
    )
    parts = [counts]
    if task.labels:
        parts.append(f"{len(task.labels)} labels")
    if dataset.documents:
        parts.append(f"{len(dataset.documents)} documents")
    if dataset.incumbent:
        parts.append(f"{len(dataset.incumbent.answers)} answers of what runs today")
    return Text.assemble(
        (task.name, "bold"),
        f"  {task.kind}, scored by {task.metric}, on {', '.join(task.models)}\n",
        ", ".join(parts),
    )


def checks_text(checks: Sequence[Check]) -> Text:
    """How many findings, then one line for each, with the ids that show it."""
    if not checks:
        return Text("Data checks: nothing found.", style="green")
    lines = [Text(f"Data checks: {counted(checks)}.")]
    for found in checks:
        line = Text.assemble((found.severity, SEVERITY_STYLE[found.severity]), f"  {found.message}")
        if found.examples:
            line.append(f"  ({', '.join(found.examples)})", style="dim")
        lines.append(line)
    return Text("\n").join(lines)


def quote_table(quote: Quote) -> Table:
    """Time and money expected of each strategy that fits."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    name_column(table, "to run", [row.id for row in quote.rows])
    for column in ("setup", "in all", "cost", "prompt tokens"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in quote.rows:
        if row.skipped is None:
            table.add_row(
                row.id,
                at_most(row, about(row.setup_seconds)),
                at_most(row, about(row.seconds)),
                at_most(row, dollars(row.usd)),
                f"{row.prompt_tokens:,.0f}" if row.prompt_tokens else "-",
            )
    return table


def quote_text(quote: Quote) -> Text:
    """What it comes to, what cannot run, and what the test split can tell."""
    lines = unfit_lines([(row.id, row.skipped) for row in quote.rows if row.skipped])
    if searching := [row.id for row in quote.rows if row.search_seconds]:
        verb = "chooses its" if len(searching) == 1 else "choose their"
        bound = max(row.search_seconds for row in quote.rows)
        lines.append(
            f"{listed(searching)} {verb} settings on validation rows: at most"
            f" {quote.search.trials} tries and {duration(bound)}"
            f"{'' if len(searching) == 1 else ' each'}, in the setup above."
        )
    if curves := [row for row in quote.rows if row.curve_seconds]:
        lines.append(
            f"Learning curves of {listed([row.id for row in curves])}, trained on parts of the"
            f" training rows too: {duration(sum(row.curve_seconds for row in curves))} of the times"
            " in all."
        )
    if quote.race_seconds:
        lines.append(
            "The race asks each strategy validation examples, all of them at most:"
            f" {duration(quote.race_seconds)} of the times in all. What it stops takes no more; how"
            " much that will be cannot be promised."
        )
    spent = "with the hosted models' tokens" if quote.paid else "of this machine's time"
    lines.append(
        f"Expected: about {duration(quote.seconds)} and {dollars(quote.usd)} {spent}"
        f" (priced as {quote.machine})."
    )
    lines.append(
        f"The {quote.n_test} test examples can tell two strategies apart that differ by"
        f" {many_points(quote.detectable_difference)} or more; among several it takes more."
    )
    return Text("\n".join(lines))


def at_most(row: QuoteRow, text: str) -> str:
    """A search may end early."""
    return f"up to {text}" if row.search_seconds else text


def name_column(table: Table, title: str, ids: Sequence[str]) -> None:
    """A column of ids that folds long ones (a model's name can be a path) before any figure."""
    table.add_column(title, overflow="fold", min_width=min(24, max(map(len, ids), default=0)))


def about(seconds: float) -> str:
    """A guess, without false precision below a second."""
    return "under 1 s" if seconds < 1 else duration(seconds)


def result_table(rows: Sequence[StrategyResult]) -> Table:
    """Every strategy that ran, best quality first; those that broke below them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    name_column(table, "strategy", [row.id for row in rows])
    table.add_column("quality [95% interval]", no_wrap=True)
    for column in ("setup", "$ per 1k", "p50 / p95 ms"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("status", overflow="fold")
    for row in sorted(rows, key=_best_first):
        if row.status == "skipped":
            continue
        table.add_row(
            row.id,
            quality_text(row.quality),
            duration(row.cost.setup_seconds) if row.cost and not row.cost.stated else "–",
            as_stated(dollars(row.cost.per_1k_requests_usd), row.cost) if row.cost else "–",
            latency_text(row.latency_ms),
            row.status if row.reason is None else f"{row.status}: {row.reason}",
            style="red" if row.status == "failed" else None,
        )
    return table


def change_table(report: Report) -> Table:
    """What changing from what runs today would bring; the change to look at stands out."""
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.title = f"{TITLE}. {today_told(report)}"
    name_column(table, HEAD[0], [change.to for change in report.changes])
    for column in HEAD[1:]:
        table.add_column(column, justify="right", no_wrap=True)
    for row in change_rows(report):
        table.add_row(row.to, *row.cells, style="bold" if row.best else None)
    return table


def skipped_text(rows: Sequence[StrategyResult]) -> Text:
    """Which strategies do not fit the task, and why; empty where all fit."""
    skipped = [(row.id, row.reason or "no reason given") for row in rows if row.status == "skipped"]
    return Text("\n".join(unfit_lines(skipped)), style="dim")


def unfit_lines(reasons: Sequence[tuple[str, str]]) -> list[str]:
    """One line for all (id, reason); a reason that begins with the id is not said twice."""
    said = [reason if reason.startswith(id_) else f"{id_}: {reason}" for id_, reason in reasons]
    return [f"Not for this task: {'; '.join(said)}."] if said else []


def _best_first(row: StrategyResult) -> tuple[int, float]:
    return (0, -row.quality.value) if row.quality else (1, 0.0)


def quality_text(quality: Quality | None) -> str:
    """`0.95 [0.92-0.97] n=300`, errors counted apart."""
    if quality is None:
        return "–"
    text = f"{score(quality.value)} [{interval(quality.low, quality.high)}] n={quality.n}"
    return f"{text}, {quality.errors} errors" if quality.errors else text


def latency_text(latency: Latency | None) -> str:
    """Both percentiles in milliseconds."""
    if latency is None:
        return "–"
    digits = 0 if latency.p50 >= 10 else 1
    return as_stated(f"{latency.p50:,.{digits}f} / {latency.p95:,.{digits}f}", latency)


def searches_text(report: Report) -> Text:
    """A line for each search, and whether it paid; empty where nothing was searched."""
    lines = [
        f"{each.result.id} tried {searched.tried(each)} in {searched.spent(each)}: validation score"
        f" {searched.scores(each)} (n = {each.n}); changed {searched.change(each)}"
        for each in searched.searches_of(report)
    ]
    margin = report.needs.practical_margin
    return Text("\n".join([*lines, *(paid(pair, margin) for pair in before_after(report))]))


def learning_text(report: Report) -> Text:
    """What learning curves and epochs show; empty where that is nothing."""
    notes = [note for note in learning.learning_notes(report) if note != learning.HOW]
    return Text("\n".join(notes))


def race_text(report: Report) -> Text:
    """What a race took and spared; empty where there was none. Whom it stopped stands above."""
    return Text("\n".join(race_notes(report)[:2]))


def recommendation_text(answer: Recommendation) -> Text:
    """The answer in words: verdict, reasons, and what would change it."""
    head = verdict(answer.verdict, answer.commit_to_fine_tuning)
    if answer.strategy is not None:
        head += f": {answer.strategy} ({sureness(answer.confidence)})"
    lines = [
        Text.assemble((head, "bold green" if answer.strategy else "bold yellow")),
        Text(COMMITMENTS[answer.commit_to_fine_tuning]),
    ]
    lines += [Text(f"  - {reason}") for reason in answer.reasons]
    lines += [Text(f"  - not met: {need}", style="yellow") for need in answer.unmet_needs]
    if answer.would_change_if:
        lines.append(Text("What would change it:"))
        lines += [Text(f"  - {change}") for change in answer.would_change_if]
    return Text("\n").join(lines)
