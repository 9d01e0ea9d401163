"""The figures as tables: rows of cells, for the terminal and for the page of the docs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.belief.cascade import parts_among
from service import wording
from service.forecast_bench.calls import Calls
from service.forecast_bench.figures import Overall, TaskFigures
from service.forecast_bench.record import TaskLine, TaskRecord
from service.forecast_bench.regret import Share
from service.forecast_bench.truth import Truth

Table = list[list[str]]
"""The first row is the head."""
NONE = "–"


def task_table(figures: Iterable[TaskFigures]) -> Table:
    """One row a task, forecast beside exhaustive; a regret with its standard error, and beside it
    what the choice measured below the exhaustive winner; what the forecast took of the seconds of
    the comparison, and what that was quoted at."""
    head = [
        *(
            "task",
            "exhaustive",
            "commit?",
            "forecast",
            "commit?",
            "regret",
            "to the winner",
            "found",
        ),
        *("error", "took", "of", "quoted", "saved"),
    ]
    rows = [head]
    for one in figures:
        truth, replay = one.truth, one.replay
        rows.append(
            [
                *(truth.name, truth.winner or "nothing", truth.commit),
                *(replay.pick or "nothing", replay.commit),
                *(with_error(one.regret, one.regret_error), wording.points(one.to_winner)),
                "yes" if one.found else "no",
                NONE if one.rmse is None else plain_points(one.rmse),
                *(wording.duration(replay.seconds), wording.duration(truth.seconds)),
                NONE if replay.quoted_seconds is None else wording.duration(replay.quoted_seconds),
                share(one.saved),
            ]
        )
    return rows


def cascade_table(records: Iterable[TaskRecord], truths: Mapping[str, Truth]) -> Table:
    """One row a task whose cascade and both parts were measured, and how far the cascade is from
    the better one."""
    rows = [["task", "cheap part", "dear part", "cascade", "to the better, points"]]
    for record in records:
        task, known = record.task, truths[record.task.name].known
        facts = [line.facts for line in record.run_of(record.seeds[0]) if line.facts.id in known]
        has_documents = task.task.n_documents > 0
        parts = parts_among(task.task.kind, facts, has_documents=has_documents)
        for cascade, both in parts.items():
            reached = [known[part].value for part in both]
            own = known[cascade].value
            cells = [f"{part} {wording.score(q)}" for part, q in zip(both, reached, strict=True)]
            gap = wording.points(own - max(reached))
            rows.append([task.name, *cells, wording.score(own), gap])
    return rows


def regret_table(figures: Sequence[TaskFigures]) -> Table:
    """One row a task, and at each budget what the forecast took, its regret and its answer."""
    budgets = sorted({one.replay.budget for one in figures})
    cells = {
        (one.replay.task, one.replay.budget): (
            f"{wording.points(one.regret)} {one.replay.pick or 'nothing'} ({one.replay.commit})"
        )
        for one in figures
    }
    rows = [["task", *(f"{budget:.0%}" for budget in budgets)]]
    for task in dict.fromkeys(one.replay.task for one in figures):
        rows.append([task, *(cells.get((task, budget), NONE) for budget in budgets)])
    return rows


def curve_table(found: Iterable[Overall]) -> Table:
    """One row for each way and budget."""
    head = [
        *("way", "budget", "saved", "mean regret", "to the winner", "worst"),
        *("winner found", "by chance"),
        *("go/no-go right", "balanced", "not yet", "error", "error, raw"),
        *("within 3", "covered", "Brier"),
    ]
    rows = [head]
    for one in found:
        calls = one.calls
        rows.append(
            [
                *(one.way, f"{one.budget:.0%}", share(one.saved)),
                with_error(one.mean_regret, one.mean_regret_error),
                wording.points(one.mean_to_winner),
                f"{wording.points(one.worst_regret)} ({one.worst_task})",
                *(of_share(one.found), f"{one.found_chance:.0%}"),
                f"{of_share(calls.accuracy)} of {calls.made}",
                *(optional(calls.balanced), share(calls.not_yet)),
                *(optional_points(one.rmse), optional_points(one.rmse_raw)),
                *(optional(one.within), optional(one.covered)),
                NONE if one.brier is None else f"{one.brier:.2f}",
            ]
        )
    return rows


def confidence_table(found: Mapping[float, Calls]) -> Table:
    """What the foretold chance that tuning is right calls by itself, by the confidence wanted."""
    rows = [["confidence", "calls", "right", "balanced", "not yet"]]
    for confidence, calls in found.items():
        rows.append(
            [
                *(f"{confidence:.0%}", f"{calls.made} of {calls.decided}"),
                of_share(calls.accuracy) if calls.made else NONE,
                *(optional(calls.balanced), share(calls.not_yet)),
            ]
        )
    return rows


def reliability_table(one: Overall) -> Table:
    """What was foretold of being best beside what is true."""
    rows = [["foretold", "mean foretold", "mean true", "strategies"]]
    for each in one.bins:
        span = f"{each.low:.0%}–{each.high:.0%}"
        rows.append([span, f"{each.told:.1%}", f"{each.true:.1%}", str(each.n)])
    return rows


def measured_table(heads: Iterable[TaskLine], states: Sequence[str]) -> Table:
    """What the records were made of; a state of the code is told by its number in `states`."""
    rows = [["task", "source", "rows", "training tokens", "state of the code"]]
    for head in heads:
        task = head.task
        counts = f"{task.n_train}/{task.n_validation}/{task.n_test}"
        numbers = ", ".join(str(states.index(each) + 1) for each in head.code)
        rows.append([head.name, head.source, counts, f"{head.training_tokens:,}", numbers])
    return rows


def as_markdown(table: Table) -> str:
    head, *rows = table
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def share(value: float) -> str:
    return f"{100 * value:.1f}%"


def of_share(value: Share) -> str:
    middle, low, high = (100 * each for each in value)
    return f"{middle:.0f}% ({low:.0f}–{high:.0f}%)"


def optional(value: float | None) -> str:
    return NONE if value is None else share(value)


def optional_points(value: float | None) -> str:
    return NONE if value is None else plain_points(value)


def with_error(value: float, error: float) -> str:
    """In points, with what the test rows' luck may move it by where that is known."""
    told = wording.points(value)
    return f"{told} ± {plain_points(error)}" if error > 0 else told


def plain_points(value: float) -> str:
    """A size in points, without a sign."""
    return f"{100 * value:.1f}"
