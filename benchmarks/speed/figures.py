"""From measurements to figures: ratios with their spread, equal answers, shares, growth. Pure.

A ratio is the peer's seconds over ours of the same round; the figure is the median over rounds,
and the least and the greatest stand beside it. Fewer than three rounds are stated, never met.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from math import log
from statistics import linear_regression, mean, median
from typing import Any

from benchmarks.speed.checks import BenchCheck, at_least, at_most, stated
from benchmarks.speed.pieces import (
    DEPTH,
    EXACT,
    FULL,
    HALF,
    LLAMA,
    OURS,
    OURS_EXACT,
    PEER,
    REFERENCE,
    THIRD,
)
from benchmarks.speed.sheet import Measurement

ROUNDS = 3
SAME = 0.98
"""Least share of equal choices, and of answers with equal token ids."""
TARGETS = {
    "label_scoring": ("label_scoring_vs_lm_eval", 10.0),
    "rag": ("rag_vs_generate", 6.0),
    "rag_batch": ("rag_vs_generate_batch", 2.5),
    "lora": ("lora_vs_trl", 5.0),
    "latency": ("latency_vs_generate", 3.0),
}
TOGETHER = ("label_scoring", "rag", "lora")


class Measured:
    """Measurements by piece and side."""

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        self._by_key = {one.key: one for one in measurements}

    def rounds(self, piece: str, side: str) -> dict[int, Measurement]:
        return {key[2]: one for key, one in self._by_key.items() if key[:2] == (piece, side)}

    def sides(self, piece: str) -> list[dict[int, Measurement]]:
        """The rounds of every side that the piece has."""
        names = dict.fromkeys(key[1] for key in self._by_key if key[0] == piece)
        return [self.rounds(piece, name) for name in names]

    def ratios(self, *pieces: str) -> list[float]:
        """Peer's seconds over ours, the pieces added up, of each round that has all of them."""
        sides = [[self.rounds(piece, side) for piece in pieces] for side in (PEER, OURS)]
        common = set.intersection(*(set(found) for found in chain(*sides)))
        return [
            sum(found[round].seconds for found in sides[0])
            / sum(found[round].seconds for found in sides[1])
            for round in sorted(common)
        ]

    def facts(self, piece: str, side: str, name: str) -> list[Any]:
        """A fact of every round that has it."""
        found = self.rounds(piece, side).values()
        return [one.facts[name] for one in found if name in one.facts]

    def once(self, piece: str, side: str, name: str) -> Any:
        """A fact of work that is done once; None where it is not done."""
        values = self.facts(piece, side, name)
        return values[0] if values else None


def speed_checks(measurements: Sequence[Measurement]) -> list[BenchCheck]:
    """Every figure that the measurements allow."""
    measured = Measured(measurements)
    checks: list[BenchCheck] = []
    for piece, (name, target) in TARGETS.items():
        checks += seconds_of(measured, piece) + ratio(name, measured.ratios(piece), target)
    checks += ratio("comparison_vs_peers", measured.ratios(*TOGETHER), 6.0)
    batched = [piece if piece != "rag" else "rag_batch" for piece in TOGETHER]
    checks += ratio("comparison_vs_peers_with_batch", measured.ratios(*batched), None)
    checks += seconds_of(measured, LLAMA)
    checks += ratio("latency_vs_llama_cpp", measured.ratios(LLAMA), None)
    for part in (same_choices, same_answers, tuned_accuracy, ceiling_shares, depth, growth):
        checks += part(measured)
    return checks


def seconds_of(measured: Measured, piece: str) -> list[BenchCheck]:
    found = {side: measured.rounds(piece, side).values() for side in (PEER, OURS)}
    return [
        stated(f"{piece}_seconds_{side}", median(one.seconds for one in rounds), "s")
        for side, rounds in found.items()
        if rounds
    ]


def ratio(name: str, ratios: Sequence[float], target: float | None) -> list[BenchCheck]:
    """The median against the target, the least and the greatest."""
    if not ratios:
        return []
    return [
        judged(name, median(ratios), "times", target, len(ratios)),
        stated(f"{name}_lowest", min(ratios), "times"),
        stated(f"{name}_highest", max(ratios), "times"),
        stated(f"{name}_rounds", len(ratios), "rounds"),
    ]


def judged(
    name: str,
    value: float,
    unit: str,
    target: float | None,
    rounds: int,
    rule: Callable[[str, float, str, float], BenchCheck] = at_least,
) -> BenchCheck:
    """Against the target where there are rounds enough, else only stated."""
    if target is None or rounds < ROUNDS:
        return stated(name, value, unit)
    return rule(name, value, unit, target)


def same_choices(measured: Measured) -> list[BenchCheck]:
    """The worst round. Twice: by the harness's definition of a choice's likelihood (its own
    tokens), and by ours (its end of turn included); each against the reference of that kind.
    """
    piece, checks = "label_scoring", []
    for kind, name in (("plain", "same_choices"), ("ended", "same_choices_with_end")):
        ours = measured.facts(piece, OURS, kind)
        reference = measured.once(piece, REFERENCE, kind)
        exact = measured.once(piece, EXACT, kind)
        if ours and reference:
            worst = min(agreement(one, reference) for one in ours)
            checks.append(at_least(f"{piece}_{name}", worst, "share", SAME))
        if ours and exact:
            worst = min(agreement(one, exact) for one in ours)
            checks.append(stated(f"{piece}_{name}_as_float32", worst, "share"))
        if reference and exact:
            moved = agreement(reference, exact)
            checks.append(stated(f"{piece}_{name}_reference_as_float32", moved, "share"))
    for side in (PEER, OURS, REFERENCE, EXACT):
        quality = measured.facts(piece, side, "quality")
        if quality:
            value = mean(one["acc"] for one in quality)
            checks.append(stated(f"{piece}_accuracy_{side}", value, "share"))
    return checks


def same_answers(measured: Measured) -> list[BenchCheck]:
    """Greedy token ids against `generate`, one prompt at a time; the worst round of all. Once more
    with both in float32, where rounding moves next to none: in bfloat16 it moves answers of
    `generate` itself, from one batch size to another and from float32 too."""
    checks = []
    alone = measured.once("rag", REFERENCE, "ids")
    for piece in ("rag", "rag_batch"):
        ours = measured.facts(piece, OURS, "ids")
        if alone and ours:
            worst = min(agreement(one, alone) for one in ours)
            checks.append(at_least(f"{piece}_same_token_ids", worst, "share", SAME))
        read = measured.facts(piece, OURS, "in_tokens"), measured.facts(piece, PEER, "in_tokens")
        if all(read):
            equal = float(len({*read[0], *read[1]}) == 1)
            checks.append(at_least(f"{piece}_same_prompt_tokens", equal, "share", 1.0))
    batched = measured.once("rag", REFERENCE, "batched_ids")
    if alone and batched:
        moved = agreement(batched, alone)
        checks.append(stated("generate_batch_same_token_ids", moved, "share"))
    exact, ours_exact = (measured.once("rag", side, "ids") for side in (EXACT, OURS_EXACT))
    if exact and ours_exact:
        same = agreement(ours_exact, exact)
        checks.append(at_least("rag_same_token_ids_float32", same, "share", SAME))
    if exact and alone:
        moved = agreement(alone, exact)
        checks.append(stated("generate_same_token_ids_as_float32", moved, "share"))
    return checks


def agreement(one: Sequence[Any], other: Sequence[Any]) -> float:
    """Share of equal places."""
    return mean(float(a == b) for a, b in zip(one, other, strict=True))


def tuned_accuracy(measured: Measured) -> list[BenchCheck]:
    """Mean over the seeds (a round is a seed), and what ours loses; better is no loss."""
    found = {side: measured.facts("lora", side, "quality") for side in (PEER, OURS)}
    if not all(found.values()):
        return []
    means = {side: mean(one["acc"] for one in values) for side, values in found.items()}
    seeds = min(len(values) for values in found.values())
    lost = 100 * (means[PEER] - means[OURS])
    return [
        *(stated(f"lora_accuracy_{side}", value, "share") for side, value in means.items()),
        judged("lora_accuracy_lost", lost, "points", 1.0, seeds, at_most),
    ]


def ceiling_shares(measured: Measured) -> list[BenchCheck]:
    checks = []
    for part in ("prefill", "training"):
        shares = measured.facts("ceiling", OURS, f"share_{part}")
        if shares:
            value = median(shares)
            checks.append(judged(f"ceiling_share_{part}", value, "share", 0.4, len(shares)))
    products = measured.facts("ceiling", OURS, "product_gflops")
    if products:
        checks.append(stated("matrix_product", median(products), "GFLOP/s"))
    return checks


def depth(measured: Measured) -> list[BenchCheck]:
    """What adapters on the upper layers alone gain in seconds and lose in accuracy, against those
    on every layer with the same seed; `_again`: in the second training of a process, where what
    the layers below give out is known. Nothing is chosen by these rows: only stated."""
    full, checks = measured.rounds(DEPTH, FULL), []
    for side in (HALF, THIRD):
        upper = measured.rounds(DEPTH, side)
        pairs = [(full[round], upper[round]) for round in sorted(full.keys() & upper.keys())]
        if not pairs:
            continue
        name = f"{DEPTH}_{side.replace(' ', '_')}"
        checks += ratio(name, [one.seconds / other.seconds for one, other in pairs], None)
        seconds = [[each.facts["again_seconds"] for each in pair] for pair in pairs]
        checks += ratio(f"{name}_again", [one / other for one, other in seconds], None)
        all_layers, upper_layers = (
            mean(each.facts["quality"]["acc"] for each in every)
            for every in zip(*pairs, strict=True)
        )
        checks += [
            stated(f"{name}_accuracy", upper_layers, "share"),
            stated(f"{name}_accuracy_lost", 100 * (all_layers - upper_layers), "points"),
        ]
    return checks


def growth(measured: Measured) -> list[BenchCheck]:
    """Slope of log seconds over log rows: that over all sizes or that between the last two, where
    the fixed costs of a run hide the least, whichever is steeper. Peak memory of the most rows
    over that of the fewest, each less the rows themselves.
    """
    seconds, memory, rounds = {}, {}, []
    for found in measured.sides("growth"):
        ran = list(found.values())
        size = int(ran[0].facts["rows"])
        seconds[size] = median(one.seconds for one in ran)
        memory[size] = median(one.facts["peak_mb"] - one.facts["rows_mb"] for one in ran)
        rounds.append(len(ran))
    if len(seconds) < 2:
        return []
    sizes = sorted(seconds)
    least, most = sizes[0], sizes[-1]
    last = exponent(sizes[-2:], [seconds[size] for size in sizes[-2:]])
    whole = exponent(sizes, [seconds[size] for size in sizes])
    return [
        *(stated(f"growth_seconds_{size}", seconds[size], "s") for size in sizes),
        judged("growth_exponent", max(whole, last), "exponent", 1.1, min(rounds), at_most),
        stated("growth_exponent_all_sizes", whole, "exponent"),
        stated("growth_exponent_last_sizes", last, "exponent"),
        judged("memory_growth", memory[most] / memory[least], "times", 1.1, min(rounds), at_most),
        stated("memory_growth_added", memory[most] - memory[least], "MB"),
    ]


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The b of seconds = a · size^b by least squares on logarithms."""
    return linear_regression([log(size) for size in sizes], [log(one) for one in seconds]).slope
