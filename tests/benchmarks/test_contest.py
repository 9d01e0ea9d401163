"""Who can no longer win, on made-up scores: what the rule would pick is never stopped."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.choice import is_cheaper, price_key, serves_as_well
from benchmarks.contest import (
    ERROR,
    Contest,
    Racer,
    anchor_level,
    ground_of,
    level_of,
    next_look,
    whole_groups,
)
from benchmarks.results import Cost, Latency, Parts, StrategyResult
from corpora.task import Needs

FAMILIES = {"baseline": "baseline", "prompt": "prompting", "rag": "rag", "lora": "fine-tuning"}
ROWS = 64


def cost_of(per_1k, volume=None, setup=0.0, hosting=None):
    month = None if volume is None else per_1k * volume / 1000
    horizon = None if month is None else setup + 12 * month
    parts = Parts(
        setup=setup,
        retraining=0,
        labels=None,
        refresh=0,
        requests=0,
        hosting=hosting,
        engineering=None,
    )
    return Cost(
        setup_seconds=0,
        setup_usd=setup,
        per_1k_requests_usd=per_1k,
        monthly_usd=month,
        horizon_usd=horizon,
        parts=None if hosting is None else parts,
    )


def result(name, per_1k=None, volume=None, speed=None, p95=None, hosting=None, model="m"):
    family = FAMILIES[name.split(".")[0]]
    return StrategyResult(
        id=name,
        name=name,
        model=None if family == "baseline" else model,
        family=family,
        status="completed",
        cost=None if per_1k is None else cost_of(per_1k, volume, hosting=hosting),
        throughput_per_s=speed,
        latency_ms=None if p95 is None else Latency(p50=p95 / 2, p95=p95, n=60),
    )


def right(rows, of=ROWS):
    """So many of the rows right, spread over all of them."""
    marks = np.zeros(of)
    marks[np.linspace(0, of - 1, rows).round().astype(int)] = 1.0
    return tuple(marks.tolist())


def racer(name, scores=(), *, tries=1, stoppable=None, **costs):
    found = result(name, **costs)
    free = found.family == "baseline"
    return Racer(found, scores, tries, (not free) if stoppable is None else stoppable)


def contest(*racers, needs=None, groups=(None,) * ROWS, **more):
    facts = {"level": level_of(3), "entrants": len(racers), "limit": 0.1, **more}
    return Contest(racers, tuple(groups), needs or Needs(), **facts)


def outs(found):
    return {(stop.strategy, stop.by, stop.ground) for stop in found.stops()}


def test_one_that_is_worse_by_more_than_the_margin_is_beaten_by_a_dearer_one():
    found = contest(racer("prompt.a", right(8)), racer("rag.b", right(60)))
    (stop,) = found.stops()
    assert (stop.strategy, stop.by, stop.ground, stop.n) == ("prompt.a", "rag.b", "beaten", ROWS)
    assert stop.difference == pytest.approx(-52 / 64)
    assert stop.at_most < -0.02
    assert stop.reason.startswith("−81.2 points against rag.b on 64 validation examples, at most −")
    assert stop.reason.endswith(": worse by more than the practical margin")


def test_a_cheap_one_that_is_a_little_worse_stays():
    """Worse by 12 points, as it measures; the bound allows that it is no worse at all."""
    assert outs(contest(racer("prompt.a", right(48)), racer("rag.b", right(56)))) == set()


def test_a_dear_one_that_is_no_better_is_stopped_though_it_may_be_as_good_by_the_margin():
    cheap, dear = racer("prompt.a", right(60)), racer("lora.b", right(38), tries=0)
    needs = Needs(practical_margin=0.3)
    assert outs(contest(cheap, dear, needs=needs, today=True)) == {
        ("lora.b", "prompt.a", "no better")
    }
    # the cheap one is never stopped for the same difference the other way round
    turned = contest(racer("prompt.a", right(38)), racer("rag.b", right(60)), needs=needs)
    assert outs(turned) == set()


def test_a_gain_within_the_margin_is_not_worth_its_cost():
    cheap, dear = racer("prompt.a", right(56)), racer("lora.b", right(56), tries=0)
    floor = racer("baseline.majority", right(6))
    wide = Needs(practical_margin=0.25)
    assert outs(contest(floor, cheap, dear, needs=wide)) == {("lora.b", "prompt.a", "not worth")}
    assert outs(contest(floor, cheap, dear)) == set()


@pytest.mark.parametrize("why", ["bar", "today", "floor", "limit", "still cheaper"])
def test_a_gain_within_the_margin_counts_where_it_may_decide_something_else(why):
    floor = racer("baseline.majority", right(54 if why == "floor" else 6))
    cheap, dear = racer("prompt.a", right(56)), racer("lora.b", right(56), tries=0)
    needs = Needs(practical_margin=0.25, quality_at_least=0.9 if why == "bar" else None)
    more = {"today": why == "today", "limit": 0.8 if why == "limit" else 0.1}
    racers = [floor, cheap, dear]
    if why == "still cheaper":  # if nothing is better than prompt.a, the rule may take it
        racers.insert(1, racer("baseline.near", right(46)))
    assert outs(contest(*racers, needs=needs, **more)) == set()


def test_what_chose_on_these_rows_may_lose_and_never_judges():
    cheap, searched = racer("prompt.a", right(8)), racer("prompt.b", right(60), tries=0)
    assert outs(contest(cheap, searched)) == set()
    beaten = contest(racer("prompt.a", right(60)), racer("prompt.b", right(8), tries=0))
    assert outs(beaten) == {("prompt.b", "prompt.a", "beaten")}


def test_the_best_of_several_settings_is_held_to_the_chance_of_all():
    def at_most(tries):
        judge = racer("baseline.linear", right(60), tries=tries)
        (stop,) = contest(judge, racer("prompt.a", right(20))).stops()
        return stop.at_most

    assert at_most(1) < at_most(3) < at_most(10)


def test_baselines_and_what_has_answered_its_test_stay():
    worst = racer("baseline.majority", right(2))
    done = racer("prompt.done", right(2), stoppable=False)
    assert outs(contest(worst, done, racer("rag.b", right(62)))) == set()


def test_nobody_is_stopped_because_of_one_that_is_stopped_itself():
    found = contest(
        racer("prompt.a", right(60)), racer("rag.b", right(30)), racer("rag.c", right(4))
    )
    assert outs(found) == {
        ("rag.c", "prompt.a", "beaten"),
        ("rag.b", "prompt.a", "beaten"),
    }


def test_an_error_never_stops_anybody():
    """Of the judged it counts as right, of the judge as wrong."""
    judge, failing = right(60), (None,) * ROWS
    assert outs(contest(racer("prompt.a", judge), racer("rag.b", failing))) == set()
    half = tuple(score if row % 2 else None for row, score in enumerate(judge))
    assert outs(contest(racer("prompt.a", half), racer("rag.b", right(28)))) == set()


def test_only_whole_groups_count():
    groups = [f"g{row // 8}" for row in range(ROWS)]
    assert [whole_groups(groups, rows) for rows in (0, 7, 8, 20, 64)] == [0, 0, 8, 16, 64]
    assert whole_groups([None] * 4, 3) == 3
    alone = contest(racer("prompt.a", right(60)), racer("rag.b", right(4)))
    together = replace(alone, groups=tuple(groups))
    assert outs(alone)
    assert not outs(together)  # eight draws are too few


# needs


def test_with_a_limit_of_latency_only_a_quicker_one_stops_another():
    needs = Needs(latency_p95_ms=500)
    slow, quick = {"speed": 1.0}, {"speed": 2.0}
    good, bad = right(60), right(4)

    def found(judge, loser):
        return outs(
            contest(racer("prompt.a", bad, **loser), racer("rag.b", good, **judge), needs=needs)
        )

    assert found(quick, slow) == {("prompt.a", "rag.b", "beaten")}
    assert found(slow, quick) == set()
    assert found(quick, {"speed": 1.9}) == set()
    assert found(quick, {}) == set()
    assert found(slow | {"p95": 400}, quick) == {("prompt.a", "rag.b", "beaten")}
    assert found(quick | {"model": "other"}, slow) == set()


def test_with_a_limit_of_cost_only_one_that_keeps_it_or_is_cheaper_stops_another():
    needs = Needs(cost_per_1k_requests=0.1)

    def serves(mine, theirs):
        return serves_as_well(result("rag.b", mine), result("prompt.a", theirs), needs)

    assert serves(0.07, 0.01)
    assert not serves(0.09, 0.01)  # may turn out above the limit
    assert serves(0.2, 0.3)
    assert not serves(0.2, 0.22)
    assert not serves(None, 0.3)
    by_the_hour = result("rag.b", 0.01, volume=1000, hosting=5.0)
    assert not serves_as_well(by_the_hour, result("prompt.a", 0.3), needs)


# the order of cost


def test_without_a_volume_the_simpler_family_is_the_cheaper_one():
    needs = Needs()
    assert is_cheaper(result("prompt.a"), result("lora.b"), needs)
    assert not is_cheaper(result("lora.b"), result("prompt.a"), needs)
    assert not is_cheaper(result("prompt.a"), result("prompt.b"), needs)  # nothing measured yet
    assert is_cheaper(result("prompt.a", 0.1), result("prompt.b", 0.2), needs)
    assert not is_cheaper(result("prompt.a", 0.1), result("prompt.b", 0.12), needs)
    assert is_cheaper(result("prompt.a", 0.1), result("prompt.b", 0.12), needs, share=1.0)


def test_with_a_volume_the_bill_over_the_horizon_decides():
    needs = Needs(requests_per_month=1000)

    def cheaper(one, other):
        return is_cheaper(result(*one), result(*other), needs)

    assert cheaper(("lora.b", 0.1, 1000), ("prompt.a", 0.2, 1000))
    assert not cheaper(("prompt.a", 0.2, 1000), ("lora.b", 0.1, 1000))
    assert not cheaper(("prompt.a", 0.19, 1000), ("lora.b", 0.2, 1000))
    assert not cheaper(("prompt.a",), ("lora.b", 0.2, 1000))
    hourly = result("prompt.a", 0.1, volume=1000, hosting=3.0)
    assert not is_cheaper(hourly, result("lora.b", 0.2, 1000), needs)
    assert price_key(hourly, needs)[0] == pytest.approx(1.2)


# looks


def test_looks_come_after_twice_as_many_rows():
    assert [next_look(seen, 100) for seen in (0, 10, 16, 32, 64, 99)] == [16, 16, 32, 64, 100, 100]


def test_all_are_asked_for_the_first_look_and_baselines_for_every_row_at_once():
    found = contest(racer("baseline.near"), racer("prompt.a"), racer("lora.b", tries=0))
    assert found.wants() == {"baseline.near": ROWS, "prompt.a": 16, "lora.b": 16}


def test_nobody_is_asked_on_who_is_too_close_to_be_stopped():
    near = right(16, 16)
    close = contest(racer("baseline.near", right(64)), racer("prompt.a", near))
    assert close.wants() == {}
    behind = contest(racer("baseline.near", right(64)), racer("prompt.a", right(11, 16)))
    assert behind.wants() == {"prompt.a": 32}
    assert behind.stops() == []
    done = contest(racer("baseline.near", right(64)), racer("prompt.a", right(50)))
    assert done.wants() == {}


def test_who_may_only_lose_asks_nobody_on():
    found = contest(racer("prompt.a", right(16, 16)), racer("lora.b", right(4, 16), tries=0))
    assert found.wants() == {} or set(found.wants()) == {"prompt.a", "lora.b"}
    judged = contest(racer("prompt.a", right(4, 16)), racer("lora.b", right(16, 16), tries=0))
    assert judged.wants() == {}


# levels


def test_all_claims_together_err_in_at_most_the_stated_share():
    judges, entrants = 7, 15
    level = level_of(judges)
    anchors = judges * (entrants + 1) * anchor_level(level, entrants)
    assert 2 * judges * level + anchors == pytest.approx(ERROR)
    assert level_of(0) == level_of(1)


@pytest.mark.parametrize(
    ("at_most", "ground"),
    [(-0.03, "beaten"), (-0.02, "beaten"), (0.0, "no better"), (0.01, "not worth")],
)
def test_the_ground_is_the_strongest_that_the_bound_bears_out(at_most, ground):
    assert ground_of(at_most, 0.02) == ground


def picked(qualities, margin=0.02):
    """The rule with all known: the cheapest that none beats by more than the margin."""
    best = max(qualities)
    return next(at for at, each in enumerate(qualities) if each >= best - margin)


@pytest.mark.parametrize("shape", ["equal", "rising", "any"])
def test_the_right_pick_is_stopped_in_at_most_5_percent_of_many_races(shape):
    """True qualities in the order of cost; the same difficulty for all; three looks."""
    names = [f"prompt.{letter}" for letter in "abcdef"]
    wrong = 0
    races = 60
    for seed in range(races):
        rng = np.random.default_rng([seed, len(shape)])
        qualities = {
            "equal": np.full(6, 0.6),
            "rising": np.linspace(0.3, 0.8, 6),
            "any": rng.uniform(0.2, 0.9, 6),
        }[shape]
        hard = 0.5 * rng.random((1, ROWS)) + 0.5 * rng.random((6, ROWS))
        order = np.sort(0.5 * rng.random((4000, 1)) + 0.5 * rng.random((4000, 1)), axis=0)
        cut = order[(qualities * 3999).astype(int), 0]
        scores = (hard < cut[:, None]).astype(float)
        racers = [
            racer(name, tuple(row), per_1k=0.01 * 2**at)
            for at, (name, row) in enumerate(zip(names, scores.tolist(), strict=True))
        ]
        out = set()
        for rows in (16, 32, 64):
            left = [replace(r, scores=r.scores[:rows]) for r in racers if r.id not in out]
            found = contest(*left, level=level_of(6), entrants=6)
            out |= {stop.strategy for stop in found.stops()}
        wrong += names[picked(qualities.tolist())] in out
    assert wrong / races <= 0.05
