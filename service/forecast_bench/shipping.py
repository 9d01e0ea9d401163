"""The predictor that comes with Tuneworth, fitted to the committed records.

`python -m service.forecast_bench.shipping` writes it. What each task taught it follows from its
record and its evidence.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.belief.measured import Measured
from benchmarks.belief.predictor import SHIPPED, Predictor
from service.forecast_bench.agenda import RESULTS, at_hand, names_in
from service.forecast_bench.lessons import lesson_of
from service.forecast_bench.truth import truth_of


def lessons_in(place: Path) -> list[Measured]:
    """Of every measured task of a folder of results, by name."""
    found = [each for name in names_in(place) if (each := at_hand(place, name))]
    return [
        lesson_of(each.record, truth_of(each.path, place / "tasks"), each.evidence)
        for each in found
    ]


def main() -> None:
    """Fit the predictor anew."""
    lessons = lessons_in(RESULTS)
    Predictor.fit(lessons).write(SHIPPED)
    print(f"{SHIPPED}: {len(lessons)} tasks")


if __name__ == "__main__":
    main()
