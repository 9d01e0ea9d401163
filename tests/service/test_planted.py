"""Situations whose right decision is known: how they are drawn, judged, measured and told."""

import ast
import json
from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.records import APART, OutcomeRecord, SentinelRecord
from benchmarks.speed.sheet import Measurement, Sheet
from corpora.errors import InvalidInput
from corpora.task import Needs
from service.cli import cli
from service.planted import figures
from service.planted.drawing import leaked_rows, records_of, scores_of
from service.planted.measure import (
    EQUAL,
    ROOT,
    SCHEMA,
    SIDE,
    SOURCES,
    head_of,
    pieces,
    planted_truths,
)
from service.planted.situation import Right, answer_to
from service.planted.situations import BY_NAME, SITUATIONS, equal_run, tells_apart
from service.planted.worlds import World, ways_of

RNG = np.random.default_rng


def world_of(rows=20_000, **fields):
    qualities = {"baseline.majority": 0.1, "prompt.few-shot": 0.6, "lora": 0.7}
    return World(ways_of(RNG(0), qualities), rows=rows, needs=Needs(), **fields)


def drawn_scores(world):
    return scores_of(world, leaked_rows(world, RNG(1)), RNG(2))


@pytest.mark.parametrize("graded", [False, True])
def test_scores_come_out_at_the_true_quality(graded):
    scores = drawn_scores(world_of(graded=graded))
    assert scores.mean(axis=1) == pytest.approx([0.1, 0.6, 0.7], abs=0.015)
    assert set(np.unique(scores)) == {0.0, 1.0} or graded
    assert (scores >= 0).all()
    assert (scores <= 1).all()


def test_correlation_makes_strategies_fail_on_the_same_rows():
    alone, together = (drawn_scores(world_of(correlation=each)) for each in (0.0, 1.0))
    assert np.mean(alone[2] < alone[1]) == pytest.approx(0.3 * 0.6, abs=0.01)
    assert np.mean(together[2] < together[1]) == 0.0


def test_leaked_rows_show_memory_and_the_guard_names_them():
    world = world_of(rows=2_000, leaked=0.25)
    lora = replace(world.way("lora"), memory=1.0)
    world = replace(world, ways=(*world.ways[:2], lora))
    leaked = leaked_rows(world, RNG(1))
    scores = scores_of(world, leaked, RNG(2))
    assert leaked.sum() == 500
    assert scores[2, leaked].mean() == 1.0
    assert scores[2, ~leaked].mean() == pytest.approx(0.7, abs=0.04)
    assert scores[1, leaked].mean() == pytest.approx(0.6, abs=0.08)
    guards = [r for r in records_of(world, RNG(1), 0) if isinstance(r, SentinelRecord)]
    [guard] = [guard for guard in guards if guard.name == APART]
    assert (guard.passed, len(guard.examples)) == (False, 500)


def test_wrong_labels_take_as_much_as_they_should():
    scores = drawn_scores(world_of(noise=0.2))
    expected = [0.8 * quality + 0.2 * (1 - quality) / 9 for quality in (0.1, 0.6, 0.7)]
    assert scores.mean(axis=1) == pytest.approx(expected, abs=0.015)


def test_requests_fail_as_often_as_they_should():
    world = world_of(rows=5_000)
    failing = replace(world.ways[2], errors=0.1)
    rows = records_of(replace(world, ways=(failing,)), RNG(3), 0)
    errors = [row.state == "error" for row in rows if isinstance(row, OutcomeRecord)]
    assert np.mean(errors) == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_a_draw_follows_from_its_number_and_tells_nothing_of_the_situation(situation):
    world, right, records = situation.drawn(3)
    again = situation.drawn(3)
    assert (world, right, records) == again
    assert situation.drawn(4)[0] != world
    task = records[0].task
    assert (task.name, records[0].seed) == ("made-up", 3)
    assert {r.text for r in records if isinstance(r, OutcomeRecord)} == {None}


@pytest.mark.parametrize(
    ("name", "one", "other", "least", "most"),
    [
        ("tuning-pays", "lora", "prompt.nearest", 0.16, 0.28),
        ("combination-pays", "lora+rag", "rag.hybrid", 0.18, 0.30),
        ("knowledge-not-skill", "rag.hybrid", "lora", 0.15, 0.40),
        ("tie", "lora", "prompt.few-shot", 0.0, 0.0),
        ("baseline-as-good", "lora", "baseline.linear", 0.0, 0.0),
        ("never-breaks-even", "lora", "prompt.few-shot", 0.0, 0.01),
        ("cost-excludes", "lora", "prompt.few-shot", 0.10, 0.25),
        ("bar-too-high", "lora", "prompt.nearest", 0.16, 0.22),
        ("documents-daily", "lora+rag", "rag.optimized", -0.02, 0.0),
        ("tuning-saves", "lora", "prompt.nearest", 0.005, 0.015),
        ("today-as-good", "lora", "incumbent", -0.01, 0.0),
        ("too-few-rows", "lora", "prompt.few-shot", -0.05, 0.10),
        ("leak", "lora", "prompt.few-shot", -0.08, 0.0),
        ("wrong-labels", "lora", "prompt.nearest", 0.22, 0.30),
    ],
)
def test_true_gaps_lie_in_the_stated_range(name, one, other, least, most):
    worlds = [BY_NAME[name].draw(RNG(seed))[0] for seed in range(50)]
    gaps = [world.gap(one, other) for world in worlds]
    assert min(gaps) >= least - 1e-12
    assert max(gaps) <= most + 1e-12
    assert max(gaps) - min(gaps) >= 0.6 * (most - least)


def test_right_is_every_part_of_an_answer():
    _, right, records = BY_NAME["tuning-pays"].drawn(0)
    answer = answer_to(records)
    assert answer.commit_to_fine_tuning == "yes"
    assert right.allows(answer)
    assert Right(["yes"]).allows(answer)
    for wrong in (
        Right(["no"]),
        Right(["yes"], ["rag"]),
        Right(["yes"], picks=["rag.hybrid", None]),
        Right(["yes"], says="what nobody says"),
        Right(["yes"], unmet=True),
    ):
        assert not wrong.allows(answer)
    waits = answer.model_copy(update={"commit_to_fine_tuning": "not yet", "examples_needed": None})
    assert Right(["not yet"]).allows(waits)
    assert not Right(["not yet"], counted=True).allows(waits)


def test_the_leak_would_have_been_a_yes_had_nobody_heard_the_guard():
    _, right, records = BY_NAME["leak"].drawn(4)
    assert right.allows(answer_to(records))
    unheard = [record for record in records if not isinstance(record, SentinelRecord)]
    answer = answer_to(unheard)
    assert (answer.strategy, answer.commit_to_fine_tuning) == ("lora", "yes")


def test_equal_strategies_are_not_always_told_apart_and_different_ones_are():
    runs = [equal_run(seed) for seed in range(8)]
    assert {count for count, _ in runs} <= set(range(2, 9))
    assert len({count for count, _ in runs}) > 2
    told = [tells_apart(records) for _, records in runs]
    assert sum(told) < len(told)
    _, _, records = BY_NAME["tuning-pays"].drawn(0)
    assert tells_apart(records)


def test_pieces_cover_every_draw_once():
    found = pieces(25, 150, ["tie", "leak"])
    sizes = [(piece.name, piece.first, piece.count) for piece in found]
    assert sizes == [
        *(("tie", 0, 10), ("tie", 10, 10), ("tie", 20, 5)),
        *(("leak", 0, 10), ("leak", 10, 10), ("leak", 20, 5)),
        *((EQUAL, 0, 100), (EQUAL, 100, 50)),
    ]


def test_the_rule_is_right_in_nearly_all_of_a_few_draws_of_each_situation():
    found = list(planted_truths(3, runs=20))
    right = figures.rights(found)
    assert [*right] == [situation.name for situation in SITUATIONS]
    assert all(share.n == 3 for share in right.values())
    assert figures.total(right.values()).value >= 0.9
    assert figures.total(figures.apart(found).values()).n == 20


def test_a_measurement_goes_on_where_it_was(tmp_path):
    path, said = tmp_path / "decisions.jsonl", []
    names = ["tie"]

    def measured(draws):
        sheet = Sheet(path, head_of(0), schema=SCHEMA)
        return list(planted_truths(draws, runs=0, names=names, sheet=sheet, say=said.append))

    first = measured(1)
    assert [line.partition(":")[0] for line in said] == ["tie 1-1"]
    assert measured(1) == first
    assert len(said) == 1
    assert [one.facts["draws"] for one in measured(2)] == [2]
    assert len(figures.stored(path)) == 1
    with pytest.raises(InvalidInput, match="seed"):
        Sheet(path, head_of(1), schema=SCHEMA)


def test_sources_are_there_and_hold_all_that_decides():
    """All that the rule and the summary import of their rooms, but what only words, shapes or
    reads: whoever adds a piece to the rule adds it here, or says below why not."""
    assert all([*ROOT.glob(pattern)] for pattern in SOURCES)
    named = {path for pattern in SOURCES for path in ROOT.glob(pattern)}
    places = {
        "service": ("recommendation.py", {"keeping", "switches", "turning", "wording"}),
        "benchmarks": (
            "summary.py",
            {"behaviour", "behaviour_results", "curve_summary", "disagreements", "errors"}
            | {"draws", "incumbent", "records", "results", "standing"},
        ),
    }
    for room, (file, aside) in places.items():
        code = ast.parse((ROOT / room / file).read_text(encoding="utf-8"))
        imports = [node.module or "" for node in ast.walk(code) if isinstance(node, ast.ImportFrom)]
        used = {name.split(".")[1] for name in imports if name.startswith(f"{room}.")}
        assert used - aside == used & {path.stem for path in named if path.parent.name == room}


def made_up(name, number, right, draws=100):
    facts = {"draws": draws, "right": right, "answers": {"no, x (rag)": draws}, "wrong": []}
    return Measurement(name, SIDE, number, 1.0, facts)


def equals(different, runs=10_000):
    counted = {"runs": {"2": runs // 2, "8": runs // 2}, "different": {"2": 0, "8": different}}
    return Measurement(EQUAL, SIDE, 1, 1.0, {"draws": runs, **counted})


def test_checks_are_the_least_share_and_the_exact_interval():
    found = [made_up(each.name, at, 98) for each in SITUATIONS for at in (1, 101)]
    found[0] = made_up(SITUATIONS[0].name, 1, 91)
    checks = {check.name: check for check in figures.decision_checks([*found, equals(400)])}
    assert checks["planted_truths_right"].value == pytest.approx(0.945)
    assert checks["planted_truths_right"].met is False
    assert checks["right_tie"].value == pytest.approx(0.98)
    assert checks["equals_called_different"].value == pytest.approx(0.04)
    assert checks["equals_called_different"].met is True
    low, high = (checks[f"equals_called_different_{end}"].value for end in ("low", "high"))
    assert (low, high) == pytest.approx((0.0362, 0.0440), abs=0.0001)


def test_few_draws_count_for_no_target():
    found = [made_up(each.name, 1, 0, draws=5) for each in SITUATIONS]
    checks = figures.decision_checks([*found, equals(100, runs=100)])
    assert all(check.met is None for check in checks)
    assert figures.decision_checks([]) == []


def test_an_exact_interval_by_hand():
    # none of 10: the upper end p solves (1 - p)^10 = 0.025
    low, high = figures.Share(0, 10).interval
    assert (low, high) == pytest.approx((0.0, 1 - 0.025**0.1))
    assert figures.Share(0, 0).interval == (0.0, 1.0)
    middle = figures.Share(50, 100)
    assert middle.interval[1] - middle.value > 1.9 * sqrt(0.25 / 100)


def test_the_command_ends_with_its_line(tmp_path):
    out = tmp_path / "decisions.jsonl"
    asked = ["--draws", "1", "--runs", "2", "--only", "tie", "--processes", "1", "--out", str(out)]
    ran = CliRunner().invoke(cli, ["bench", "decisions", *asked, "--json"])
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout.splitlines()[-1])
    assert said["bench"] == "decisions"
    assert {"right_tie", "planted_truths_right", "equals_called_different"} <= {
        check["name"] for check in said["checks"]
    }
    refused = CliRunner().invoke(cli, ["bench", "decisions", "--only", "tei", "--out", str(out)])
    assert refused.exit_code == 2
    assert "Did you mean tie?" in refused.output


def test_the_page_follows_from_the_committed_draws():
    text = figures.PAGE.read_text(encoding="utf-8")
    found = figures.stored()
    table = figures.tables(found)
    assert figures.with_figures(text, table, figures.BEGIN, figures.END) == text
    assert all(f"| `{situation.name}` |" in table for situation in SITUATIONS)
