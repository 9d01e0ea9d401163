"""What a strategy does beyond its score, from its records: is it sure rightly, does it decline,
does it rest on its sources, does it stand small changes. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.behaviour_results import (
    Abstention,
    Behaviour,
    Calibration,
    Forgetting,
    Kept,
    Share,
    WrongCorpus,
)
from benchmarks.confidence import (
    FEWEST_ROWS,
    accuracy_at,
    calibration_error,
    error_if_calibrated,
)
from benchmarks.metrics import aggregate
from benchmarks.noise import CHANGES
from benchmarks.paired import compare
from benchmarks.records import OutcomeRecord, ProbeRecord, TaskFacts
from benchmarks.resampling import Groups
from benchmarks.statistics import interval
from benchmarks.track import Track

CLOSED_BOOK = "prompting"


def behaviours_of(tracks: Sequence[Track], task: TaskFacts, seed: int) -> dict[str, Behaviour]:
    """By id of completed strategies; one of which nothing is known is left out."""
    found = {}
    for track in tracks:
        behaviour = Behaviour(
            calibration=calibration_of(track, task, seed),
            abstention=abstention_of(track, seed),
            grounded=grounded_of(track, seed),
            consistency=consistency_of(track, seed),
            wrong_corpus=wrong_corpus_of(track, closed_book_of(track, tracks, task), seed),
            forgetting=forgetting_of(track),
        )
        if behaviour != Behaviour():
            found[track.id] = behaviour
    return found


def calibration_of(track: Track, task: TaskFacts, seed: int) -> Calibration | None:
    """None without enough probabilities, and where all of them are 1: a written reply that was
    matched to a label, whose certainty nobody told."""
    rows = [row for row in track.scored if row.confidence is not None]
    told = [row.confidence for row in rows if row.confidence is not None]
    if task.kind != "classification" or len(rows) < FEWEST_ROWS or all(p == 1 for p in told):
        return None
    told = [min(1.0, max(0.0, p)) for p in told]
    right = [row.scores.get("accuracy", float(row.predicted == row.expected)) for row in rows]
    gap = compare(told, right, groups_of(rows), seed=seed)
    return Calibration(
        n=len(rows),
        error=calibration_error(told, right),
        error_if_calibrated=error_if_calibrated(told),
        confidence=float(np.mean(told)),
        accuracy=float(np.mean(right)),
        over_confidence=gap.difference,
        low=gap.low,
        high=gap.high,
        accuracy_at_50=accuracy_at(told, right, 0.5),
        accuracy_at_80=accuracy_at(told, right, 0.8),
    )


def abstention_of(track: Track, seed: int) -> Abstention | None:
    """None in a task without a `no_answer`."""
    rows = [row for row in track.scored if row.declined is not None]
    if not rows:
        return None

    def share(answerable: bool) -> Share | None:
        those = [row for row in rows if row.answerable is answerable]
        return share_of([float(bool(row.declined)) for row in those], groups_of(those), seed)

    return Abstention(unanswerable=share(False), answerable=share(True))


def grounded_of(track: Track, seed: int) -> Share | None:
    rows = [row for row in track.scored if row.grounded is not None]
    values = [row.grounded for row in rows if row.grounded is not None]
    return share_of(values, groups_of(rows), seed)


def consistency_of(track: Track, seed: int) -> tuple[Kept, ...]:
    """A row for each change that some input allowed. Rows of a probe are of different groups."""
    probe = track.probes.get("consistency")
    found = []
    for name in CHANGES if probe else ():
        assert probe is not None
        whole = columns(probe, f"{name} kept", "score", f"{name} score")
        if not whole:
            continue
        kept, before, after = (list(column) for column in zip(*whole, strict=True))
        share = share_of(kept, [None] * len(kept), seed)
        change = compare(after, before, [None] * len(kept), seed=seed)
        assert share is not None
        found.append(
            Kept(
                change=name,
                kept=share,
                score_before=float(np.mean(before)),
                score_after=float(np.mean(after)),
                low=change.low,
                high=change.high,
            )
        )
    return tuple(found)


def wrong_corpus_of(track: Track, closed_book: Track | None, seed: int) -> WrongCorpus | None:
    """Beside irrelevant passages, against its own passages and a prompt without any, on the rows
    that were put to both."""
    probe = track.probes.get("wrong corpus")
    if probe is None or not probe.examples:
        return None
    wrong = scores_in(probe)
    own = shared_scores(wrong, track)
    declined = [value for value in probe.values.get("declined", ()) if value is not None]
    facts: dict[str, Any] = {}
    beside = shared_scores(wrong, closed_book) if closed_book else {}
    if closed_book and beside:
        mine, theirs = [wrong[name] for name in beside], [*beside.values()]
        gap = compare(mine, theirs, [None] * len(beside), seed=seed)
        facts = {
            "closed_book": closed_book.id,
            "closed_book_score": float(np.mean(theirs)),
            "difference": gap.difference,
            "low": gap.low,
            "high": gap.high,
            "n_shared": len(beside),
        }
    return WrongCorpus(
        n=len(wrong),
        score=float(np.mean([*wrong.values()])),
        score_with_own=float(np.mean([*own.values()])) if len(own) == len(wrong) else None,
        declined=float(np.mean(declined)) if declined else None,
        **facts,
    )


def closed_book_of(track: Track, tracks: Sequence[Track], task: TaskFacts) -> Track | None:
    """The best prompt of the same model on the test rows; which one it is decides nothing."""
    prompts = [
        other
        for other in tracks
        if other.facts.family == CLOSED_BOOK and other.facts.model == track.facts.model
    ]
    return max(
        prompts,
        key=lambda other: aggregate(task.metric, other.scored, task.labels),
        default=None,
    )


def forgetting_of(track: Track) -> Forgetting | None:
    probe = track.probes.get("forgetting")
    names = ("right before", "wrong before", "right after", "wrong after")
    whole = columns(probe, *names) if probe else []
    if not whole:
        return None
    known = [row for row in whole if row[0] > row[1]]
    return Forgetting(
        n=len(whole),
        change_nats=float(np.mean([row[2] - row[0] for row in whole])),
        known_before=len(known),
        still_known=sum(row[2] > row[3] for row in known),
        known_after=sum(row[2] > row[3] for row in whole),
    )


def columns(probe: ProbeRecord, *names: str) -> list[tuple[float, ...]]:
    """Lines of these values, those left out in which one is not told."""
    lists = [probe.values.get(name, (None,) * len(probe.examples)) for name in names]
    lines = [
        tuple(value for value in line if value is not None) for line in zip(*lists, strict=True)
    ]
    return [line for line in lines if len(line) == len(names)]


def scores_in(probe: ProbeRecord) -> dict[str, float]:
    """Scores by example."""
    pairs = zip(probe.examples, probe.values.get("score", ()), strict=False)
    return {name: value for name, value in pairs if value is not None}


def shared_scores(scores: dict[str, float], other: Track) -> dict[str, float]:
    """Of another strategy as it is, on these rows as far as it was asked them."""
    probe = other.probes.get("consistency")
    found = scores_in(probe) if probe else {}
    return {name: found[name] for name in scores if name in found}


def share_of(values: Sequence[float], groups: Groups, seed: int) -> Share | None:
    """A mean of values from 0 to 1 with its 95% interval; None of nothing."""
    if not values:
        return None
    low, high = interval(values, groups, seed=seed)
    return Share(value=float(np.mean(values)), low=low, high=high, n=len(values))


def groups_of(rows: Sequence[OutcomeRecord]) -> list[str | None]:
    return [row.group for row in rows]
