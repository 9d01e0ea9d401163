"""From what both sides gave to figures: points between scores, shares of rows that agree. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any

from benchmarks.speed.checks import BenchCheck, at_least, at_most, stated
from benchmarks.speed.sheet import Measurement

OURS, HARNESS = "ours", "harness"
BESIDE, BATCHES, CHOICES = "hosted beside local", "hosted one by one", "hosted choices"
BOTH = "both"
ROWS = 150
"""Test rows from which on a difference in points is held against its target."""
POINTS = 3.0
"""Most percentage points between the scores of the two sides."""
EXACT = 1e-12
"""Relative: what is left of a sum of floating-point numbers against whole ones."""

Facts = Mapping[str, Any]


def parity_checks(measurements: Sequence[Measurement]) -> list[BenchCheck]:
    """Every figure that the measurements allow."""
    theirs = {one.piece: one.facts for one in measurements if one.side == HARNESS}
    parts = {BESIDE: beside_checks, BATCHES: batch_checks, CHOICES: choice_checks}
    checks: list[BenchCheck] = []
    for one in measurements:
        if one.side == OURS and one.piece in theirs:
            checks += harness_checks(one.facts, theirs[one.piece])
        elif one.side == BOTH:
            checks += parts[one.piece.partition(",")[0]](one.facts)
    return checks


def harness_checks(ours: Facts, theirs: Facts) -> list[BenchCheck]:
    """`points`: between the score that the product gives and the harness's, held against the
    target from 150 rows on; `points_ended`: with the end of turn behind every label on our side,
    which tells what it costs."""
    name = f"{ours['task']}_{ours['shots']}_shot"
    read = share_same(ours["prompts"], theirs["prompts"])
    difference = points(ours["accuracy"] - theirs["accuracy"])
    ended = points(ours["ended_accuracy"] - theirs["accuracy"])
    counts = ours["rows"] >= ROWS
    return [
        at_least(f"{name}_same_prompts", read, "share", 1.0),
        stated(f"{name}_accuracy_harness", theirs["accuracy"], "share"),
        stated(f"{name}_accuracy_ours", ours["accuracy"], "share"),
        at_most(f"{name}_points", difference, "points", POINTS)
        if counts
        else stated(f"{name}_points", difference, "points"),
        stated(f"{name}_same_choices", share_same(ours["chosen"], theirs["chosen"]), "share"),
        stated(f"{name}_points_ended", ended, "points"),
    ]


def points(difference: float) -> float:
    """Percentage points, without the dust that subtracting shares leaves."""
    return round(100 * abs(difference), 6)


def share_same(one: Sequence[Any], other: Sequence[Any]) -> float:
    same = [bool(a == b) for a, b in zip(one, other, strict=True)]
    return sum(same) / len(same)


def beside_checks(facts: Facts) -> list[BenchCheck]:
    n, booked, expected = facts["n"], facts["usd_per_1k_booked"], facts["usd_per_1k_expected"]
    equal = isclose(booked, expected, rel_tol=EXACT, abs_tol=0.0)
    return [
        stated("hosted_rows", n, "rows"),
        at_most("hosted_errors", facts["errors"], "rows", 0),
        at_least("answers_same", facts["same"] / n, "share", 1.0),
        at_least("tokens_equal", facts["as_reported"] / n, "share", 1.0),
        at_least("tokens_equal_local", facts["as_counted"] / n, "share", 1.0),
        stated("usd_per_1k_booked", booked, "USD"),
        stated("usd_per_1k_expected", expected, "USD"),
        at_least("cost_equal", float(equal), "yes", 1.0),
    ]


def batch_checks(facts: Facts) -> list[BenchCheck]:
    share = facts["same"] / facts["n"]
    return [stated(f"answers_same_{facts['dtype']}_in_batches", share, "share")]


def choice_checks(facts: Facts) -> list[BenchCheck]:
    n = facts["n"]
    return [
        stated("choices_accuracy_local_likelihood", facts["local_right"] / n, "share"),
        stated("choices_accuracy_hosted_text", facts["hosted_right"] / n, "share"),
        stated("choices_hosted_names_a_label", facts["hosted_named"] / n, "share"),
        stated("choices_same", facts["same"] / n, "share"),
    ]
