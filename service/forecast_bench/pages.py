"""The page of the docs and its charts, from committed records.

`python -m service.forecast_bench.pages` writes them. Nothing is replayed here:
the replays and what is true lie beside the records.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from service import wording
from service.figures import with_figures
from service.forecast_bench.agenda import RESULTS
from service.forecast_bench.checks import HEADLINE
from service.forecast_bench.figures import Overall, all_figures, calls_by_confidence, overalls
from service.forecast_bench.measure import record_in
from service.forecast_bench.record import TaskRecord, read_record
from service.forecast_bench.replayed import FORECAST, Replay, read_replays
from service.forecast_bench.tables import (
    as_markdown,
    cascade_table,
    confidence_table,
    curve_table,
    measured_table,
    regret_table,
    reliability_table,
    share,
    task_table,
)
from service.forecast_bench.truth import Truth, truth_in
from service.published import write_atomically

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "forecast-bench.md"
CHART = ROOT / "docs" / "forecast-bench.svg"
ODDS = ROOT / "docs" / "forecast-bench-odds.svg"
BEGIN, END = (
    "<!-- figures: python -m service.forecast_bench.pages -->",
    "<!-- end of figures -->",
)
NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
PAPER = '<rect width="100%" height="100%" fill="white"/>'
"""Behind the chart, for readers of dark pages."""


def stored(place: Path) -> tuple[list[TaskRecord], dict[str, Truth], list[Replay]]:
    """What a folder of results holds of the tasks that were replayed."""
    paths = sorted((place / "tasks").glob("*.replays.jsonl"))
    names = [path.name.removesuffix(".replays.jsonl") for path in paths]
    truths = {
        name: Truth.model_validate_json(truth_in(place / "tasks", name).read_bytes())
        for name in names
    }
    records = [read_record(record_in(place, name)) for name in names]
    return records, truths, [replay for path in paths for replay in read_replays(path)]


def figures(place: Path = RESULTS) -> str:
    """All tables of the page; a line where nothing was measured."""
    records, truths, replays = stored(place)
    if not replays:
        return "Not measured yet."
    found = overalls(replays, truths)
    forecasts = [each for each in replays if each.way == FORECAST]
    main = [each for each in forecasts if each.budget == HEADLINE]
    heads = [record.task for record in records]
    states = list(dict.fromkeys(code for head in heads for code in head.code))
    parts = [
        f"![Mean regret against compute]({CHART.name})",
        f"At {HEADLINE:.0%} of the exhaustive seconds, task by task; regret and error in points:",
        as_markdown(task_table(all_figures(main, truths))),
        "Task by task at each budget: the regret in points, and the choice it comes of:",
        as_markdown(regret_table(all_figures(forecasts, truths))),
        "All tasks together, by budget, and the rivals beside:",
        as_markdown(curve_table(found)),
        best_point(found),
    ]
    ours = [one for one in found if (one.way, one.budget) == (FORECAST, HEADLINE)]
    if ours and ours[0].bins:
        picture = f"![Foretold chances of being best beside true ones]({ODDS.name})"
        parts += ["The chance of being best:", picture, as_markdown(reliability_table(ours[0]))]
    if ours and ours[0].calls_brier is not None:
        by_confidence = confidence_table(calls_by_confidence(all_figures(main, truths)))
        parts += [
            "What the foretold chance that tuning is right would call by itself, by the confidence"
            f" wanted (its Brier score is {ours[0].calls_brier:.2f}, a coin's 0.25):",
            as_markdown(by_confidence),
        ]
    beside = "What cascades measured beside their parts, which a forecast takes them to follow:"
    parts += [beside, as_markdown(cascade_table(records, truths))]
    parts += ["What was measured:", as_markdown(measured_table(heads, states))]
    return "\n\n".join(parts)


def best_point(found: Sequence[Overall]) -> str:
    """Where on the curve the forecast loses least."""
    ours = [one for one in found if one.way == FORECAST]
    if not ours:
        return "No forecast was replayed."
    best = min(ours, key=lambda one: (one.mean_regret, one.budget))
    return (
        f"The forecast loses least at {best.budget:.0%} of the exhaustive seconds: a mean regret"
        f" of {wording.points(best.mean_regret)} points, with {share(best.saved)} of the compute"
        " saved."
    )


def charts(place: Path = RESULTS) -> dict[Path, str]:
    """Each chart as a file of its own; none where nothing was measured."""
    _, truths, replays = stored(place)
    if not replays:
        return {}
    from service.forecast_bench.chart import odds_chart, regret_chart

    found = overalls(replays, truths)
    drawn = {CHART: regret_chart(found)}
    ours = [one for one in found if (one.way, one.budget) == (FORECAST, HEADLINE)]
    if ours and ours[0].bins:
        drawn[ODDS] = odds_chart(ours[0].bins)
    return {path: as_file(text) for path, text in drawn.items()}


def as_file(text: str) -> str:
    """An SVG element that stands alone."""
    named = text if NAMESPACE in text else text.replace("<svg", f"<svg {NAMESPACE}", 1)
    return named.replace(">", f">{PAPER}", 1) + "\n"


def written_anew(place: Path = RESULTS) -> str:
    """The page with its tables from the committed records."""
    return with_figures(PAGE.read_text(encoding="utf-8"), figures(place), BEGIN, END)


def main() -> None:
    """Bring page and charts up to date."""
    write_atomically(PAGE, written_anew())
    for path, text in charts().items():
        write_atomically(path, text)


if __name__ == "__main__":
    main()
