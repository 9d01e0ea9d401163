"""From measured tasks to a belief about another one, in made-up worlds whose truth is known."""

import json

import numpy as np
import pytest
from made_up import FAMILIES, World, facts, read, rows_found

from benchmarks.belief.predictor import SHIPPED, Predictor
from benchmarks.belief.spread import Spread, parts_of
from benchmarks.belief.traits import kin_of, pair_of, traits_of
from benchmarks.records import StrategyFacts
from corpora.errors import InvalidInput

EVERYTHING = tuple(facts(name) for name in FAMILIES)


def correlation(belief, one, other):
    a, b = belief.ids.index(one), belief.ids.index(other)
    return belief.covariance[a, b] / (belief.deviations[a] * belief.deviations[b])


class TestUnfitted:
    def test_a_single_strategy_may_be_anything(self):
        belief = Predictor().prior("extraction", EVERYTHING)
        for id in belief.ids:
            told = belief.quality(id)
            assert told.value == pytest.approx(0.5, abs=0.02)
            assert told.low < 0.05
            assert told.high > 0.95

    def test_what_is_alike_is_correlated(self):
        belief = Predictor().prior("extraction", EVERYTHING)
        searched = correlation(belief, "lora", "lora.optimized")
        family = correlation(belief, "rag.bm25", "rag.dense")
        other = correlation(belief, "lora", "prompt.few-shot")
        far = correlation(belief, "lora", "baseline.majority")
        assert 0.95 > searched > family > other > far > 0.3

    def test_rows_are_enough_to_choose_by(self):
        strategies = (facts("prompt.zero-shot"), facts("baseline.majority"))
        findings = [
            rows_found("prompt.zero-shot", np.arange(100) % 10 < 8),
            rows_found("baseline.majority", np.arange(100) % 10 < 3),
        ]
        belief = Predictor().belief("classification", strategies, findings)
        assert belief.quality("prompt.zero-shot").value == pytest.approx(0.8, abs=0.02)
        drawn = belief.draws(np.random.default_rng(0), 10_000)
        assert (drawn[:, 0] > drawn[:, 1]).mean() > 0.999

    def test_a_pilot_moves_what_is_like_it(self):
        findings = [read("pilot", "lora", 64, 0.25, score=0.9)]
        belief = Predictor().belief("extraction", EVERYTHING, findings)
        before = Predictor().prior("extraction", EVERYTHING)
        for id in ("lora", "lora.optimized", "lora+rag"):
            assert belief.quality(id).value > before.quality(id).value + 0.1
        assert belief.quality("lora").value > belief.quality("lora.optimized").value


class TestFitted:
    def test_what_varies_most_is_found(self):
        tasks = [task for task, _ in World(seed=2).tasks(60, findings=False)]
        spread = Predictor.fit(tasks).spread
        true = World().spread
        for name in ("task", "documents", "plain"):
            assert getattr(spread, name) == pytest.approx(getattr(true, name), rel=0.35)
        assert spread.own < spread.task / 2

    def test_sampling_noise_is_not_laid_to_strategies(self):
        quiet = Spread(
            **dict.fromkeys(("language", "examples", "tuned", "documents"), 0.01),
            kin=0.01,
            pair=0.01,
            own=0.01,
            plain=0.01,
            task=0.3,
        )
        tasks = [t for t, _ in World(seed=3, spread=quiet, test_rows=60).tasks(40, findings=False)]
        spread = Predictor.fit(tasks).spread
        # 60 rows alone make deviations of 0.065
        assert spread.own < 0.03
        blind = [
            task.model_copy(
                update={
                    "qualities": {
                        id: quality.model_copy(update={"n": 10**6, "error": 1e-4})
                        for id, quality in task.qualities.items()
                    }
                }
            )
            for task in tasks
        ]
        assert Predictor.fit(blind).spread.own > 1.3 * spread.own

    def test_a_strategy_is_expected_where_it_mostly_was(self, tasks, predictor):
        kind = "classification"
        seen = [t.qualities["baseline.majority"].value for t in tasks if t.kind == kind]
        belief = predictor.prior(kind, EVERYTHING)
        start = Predictor().prior(kind, EVERYTHING)
        told, wide = belief.quality("baseline.majority"), start.quality("baseline.majority")
        assert told.high - told.low < wide.high - wide.low
        assert abs(told.value - np.mean(seen)) < abs(wide.value - np.mean(seen))

    def test_a_strategy_never_measured_is_like_its_family_but_less_certain(self, predictor):
        new = StrategyFacts(id="rag.mine", name="rag.mine", family="rag", model="small")
        belief = predictor.prior("question-answering", (*EVERYTHING, new))
        mine, known = belief.quality("rag.mine"), belief.quality("rag.hybrid")
        assert mine.value == pytest.approx(known.value, abs=0.15)
        assert belief.deviations[-1] > belief.deviations[belief.ids.index("rag.hybrid")]
        assert correlation(belief, "rag.mine", "rag.hybrid") > 0.7

    def test_a_family_never_heard_of_is_believed_in_widely(self, predictor):
        odd = StrategyFacts(id="odd", name="odd", family="unknown", model=None)
        told = predictor.prior("extraction", (odd,)).quality("odd")
        assert told.high - told.low > 0.6

    def test_another_model_is_less_certain(self, predictor):
        same, other = facts("lora", "small"), facts("lora", "large")
        belief = predictor.prior(
            "extraction",
            (
                same.model_copy(update={"id": "lora@small"}),
                other.model_copy(update={"id": "lora@large"}),
            ),
        )
        assert belief.deviations[1] > belief.deviations[0]
        assert correlation(belief, "lora@small", "lora@large") < 0.9

    def test_a_kind_never_measured_is_like_all_tasks(self, tasks):
        some = Predictor.fit([task for task in tasks if task.kind != "generation"])
        belief = some.prior("generation", EVERYTHING)
        known = some.prior("extraction", EVERYTHING)
        assert belief.deviations.mean() > known.deviations.mean()

    def test_misses_larger_than_the_model_explains_widen_the_belief(self, tasks, predictor):
        rng = np.random.default_rng(5)
        names = list(FAMILIES)
        odd = {name: 1 if name in rng.choice(names, 5) else 0 for name in names}
        spoilt = [
            task.model_copy(
                update={
                    "qualities": {
                        id: q.model_copy(update={"value": float(odd[id])})
                        for id, q in task.qualities.items()
                    }
                }
            )
            if place == 0
            else task
            for place, task in enumerate(tasks)
        ]
        assert predictor.doubt < 1.3
        assert Predictor.fit(spoilt).doubt > predictor.doubt


class TestFile:
    def test_it_comes_back_as_it_was(self, predictor, tasks, tmp_path):
        path = tmp_path / "predictor.json"
        predictor.write(path)
        assert list(tmp_path.iterdir()) == [path]
        again = Predictor.read(path)
        assert again == predictor
        task = tasks[0]
        one, other = (
            each.belief(task.kind, task.strategies, task.findings) for each in (predictor, again)
        )
        assert (one.mean == other.mean).all()
        lines = path.read_text().splitlines()
        assert max(len(line) for line in lines[9:]) < 150

    def test_findings_are_not_kept(self, predictor):
        assert all(not task.findings for task in predictor.tasks)

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("[]", "wrong.json"),
            ('{"spread": {"task": -1}}', "spread.task"),
            ('{"spred": {}}', "spred"),
            ('{"format": "tuneworth.predictor/9"}', "format"),
        ],
    )
    def test_a_file_that_is_none_is_refused_by_name(self, tmp_path, text, named):
        path = tmp_path / "wrong.json"
        path.write_text(text)
        with pytest.raises(InvalidInput) as error:
            Predictor.read(path)
        assert named in error.value.field

    def test_the_shipped_one_can_be_read(self):
        assert SHIPPED.name == "predictor.json"
        shipped = Predictor.read(SHIPPED)
        assert json.loads(SHIPPED.read_text())["meaning"] == Predictor().meaning
        assert shipped.gate.tasks <= len(shipped.tasks)
        assert shipped.channels


def test_every_strategy_of_the_product_is_known_by_name_or_family():
    from strategies.registry import strategy_names

    named = {**FAMILIES, "baseline.copy": "baseline"}
    assert set(strategy_names()) <= set(named)
    assert traits_of(facts("lora+rag")) == ("language", "documents", "tuned")
    assert pair_of(facts("rag.optimized")) == "rag.hybrid"
    assert kin_of(facts("prompt.optimized")) == kin_of(facts("prompt.few-shot"))
    third = StrategyFacts(id="x", name="x", family="prompting", model="m")
    assert kin_of(third) == kin_of(facts("prompt.few-shot"))


def test_shared_effects_always_make_a_covariance():
    several = (
        *EVERYTHING,
        *(facts(name, "large").model_copy(update={"id": f"{name}@large"}) for name in FAMILIES),
        StrategyFacts(id="x", name="x", family="unknown", model=None),
    )
    for part in parts_of(several, several):
        assert np.linalg.eigvalsh(part).min() > -1e-9
