"""What the Markdown and HTML views say alike: the answer, its three numbers, the table's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.results import StrategyResult
from corpora.terms import DAYS_A_MONTH
from service import wording
from service.before_after import gap_between
from service.bill import bytes_text, cost_guide
from service.evidence import Gap
from service.raced import asked_all
from service.report import Report
from service.seated import same_machine
from service.today import change_figure, today_guide
from service.trained import training_guide


@dataclass(frozen=True)
class Figure:
    """One of the numbers behind the answer: what, how much, and how sure or on what."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Row:
    """A strategy as the table shows it; texts are empty where nothing was measured."""

    result: StrategyResult
    recommended: bool
    runner_up: bool
    quality: str
    interval: str
    n: str
    against: str
    setup: str
    per_1k: str
    monthly: str
    latency: str
    note: str


def headline(report: Report) -> str:
    """The verdict in words."""
    answer = report.recommendation
    if answer.strategy is None and not any(row.quality for row in report.strategies):
        return "Nothing could be measured"
    if answer.strategy is None and answer.reasons[0].startswith("No approach"):
        return answer.reasons[0].rstrip(".")
    return wording.verdict(answer.verdict, answer.commit_to_fine_tuning)


def confidence(report: Report) -> str:
    """In words, with the number behind them."""
    answer = report.recommendation
    words = wording.sureness(answer.confidence)
    if answer.strategy is None:
        return f"{words} ({wording.percent(answer.confidence)} that nothing is above the floor)"
    margin = wording.many_points(report.needs.practical_margin)
    share = wording.percent(answer.confidence)
    return f"{words} ({share} that nothing is better by more than {margin})"


def recommended(report: Report) -> StrategyResult | None:
    return next((r for r in report.strategies if r.id == report.recommendation.strategy), None)


def figures(report: Report) -> list[Figure]:
    """Quality, cost and latency of the recommended strategy."""
    row = recommended(report)
    if row is None or row.quality is None:
        return []
    quality = row.quality
    found = [
        Figure(
            wording.capital(wording.metric_name(quality.metric)),
            wording.score(quality.value),
            f"{wording.interval(quality.low, quality.high)} with 95% certainty, n = {quality.n}",
        )
    ]
    if row.cost:
        per_1k = wording.dollars(row.cost.per_1k_requests_usd)
        setup = "as stated" if row.cost.stated else f"{wording.dollars(row.cost.setup_usd)} setup"
        volume = report.needs.requests_per_month
        if row.cost.monthly_usd is not None and volume is not None:
            month = wording.dollars(row.cost.monthly_usd)
            note = f"{wording.count(volume)} requests, {per_1k} per 1,000; {setup}"
            note += kept_on(report, row)
            found.append(Figure("Cost a month", month, note))
        else:
            found.append(Figure("Cost per 1,000 requests", per_1k, setup))
    if row.under_load:
        p95, p50 = (wording.milliseconds(ms) for ms in (row.under_load.p95, row.under_load.p50))
        note = f"computed, median {p50}, {wording.load_text(row)}"
        found.append(Figure("p95 latency under load", p95, note))
    elif row.latency_ms:
        p95, p50 = (wording.milliseconds(ms) for ms in (row.latency_ms.p95, row.latency_ms.p50))
        note = f"median {p50}, n = {row.latency_ms.n}"
        note += ", as stated" if row.latency_ms.stated else ""
        found.append(Figure("p95 latency", p95, note))
    if change := change_figure(report):
        found.append(Figure(*change))
    return found


def kept_on(report: Report, row: StrategyResult) -> str:
    """What a machine that waits for requests costs, where only its busy time is charged."""
    hosted = {model.name for model in report.models if model.hosted}
    hour, cost = report.prices.get("usd_per_hour"), row.cost
    if report.deployment or hour is None or cost is None or cost.stated or row.model in hosted:
        return ""
    month = wording.dollars(float(hour) * 24 * DAYS_A_MONTH)
    return f"; busy time alone, {month} where a machine is kept on for it"


def table(report: Report) -> Iterator[Row]:
    """Every strategy, the failed and skipped ones with their reasons."""
    answer = report.recommendation
    for result in report.strategies:
        quality, cost, latency = result.quality, result.cost, result.latency_ms
        gap = against(report, result.id)
        yield Row(
            result=result,
            recommended=result.id == answer.strategy,
            runner_up=result.id == answer.runner_up,
            quality=wording.score(quality.value) if quality else "",
            interval=wording.interval(quality.low, quality.high) if quality else "",
            n=rows_told(result),
            against=gap_told(gap) if gap else "",
            setup=wording.duration(cost.setup_seconds) if cost and not cost.stated else "–",
            per_1k=wording.as_stated(wording.dollars(cost.per_1k_requests_usd), cost)
            if cost
            else "–",
            monthly=wording.dollars(cost.monthly_usd)
            if cost and cost.monthly_usd is not None
            else "–",
            latency=wording.as_stated(f"{ms(latency.p50)} / {ms(latency.p95)}", latency)
            if latency
            else "–",
            note="" if result.status == "completed" else f"{result.status}: {result.reason or '-'}",
        )


def rows_told(result: StrategyResult) -> str:
    """`150`, or `138 + 12 errors`."""
    if result.quality is None:
        return ""
    errors = result.quality.errors
    return f"{result.quality.n}" + (f" + {errors} errors" if errors else "")


def gap_told(gap: Gap) -> str:
    return f"{wording.points(gap.difference)} ({wording.points_between(gap.low, gap.high)})"


def ms(value: float) -> str:
    return wording.milliseconds(value).removesuffix(" ms")


def against(report: Report, strategy: str) -> Gap | None:
    """The strategy's quality minus the recommended one's; None for itself or where unmeasured."""
    return gap_between(report, strategy, report.recommendation.strategy)


def further_table(report: Report) -> tuple[list[str], list[list[str]]]:
    """Head and rows of what else was measured; only columns that hold something."""
    rows = [row for row in report.strategies if row.quality]
    extras = sorted({name for row in rows if row.quality for name in row.quality.extra})
    columns: list[tuple[str, list[str]]] = [
        (
            wording.metric_name(name),
            [shown(row.quality.extra.get(name), wording.score) for row in rows if row.quality],
        )
        for name in extras
    ]
    found = [row.retrieval for row in rows]
    k = max((each.k for each in found if each), default=0)
    columns += [
        (f"hit@{k}", [wording.hits(each, k) if each else "" for each in found]),
        ("MRR", [wording.score(each.mrr) if each else "" for each in found]),
        ("tokens in (cached)", [tokens_in(row) for row in rows]),
        ("tokens out", [tokens_out(row) for row in rows]),
        ("requests/s in batches", [shown(row.throughput_per_s, one) for row in rows]),
        ("index in memory", [bytes_text(row.index_bytes) for row in rows]),
        ("p50 / p95 ms under load (computed)", [loaded(row) for row in rows]),
        ("replicas", [f"{row.under_load.replicas}" if row.under_load else "" for row in rows]),
        ("chance of being best", [shown(row.p_best, wording.percent) for row in rows]),
        ("epochs", [str((row.training or {}).get("epochs") or "") for row in rows]),
    ]
    kept = [(head, cells) for head, cells in columns if any(cells)]
    lines = [[row.id, *(cells[at] for _, cells in kept)] for at, row in enumerate(rows)]
    return ["strategy", *(head for head, _ in kept)], lines


def loaded(row: StrategyResult) -> str:
    return f"{ms(row.under_load.p50)} / {ms(row.under_load.p95)}" if row.under_load else ""


def shown(value: float | None, tell: Callable[[float], str]) -> str:
    return "" if value is None else tell(value)


def one(value: float) -> str:
    """A plain number: `0.4`, `12`, `1,300`."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def tokens_in(row: StrategyResult) -> str:
    if row.tokens is None or not row.tokens.prompt_per_request:
        return ""
    return f"{row.tokens.prompt_per_request:,.0f} ({row.tokens.cached_per_request:,.0f})"


def tokens_out(row: StrategyResult) -> str:
    if row.tokens is None or not row.tokens.completion_per_request:
        return ""
    return one(row.tokens.completion_per_request)


def warnings(report: Report) -> list[str]:
    """What casts doubt on the figures, for the first screen."""
    found = [
        f"A guard failed{f' for {row.strategy}' if row.strategy else ''}: {row.message}"
        for row in report.sentinels
        if not row.passed
    ]
    return found + [check.message for check in report.checks if check.severity == "error"]


def choice_guide(report: Report) -> list[str]:
    """That the best of several scores flatters, and what is done about it."""
    measured = [row for row in report.strategies if row.quality]
    if len(measured) < 2:
        return []
    size = wording.many_points(report.flattery)
    return [
        f"Strategies are chosen among on the test examples; none are held out to confirm it. The"
        f" highest of the {len(measured)} scores is too high by up to {size} on average, for being"
        " the highest. No score is corrected for it; what beats what is asked of all pairs at once,"
        " so that luck among many makes no winner."
    ]


def reading_guide(report: Report) -> list[str]:
    """How to read this, in a few sentences."""
    detectable = wording.many_points(report.detectable_difference)
    with_model = "the same model" if len(report.models) < 2 else "each of the models"
    return [
        f"{asked_all(report)} answered the same test examples with {with_model}"
        f"{same_machine(report)}.",
        *today_guide(report),
        "An interval holds the true value with 95% certainty; it comes from the test examples"
        " alone, so it says nothing of data that looks different.",
        "Two strategies are compared example by example. That is sharper than to see whether"
        " their intervals overlap. The interval of a difference holds for that pair; one strategy"
        " beats another only if it is better with all pairs looked at at once.",
        f"With {report.task.n_test} test examples, a difference of {detectable} or more is found"
        " four times in five for one pair alone, if two strategies differ on a fifth of them; with"
        " all pairs looked at at once, or where rows come in groups, it takes a larger one.",
        "An answer that failed is counted as an error. It is neither scored as wrong nor left out"
        " of the count.",
        *cost_guide(report),
        *training_guide(report),
        *choice_guide(report),
        "No prompt and no setting was tried beyond what this report lists. Every choice of a"
        " setting was made on validation rows.",
        "The rule: of the strategies that serve the stated needs, the cheapest that no other one"
        " beats by more than the practical margin.",
    ]
