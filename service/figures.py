"""The figures that the README quotes, from committed records: `python -m service.figures`.

`publish` takes a finished run's records, without any text of the data, into the results folder,
those with a learning curve into its folder `curves`, and else those of another seed than 0 into
`seeds`; `figures` makes the README's table of all results there, `searches` and `seeds` those of
the results' own page, `decided` what docs/real-tasks.md tells of each, `curves` what
docs/learning-curve.md shows, and `simulated` the table of docs/statistics.md. Nothing else writes
any of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.journal import JOURNAL, Journal, line_of, publish_records
from benchmarks.records import CurveRecord
from benchmarks.results import StrategyResult
from benchmarks.simulation.figures import coverage_table
from benchmarks.simulation.measure import read_measurements
from benchmarks.standing import latest_run
from service import searched, wording
from service.before_after import before_after, gap_between
from service.decided import decided
from service.evidence import Gap
from service.markdown import learning_part
from service.report import Report, build_report
from service.suitability import is_tuned

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
SEARCHES = RESULTS / "README.md"
STATISTICS = ROOT / "docs" / "statistics.md"
DECISIONS = ROOT / "docs" / "real-tasks.md"
CURVES = ROOT / "docs" / "learning-curve.md"
SIMULATED = ROOT / "benchmarks" / "simulation" / "results" / "statistics.jsonl"
BEGIN, END = "<!-- figures: python -m service.figures -->", "<!-- end of figures -->"
SEEDS_BEGIN, SEEDS_END = "<!-- seeds: python -m service.figures -->", "<!-- end of seeds -->"
PAGES = (README, SEARCHES, STATISTICS, DECISIONS, CURVES)
FAMILIES = ("baseline", "prompting", "rag", "fine-tuning", "combined")


def publish(run: Path, results: Path = RESULTS) -> Path:
    """Copy the records of the run in folder `run`, texts left out, to `results/TASK.jsonl`; with
    a learning curve to `results/curves/TASK.jsonl`, with another seed than 0 to
    `results/seeds/TASK.SEED.jsonl`.

    Raises FileNotFoundError where there is no finished run.
    """
    if not (run / "report.json").is_file():
        raise FileNotFoundError(f"{run}: no report.json; finish the comparison first")
    records = publish_records(Journal(run / JOURNAL).read())
    run_record = latest_run(records)
    assert run_record is not None, "a report was made of it"
    name, seed = run_record.task.name, run_record.seed
    if any(isinstance(record, CurveRecord) for record in records):
        path = results / "curves" / f"{name}.jsonl"
    else:
        path = results / (f"seeds/{name}.{seed}.jsonl" if seed else f"{name}.jsonl")
    path.parent.mkdir(exist_ok=True)
    scratch = path.with_suffix(".tmp")
    scratch.write_bytes(b"".join(map(line_of, records)))
    scratch.replace(path)
    return path


def figures(reports: Sequence[Report]) -> str:
    """The best of each family on every task, with the verdict, as Markdown tables."""
    head = "| task (metric, test rows) | " + " | ".join(FAMILIES) + " | recommended | commit? |"
    rows = [head, "| " + " | ".join(["---"] * (len(FAMILIES) + 3)) + " |"]
    rows += [row_of(report) for report in reports]
    return "\n".join(rows)


def published(results: Path = RESULTS) -> list[Report]:
    """The reports of all results of seed 0, by name of their file."""
    return [build_report(Journal(path).read()) for path in sorted(results.glob("*.jsonl"))]


def searches(reports: Sequence[Report]) -> str:
    """Each family's best default and its searched strategy on every task, as a Markdown table."""
    head = [
        *("task", "family", "best default, test", "searched, test", "difference in points"),
        *("validation, default to chosen", "changed", "tried"),
    ]
    rows = [head, ["---"] * len(head)]
    for report in reports:
        tries = {each.result.id: each for each in searched.searches_of(report)}
        for pair in before_after(report):
            each = tries[pair.searched.id]
            rows.append(
                [
                    report.task.name,
                    pair.searched.family,
                    cell_of(pair.default),
                    cell_of(pair.searched),
                    difference(pair.gap),
                    f"{searched.scores(each)} (n = {each.n})",
                    searched.change(each),
                    f"{searched.tried(each)} in {searched.spent(each)}",
                ]
            )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def seeds(results: Path = RESULTS) -> str:
    """The decision on the tasks that were run with several seeds, as a Markdown table."""
    head = [
        *("task", "seed", "best without tuning", "best tuned", "difference in points"),
        *("recommended", "commit?"),
    ]
    rows = [head, ["---"] * len(head)]
    again = sorted((results / "seeds").glob("*.jsonl"))
    if not again:
        return "No task has been run with other seeds yet."
    for name in sorted({path.name.rsplit(".", 2)[0] for path in again}):
        runs = [results / f"{name}.jsonl", *(p for p in again if p.name.startswith(f"{name}."))]
        for path in runs:
            records = Journal(path).read()
            run = latest_run(records)
            assert run is not None, "published records hold their run"
            report = build_report(records)
            plain, tuned = (best_of(report, tuned=each) for each in (False, True))
            gap = gap_between(report, tuned.id, plain.id) if plain and tuned else None
            best = (cell_of(each) if each else "–" for each in (plain, tuned))
            answer = report.recommendation
            rows.append(
                [
                    *(name, str(run.seed), *best, difference(gap)),
                    *(f"`{answer.strategy}` ({answer.verdict})", answer.commit_to_fine_tuning),
                ]
            )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def curves(results: Path = RESULTS) -> str:
    """What the reports of runs with a learning curve say of more training examples."""
    told = []
    for path in sorted((results / "curves").glob("*.jsonl")):
        report = build_report(Journal(path).read())
        _, _title, *lines = learning_part(report)
        told += [f"### {report.task.name}", *lines, ""]
    return "\n".join(told).strip() or "No learning curve has been measured yet."


def best_of(report: Report, *, tuned: bool) -> StrategyResult | None:
    """The highest measured quality of those that train the model, or of the others."""
    rows = [row for row in report.strategies if row.quality and is_tuned(row) is tuned]
    return max(rows, key=lambda row: row.quality.value if row.quality else 0.0, default=None)


def difference(gap: Gap | None) -> str:
    if gap is None:
        return "–"
    return f"{wording.points(gap.difference)} ({wording.points_between(gap.low, gap.high)})"


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


def with_figures(page: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """The page with the table between two marks."""
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def written_anew() -> dict[Path, str]:
    """Every page that quotes figures, with its tables from the committed records."""
    pages = {path: path.read_text(encoding="utf-8") for path in PAGES}
    reports = published()
    found = with_figures(pages[SEARCHES], searches(reports))
    return {
        README: with_figures(pages[README], figures(reports)),
        SEARCHES: with_figures(found, seeds(), SEEDS_BEGIN, SEEDS_END),
        STATISTICS: with_figures(pages[STATISTICS], simulated()),
        DECISIONS: with_figures(pages[DECISIONS], decided(reports)),
        CURVES: with_figures(pages[CURVES], curves()),
    }


def main(runs: list[str]) -> None:
    """Publish the given runs, then bring the pages up to date with all results."""
    for run in runs:
        print(publish(Path(run)))
    for path, text in written_anew().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
