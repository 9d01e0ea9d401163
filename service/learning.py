"""What learning curves and epochs say in words: would more examples help, or more epochs?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from benchmarks.curve_forecast import MORE
from benchmarks.results import PredictedGap
from service import wording
from service.report import LearningForecast, LearningPoint, Report
from service.suitability import judge
from service.turning import last_gain

TITLE = "What more training would bring"
HOW = (
    "Every point is the mean of trainings with different seeds on nested parts of the training"
    " examples, judged on the test examples; its interval is over both. What lies beyond follows"
    " the curve a − b × n^−c through them. Nothing is chosen by it. Whether the decision would"
    " change is told by the interval of that one difference; among all pairs at once, which the"
    " recommendation looks at, it may take more examples. A strategy without training"
    " may gain from more examples too, where it picks some of them; that was not measured."
)
KNOWN_BY_HEART = 2.0
"""Loss on validation rows over that on training rows from which on the gap is told."""
LEAST_GAP = 0.1
"""Smaller differences of losses, in nats a token, are no matter."""
RISES = 2


def learning_notes(report: Report) -> list[str]:
    """One sentence or two a curve, and what epochs show; none where there is nothing to say."""
    told = [curve_note(report, each) for each in report.learning_forecasts]
    told += [failed_note(each) for each in report.learning_forecasts if each.failed]
    told += [HOW] if told else []
    return told + epoch_notes(report)


def curve_table(report: Report) -> list[list[str]]:
    """A row for each point measured, then for each expected one."""
    rows = [
        [
            point.strategy,
            f"{point.n}",
            wording.score(point.quality),
            wording.interval(point.low, point.high),
            ", ".join(str(seed) for seed in point.seeds),
        ]
        for point in report.learning_curve
    ]
    for each in report.learning_forecasts:
        rows += [
            [
                each.strategy,
                f"{point.n}",
                wording.score(point.quality),
                wording.interval(point.low, point.high),
                "expected",
            ]
            for point in each.predictions
        ]
    return rows


def points_of(report: Report, strategy: str) -> list[LearningPoint]:
    return [point for point in report.learning_curve if point.strategy == strategy]


def curve_note(report: Report, forecast: LearningForecast) -> str:
    """What was measured, what to expect, and whether the decision would change."""
    name, points = forecast.strategy, points_of(report, forecast.strategy)
    first, last = points[0], points[-1]
    said = [
        f"{name} scored {wording.score(first.quality)} with {first.n} training examples and"
        f" {wording.score(last.quality)} with all {last.n}."
        if len(points) > 1
        else f"{name} has no learning curve."
    ]
    if ended_early(report, name):
        said.append(
            "It was still gaining when its training ended, so part of what more examples bring here"
            " is the longer training on them."
        )
    if forecast.refused is not None:
        return " ".join([*said, f"What more would bring is not foretold: {forecast.refused}."])
    n, quality = asked(forecast, last.n)
    gain = gap_of(forecast, name, n)
    said.append(
        f"With {wording.count(n - last.n)} more ({wording.count(n)} in all) it is expected to score"
        f" {quality}, {told_gap(gain)} over now."
    )
    recommended = report.recommendation.strategy
    if recommended is not None and recommended != name:
        gap = gap_of(forecast, recommended, n)
        said += [against(gap, report, name)] if gap else []
    if forecast.overtakes_at is not None and forecast.overtakes_at != n:
        at = wording.count(forecast.overtakes_at)
        said.append(f"From about {at} on it is expected to beat {recommended}.")
    if n != last.n + MORE:
        said.append(f"{MORE} more lie too far beyond what was measured to be foretold.")
    return " ".join(said)


def ended_early(report: Report, strategy: str) -> bool:
    """Whether its last epoch was its best by more than the margin."""
    before, last = {row.id: last_gain(row) for row in report.strategies}[strategy]
    return last - before > report.needs.practical_margin


def asked(forecast: LearningForecast, n_train: int) -> tuple[int, str]:
    """The number of examples to speak of, 500 more where that is told, and the quality then."""
    found = {each.n: each for each in forecast.predictions}
    each = found.get(n_train + MORE) or forecast.predictions[0]
    between = wording.interval(each.low, each.high)
    return each.n, f"{wording.score(each.quality)} (95% interval {between})"


def gap_of(forecast: LearningForecast, other: str, n: int) -> PredictedGap | None:
    return next((gap for gap in forecast.gaps if (gap.other, gap.n) == (other, n)), None)


def told_gap(gap: PredictedGap | None) -> str:
    """`+2.3 points (+0.4 to +4.1)`."""
    if gap is None:
        return "an unknown gain"
    between = wording.points_between(gap.low, gap.high)
    return f"{wording.points(gap.difference)} points ({between})"


def against(gap: PredictedGap, report: Report, strategy: str) -> str:
    """Whether so many examples would change the decision, as far as the interval tells."""
    margin = report.needs.practical_margin
    row = next(row for row in report.strategies if row.id == strategy)
    judged = judge(row, report.needs)
    missed = [j.text for j in judged if j.standing == "missed" and j.need != "quality_at_least"]
    if missed:
        verdict = f"That would not change the decision, as it misses {wording.listed(missed)}"
    elif gap.low > 0 and gap.difference > margin:
        verdict = "That would change the decision"
    elif gap.high <= margin:
        verdict = "That would not change the decision"
    elif gap.difference > margin:
        verdict = "That may change the decision, but it is not certain"
    else:
        verdict = "That would probably not change the decision"
    when = "would score then" if points_of(report, gap.other) else "scores now"
    return f"{verdict}: {told_gap(gap)} against {gap.other}, as that {when}."


def failed_note(forecast: LearningForecast) -> str:
    count = len(forecast.failed)
    what = "One training" if count == 1 else f"{count} trainings"
    return f"{what} of the curve of {forecast.strategy} failed ({'; '.join(forecast.failed)})."


def epoch_notes(report: Report) -> list[str]:
    """Where a tuned strategy learned its training rows by heart."""
    found = [(row.id, row.training or {}) for row in report.strategies if row.quality]
    notes = [epoch_note(name, training) for name, training in found]
    return [note for note in notes if note]


def epoch_note(strategy: str, training: Mapping[str, Any]) -> str:
    """Validation loss that rose for two epochs in a row, or lies far above that of training;
    empty where neither is so."""
    curve = [row for row in training.get("curve") or () if "validation_loss" in row]
    kept = next((row for row in curve if row["epoch"] == training.get("epochs")), None)
    if kept is None:
        return ""
    if risen := risen_from([row["validation_loss"] for row in curve]):
        rows = curve[risen - 1 :]
        return (
            f"{strategy} began to learn its training examples by heart: after epoch {risen} its"
            " loss, which says how far it is from the right answers, rose on validation examples"
            f" ({losses(rows, 'validation_loss')}), while on those it learned from it went"
            f" {losses(rows, 'train_loss')}. Epoch {kept['epoch']:g}, the best on validation, was"
            " kept. More epochs would not help; more examples might."
        )
    seen, unseen = kept["train_loss"], kept["validation_loss"]
    if unseen >= KNOWN_BY_HEART * seen and unseen - seen >= LEAST_GAP:
        return (
            f"{strategy} knows its training examples better than new ones: in the epoch that was"
            " kept its loss, which says how far it is from the right answers, was"
            f" {seen:.2f} on them and {unseen:.2f} on validation examples. That speaks for more"
            " examples rather than more epochs."
        )
    return ""


def risen_from(values: Sequence[float]) -> int:
    """The epoch, from 1, after which values rose twice in a row; 0 where they never did."""
    rises = [later > earlier for earlier, later in pairwise(values)]
    for epoch in range(len(rises) - RISES + 1):
        if all(rises[epoch : epoch + RISES]):
            return epoch + 1
    return 0


def losses(rows: Sequence[Mapping[str, float]], name: str) -> str:
    """`0.61, 0.74, 0.92`."""
    return ", ".join(f"{row[name]:.2f}" for row in rows)
