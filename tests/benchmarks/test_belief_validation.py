"""Leaving one source out: what is foretold never knew it, and how rules compare."""

from dataclasses import dataclass, field
from itertools import product
from math import isnan

import numpy as np
import pytest
from leaving_out import Believing, covers, left_out, scores, validate
from made_up import World, facts, fitting, read, rows_found
from threadpoolctl import threadpool_info, threadpool_limits

from benchmarks.belief.belief import Estimate
from benchmarks.belief.measured import MeasuredQuality
from benchmarks.belief.predictor import Predictor
from benchmarks.belief.rivals import (
    RIVALS,
    Majority,
    PilotRank,
    ProbeAlone,
    RuleOfThumb,
    Saying,
)


@pytest.fixture(scope="module")
def tasks():
    return [task for task, _ in World(seed=7).tasks(14)]


@dataclass
class Spy:
    """Takes down which sources it was taught by before it was asked about a task."""

    name: str = "spy"
    taught: tuple[str, ...] = ()
    asked: list = field(default_factory=list)

    def fitted(self, tasks):
        return Spy(taught=tuple(task.source for task in tasks), asked=self.asked)

    def say(self, kind, strategies, findings):
        self.asked.append((self.taught, findings))
        return Saying(strategies[0].id)


def test_the_source_left_out_is_never_among_the_teachers(tasks):
    spy = Spy()
    validate(tasks, [spy])
    by_findings = {id(task.findings): task.source for task in tasks}
    assert len(spy.asked) == len(tasks)
    for taught, findings in spy.asked:
        own = by_findings[id(findings)]
        assert own not in taught
        assert set(taught) == {task.source for task in tasks} - {own}


def test_sources_of_several_tasks_are_left_out_together(tasks):
    sources = [task.source for task in tasks]
    several = next(source for source in sources if sources.count(source) > 1)
    held = next(held for held, _ in left_out(tasks) if held[0].source == several)
    assert len(held) == sources.count(several)


def test_what_was_measured_there_changes_nothing_of_what_is_foretold(tasks):
    source = tasks[0].source
    turned = [
        task.model_copy(
            update={
                "qualities": {
                    id: quality.model_copy(update={"value": 1 - quality.value})
                    for id, quality in task.qualities.items()
                }
            }
        )
        if task.source == source
        else task
        for task in tasks
    ]
    rules = [Believing(), *RIVALS]
    for one, other in zip(validate(tasks, rules), validate(turned, rules), strict=True):
        if one.task in {task.name for task in tasks if task.source == source}:
            assert one.pick == other.pick
            assert one.expected == other.expected


def test_only_the_evidence_asked_for_is_seen(tasks):
    spy = Spy()
    validate(tasks, [spy], lambda task: task.findings[:1])
    assert all(len(findings) == 1 for _, findings in spy.asked)


def small_pilots(task):
    return [f for f in task.findings if f.action.deed != "pilot" or f.action.share <= 0.1]


@pytest.mark.parametrize("rough", [False, True], ids=["plain", "rough"])
def test_the_predictor_beats_its_rivals_by_what_is_true(rough):
    """Where its model holds and where it does not, with pilots on a tenth of the rows."""
    lost = {}
    for seed in range(16):
        made = World(seed=seed, rough=rough).tasks(31)
        rules = [rule.fitted([task for task, _ in made[:19]]) for rule in (Believing(), *RIVALS)]
        for (task, truth), rule in product(made[19:], rules):
            pick = rule.say(task.kind, task.strategies, small_pilots(task)).pick
            regret = max(truth.values()) - truth.get(pick, 0.0)
            lost.setdefault(rule.name, []).append(regret)
    mean = {rule: float(np.mean(each)) for rule, each in lost.items()}
    best_rival = min(value for rule, value in mean.items() if rule != "predictor")
    assert mean["predictor"] < best_rival


def test_it_is_fitted_in_one_thread(tasks):
    """Several wait for each other by spinning: where another process has a core, a hundred times
    as long as the whole fit takes."""

    def threads():
        return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}

    class Watched(list):
        def __iter__(self):
            seen.append(threads())
            return super().__iter__()

    seen = []
    with threadpool_limits(2, user_api="blas"):
        Predictor.fit(Watched(tasks[:2]))
        assert threads() == {2}
    assert len(seen) > 1
    assert all(each == {1} for each in seen)


def test_its_intervals_hold_for_tasks_left_out(tasks):
    (line,) = scores(validate(tasks, [Believing()], small_pilots), margin=0.02)
    assert 0.82 < line.coverage < 0.98
    assert line.error < line.rmse < 0.15


class TestScores:
    def outcomes(self, tasks):
        values = {"prompt.zero-shot": 0.5, "lora": 0.8}
        task = tasks[0].model_copy(
            update={
                "qualities": {
                    id: MeasuredQuality(value=value, error=0.03, n=200)
                    for id, value in values.items()
                }
            }
        )

        @dataclass
        class Says:
            name: str
            saying: Saying

            def fitted(self, tasks):
                return self

            def say(self, kind, strategies, findings):
                return self.saying

        wrong = {"prompt.zero-shot": Estimate(0.54, 0.5, 0.58), "lora": Estimate(0.7, 0.68, 0.72)}
        rules = [
            Says("right", Saying("lora", {"lora": Estimate(0.8, 0.75, 0.85)})),
            Says("wrong", Saying("prompt.zero-shot", wrong)),
            Says("broke", Saying("cascade")),
            Says("silent", Saying(None)),
        ]
        return validate([task], rules)

    def test_regret_and_the_call_on_tuning(self, tasks):
        right, wrong, broke, silent = scores(self.outcomes(tasks), margin=0.02)
        assert (right.mean_regret, right.found, right.tuning_right) == (0.0, 1.0, 1.0)
        assert wrong.mean_regret == pytest.approx(0.3)
        assert (wrong.found, wrong.tuning_right) == (0.0, 0.0)
        assert broke.mean_regret == pytest.approx(0.8)
        assert silent.found == 0.0
        assert isnan(silent.mean_regret)

    def test_errors_with_and_without_noise(self, tasks):
        right, wrong, broke, _ = scores(self.outcomes(tasks), margin=0.02)
        assert (right.rmse, right.error, right.coverage) == (0.0, 0.0, 1.0)
        squares = (0.04**2 + 0.1**2) / 2
        assert wrong.rmse == pytest.approx(squares**0.5)
        assert wrong.error == pytest.approx((squares - 0.03**2) ** 0.5)
        assert wrong.coverage == 0.5
        assert isnan(broke.rmse)


def test_an_interval_is_held_against_a_measurement_with_its_noise():
    estimate = Estimate(0.5, 0.45, 0.55)
    exact = MeasuredQuality(value=0.56, error=0.0, n=100)
    assert not covers(estimate, exact)
    assert covers(estimate, exact.model_copy(update={"error": 0.03}))


class TestRivals:
    strategies = fitting("classification", documents=True)

    def test_the_majority_of_a_kind_before_that_of_all(self, tasks):
        def won(place, winner):
            task = tasks[place]
            values = {s.id: 0.9 if s.id == winner else 0.5 for s in task.strategies}
            return task.model_copy(
                update={
                    "qualities": {
                        id: MeasuredQuality(value=value, error=0.01, n=100)
                        for id, value in values.items()
                    }
                }
            )

        rule = Majority().fitted([won(0, "lora"), won(1, "cascade"), won(5, "cascade")])
        assert rule.say("classification", self.strategies, []).pick == "lora"
        assert rule.say("generation", self.strategies, []).pick == "cascade"
        # it knows of no other that it was best, nor with which of two models
        without = [s for s in self.strategies if s.id != "cascade"]
        assert rule.say("generation", without, []).pick is None
        two = [facts("cascade", model="large").model_copy(update={"id": "cascade@large"})]
        assert rule.say("generation", [*self.strategies, *two], []).pick is None
        assert Majority().say("generation", self.strategies, []).pick is None

    def test_rank_at_pilot_size_takes_what_scored_best_so_far(self):
        findings = [
            rows_found("prompt.few-shot", [1.0, 0.0]),
            read("pilot", "lora", 64, 0.25, score=0.7),
            read("pilot", "lora", 64, 0.05, score=0.2),
            read("head", None, 64, accuracy=0.9),
        ]
        assert PilotRank().say("classification", self.strategies, findings).pick == "lora"
        assert (
            PilotRank().say("classification", self.strategies, findings[:1]).pick
            == "prompt.few-shot"
        )

    def test_the_probe_alone_ignores_pilots(self):
        findings = [
            rows_found("prompt.few-shot", [1.0, 0.0]),
            read("pilot", "lora", 64, 0.25, score=0.9),
        ]
        assert (
            ProbeAlone().say("classification", self.strategies, findings).pick == "prompt.few-shot"
        )
        head = read("head", None, 64, accuracy=0.6)
        found = ProbeAlone().say("classification", self.strategies, [*findings, head])
        assert found.pick == "lora"
        assert found.expected["lora"].value == 0.6

    @pytest.mark.parametrize(
        ("kind", "documents", "held", "taken"),
        [
            ("question-answering", True, None, "rag.hybrid"),
            ("question-answering", True, 0.1, "lora"),
            ("classification", True, None, "lora"),
            ("classification", True, 0.9, "rag.hybrid"),
            ("question-answering", False, None, "lora"),
            ("extraction", False, 0.0, "lora"),
        ],
    )
    def test_the_rule_of_thumb(self, kind, documents, held, taken):
        findings = [] if held is None else [read("features", None, 0, in_documents=held)]
        strategies = fitting(kind, documents)
        assert RuleOfThumb().say(kind, strategies, findings).pick == taken

    def test_without_either_there_is_nothing_to_advise(self):
        assert RuleOfThumb().say("extraction", (facts("prompt.zero-shot"),), []).pick is None
