"""What a race cost, and what it spared: an estimate, since nobody ran what it stopped. Pure.

What was stopped is taken to need what it was quoted at, corrected by how long those that ran took
against their quotes: setups against setups, answers against answers.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.pricing import spent
from benchmarks.race_records import Expected, RaceResult
from benchmarks.raced import opening_of, race_track
from benchmarks.records import Record, RunRecord
from benchmarks.spending import as_run_prices
from benchmarks.track import Track

Spared = tuple[float, float]
"""Seconds and dollars."""


def race_result(
    records: Sequence[Record], run: RunRecord, tracks: Sequence[Track]
) -> RaceResult | None:
    """None where no race was run."""
    opening = opening_of(records)
    if opening is None:
        return None
    heats = [race_track(records, facts) for facts in run.strategies]
    prices = as_run_prices(run.prices)
    stopped = [track for track in tracks if track.status == "eliminated"]
    rates = rates_of(tracks, opening.expected)
    spared = [
        spared_by(track, opening.expected[track.id], rates, run)
        for track in stopped
        if track.id in opening.expected
    ]
    return RaceResult(
        rows=len(opening.examples),
        error=opening.error,
        refused=opening.refused,
        seconds=sum(batch.seconds for heat in heats for batch in heat.batches),
        usd=spent(heats, run, prices),
        stopped=len(stopped),
        spared_seconds=sum(seconds for seconds, _ in spared),
        spared_usd=sum(usd for _, usd in spared),
    )


def rates_of(tracks: Sequence[Track], expected: dict[str, Expected]) -> tuple[float, float]:
    """Seconds measured for each second quoted, of setups and of answers, by those that completed
    with a language model; 1 where none did."""
    ran = [
        (track, expected[track.id])
        for track in tracks
        if track.status == "completed" and track.facts.model and track.id in expected
    ]
    setups = [(track.setup_seconds, quoted.setup) for track, quoted in ran]
    answers = [(answering_seconds(track), quoted.answering) for track, quoted in ran]
    return ratio(setups), ratio(answers)


def ratio(pairs: Sequence[tuple[float, float]]) -> float:
    measured, quoted = (sum(each) for each in zip(*pairs, strict=True)) if pairs else (0.0, 0.0)
    return measured / quoted if quoted > 0 and measured > 0 else 1.0


def answering_seconds(track: Track) -> float:
    """All that came after its setup, as far as it is recorded."""
    seconds = sum(batch.seconds for batch in track.batches)
    seconds += sum(latency.ms for latency in track.latencies) / 1000
    return seconds + sum(probe.seconds for probe in track.probes.values())


def spared_by(track: Track, quoted: Expected, rates: tuple[float, float], run: RunRecord) -> Spared:
    """What one that was stopped had still to do. A hosted model's tokens are taken as quoted."""
    setup = 0.0 if track.setup is not None else quoted.setup
    seconds = rates[0] * (setup + quoted.curve) + rates[1] * quoted.answering
    if track.facts.model in {model.name for model in run.models if model.hosted}:
        whole = quoted.setup + quoted.answering + quoted.curve
        left = setup + quoted.answering + quoted.curve
        return seconds, quoted.usd * left / whole if whole else 0.0
    return seconds, seconds * as_run_prices(run.prices).usd_per_second
