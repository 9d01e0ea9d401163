"""The examples that tell strategies apart: worth reading before believing any average."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.records import OutcomeRecord
from benchmarks.results import Disagreement, GivenAnswer
from benchmarks.track import Track

SHOWN = 5


def most_disputed(tracks: Sequence[Track], metric: str) -> tuple[Disagreement, ...]:
    """Up to 5 examples with the widest spread of scores, then the most even split.

    Ties keep the order of the test split. Examples on which all agree are left out.
    """
    names = list(dict.fromkeys(name for track in tracks for name in track.outcomes))

    def spread(name: str) -> tuple[float, float]:
        scores = [
            row.scores[metric]
            for track in tracks
            if (row := track.outcomes.get(name)) is not None and row.state == "ok"
        ]
        return (float(np.ptp(scores)), float(np.var(scores))) if scores else (0.0, 0.0)

    disputed = [(spread(name), name) for name in names]
    disputed = [pair for pair in disputed if pair[0][0] > 0]
    disputed.sort(key=lambda pair: pair[0], reverse=True)
    return tuple(as_disagreement(name, tracks, metric) for _, name in disputed[:SHOWN])


def as_disagreement(name: str, tracks: Sequence[Track], metric: str) -> Disagreement:
    rows = {track.id: track.outcomes[name] for track in tracks if name in track.outcomes}
    any_row = next(iter(rows.values()))
    return Disagreement(
        id=name,
        input=any_row.input,
        reference=any_row.reference,
        answers={id_: given(row, metric) for id_, row in rows.items()},
    )


def given(row: OutcomeRecord, metric: str) -> GivenAnswer:
    return GivenAnswer(text=row.text, score=row.scores.get(metric) if row.state == "ok" else None)
