"""What to know of a strategy before it is used, beyond its score: a sentence where it matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.behaviour_results import Behaviour, Share
from benchmarks.results import Seating, StrategyResult
from service import wording

LARGE = 0.1
"""Points of a hundred, as a share, from which on a fault is worth a sentence."""
FEWEST_UNANSWERABLE = 5
CHANGES = {
    "spacing": "another case and spacing",
    "typos": "typos",
    "order": "another order of their parts",
}
"""Each change of the inputs, in words."""


def concerns(result: StrategyResult) -> list[str]:
    """Only what is large and, where there is an interval, no chance."""
    if result.behaviour is None:
        return []
    found = [
        *over_confident(result.behaviour),
        *silent_on_little(result.behaviour),
        *shaken(result.behaviour),
        *misled(result.behaviour),
        *forgetful(result.behaviour),
    ]
    return [f"{result.id} {sentence}" for sentence in found]


def over_confident(behaviour: Behaviour) -> Iterator[str]:
    told = behaviour.calibration
    if told and told.over_confidence > LARGE and told.low > 0:
        yield (
            f"is too sure of itself: {wording.percent(told.confidence)} on average, and"
            f" {wording.percent(told.accuracy)} right ({told.n} test examples). Do not take its"
            " probabilities for chances."
        )
    if told and told.over_confidence < -LARGE and told.high < 0:
        yield (
            "is right far more often than its probabilities say:"
            f" {wording.percent(told.confidence)} on average, and"
            f" {wording.percent(told.accuracy)} right ({told.n} test examples). A limit set on them"
            " would send people nearly everything."
        )


def silent_on_little(behaviour: Behaviour) -> Iterator[str]:
    found = behaviour.abstention.unanswerable if behaviour.abstention else None
    if found and found.n >= FEWEST_UNANSWERABLE and found.value < 0.5:
        yield (
            f"says that there is no answer to {counted(found)} inputs that have none, and makes"
            " one up for the others."
        )


def shaken(behaviour: Behaviour) -> Iterator[str]:
    for each in behaviour.consistency:
        loss = each.score_before - each.score_after
        if loss > LARGE and each.high < 0:
            yield (
                f"loses {wording.many_points(loss)} when inputs have {CHANGES[each.change]}"
                f" ({each.kept.n} validation examples)."
            )


def misled(behaviour: Behaviour) -> Iterator[str]:
    found = behaviour.wrong_corpus
    if found is None or found.difference is None or found.high is None:
        return
    if found.difference < 0 and found.high < 0:
        yield (
            f"does worse beside irrelevant passages than {found.closed_book} without any, by"
            f" {wording.many_points(found.difference)} ({found.n_shared} validation examples):"
            " where the documents have no answer, they do harm."
        )


def forgetful(behaviour: Behaviour) -> Iterator[str]:
    found = behaviour.forgetting
    if found and found.still_known < 0.75 * found.known_before:
        yield (
            f"has forgotten: of {found.known_before} general questions that the model knew before"
            f" tuning, it still knows {found.still_known}. Use it for this task alone."
        )


def counted(share: Share) -> str:
    """`4 of 10`."""
    return f"{round(share.value * share.n)} of {share.n}"


def seats_told(rows: Sequence[StrategyResult]) -> list[str]:
    """A sentence for each place that sets strategies apart, and one on who was not alone."""
    seated = [(row.id, row.measured_on) for row in rows if row.measured_on]
    apart: dict[tuple[str, ...], list[str]] = {}
    for name, seating in seated:
        if seating.apart:
            apart.setdefault(places_of(seating), []).append(name)
    found = [apart_told(names, places) for places, names in apart.items()]
    crowded = [name for name, seating in seated if seating.beside]
    if crowded:
        most = max(seating.beside for _, seating in seated)
        much = "one other piece" if most == 1 else f"up to {most} other pieces"
        they = "they" if len(crowded) > 1 else "it"
        found.append(
            f"{wording.listed(crowded)} {were(crowded)} measured beside {much} of work on the same"
            f" machine: alone {they} may be quicker and cheaper."
        )
    return found


def apart_told(names: Sequence[str], places: Sequence[str]) -> str:
    """Of strategies that were measured on the same other machines, one after the other."""
    their = "their" if len(names) > 1 else "its"
    said = f"{wording.listed(names)} {were(names)} measured on"
    what = f"{their} latency and {their} time of a machine do not compare with those of the others"
    if len(places) == 1:
        return f"{said} another machine than the others ({places[0]}): {what}."
    return (
        f"{said} several machines, one after the other ({'; '.join(places)}): {what}, and are"
        " charged at the price of the last."
    )


def were(names: Sequence[str]) -> str:
    return "were" if len(names) > 1 else "was"


def places_of(seating: Seating) -> tuple[str, ...]:
    return tuple(wording.hardware(machine) for machine in seating.machines)
