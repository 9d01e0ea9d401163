"""What every view of a forecast says: the answer in a sentence, the table, the bill, the trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service import wording
from service.forecasting.result import Forecast, ForecastRow, Moved, State, TraceStep
from service.forecasting.telling import DEEDS, extent, size
from service.view import Figure, ms

FIGURES = {
    "score": "score",
    "accuracy": "accuracy",
    "hit_at_3": "hit@3",
    "hit_at_1": "hit@1",
    "mrr": "MRR",
    "nll": "nats a token",
    "label_nll": "nats a label",
}
"""Figures of a finding that are told, the most telling first."""
MOST_FIGURES = 3
HEAD = (
    "strategy",
    "expected quality",
    "90% interval",
    "chance to be best",
    "chance to be chosen",
    "per 1,000",
    "setup",
    "an answer",
)
TRACE_HEAD = ("", "what", "took", "found", "what it moved", "the decision then")


@dataclass(frozen=True)
class Row:
    """A strategy as tables show it; `note` says why one is out."""

    row: ForecastRow
    chosen: bool
    cells: tuple[str, ...]
    note: str


def headline(forecast: Forecast) -> str:
    kind, commit = forecast.answer.verdict, forecast.answer.commit_to_fine_tuning
    said = wording.verdict(kind, commit)
    return wording.FOR_NOW.get(kind, said) if commit == "not yet" else said


def sentence(forecast: Forecast) -> str:
    """The answer in one sentence."""
    answer = forecast.answer
    commit = wording.COMMITMENTS[answer.commit_to_fine_tuning]
    row = chosen(forecast)
    if (row is None or row.quality is None) and forecast.rule is not None:
        return f"{commit}; the simple rule “{forecast.rule}”, which decides, had nothing to go by."
    if row is None or row.quality is None:
        return f"{commit}; no strategy is expected to solve this task."
    quality = row.quality
    metric = wording.metric_name(quality.metric)
    use = "until then use" if answer.commit_to_fine_tuning == "not yet" else "use"
    if forecast.rule is not None:
        return (
            f"{commit}; {use} {row.id}. The simple rule “{forecast.rule}” says so, which did better"
            " than the predictor on measured tasks."
        )
    if answer.p_tuned is not None:
        commit += f" (the chance that it is right to tune is {wording.percent(answer.p_tuned)})"
    margin = wording.many_points(forecast.needs.practical_margin)
    return (
        f"{commit}; {use} {row.id}: {wording.score(quality.value)} {metric} is expected (90%"
        f" interval {wording.interval(quality.low, quality.high)}), and the chance that this"
        f" is the right choice, or at most {margin} worse, is {wording.percent(answer.chance)}."
    )


def chosen(forecast: Forecast) -> ForecastRow | None:
    return next((row for row in forecast.strategies if row.id == forecast.answer.strategy), None)


def sureness(forecast: Forecast) -> str:
    """The chance that the decision is right, in words, with what right means."""
    answer = forecast.answer
    if forecast.rule is not None:
        return (
            "decided by a simple rule; the predictor, which did worse than it, gives this a chance"
            f" of {wording.percent(answer.chance)}"
        )
    margin = wording.many_points(forecast.needs.practical_margin)
    tuned = ", and that tuning pays" if answer.commit_to_fine_tuning == "yes" else ""
    if answer.strategy is None:
        return f"{wording.percent(answer.chance)} that nothing is above what is free"
    return (
        f"{wording.sureness(answer.chance)} ({wording.percent(answer.chance)} that it is at most"
        f" {margin} worse than the right choice{tuned})"
    )


def figures(forecast: Forecast) -> list[Figure]:
    """Quality, time and money in large type."""
    row, whole, spent = chosen(forecast), forecast.exhaustive, forecast.spent
    found = []
    if row is not None and row.quality is not None:
        between = wording.interval(row.quality.low, row.quality.high)
        name = wording.capital(wording.metric_name(row.quality.metric))
        found.append(
            Figure(f"{name}, expected", wording.score(row.quality.value), f"{between} with 90%")
        )
    found.append(
        Figure(
            "This forecast took",
            wording.duration(spent.seconds),
            f"{wording.dollars(spent.usd)}, {spent.actions} steps",
        )
    )
    found.append(
        Figure(
            "The comparison would take",
            wording.duration(whole.seconds),
            f"{wording.dollars(whole.usd)}, quoted; {saved(forecast)}",
        )
    )
    return found


def saved(forecast: Forecast) -> str:
    share = forecast.exhaustive.saved
    return f"{100 * share:.0f}% saved" if share > 0 else "nothing saved"


def bill(forecast: Forecast) -> str:
    """What was spent, and what the comparison would have taken."""
    spent, whole = forecast.spent, forecast.exhaustive
    return (
        f"Spent {wording.duration(spent.seconds)} and {wording.dollars(spent.usd)} in"
        f" {spent.actions} steps; the comparison is quoted at {wording.duration(whole.seconds)} and"
        f" {wording.dollars(whole.usd)} (priced as {whole.machine}): {saved(forecast)}."
    )


def table(forecast: Forecast) -> Iterator[Row]:
    """Every strategy; those that are out last, with their reasons."""
    for row in forecast.strategies:
        note = "" if row.status == "completed" else f"{row.status}: {row.reason or '-'}"
        yield Row(row, row.id == forecast.answer.strategy, cells_of(row), note)


def cells_of(row: ForecastRow) -> tuple[str, ...]:
    """In the order of HEAD, without the name; empty texts where nothing is expected."""
    if row.quality is None:
        return ("",) * (len(HEAD) - 1)
    cost, latency = row.cost, row.under_load or row.latency_ms
    return (
        wording.score(row.quality.value),
        wording.interval(row.quality.low, row.quality.high),
        wording.percent(row.p_best or 0.0),
        wording.percent(row.p_chosen or 0.0),
        wording.dollars(cost.per_1k_requests_usd) if cost else "–",
        wording.duration(cost.setup_seconds) if cost else "–",
        f"{ms(latency.p95)} ms" if latency else "–",
    )


def seen(row: ForecastRow) -> str:
    """What the expectation rests on beside what is known of its like."""
    parts = [f"{row.rows} validation rows"] if row.rows else []
    parts += [f"{wording.listed(row.parts)}: about the better of them"] if row.parts else []
    parts += [DEEDS[deed] for deed in row.seen_by if deed != "rows"]
    return wording.listed(parts) if parts else "not looked at itself"


def done(forecast: Forecast) -> list[TraceStep]:
    return [step for step in forecast.trace if step.taken]


def left(forecast: Forecast) -> list[TraceStep]:
    """What was passed over."""
    return [step for step in forecast.trace if not step.taken]


def what(step: TraceStep) -> str:
    """`answer validation rows: rag.hybrid (16 rows)`."""
    about = f": {step.strategy}" if step.strategy else ""
    return f"{DEEDS[step.deed]}{about}{extent(step.deed, step)}"


def found(step: TraceStep) -> str:
    """The figures that matter, or why there are none."""
    if step.trouble is not None:
        return f"nothing: {step.trouble}"
    told = [
        f"{name} {step.figures[key]:.2f}" for key, name in FIGURES.items() if key in step.figures
    ]
    return ", ".join(told[:MOST_FIGURES]) or ("facts of the data" if step.figures else "nothing")


def moves(step: TraceStep) -> str:
    return "; ".join(move(one) for one in step.moved) or "nothing"


def move(one: Moved) -> str:
    """`lora 0.55 (0.40–0.69) → 0.62 (0.54–0.70)`."""
    before, after = (
        f"{wording.score(value)} ({wording.interval(low, high)})"
        for value, low, high in (one.before, one.after)
    )
    return f"{one.strategy} {before} → {after}"


def stands(state: State | None) -> str:
    """`no, rag.hybrid, 78%, 2.1 points at stake`."""
    if state is None:
        return ""
    return (
        f"{state.commit_to_fine_tuning}, {state.strategy or 'none'},"
        f" {wording.percent(state.chance)}, {size(state.stake)} at stake"
    )


def trace_rows(forecast: Forecast) -> list[tuple[str, ...]]:
    """In the order of TRACE_HEAD; the first line is where it began."""
    rows: list[tuple[str, ...]] = [
        ("", "what tasks like it were like", "", "", "", stands(forecast.start))
    ]
    for number, step in enumerate(done(forecast), start=1):
        cells = (wording.duration(step.seconds), found(step), moves(step), stands(step.after))
        rows.append((f"{number}", what(step), *cells))
    return rows


def guide(forecast: Forecast) -> list[str]:
    """How to read this, in a few sentences."""
    return [
        "A forecast read training and validation rows alone. No test row was looked at, so a"
        " comparison made afterwards is as good as one made without it.",
        "Expected quality is what the comparison would find with an endless test. It rests on what"
        " was looked at here and on how strategies fared on other tasks: " + forecast.predictor,
        *([forecast.tested] if forecast.tested else []),
        *deciding(forecast),
        "Cost and time are expected: quoted from counts of words, and corrected by what answers"
        " took here.",
    ]


def deciding(forecast: Forecast) -> list[str]:
    """How the answer comes about."""
    margin = wording.many_points(forecast.needs.practical_margin)
    if forecast.rule is not None:
        return [
            f"So the answer is that of the simple rule “{forecast.rule}”, from what it looks at:"
            " yes where it takes a tuned strategy. It chooses among strategies that meet the stated"
            " cost and speed, and weighs neither of the two. Expected qualities and chances are"
            " the predictor's."
        ]
    return [
        "The rule is that of the comparison: of the strategies that serve the stated needs, the"
        f" cheapest that no other one is likely to beat by more than {margin}. Right means that a"
        " decision loses no more than that against the one made knowing everything.",
        f"Yes is said from a chance of {forecast.confidence:.0%} on that tuning gains more than"
        f" {margin}, and that a tuned strategy is the right choice; a comparison asks for 95%, as"
        " nothing comes after it. No is said where a strategy without tuning is chosen and tuning"
        " is right with no more than the rest of that chance, or what may be forgone is next to"
        " nothing. Needs that nobody knows of tuned strategies count for that chance as met.",
    ]
