"""From measured tasks to a belief about another one, in made-up worlds whose truth is known."""

import json

import numpy as np
import pytest
from made_up import FAMILIES, World, facts, fitting, read, rows_found

from benchmarks.belief.belief import Belief
from benchmarks.belief.channels import Lesson, observed, taught
from benchmarks.belief.figures import (
    ANSWERED_TEXTS,
    AT_ZERO,
    CENTRE,
    Reading,
    guesses,
    to_come,
)
from benchmarks.belief.predictor import SHIPPED, Predictor
from benchmarks.belief.spread import Spread, parts_of
from benchmarks.belief.traits import kin_of, pair_of, traits_of
from benchmarks.evidence.finding import Action
from benchmarks.evidence.offers import PILOT_ANSWERS
from benchmarks.records import StrategyFacts
from corpora.errors import InvalidInput

EVERYTHING = tuple(facts(name) for name in FAMILIES)


@pytest.fixture(scope="module")
def tasks():
    return [task for task, _ in World(seed=11).tasks(16)]


@pytest.fixture(scope="module")
def predictor(tasks):
    return Predictor.fit(tasks)


def action(deed, strategy, rows=64, share=1.0):
    return Action(deed=deed, strategy=strategy, rows=rows, share=share, seconds=1.0)


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


class TestFindings:
    def test_their_order_does_not_matter(self, tasks, predictor):
        task = tasks[0]
        one = predictor.belief(task.kind, task.strategies, task.findings)
        other = predictor.belief(task.kind, task.strategies, task.findings[::-1])
        assert one.mean == pytest.approx(other.mean)
        assert one.covariance == pytest.approx(other.covariance)

    def test_troubles_and_strangers_say_nothing(self, predictor):
        strategies = fitting("extraction", documents=False)
        broken = rows_found("lora", [1.0] * 30).model_copy(update={"trouble": "broke"})
        findings = [broken, rows_found("rag.bm25", [1.0] * 30), read("features", None, 0, n=3.0)]
        after = predictor.belief("extraction", strategies, findings)
        assert after.mean == pytest.approx(predictor.prior("extraction", strategies).mean)

    def test_likelihoods_of_rows_that_were_answered_are_not_counted_again(self, predictor):
        strategies = fitting("classification", documents=False)
        rows = rows_found("prompt.few-shot", [1.0, 0.0, 1.0, 1.0] * 4)
        few, more = (
            read("likelihood", "prompt.few-shot", n, accuracy=0.75, right_probability=0.7)
            for n in (16, 32)
        )

        def wide(*findings, kind="classification"):
            belief = predictor.belief(kind, strategies, findings)
            return belief.deviations[belief.ids.index("prompt.few-shot")]

        assert wide(rows, few) == wide(few, rows) == wide(rows)
        assert wide(rows, more) < wide(rows)
        read_again = predictor.foreseen("classification", strategies, [rows], few.action)
        assert read_again.deviations == pytest.approx(
            predictor.belief("classification", strategies, [rows]).deviations
        )
        # of texts, likelihoods are those of the right ones, which answers do not tell
        texts = read("likelihood", "prompt.few-shot", 16, nll=0.4)
        assert wide(rows, texts, kind="generation") < wide(rows, kind="generation")

    def test_without_training_rows_it_believes_as_ever(self, predictor):
        strategies = fitting("extraction", documents=False)
        data = read("features", None, 0, n_train=0.0)
        rows = rows_found("prompt.zero-shot", [1.0, 0.0] * 4)
        untaught = rows.model_copy(update={"action": rows.action.model_copy(update={"share": 0.0})})
        more = action("rows", "prompt.zero-shot", rows=16, share=0.0)
        then = predictor.foreseen("extraction", strategies, [data, untaught], more)
        now = predictor.belief("extraction", strategies, [data, untaught])
        place = now.ids.index("prompt.zero-shot")
        assert then.deviations[place] < now.deviations[place]

    def test_what_reads_nothing_as_a_pilot_reaches_little(self):
        guess = guesses("pilot", 0.25)["score"]
        line = guess.at_centre - guess.slope * CENTRE
        assert line == pytest.approx(0.0, abs=1e-9)
        # by hand: figure = z + g * angle with z within AT_ZERO of 0 and g unsure as at the centre
        zero = np.array([1.0, -CENTRE])
        assert float(zero @ guess.unsure @ zero) == pytest.approx(AT_ZERO**2)
        here = np.array([1.0, 0.0])
        assert float(here @ guess.unsure @ here) == pytest.approx(guess.unsure_at_centre**2)
        # tasks that reach a lot, whose pilots at a quarter read 0.3 of a right angle less
        told = [
            Lesson(Reading("lora", "pilot", 0.25, {"score": angle - 0.3}, 64), kind, angle, 0.02)
            for angle in (0.9, 1.0, 1.1, 1.2)
            for kind in ("extraction", "generation")
        ]
        channel = taught("pilot", 0.25, ("score",), told)
        belief = Belief(("lora",), np.array([0.8]), np.array([[0.09]]))
        nothing = Reading("lora", "pilot", 0.25, {"score": 0.05}, 64)
        after = belief.updated(observed([nothing], [channel], "extraction", [0.8]))
        assert after.mean[0] < 0.3

    def test_a_later_pilot_takes_the_place_of_an_earlier_one(self, tasks, predictor):
        task = tasks[0]
        pilots = [
            f for f in task.findings if f.action.deed == "pilot" and f.action.strategy == "lora"
        ]
        widths = [
            predictor.belief(task.kind, task.strategies, pilots[:count]).deviations[
                [s.id for s in task.strategies].index("lora")
            ]
            for count in range(5)
        ]
        assert widths == sorted(widths, reverse=True)
        again = predictor.belief(task.kind, task.strategies, [*pilots, pilots[0]])
        once = predictor.belief(task.kind, task.strategies, pilots)
        assert again.covariance == pytest.approx(once.covariance)

    @pytest.mark.parametrize("deed", ["rows", "pilot", "likelihood", "head"])
    def test_what_is_foreseen_is_what_comes(self, tasks, predictor, deed):
        task = tasks[0]
        first = next(f for f in task.findings if f.action.deed == deed)
        others = [f for f in task.findings if f.action.deed != deed and f.action.deed != "rows"]
        now = predictor.belief(task.kind, task.strategies, others)
        then = predictor.foreseen(task.kind, task.strategies, others, first.action)
        came = predictor.belief(task.kind, task.strategies, [*others, first])
        assert (then.mean == now.mean).all()
        assert then.deviations == pytest.approx(came.deviations, rel=0.05)
        assert np.linalg.eigvalsh(now.covariance - then.covariance).min() > -1e-6
        assert then.deviations.sum() < now.deviations.sum()

    def test_a_pilot_of_texts_promises_the_rows_that_it_will_answer(self, tasks, predictor):
        assert ANSWERED_TEXTS == PILOT_ANSWERS
        strategies = fitting("generation", documents=False)
        coming = action("pilot", "lora", share=0.25)
        told = to_come(coming, "generation", strategies, {})
        assert (told.rows, coming.rows) == (16, 64)
        assert to_come(coming, "classification", strategies, {}).rows == 64
        figures = {"score": 0.5, "nll": 0.7}
        scores = {f"row {n}": float(n % 2) for n in range(16)}
        came = read("pilot", "lora", 64, 0.25, **figures).model_copy(update={"scores": scores})
        then = predictor.foreseen("generation", strategies, [], coming)
        after = predictor.belief("generation", strategies, [came])
        assert then.deviations == pytest.approx(after.deviations, rel=0.01)

    def test_more_rows_of_the_same_are_foreseen_too(self, predictor):
        strategies = (facts("prompt.zero-shot"), facts("prompt.few-shot"))
        scores = (np.arange(64) % 3 == 0).astype(float)
        few = [rows_found(s.id, scores[:16]) for s in strategies]
        coming = predictor.foreseen(
            "extraction", strategies, few, action("rows", "prompt.few-shot")
        )
        came = predictor.belief(
            "extraction", strategies, [*few, rows_found("prompt.few-shot", scores)]
        )
        assert coming.deviations == pytest.approx(came.deviations, rel=0.03)

    @pytest.mark.parametrize(
        "nothing",
        [
            action("features", None),
            action("rows", "elsewhere"),
            action("rows", "prompt.zero-shot", rows=8),
            action("pilot", "lora", share=0.05),
        ],
    )
    def test_what_tells_nothing_new_leaves_the_belief_as_it_is(self, predictor, nothing):
        strategies = fitting("extraction", documents=False)
        findings = [
            rows_found("prompt.zero-shot", [1.0, 0.0] * 8),
            read("pilot", "lora", 64, 0.1, score=0.5, nll=0.5),
        ]
        now = predictor.belief("extraction", strategies, findings)
        then = predictor.foreseen("extraction", strategies, findings, nothing)
        assert then.covariance == pytest.approx(now.covariance)


@pytest.mark.parametrize(
    ("rough", "low", "high"), [(False, 0.87, 0.95), (True, 0.83, 0.96)], ids=["plain", "rough"]
)
def test_ninety_percent_intervals_hold_about_ninety_percent(rough, low, high):
    inside = {"rows alone": [], "everything": []}
    for seed in range(8):
        made = World(seed=seed, rough=rough).tasks(28)
        predictor = Predictor.fit([task for task, _ in made[:19]])
        for task, truth in made[19:]:
            rows = [f for f in task.findings if f.action.deed == "rows"]
            for name, findings in (("rows alone", rows), ("everything", task.findings)):
                belief = predictor.belief(task.kind, task.strategies, findings)
                told = {id: belief.quality(id) for id in belief.ids}
                inside[name] += [told[id].low <= truth[id] <= told[id].high for id in truth]
    for name, found in inside.items():
        assert low < np.mean(found) < high, name


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
