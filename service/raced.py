"""The race as every view tells it: whom it stopped and why, what it took, and what it spared."""

from __future__ import annotations

from benchmarks.results import StrategyResult
from service import wording
from service.report import Report

TITLE = "The race before the test"
GROUNDS = {
    "beaten": "worse by more than the practical margin",
    "no better": "no better, and dearer",
    "not worth": "not better by more than the practical margin, and dearer",
    "forecast": "not prepared",
}


def race_notes(report: Report) -> list[str]:
    """What it was, what it spared, and how sure it is; none where there was no race."""
    race = report.race
    if race is None:
        return []
    if race.refused is not None and not race.stopped:
        return [f"The race could stop nobody: {race.refused}."]
    took = f"{wording.duration(race.seconds)} and {wording.dollars(race.usd)}"
    ran = sum(row.status != "skipped" for row in report.strategies)
    found = [
        f"Strategies raced on up to {race.rows} validation examples before the test, which took"
        f" {took}; {race.stopped} of {ran} were stopped."
    ]
    if race.stopped:
        spared = f"{wording.duration(race.spared_seconds)} and {wording.dollars(race.spared_usd)}"
        found += [
            f"To run them to their end would have taken about {spared} more: an estimate, from the"
            " quote and from how long those that ran took against theirs."
            + ("" if race.spared_seconds > race.seconds else " That is less than the race took."),
            "The bounds hold however often is looked, for all claims of the race together: as far"
            " as the validation examples are like those to come, at most"
            f" {wording.percent(race.error)} of races stop the strategy that would be recommended."
            " What was stopped for a reason in words was not measured at all.",
        ]
    return found


def race_table(report: Report) -> tuple[list[str], list[list[str]]]:
    """Head and rows of those that were stopped, in points of a hundred; no rows where none was."""
    head = ["stopped", "against", "examples", "measured, points", "at most", "why"]
    rows = [row for row in report.strategies if row.eliminated is not None]
    return head, [stopped_cells(row) for row in rows]


def stopped_cells(row: StrategyResult) -> list[str]:
    why = row.eliminated
    if why is None or why.by is None or why.difference is None or why.at_most is None:
        return [row.id, "–", "–", "–", "–", row.reason or "–"]
    measured, most = wording.points(why.difference), wording.points(why.at_most)
    return [row.id, why.by, f"{why.n}", measured, most, GROUNDS[why.ground]]


def asked_all(report: Report) -> str:
    """Who answered the test examples, as the beginning of a sentence."""
    if report.race is None or not report.race.stopped:
        return "Every strategy"
    return "Every strategy that the race did not stop"
