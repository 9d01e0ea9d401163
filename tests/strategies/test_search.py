"""The search over settings: its budget, its race, its record."""

from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from corpora.task import Example
from corpora.task import Search as Budget
from strategies.base import Answer
from strategies.models.base import Usage
from strategies.search import OutOfTime, Search, clearly_behind, judging_rows, tie_of

ROWS = [Example(id=f"r{n}", input=f"input {n}", output="right") for n in range(40)]


def hits(examples, answers):
    pairs = list(zip(examples, answers, strict=True))
    return sum(example.output == answer.text for example, answer in pairs) / len(pairs)


@dataclass
class Clock:
    """Seconds that pass only where the test says so."""

    now: float = 0.0

    def __call__(self):
        return self.now


@dataclass
class Guesser:
    """Right on the first `share` of every ten rows; takes a second for each answer."""

    share: int
    clock: Clock = field(default_factory=Clock)
    tokens: int = 3
    asked: int = 0

    def answer(self, inputs):
        self.asked += len(inputs)
        self.clock.now += len(inputs)
        return [
            Answer(
                "right" if int(text.split()[1]) % 10 < self.share else "wrong",
                Usage(prompt=self.tokens),
            )
            for text in inputs
        ]


def searching(trials=8, seconds=1000.0, clock=None):
    return Search(Budget(trials=trials, seconds=seconds), ROWS, hits, clock=clock or Clock())


def test_the_better_setting_stands_and_is_marked():
    search = searching()
    search.judge(Guesser(5), {"shots": 4.0})
    search.judge(Guesser(8), {"shots": 8.0})
    search.judge(Guesser(7), {"shots": 16.0})
    first, second, third = search.record().search
    assert (first["shots"], first["validation_score"], first["rows"]) == (4.0, 0.5, 40.0)
    assert (second["validation_score"], second["chosen"]) == (0.8, 1.0)
    assert "chosen" not in first
    assert "chosen" not in third


def test_an_equal_challenger_does_not_replace_what_came_first():
    search = searching()
    search.judge(Guesser(6), {"shots": 4.0})
    search.judge(Guesser(6), {"shots": 8.0})
    assert search.best is search.trials[0]


def test_a_challenger_that_is_clearly_behind_is_given_up_early():
    search = searching()
    search.judge(Guesser(9), {"shots": 4.0})
    poor = Guesser(1)
    trial = search.judge(poor, {"shots": 8.0})
    assert (trial.dropped, trial.rows, poor.asked) == ("clearly behind", 16, 16)
    assert search.record().search[1]["dropped"] == "clearly behind"
    assert search.best is search.trials[0]


def mean_over_labels(examples, answers):
    """The share of right answers to each label, averaged over the labels."""
    right = {}
    for example, answer in zip(examples, answers, strict=True):
        right.setdefault(example.output, []).append(example.output == answer.text)
    return sum(sum(each) / len(each) for each in right.values()) / len(right)


@pytest.mark.parametrize(
    ("score", "rows", "dropped"), [(mean_over_labels, 40, ""), (hits, 32, "clearly behind")]
)
def test_a_race_is_judged_by_the_score_not_by_the_number_of_right_answers(score, rows, dropped):
    labels = ["rare" if n % 8 == 0 else "common" for n in range(40)]
    examples = [Example(id=f"r{n}", input=f"{n}", output=label) for n, label in enumerate(labels)]

    class Says:
        def __init__(self, word):
            self.word = word

        def answer(self, inputs):
            return [Answer(self.word(labels[int(text)], int(text))) for text in inputs]

    search = Search(Budget(trials=8, seconds=1000.0), examples, score, clock=Clock())
    search.judge(Says(lambda label, n: "common"), {})
    # all of the rare label, and half of the common one
    trial = search.judge(Says(lambda label, n: label if label == "rare" or n % 2 else "other"), {})
    assert (trial.rows, trial.dropped) == (rows, dropped)
    assert (search.best is trial) == (not dropped)


def test_one_dropped_early_never_stands_however_well_it_began():
    search = searching(seconds=40.0, clock=(clock := Clock()))
    search.judge(Guesser(5, clock), {"shots": 4.0})
    trial = search.judge(Guesser(10, clock), {"shots": 8.0})
    assert (trial.dropped, trial.rows, trial.score) == ("out of time", 16, 1.0)
    assert search.best is search.trials[0]


def test_no_trial_begins_beyond_the_number_or_the_seconds():
    search = searching(trials=2)
    assert search.open
    search.judge(Guesser(5), {})
    assert search.open
    search.judge(Guesser(5), {})
    assert not search.open
    late = searching(seconds=30.0, clock=(clock := Clock()))
    late.judge(Guesser(5, clock), {})
    assert not late.open


def test_the_first_trial_is_judged_whole_whatever_the_seconds():
    search = searching(seconds=1.0, clock=(clock := Clock()))
    trial = search.judge(Guesser(5, clock), {})
    assert (trial.rows, trial.dropped, trial.seconds) == (32, "", 32.0)


def test_building_a_prompt_is_part_of_its_seconds_but_not_of_the_pace_that_fits_the_rows():
    search = searching(seconds=160.0, clock=(clock := Clock()))
    since = search.clock()
    clock.now += 8.0
    trial = search.judge(Guesser(5, clock), {}, since=since)
    assert (trial.seconds, trial.rows) == (46.0, 38)


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [(160.0, 40), (144.0, 36), (128.0, 32), (10.0, 32)],
)
def test_where_the_model_is_slow_fewer_rows_judge_so_that_four_trials_fit(seconds, rows):
    search = searching(seconds=seconds, clock=(clock := Clock()))
    first = search.judge(Guesser(5, clock), {})
    assert (first.rows, len(search.rows)) == (rows, rows)


@pytest.mark.parametrize(("seconds", "rows"), [(71.9, 16), (72.0, 32), (79.9, 32), (80.0, 40)])
def test_no_round_begins_that_would_end_beyond_the_seconds(seconds, rows):
    """The first setting took 40 s, a second for each row."""
    search = searching(seconds=1000.0, clock=(clock := Clock()))
    search.judge(Guesser(5, clock), {})
    search.budget = Budget(trials=8, seconds=seconds)
    trial = search.judge(Guesser(6, clock), {})
    assert (trial.rows, trial.dropped) == (rows, "" if rows == 40 else "out of time")
    assert search.spent <= seconds


@pytest.mark.parametrize(("seconds", "begins"), [(55.9, False), (56.1, True)])
def test_no_trial_begins_without_room_for_one_round(seconds, begins):
    search = searching(clock=(clock := Clock()))
    search.judge(Guesser(5, clock), {})  # 40 rows in 40 s
    search.budget = Budget(trials=8, seconds=seconds)
    assert search.open is begins


@pytest.mark.parametrize(
    ("share", "tokens", "stands"),
    [(6, 3, True), (6, 4, True), (5, 4, False), (5, 2, False), (5, 3, False)],
)
def test_what_costs_more_must_do_clearly_better(share, tokens, stands):
    """One more right in ten is 2.0 standard errors of the 40 paired differences."""
    search = searching()
    search.judge(Guesser(5), {})
    trial = search.judge(Guesser(share, tokens=tokens), {})
    assert (search.best is trial) is stands
    assert (trial.dropped == "costs more without a clear gain") is (share == 5 and tokens == 4)


def test_a_gain_within_its_error_does_not_pay_for_a_dearer_setting():
    """Two rows of 40 won and one lost: 0.025 more, with a standard error of 0.043."""

    class OneMore(Guesser):
        changed: ClassVar = {"input 38": "right", "input 39": "right", "input 0": "wrong"}

        def answer(self, inputs):
            given = super().answer(inputs)
            return [
                Answer(self.changed.get(text, each.text), each.usage)
                for text, each in zip(inputs, given, strict=True)
            ]

    for tokens, dropped in ((3, ""), (4, "costs more without a clear gain")):
        search = searching()
        search.judge(Guesser(5), {})
        trial = search.judge(OneMore(5, tokens=tokens), {})
        assert (trial.score, trial.dropped) == (0.525, dropped)
        assert (search.best is trial) is (not dropped)


def test_a_variant_of_the_same_answers_can_be_what_stands():
    def upside_down(settings, answers):
        yield (
            {**settings, "turned": "yes"},
            [Answer("right" if each.text == "wrong" else "wrong") for each in answers],
        )

    search = searching()
    trial = search.judge(Guesser(2), {"shots": 4.0}, upside_down)
    assert trial.settings == {"shots": 4.0, "turned": "yes"}
    assert trial.score == 0.8


def test_a_race_goes_on_while_one_variant_is_not_behind():
    def all_right(settings, answers):
        yield {**settings, "turned": "yes"}, [Answer("right") for _ in answers]

    search = searching()
    search.judge(Guesser(9), {})
    trial = search.judge(Guesser(0), {}, all_right)
    assert (trial.rows, trial.dropped, trial.score) == (40, "", 1.0)


def test_what_was_asked_of_the_model_is_booked_once_however_many_variants():
    def same(settings, answers):
        yield settings, answers

    search = searching()
    search.judge(Guesser(5), {}, same)
    search.judge(Guesser(6), {})
    assert search.record().usage == Usage(prompt=2 * 40 * 3)


def test_probabilities_break_a_tie_between_scores():
    @dataclass
    class Sure:
        share: float

        def answer(self, inputs):
            return [
                Answer("right", probabilities={"right": self.share, "wrong": 1 - self.share})
                for _ in inputs
            ]

    search = searching()
    search.judge(Sure(0.6), {"n": 1.0})
    search.judge(Sure(0.9), {"n": 2.0})
    search.judge(Sure(0.7), {"n": 3.0})
    assert search.best is search.trials[1]


@pytest.mark.parametrize(
    ("differences", "behind"),
    [
        ([-1.0] * 8, True),
        ([-1.0] * 7, False),  # too few to tell
        ([0.0] * 20, False),
        ([1.0, -1.0] * 8, False),
        ([-1.0, -1.0, 0.0, 0.0] * 4, True),
        ([-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], False),
    ],
)
def test_clearly_behind(differences, behind):
    assert clearly_behind(differences) is behind


def test_judging_rows_are_drawn_from_all_over_and_at_most_128():
    many = [Example(id=f"r{n}", input="x", output="y") for n in range(400)]
    drawn = judging_rows(many, 0)
    assert len({row.id for row in drawn}) == 128
    assert drawn == judging_rows(many, 0)
    assert drawn != judging_rows(many, 1)
    assert sorted(row.id for row in judging_rows(ROWS, 0)) == sorted(row.id for row in ROWS)


def test_the_tie_is_zero_without_probabilities():
    assert tie_of(ROWS[:2], [Answer("right"), Answer("wrong")]) == 0.0


def test_a_watched_trial_ends_where_the_budget_ends_but_not_before_something_stands():
    clock = Clock()
    search = searching(seconds=10.0, clock=clock)
    clock.now = 11.0
    search.watched(0.5, "training")
    search.judge(Guesser(5, clock), {})
    with pytest.raises(OutOfTime):
        search.watched(0.5, "training")
