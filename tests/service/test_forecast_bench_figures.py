"""Figures, checks, tables and charts of the forecast's benchmark, from replays made by hand."""

import pytest
from bench_worlds import audit, record_of, truth

from benchmarks.errors import BenchmarkError
from service.forecast_bench.chart import odds_chart, regret_chart
from service.forecast_bench.checks import forecast_checks, points
from service.forecast_bench.figures import (
    all_figures,
    calls_by_confidence,
    figures_of,
    overall,
    overalls,
)
from service.forecast_bench.replayed import (
    FORECAST,
    Foretold,
    Replay,
    read_replays,
    replays_in,
    write_replays,
)
from service.forecast_bench.tables import (
    as_markdown,
    cascade_table,
    confidence_table,
    curve_table,
    regret_table,
    task_table,
)


def replay_with(task="t", way=FORECAST, budget=0.07, pick="lora", commit="yes", **more):
    told = more.pop("strategies", {"lora": Foretold(value=0.7, low=0.6, high=0.8, p_best=1.0)})
    return Replay(
        key="",
        task=task,
        source=task,
        way=way,
        budget=budget,
        pick=pick,
        commit=commit,
        seconds=more.pop("seconds", 50.0),
        operations=more.pop("operations", 2e11),
        strategies=told,
        **more,
    )


@pytest.fixture
def two_tasks():
    truths = {
        "t": truth("t", known={"lora": (0.71, 0.0, 1.0)}, audits=[audit("lora", lora=0.7)]),
        "u": truth(
            "u",
            known={"lora": (0.5, 0.0, 0.0), "baseline.linear": (0.6, 0.0, 1.0)},
            audits=[audit("baseline.linear", lora=0.5, baseline_linear=0.6)],
            winners=("baseline.linear",),
            commits=("no",),
        ),
    }
    replays = [
        replay_with("t"),
        replay_with("u", pick="lora", commit="no", seconds=70.0),
        replay_with("t", way="rule of thumb", strategies={}),
        replay_with("u", way="rule of thumb", strategies={}),
    ]
    return truths, replays


def test_figures_of_one_task(two_tasks):
    truths, replays = two_tasks
    one = figures_of(replays[1], truths["u"])
    assert one.regret == pytest.approx(0.1)
    assert not one.found
    assert one.saved == pytest.approx(0.93)
    assert one.saved_operations == pytest.approx(0.8)
    assert one.rmse == pytest.approx(0.2)


def test_figures_of_all_tasks(two_tasks):
    truths, replays = two_tasks
    ours, rival = overalls(replays, truths)
    assert (ours.way, ours.tasks, ours.worst_task) == (FORECAST, 2, "u")
    assert ours.saved == pytest.approx(0.94)
    assert ours.mean_regret == pytest.approx(0.05)
    assert ours.found[0] == 0.5
    assert ours.calls.accuracy[0] == 1.0
    assert ours.rmse == pytest.approx(((0.01**2 + 0.2**2) / 2) ** 0.5)
    assert ours.within == 0.5
    assert ours.covered == 0.5
    assert ours.brier == pytest.approx((0.0 + 2.0) / 2)
    assert rival.calls.accuracy[0] == 0.5
    assert (rival.rmse, rival.covered, rival.brier) == (None, None, None)


def test_what_the_chance_of_tuning_would_have_called(two_tasks):
    truths, _ = two_tasks
    replays = [replay_with("t", p_tuned=0.85), replay_with("u", p_tuned=0.55)]  # yes and no
    found = calls_by_confidence(all_figures(replays, truths))
    assert {c: (calls.made, calls.accuracy[0]) for c, calls in found.items()} == {
        0.5: (2, 0.5),
        0.6: (1, 1.0),
        0.7: (1, 1.0),
        0.8: (1, 1.0),
        0.9: (0, 0.0),
        0.95: (0, 0.0),
    }
    assert confidence_table(found)[1:3] == [
        ["50%", "2 of 2", "50% (9–91%)", "50.0%", "0.0%"],
        ["60%", "1 of 2", "100% (21–100%)", "50.0%", "50.0%"],
    ]
    assert confidence_table(found)[-1] == ["95%", "0 of 2", "–", "0.0%", "100.0%"]
    [ours] = overalls(replays, truths)
    assert ours.calls_brier == pytest.approx((0.15**2 + 0.55**2) / 2)


def test_checks_have_their_names_and_targets(two_tasks):
    truths, replays = two_tasks
    checks = {each.name: each for each in forecast_checks(overalls(replays, truths), left_out=0)}
    met = {name: check.met for name, check in checks.items() if check.target is not None}
    assert met == {
        "tasks_left_out": True,
        "compute_saved": True,
        "mean_regret_points": False,
        "worst_regret_points": False,
        "winner_found": False,
        "go_no_go": True,
        "go_no_go_balanced": True,
        "not_yet_share": True,
        "prediction_rmse_points": False,
        "within_3_points": False,
        "interval_coverage": False,
    }
    assert checks["mean_regret_points"].value == pytest.approx(5.0)
    assert checks["worst_regret_points"].value == pytest.approx(10.0)
    assert checks["rule_of_thumb_at_7_go_no_go"].value == 0.5


def test_figures_that_nothing_was_found_for_have_missed_their_targets(two_tasks):
    truths, _ = two_tasks
    silent = overalls([replay_with("t", strategies={})], truths)
    checks = {each.name: each for each in forecast_checks(silent, left_out=0)}
    for name in (
        "go_no_go_balanced",
        "prediction_rmse_points",
        "within_3_points",
        "interval_coverage",
    ):
        assert (checks[name].value, checks[name].met) == (None, False)
    assert checks["go_no_go"].met


@pytest.mark.parametrize("targets", [True, False])
def test_without_a_replay_at_the_headline_budget_no_target_is_met(two_tasks, targets):
    truths, replays = two_tasks
    whole = forecast_checks(overalls(replays, truths), left_out=0)
    found = overalls([replay_with("t", budget=0.01)], truths)
    checks = forecast_checks(found, left_out=0, targets=targets)
    names = [each.name for each in whole if each.target is not None]
    held = {each.name: each for each in checks if each.name in names}
    assert list(held) == names
    assert held.pop("tasks_left_out").value == 0.0
    assert all(one.value is None for one in held.values())
    assert {one.met for one in held.values()} == {False if targets else None}


def test_a_quick_look_holds_no_target_and_a_task_left_out_fails(two_tasks):
    truths, replays = two_tasks
    found = overalls(replays, truths)
    assert all(one.met is None for one in forecast_checks(found, left_out=1, targets=False))
    first = forecast_checks(found, left_out=1)[0]
    assert (first.name, first.met) == ("tasks_left_out", False)


def test_tables_tell_a_row_for_each_task_and_way(two_tasks):
    truths, replays = two_tasks
    table = task_table([figures_of(each, truths[each.task]) for each in replays[:2]])
    assert table[1][:8] == ["t", "lora", "yes", "lora", "yes", "0.0", "0.0", "yes"]
    assert table[2][:8] == ["u", "baseline.linear", "no", "lora", "no", "+10.0", "+10.0", "no"]
    lines = as_markdown(curve_table(overalls(replays, truths))).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith(
        "| forecast | 7% | 94.0% | +5.0 | +5.0 | +10.0 (u) | 50% (9–91%) | 50% |"
    )
    assert lines[3].endswith("| – | – | – | – | – |")


def test_what_halves_could_not_show_is_no_merit_of_the_choice():
    """One half recommends nothing; against the winner of all rows LoRA loses 4 points, not less
    than none."""
    made = truth(
        known={},
        audits=[
            audit(None, nothing=0.5, lora=0.9, baseline_linear=0.94),
            audit("baseline.linear", nothing=0.5, lora=0.9, baseline_linear=0.94),
        ],
        winners=("baseline.linear",),
        commits=("no",),
    )
    one = figures_of(replay_with(), made)
    assert one.regret == pytest.approx(-0.18)
    assert one.winners_regret == pytest.approx(-0.22)
    assert one.to_winner == pytest.approx(0.04)
    assert overall([one.replay], {"t": made}).mean_to_winner == pytest.approx(0.04)


def test_a_regret_is_told_with_its_error(two_tasks):
    truths, replays = two_tasks
    unsure = {"u": truths["u"].model_copy(update={"errors": {"lora": 0.034}})}
    table = task_table([figures_of(replays[1], unsure["u"])])
    assert table[1][5] == "+10.0 ± 3.4"
    (line,) = curve_table(overalls(replays[1:2], unsure))[1:]
    assert line[3] == "+10.0 ± 3.4"


def test_what_was_taken_is_told_at_each_budget(two_tasks):
    truths, replays = two_tasks
    early = replay_with("t", budget=0.01, pick=None, commit="not yet")
    table = regret_table([figures_of(each, truths[each.task]) for each in (early, *replays[:2])])
    assert table == [
        ["task", "1%", "7%"],
        ["t", "+60.0 nothing (not yet)", "0.0 lora (yes)"],
        ["u", "–", "+10.0 lora (no)"],
    ]


def test_the_charts_tell_every_way_and_every_bin(two_tasks, drawings):
    truths, replays = two_tasks
    drawn = regret_chart(overalls(replays, truths))
    assert drawn.startswith("<svg")
    assert "forecast" in drawn
    assert "rule of thumb" in drawn
    odds = odds_chart(overalls(replays, truths)[0].bins)
    assert len(drawings) == 2
    assert odds.count("foretold chance") >= 1


def test_replays_read_as_they_were_written(tmp_path, two_tasks):
    _, replays = two_tasks
    path = replays_in(tmp_path, "t")
    write_replays(path, replays)
    assert read_replays(path) == replays
    path.write_text("{}\n")
    with pytest.raises(BenchmarkError, match="no replays"):
        read_replays(path)


def test_the_last_bit_of_a_sum_decides_no_target():
    assert 100 * (0.1 + 0.2 - 0.26) > 4.0
    assert points(0.1 + 0.2 - 0.26) == 4.0
    assert points(None) is None


def test_cascades_are_told_beside_the_better_of_their_parts():
    reached = {"baseline.linear": 0.7, "prompt.nearest": 0.8, "cascade": 0.75}
    lacking = {name: value for name, value in reached.items() if name != "prompt.nearest"}
    records, truths = [], {}
    for task, qualities in (("a", reached), ("b", lacking)):
        records.append(record_of(reached, name=task))
        known = {name: (value, 0.0, 0.0) for name, value in qualities.items()}
        truths[task] = truth(task, known=known)
    head, *rows = cascade_table(records, truths)
    assert len(head) == 5
    assert rows == [["a", "baseline.linear 0.70", "prompt.nearest 0.80", "0.75", "−5.0"]]
