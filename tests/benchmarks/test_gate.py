"""Whether the predictor decides, or a simple rule that did better."""

import json

import pytest
from made_up import World, facts, fitting

from benchmarks.belief.gate import FEWEST_TASKS, PREDICTOR, Gate, Held, decided
from benchmarks.belief.predictor import Predictor
from benchmarks.belief.rivals import LOOKS_AT, RIVALS, looks_at, next_look
from benchmarks.evidence.finding import Action
from corpora.errors import InvalidInput

NAMES = [rule.name for rule in RIVALS]


def held(way, lost, right=0.8):
    """`lost` is the mean regret in points."""
    return Held(
        way=way,
        mean_regret=lost / 100,
        mean_regret_error=0.002,
        worst_regret=0.1,
        mean_to_winner=(lost + 2.0) / 100,
        go_no_go=right,
        calls=10,
    )


def gate(*ways, tasks=12):
    kinds = {"generation": 3, "extraction": tasks - 3}
    return decided(ways, kinds=kinds, models=["small"], sources=tasks - 2, budget=0.07)


@pytest.mark.parametrize(
    ("ways", "decides"),
    [
        ([held(PREDICTOR, 1.0), held(NAMES[1], 2.0), held(NAMES[2], 1.5)], PREDICTOR),
        ([held(PREDICTOR, 1.6), held(NAMES[1], 2.0), held(NAMES[2], 1.5)], NAMES[2]),
        # what differs by less than is told is a tie, which the calls decide
        ([held(PREDICTOR, 1.02, 0.9), held(NAMES[1], 0.98, 0.8)], PREDICTOR),
        ([held(PREDICTOR, 0.98, 0.8), held(NAMES[1], 1.02, 0.9)], NAMES[1]),
        ([held(PREDICTOR, 1.0), held(NAMES[1], 1.0)], PREDICTOR),
        # right calls do not make up for a larger regret
        ([held(PREDICTOR, 1.2, 1.0), held(NAMES[1], 1.0, 0.1)], NAMES[1]),
    ],
)
def test_the_lowest_regret_decides_then_the_calls_then_the_predictor(ways, decides):
    for order in (ways, ways[::-1]):
        found = gate(*order)
        assert found.way == decides
        assert found.held == tuple(order)
        assert (found.tasks, found.sources) == (12, 10)


def test_it_says_which_figures_decided():
    found = gate(held(PREDICTOR, 2.04, 0.75), held(NAMES[0], 3.0), held(NAMES[1], 0.96, 0.5))
    assert found.why == (
        "On 12 measured tasks of 10 sources, each foretold by the others at 7% of the comparison's"
        " time, what the simple rule “rank at pilot size” chose lost 1.0 points (+3.0 to the winner"
        " of all rows) on average, and what the predictor chose 2.0 points (+4.0 to the winner of"
        " all rows); its calls on tuning were right in 50%, those of the other in 75%. So the"
        " simple rule “rank at pilot size” decides."
    )
    lucky = gate(held(PREDICTOR, -1.7), held(NAMES[0], 3.0)).why
    assert "the predictor chose lost −1.7 points (+0.3 to the winner of all rows)" in lucky
    assert gate(held(PREDICTOR, 0.0), held(NAMES[0], 3.0)).why.endswith("So the predictor decides.")


def test_few_tasks_decide_nothing():
    ways = held(PREDICTOR, 9.0), held(NAMES[0], 0.0)
    few = gate(*ways, tasks=FEWEST_TASKS - 1)
    assert (few.way, few.held, few.tasks) == (PREDICTOR, (), 7)
    assert few.why == (
        "Not tested against simple rules: 7 measured tasks, and fewer than 8 decide nothing."
    )
    assert gate(*ways, tasks=FEWEST_TASKS).way == NAMES[0]
    assert decided((), kinds={}, models=[], sources=0, budget=0.07) == Gate()


def test_without_a_rule_to_hold_against_nothing_is_decided():
    with pytest.raises(ValueError, match="no rule"):
        gate(held(PREDICTOR, 1.0))


def test_the_file_says_what_decides_and_refuses_a_way_that_it_does_not_know(tmp_path):
    path = tmp_path / "predictor.json"
    found = gate(held(PREDICTOR, 2.0), held(NAMES[1], 1.0))
    Predictor(gate=found).write(path)
    text = path.read_text()
    assert found.why in text
    assert Predictor.read(path).gate == found
    wrong = json.loads(text)
    wrong["gate"]["way"] = "luck"
    path.write_text(json.dumps(wrong))
    with pytest.raises(InvalidInput) as error:
        Predictor.read(path)
    assert error.value.field.endswith("gate.way")


def test_a_rule_is_taught_by_the_tasks_of_the_predictor():
    four = [task.model_copy(update={"qualities": {}}) for task in generated(4)]
    strategies = fitting("generation", documents=True)
    assert Gate().rule(four, "generation", strategies) is None
    known = {"kinds": {"generation": 4}, "models": ("small",)}
    silent = Gate(way="majority strategy", **known).rule(four, "generation", strategies)
    assert silent.say("generation", strategies, []).pick is None
    thumb = Gate(way="rule of thumb", **known).rule(four, "generation", strategies)
    assert thumb.say("generation", strategies, []).pick == "lora"


def test_a_rule_decides_on_no_kind_of_which_few_were_tested():
    kinds = {"extraction": 4, "generation": 3}
    found = Gate(way="rule of thumb", why="It did better.", kinds=kinds)
    some = (facts("baseline.nearest"),)
    assert found.way_for("extraction", some) == "rule of thumb"
    assert found.why_for("extraction", some) == "It did better."
    for kind, count in (("generation", 3), ("classification", "none")):
        assert found.way_for(kind, some) == PREDICTOR
        assert found.rule(generated(9), kind, some) is None
        assert found.why_for(kind, some) == (
            f"It did better. But of {kind} {count} were tested, too few to tell:"
            " here the predictor decides, untested."
        )
    rule = gate(held(PREDICTOR, 2.0), held("rule of thumb", 1.0))
    assert rule.why_for("extraction", some).endswith("“rule of thumb” decides.")
    assert "“rule of thumb” decides" not in rule.why_for("generation", some)
    assert Gate().why_for("generation", some) == Gate().why


def test_a_predictor_that_did_better_is_called_untested_where_it_is():
    ours = gate(held(PREDICTOR, 1.0), held("rule of thumb", 2.0))
    known, strange = facts("prompt.few-shot"), facts("lora", model="large")
    assert ours.why_for("extraction", (known,)) == ours.why
    assert ours.untested("extraction", (known,)) == []
    for kind, strategies, lack in (
        ("generation", (known,), "of generation 3 were tested, too few to tell"),
        ("extraction", (known, strange), "none was tested with large"),
    ):
        assert ours.way_for(kind, strategies) == PREDICTOR
        assert ours.untested(kind, strategies) == [lack]
        figures = ours.why.removesuffix(" So the predictor decides.")
        assert ours.why_for(kind, strategies) == (
            f"{figures} But {lack}: here the predictor decides, untested."
        )
    one = Gate(kinds={"generation": 1}).untested("generation", ())
    assert one == ["of generation 1 was tested, too few to tell"]


def test_a_rule_decides_with_no_model_that_none_was_tested_with():
    rule = gate(held(PREDICTOR, 2.0), held("rule of thumb", 1.0))
    known, strange = facts("prompt.few-shot"), facts("lora", model="large")
    plain = facts("baseline.nearest")
    assert plain.model is None
    assert rule.way_for("extraction", (plain, known)) == "rule of thumb"
    for strategies in ((strange,), (plain, known, strange)):
        assert rule.way_for("extraction", strategies) == PREDICTOR
        assert rule.rule([], "extraction", strategies) is None
        why = rule.why_for("extraction", strategies)
        assert why.endswith("But none was tested with large: here the predictor decides, untested.")
        both = rule.why_for("generation", strategies)
        assert "But of generation 3 were tested, too few to tell, and none was" in both


def generated(count):
    """So many measured tasks of one kind."""
    made = World(seed=0).tasks(40)
    return [task for task, _ in made if task.kind == "generation"][:count]


def test_every_rule_says_what_it_goes_by():
    assert list(LOOKS_AT) == NAMES


def action(deed, strategy, seconds):
    return Action(deed=deed, strategy=strategy, rows=8, share=1.0, seconds=seconds)


def test_a_rule_takes_the_quickest_step_that_fits_of_what_it_goes_by():
    offered = [
        action("features", None, 0.1),
        action("rows", "b", 2.0),
        action("rows", "a", 2.0),
        action("pilot", "lora", 1.0),
        action("head", "lora", 0.5),
    ]

    def taken(rule, most):
        return next_look(rule, offered, lambda one: one.seconds <= most)

    assert taken("rank at pilot size", 9.0) == offered[3]
    assert taken("linear probe alone", 9.0) == offered[4]
    assert taken("rule of thumb", 9.0) == offered[0]
    assert taken("majority strategy", 9.0) is None
    assert taken("rank at pilot size", 0.7) is None
    assert next_look("rank at pilot size", offered[:3], lambda one: True) == offered[2]
    assert looks_at("never heard of", offered[0])
