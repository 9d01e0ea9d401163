"""What decides on a task is told by other sources; what ships is replayed as it would be told."""

from dataclasses import replace

from bench_worlds import audit, truth

from benchmarks.belief.gate import PREDICTOR, Gate
from benchmarks.belief.measured import Measured
from benchmarks.belief.rivals import RIVALS
from service.forecast_bench.agenda import at_hand
from service.forecast_bench.checks import BUDGETS, HEADLINE
from service.forecast_bench.gating import Gates, gate_from
from service.forecast_bench.known import learned
from service.forecast_bench.replay import Case, plan_of
from service.forecast_bench.replayed import FORECAST, Replay, read_replays, replays_in
from service.forecast_bench.replaying import Teachers, as_shipped, each_alone, replay_all
from service.forecast_bench.truth import truth_of

RULES = [rule.name for rule in RIVALS]
RULE = RULES[1]
NAMES = [f"t{number}" for number in range(9)]


def said(task, way, pick, budget=HEADLINE):
    commit = "yes" if pick == "lora" else "no"
    told = {"task": task, "source": task, "way": way, "budget": budget, "pick": pick}
    return Replay(**told, key="", commit=commit, seconds=1.0, operations=0.0)


def lesson(name, source):
    return Measured(
        name=name, source=source, data=name, kind="classification", strategies=(), qualities={}
    )


def all_gates(wrong, sources=NAMES, count=9):
    """LoRA is right; on the `wrong` tasks the predictor takes something else, and on all but one
    every rule but one does. Only the first `count` tasks were replayed."""
    audits = [audit("lora", nothing=0.3, lora=0.7, baseline_linear=0.6)]
    known = {"lora": (0.7, 0.001, 0.9), "baseline.linear": (0.6, 0.001, 0.1)}
    replays = {
        name: [
            said(name, FORECAST, "baseline.linear"),
            said(name, PREDICTOR, "baseline.linear" if name in wrong else "lora"),
            said(name, RULE, "lora"),
            *(said(name, rule.name, "baseline.linear") for rule in RIVALS if rule.name != RULE),
            said(name, RULE, "baseline.linear", budget=0.15),
        ]
        for name in NAMES[:count]
    }
    return Gates(
        lessons=[lesson(name, source) for name, source in zip(NAMES, sources, strict=True)],
        truths={name: truth(name, known=known, audits=audits) for name in NAMES},
        replays=replays,
    )


def test_which_way_decides_on_a_task_is_told_by_tasks_of_other_sources_alone():
    found = all_gates(wrong=["t0"])
    assert found.on("t1", "t1").way == RULE
    mine = found.on("t0", "t0")  # where the predictor is wrong speaks not of itself
    assert (mine.way, mine.sources) == (PREDICTOR, 8)
    assert found.on("elsewhere", "t0").way == PREDICTOR  # a copy of it under another source
    assert found.on("elsewhere", "new").sources == 9


def test_whether_a_way_decides_hangs_on_how_many_tasks_were_tested():
    wrong = ["t2", "t3"]
    kin = all_gates(wrong, sources=["a", "a", *NAMES[2:]]).on("a", "t1")
    assert (kin.way, kin.tasks, kin.kinds, kin.sources) == (RULE, 9, {"classification": 9}, 7)
    few = all_gates(wrong, count=7).on("elsewhere", "new")
    assert (few.way, few.held, few.tasks) == (PREDICTOR, (), 7)
    assert few.why.startswith("Not tested against simple rules: 7 measured tasks")
    alone = all_gates(wrong, sources=["a"] * 9).on("a", "t1")
    assert (alone.way, alone.held) == (PREDICTOR, ())


def test_a_task_counts_where_every_way_was_replayed():
    whole = all_gates(wrong=["t0"])
    torn = {name: of for name, of in whole.replays.items() if name != "t0"}
    torn["t0"] = [each for each in whole.replays["t0"] if each.way != RIVALS[-1].name]
    found = replace(whole, replays={**torn, "stray": whole.replays["t1"]})
    assert (found.on("x", "x").tasks, found.on("x", "x").way) == (8, PREDICTOR)


def test_replays_of_what_ships_and_at_other_budgets_decide_nothing():
    found = all_gates(wrong=[])
    told = [one for each in found.replays.values() for one in each]
    gate = gate_from(told, found.truths, found.lessons)
    assert (gate.kinds, gate.tasks) == ({"classification": 9}, 9)
    assert [each.way for each in gate.held] == [PREDICTOR, RULE, *RULES[:1], *RULES[2:]]
    assert [each.mean_regret for each in gate.held[:2]] == [0.0, 0.0]


def test_where_the_predictor_decides_what_ships_says_what_it_says(bench_world, tmp_path):
    bench, tasks, _ = bench_world
    done = replay_all([*tasks.values()], bench, shipped=tmp_path / "none")
    for name in tasks:
        stored = read_replays(replays_in(bench.out, name))
        assert stored == [each for each in done.replays if each.task == name]
        ours, alone = (
            [one.model_dump(exclude={"way", "key"}) for one in stored if one.way == way]
            for way in (FORECAST, PREDICTOR)
        )
        assert len(ours) == len(BUDGETS)
        assert ours == alone


def test_where_a_rule_decides_what_ships_is_rule_and_looks_together(bench_world, tmp_path):
    bench, tasks, told = bench_world
    teachers = Teachers(learned(bench, tmp_path / "none").lessons)
    case = replayed_case(bench, tasks["four"])
    alone = each_alone(case, teachers, [], bench)
    fitting = plan_of(case, HEADLINE, bench).outlook.fitting
    models = tuple({entry.facts.model for entry in fitting} - {None})
    gate = Gate(way=RULE, why="made up", kinds={"classification": 4}, models=models)
    found = as_shipped(case, alone, teachers, gate, [], bench)
    predictor = {each.budget: each for each in alone if each.way == PREDICTOR}
    assert [each.way for each in found] == [FORECAST] * len(BUDGETS)
    for each in found:
        assert each.key == f"{predictor[each.budget].key} {RULE}"
        assert each.strategies  # qualities are the predictor's, the choice is the rule's
    # it looks at what the rule goes by
    assert any(each.steps != predictor[each.budget].steps for each in found)
    assert (found[-1].pick, found[-1].commit) == ("baseline.linear", "no")
    told.clear()
    assert as_shipped(case, alone, teachers, gate, found, bench) == found
    assert told == []
    # a rule that looks speak against is not what ships
    thumb = gate.model_copy(update={"way": "rule of thumb"})
    assert {each.pick for each in alone if each.way == "rule of thumb"} == {"lora"}
    for each in as_shipped(case, alone, teachers, thumb, [], bench):
        assert each.pick == predictor[each.budget].pick == "baseline.linear"
        assert each.commit == predictor[each.budget].commit


def replayed_case(bench, task):
    found = at_hand(bench.out, task.name)
    return Case(task, found.record, found.evidence, truth_of(found.path, bench.out / "tasks"))
