"""The runner's learning curves: what is trained on what, in which order, and how it goes on."""

from dataclasses import dataclass, field

import pytest
from conftest import rows
from tinystrategies import Tiny, right

from benchmarks.errors import Cancelled
from benchmarks.records import (
    APART,
    CurveRecord,
    LatencyRecord,
    OutcomeRecord,
    SentinelRecord,
    SetupRecord,
)
from benchmarks.runner import run_comparison
from benchmarks.summary import summarise
from strategies.base import Answer, no_progress
from strategies.lora import Lora
from strategies.models.scripted import ScriptedModel

SKILL = {6: 68, 8: 78, 15: 96, 30: 110, 60: 120}
"""How many of 160 test rows are answered rightly after training on so many: close to
0.9 - 0.15 × (n / 60)^-0.5 of them."""
PARTS = [(6, 0), (6, 1), (6, 2), (15, 0), (15, 1), (15, 2), (30, 0), (30, 1)]


@dataclass
class Pupil:
    """Answers rightly the first rows by number; one more where its seed is odd."""

    n: int
    seed: int
    training: object = None

    def answer(self, inputs):
        able = SKILL[self.n] + self.seed % 2
        numbers = [int(text.split()[2].rstrip(":")) for text in inputs]
        return [
            right(text) if number < able else Answer("none of them")
            for text, number in zip(inputs, numbers, strict=True)
        ]

    def save(self, folder):
        (folder / "n.txt").write_text(f"{self.n} {self.seed}")


@dataclass
class Learner:
    """A strategy of fine-tuning that keeps what it was trained on."""

    name: str = "learner"
    family: str = "fine-tuning"
    needs_model: bool = False
    breaks: set = field(default_factory=set)
    log: list = field(default_factory=list)
    seen: dict = field(default_factory=dict)

    def misfit(self, task, *, has_documents, model):
        return None

    def prepare(
        self, task, train, validation, documents, model, score, *, seed=0, progress=no_progress
    ):
        progress(0.5, "half")
        self.log.append((len(train), seed))
        self.seen[len(train), seed] = {row.id for row in train}
        assert len(validation) == 6
        if len(train) in self.breaks:
            raise ValueError("the loss is not finite")
        return Pupil(len(train), seed)

    def load(self, folder, task, model):
        n, seed = map(int, (folder / "n.txt").read_text().split())
        self.log.append(("load", n, seed))
        return Pupil(n, seed)


class Plain(Learner):
    """One without a setting that a cache could not know it by."""

    name, family, needs_model = "plain", "fine-tuning", False
    log, seen, breaks = [], {}, set()

    def __init__(self):
        pass


@pytest.fixture
def plain(dataset):
    return dataset.model_copy(update={"train": rows("train", 60), "test": rows("test", 160)})


@pytest.fixture
def asked(plain):
    task = plain.task.model_copy(update={"learning_curve": True})
    return plain.model_copy(update={"task": task})


def run(dataset, prices, folder, *strategies, **more):
    return run_comparison(
        dataset, strategies=strategies, models={}, folder=folder, prices=prices, **more
    )


def of(records, kind):
    return [record for record in records if isinstance(record, kind)]


def test_parts_are_nested_and_every_training_answers_every_test_row(asked, prices, tmp_path):
    learner = Learner()
    records = run(asked, prices, tmp_path, Tiny(right), learner)
    assert learner.log == [(60, 0), *PARTS]
    for seed in (0, 1):
        assert learner.seen[6, seed] < learner.seen[15, seed] < learner.seen[30, seed]
    assert learner.seen[6, 0] != learner.seen[6, 1]
    points = of(records, CurveRecord)
    assert [(point.n, point.seed) for point in points] == PARTS
    for point in points:
        mine = [row for row in of(records, OutcomeRecord) if row.strategy == point.point]
        assert [row.example for row in mine] == [row.id for row in asked.test]
    singly = {row.strategy for row in of(records, LatencyRecord)}
    assert singly == {"tiny", "learner"}
    assert {row.strategy for row in of(records, SentinelRecord)} == {None}
    assert {path.name for path in (tmp_path / "artifacts").iterdir()} == {"tiny", "learner"}


def test_points_are_means_over_seeds_and_no_strategies(asked, plain, prices, tmp_path):
    records = run(asked, prices, tmp_path / "a", Tiny(right), Learner())
    found = summarise(records)
    without = summarise(run(plain, prices, tmp_path / "b", Tiny(right), Learner()))
    (curve,) = found.curves
    assert [(point.n, point.seeds) for point in curve.points] == [
        (6, (0, 1, 2)),
        (15, (0, 1, 2)),
        (30, (0, 1)),
        (60, (0,)),
    ]
    expected = [(68 + 1 / 3) / 160, (96 + 1 / 3) / 160, 110.5 / 160, 120 / 160]
    assert [point.quality for point in curve.points] == pytest.approx(expected)
    assert all(point.low < point.quality < point.high for point in curve.points)
    assert [row.id for row in found.strategies] == ["tiny", "learner"]
    assert [row.quality for row in found.strategies] == [row.quality for row in without.strategies]
    assert found.comparisons == without.comparisons
    assert without.curves == ()
    points = of(records, CurveRecord)
    ids = {point.point for point in points}
    rest = [row for row in records if row not in points and getattr(row, "strategy", 0) not in ids]
    assert found.spent_usd > summarise(rest).spent_usd


def test_what_is_expected_follows_the_points(asked, prices, tmp_path):
    (curve,) = summarise(run(asked, prices, tmp_path, Tiny(right), Learner())).curves
    assert curve.refused is None
    (prediction,) = curve.predictions  # 500 more would be over four times as many
    assert prediction.n == 120
    assert prediction.quality == pytest.approx(0.9 - 0.15 / 2**0.5, abs=0.01)
    assert prediction.low < prediction.quality < prediction.high
    gaps = {gap.other: gap for gap in curve.gaps}
    assert gaps["learner"].difference == pytest.approx(prediction.quality - 0.75, abs=0.01)
    assert gaps["tiny"].difference == pytest.approx(prediction.quality - 1.0)
    assert curve.overtakes == {}


def test_rows_that_leaked_count_for_no_point(asked, prices, tmp_path):
    """The first 40 of 160 test rows, which every training answered rightly."""
    records = run(asked, prices, tmp_path, Tiny(right), Learner())
    names = tuple(row.id for row in asked.test[:40])
    fired = SentinelRecord(name=APART, passed=False, message="m", examples=names)
    (curve,) = summarise([*records, fired]).curves
    expected = [(68 + 1 / 3 - 40) / 120, (96 + 1 / 3 - 40) / 120, 70.5 / 120, 80 / 120]
    assert [point.quality for point in curve.points] == pytest.approx(expected)


def test_a_stopped_curve_goes_on_with_the_training_that_was_under_way(asked, prices, tmp_path):
    first = Learner()
    with pytest.raises(Cancelled):
        run(asked, prices, tmp_path, first, cancelled=lambda: len(first.log) == 4)
    assert first.log == [(60, 0), *PARTS[:3]]
    again = Learner()
    records = run(asked, prices, tmp_path, again)
    assert again.log == [("load", 6, 2), *PARTS[3:]]
    whole = summarise(run(asked, prices, tmp_path / "whole", Learner()))
    assert summarise(records).curves == whole.curves
    assert len(of(records, CurveRecord)) == 8
    done = Learner()
    run(asked, prices, tmp_path, done)
    assert done.log == []


def test_a_curve_can_be_asked_for_later_and_stays(asked, plain, prices, tmp_path):
    run(plain, prices, tmp_path, Learner())
    later = Learner()
    records = run(asked, prices, tmp_path, later)
    assert later.log == PARTS
    assert run(plain, prices, tmp_path, Learner()) == records


def test_trainings_that_fail_are_told_and_tried_again(asked, prices, tmp_path):
    (curve,) = summarise(run(asked, prices, tmp_path, Learner(breaks={6}))).curves
    assert [point.n for point in curve.points] == [15, 30, 60]
    assert curve.failed[0] == "6 examples, seed 0: ValueError: the loss is not finite"
    assert len(curve.failed) == 3
    assert "4 sizes" in curve.refused
    assert curve.predictions == ()
    again = Learner()
    (curve,) = summarise(run(asked, prices, tmp_path, again)).curves
    assert again.log == PARTS[:3]
    assert (curve.failed, curve.refused) == ((), None)


def test_only_what_is_tuned_has_a_curve_and_only_where_it_completed(asked, prices, tmp_path):
    broken = Learner(breaks={60})
    prompting = Learner(name="prompt", family="prompting")
    records = run(asked, prices, tmp_path, broken, prompting)
    assert (broken.log, prompting.log) == ([(60, 0)], [(60, 0)])
    assert of(records, CurveRecord) == []
    assert summarise(records).curves == ()


def test_parts_with_too_few_rows_are_left_out(asked, prices, tmp_path):
    small = asked.model_copy(update={"train": rows("train", 30)})
    learner = Learner()
    (curve,) = summarise(run(small, prices, tmp_path, learner)).curves
    assert [n for n, _ in learner.log] == [30, 8, 8, 8, 15, 15]
    assert "4 sizes" in curve.refused


def test_progress_tells_of_the_whole_curve(asked, prices, tmp_path):
    events = []
    run(asked, prices, tmp_path, Learner(), on_progress=events.append)
    curve = [event for event in events if event.strategy == "learner: learning curve"]
    assert {(event.position, event.total) for event in curve} == {(2, 2)}
    assert {(e.position, e.total) for e in events if e.strategy == "learner"} == {(1, 2)}
    fractions = [event.fraction for event in curve]
    assert fractions == sorted(fractions)
    assert curve[1].message == "training 1 of 8, on 6 examples: half"
    assert curve[-1].phase == "done"


def test_trainings_of_an_earlier_run_are_reused(asked, prices, tmp_path, cache):
    first = summarise(run(asked, prices, tmp_path / "a", Plain(), cache=cache))
    assert Plain.log == [(60, 0), *PARTS]
    Plain.log.clear()
    second = summarise(run(asked, prices, tmp_path / "b", Plain(), cache=cache))
    assert Plain.log == [("load", 60, 0), *(("load", n, seed) for n, seed in PARTS)]
    assert second.curves == first.curves


def test_each_model_has_its_curve(asked, prices, tmp_path):
    models = {name: lambda name=name: ScriptedModel(str, name=name) for name in ("one", "two")}
    learner = Learner(needs_model=True)
    records = run_comparison(
        asked, strategies=[learner], models=models, folder=tmp_path, prices=prices
    )
    assert learner.log == [(60, 0), *PARTS] * 2
    assert [curve.strategy for curve in summarise(records).curves] == ["learner@one", "learner@two"]


def test_the_luck_of_two_curves_is_not_shared(asked, prices, tmp_path):
    """Two that learn alike: what the one gains on the other is as open as the noise of both."""
    one, other = Learner(name="one"), Learner(name="other")
    first, second = summarise(run(asked, prices, tmp_path, one, other)).curves
    gap = next(gap for gap in first.gaps if gap.other == "other")
    own = next(gap for gap in second.gaps if gap.other == "other")
    assert gap.difference == pytest.approx(0.0, abs=1e-9)
    assert gap.low < -0.01
    assert gap.high > 0.01
    assert own.difference > 0


def test_adapters_are_trained_on_parts_with_their_seeds(asked, prices, tmp_path, tiny):
    small = asked.model_copy(update={"train": rows("train", 24), "test": rows("test", 16)})
    records = run_comparison(
        small,
        strategies=[Lora(epochs=1, rank=2)],
        models={"tiny": lambda: tiny},
        folder=tmp_path,
        prices=prices,
    )
    (curve,) = summarise(records).curves
    assert curve.failed == ()
    assert [(point.n, point.seeds) for point in curve.points] == [
        (6, (0, 1, 2)),
        (12, (0, 1)),
        (24, (0,)),
    ]
    seeds = [list(record.training["seeds"]) for record in of(records, SetupRecord)]
    assert seeds == [[0], [0], [1], [2], [0], [1]]
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == ["lora"]
