"""The figures that the README quotes, from committed records: `python -m service.figures`.

`publish` takes a finished run's records, without any text of the data, into the results folder;
`figures` makes the README's table of all results there, `searches` that of the results' own
page, and `simulated` that of docs/statistics.md. Nothing else writes any of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.journal import JOURNAL, Journal, line_of, publish_records
from benchmarks.results import StrategyResult
from benchmarks.simulation.figures import coverage_table
from benchmarks.simulation.measure import read_measurements
from service import searched, wording
from service.before_after import before_after
from service.report import Report, build_report

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
SEARCHES = RESULTS / "README.md"
STATISTICS = ROOT / "docs" / "statistics.md"
SIMULATED = ROOT / "benchmarks" / "simulation" / "results.jsonl"
BEGIN, END = "<!-- figures: python -m service.figures -->", "<!-- end of figures -->"
FAMILIES = ("baseline", "prompting", "rag", "fine-tuning", "combined")


def publish(run: Path, results: Path = RESULTS) -> Path:
    """Copy the records of the run in folder `run`, texts left out, to `results/TASK.jsonl`.

    Raises FileNotFoundError where there is no finished run.
    """
    if not (run / "report.json").is_file():
        raise FileNotFoundError(f"{run}: no report.json; finish the comparison first")
    records = publish_records(Journal(run / JOURNAL).read())
    path = results / f"{build_report(records).task.name}.jsonl"
    scratch = path.with_suffix(".tmp")
    scratch.write_bytes(b"".join(map(line_of, records)))
    scratch.replace(path)
    return path


def figures(results: Path = RESULTS) -> str:
    """The best of each family on every task, with the verdict, as Markdown tables."""
    reports = [build_report(Journal(path).read()) for path in sorted(results.glob("*.jsonl"))]
    head = "| task (metric, test rows) | " + " | ".join(FAMILIES) + " | recommended | commit? |"
    rows = [head, "| " + " | ".join(["---"] * (len(FAMILIES) + 3)) + " |"]
    rows += [row_of(report) for report in reports]
    return "\n".join(rows)


def searches(results: Path = RESULTS) -> str:
    """Each family's best default and its searched strategy on every task, as a Markdown table."""
    head = [
        *("task", "family", "best default, test", "searched, test", "difference in points"),
        *("validation, default to chosen", "changed", "tried"),
    ]
    rows = [head, ["---"] * len(head)]
    for path in sorted(results.glob("*.jsonl")):
        report = build_report(Journal(path).read())
        tries = {each.result.id: each for each in searched.searches_of(report)}
        for pair in before_after(report):
            each, gap = tries[pair.searched.id], pair.gap
            between = wording.points_between(gap.low, gap.high)
            rows.append(
                [
                    report.task.name,
                    pair.searched.family,
                    cell_of(pair.default),
                    cell_of(pair.searched),
                    f"{wording.points(gap.difference)} ({between})",
                    f"{searched.scores(each)} (n = {each.n})",
                    searched.change(each),
                    f"{searched.tried(each)} in {searched.spent(each)}",
                ]
            )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def simulated(path: Path = SIMULATED) -> str:
    """What `tuneworth bench statistics` found, as a Markdown table; a line where it has not run."""
    if not path.is_file():
        return f"Not simulated yet: `tuneworth bench statistics --out {path.relative_to(ROOT)}`."
    found = read_measurements(path)
    fewest = min(one.round for one in found)
    told = f"Percent of {fewest:,} simulations or more a cell."
    return f"{told}\n\n{coverage_table(found)}"


def row_of(report: Report) -> str:
    task, answer = report.task, report.recommendation
    cells = [f"{task.name} ({task.metric}, {task.n_test})"]
    for family in FAMILIES:
        measured = [r for r in report.strategies if r.family == family and r.quality]
        best = max(measured, key=lambda r: r.quality.value if r.quality else 0.0, default=None)
        cells.append(cell_of(best) if best else "–")
    chosen = f"`{answer.strategy}`" if answer.strategy else "none"
    verdict = f" ({answer.verdict})" if answer.verdict == "inconclusive" else ""
    return "| " + " | ".join([*cells, chosen + verdict, answer.commit_to_fine_tuning]) + " |"


def cell_of(result: StrategyResult) -> str:
    assert result.quality is not None
    quality = result.quality
    interval = wording.interval(quality.low, quality.high)
    return f"`{result.name}` {wording.score(quality.value)} ({interval})"


def with_figures(readme: str, table: str) -> str:
    """The README with the table between its two marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def main(runs: list[str]) -> None:
    """Publish the given runs, then bring the pages up to date with all results."""
    for run in runs:
        print(publish(Path(run)))
    for page, table in ((README, figures()), (SEARCHES, searches()), (STATISTICS, simulated())):
        text = page.read_text(encoding="utf-8")
        page.write_text(with_figures(text, table), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
