"""Which rows judge, in which order, and which step may come next."""

from collections import Counter

import pytest

from benchmarks.evidence.finding import Action, Finding
from benchmarks.evidence.rows import held_out, rows_of, samples
from benchmarks.evidence.steps import Standing, Step
from corpora.task import Example


def rows(split, count, group=None):
    return [
        Example(
            id=f"{split}-{number}",
            input=f"{split} question of its own, number {number} of {count}",
            output=f"answer {number}",
            group=group(number) if group else None,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (0, []),
        (5, [5]),
        (10, [8, 10]),
        (40, [8, 16, 32, 40]),
        (70, [8, 16, 32, 70]),
        (100, [8, 16, 32, 64, 100]),
        (200, [8, 16, 32, 64, 128, 200]),
    ],
)
def test_samples_double_until_nearly_all_are_in(count, sizes):
    assert samples(count) == sizes


def test_the_order_of_the_judges_hangs_on_their_texts_and_the_seed_alone():
    validation = rows("validation", 40)
    found = rows_of([], validation, 3)
    assert found.judges == rows_of([], validation[::-1], 3).judges
    assert set(found.judges) == set(validation)
    assert found.judges != rows_of([], validation, 4).judges
    assert len(found.judges) == len(validation)


def test_with_many_validation_rows_all_training_rows_are_learned_from():
    train, validation = rows("train", 40), rows("validation", 30)
    found = rows_of(train, validation, 0)
    assert (found.learned, found.share) == (tuple(train), 1.0)
    assert len(found.judges) == 30


def test_validation_rows_that_training_rows_give_away_do_not_judge():
    train, validation = rows("train", 40), rows("validation", 40)
    copied = train[0].model_copy(update={"id": "copied"})
    found = rows_of(train, [copied, *validation[1:]], 0)
    assert set(found.judges) == set(validation[1:])
    assert found.validation == (copied, *validation[1:])
    everything = rows_of(
        train, [each.model_copy(update={"id": f"v {each.id}"}) for each in train], 0
    )
    judged = {each.id for each in everything.judges}
    assert judged
    assert not judged & {each.id for each in everything.learned}
    assert judged < {each.id for each in train}
    assert {each.id for each in everything.validation} == {
        f"v {each.id}" for each in train if each.id not in judged
    }


@pytest.mark.parametrize(("validation", "held"), [(10, 10), (25, 5), (29, 1)])
def test_few_validation_rows_are_joined_by_training_rows_that_are_not_learned_from(
    validation, held
):
    train = rows("train", 40)
    found = rows_of(train, rows("validation", validation), 0)
    assert len(found.judges) - validation == held
    assert len(found.validation) == validation
    learned, judges = set(found.learned), set(found.judges)
    assert not learned & judges
    assert len(learned | (judges & set(train))) == 40
    assert found.share == (40 - held) / 40
    assert list(found.learned) == [row for row in train if row in learned]


def test_rows_of_one_group_or_nearly_the_same_text_stay_on_one_side():
    grouped = rows("train", 40, group=lambda number: f"group {number // 4}")
    held = held_out(grouped, 10, 0)
    assert len(held) == 8
    assert all(len(held & set(range(first, first + 4))) in (0, 4) for first in range(0, 40, 4))
    twice = [*rows("train", 8), *(row.model_copy(update={"id": "again"}) for row in rows("a", 1))]
    twice.append(twice[0].model_copy(update={"id": "copy"}))
    for seed in range(20):
        held = held_out(twice, 3, seed)
        assert (0 in held) == (9 in held)


def test_of_every_label_about_the_same_part_is_held_out():
    labels = ["often"] * 24 + ["seldom"] * 8 + ["rare"] * 4 + ["once"]
    train = [
        row.model_copy(update={"output": label})
        for row, label in zip(rows("train", len(labels)), labels, strict=True)
    ]
    parts = Counter()
    for seed in range(200):
        held = Counter(labels[number] for number in held_out(train, 9, seed))
        assert 5 <= held["often"] <= 7
        assert 1 <= held["seldom"] <= 3
        assert held["rare"] <= 2
        parts += held
    assert sum(parts.values()) == 200 * 9
    # each row is about as likely as any other: 9 in 37
    for label, count in Counter(labels).items():
        expected = 200 * count * 9 / 37
        assert parts[label] == pytest.approx(expected, abs=2 * expected**0.5)


def test_where_no_answer_repeats_rows_are_held_out_by_chance():
    train = rows("train", 40)
    drawn = Counter(number for seed in range(200) for number in held_out(train, 10, seed))
    assert len(drawn) == 40
    assert max(drawn.values()) < 2 * 50


def step(deed, strategy, rows, share=1.0):
    return Step(deed, strategy, rows, share)


def finding(one, trouble=None):
    action = Action(
        deed=one.deed, strategy=one.strategy, rows=one.rows, share=one.share, seconds=1.0
    )
    return Finding(action=action, seconds=1.0, trouble=trouble)


@pytest.fixture
def standing():
    steps = [
        step("pilot", "lora", 8, 0.1),
        step("pilot", "lora", 8, 0.25),
        step("rows", "b", 8),
        step("rows", "b", 16),
        step("likelihood", "b", 8),
        step("rows", "a", 8),
        step("features", None, 0),
    ]
    chains = {}
    for each in steps:
        chains.setdefault(each.chain, []).append(each)
    return Standing(chains)


def opened(standing):
    return [(one.deed, one.strategy, one.rows, one.share) for one in standing.open()]


def test_of_each_chain_the_next_step_is_open_cheap_deeds_first(standing):
    assert opened(standing) == [
        ("features", None, 0, 1.0),
        ("rows", "a", 8, 1.0),
        ("rows", "b", 8, 1.0),
        ("likelihood", "b", 8, 1.0),
        ("pilot", "lora", 8, 0.1),
    ]
    standing.took(finding(step("rows", "b", 8)))
    standing.took(finding(step("pilot", "lora", 8, 0.1)))
    assert ("rows", "b", 16, 1.0) in opened(standing)
    assert ("pilot", "lora", 8, 0.25) in opened(standing)
    assert standing.last(("rows", "b")).action.rows == 8
    assert standing.last(("rows", "a")) is None


def test_a_step_is_taken_in_its_turn_only(standing):
    with pytest.raises(ValueError, match=r"rows of b \(16 rows, a share of 1\) is not what comes"):
        standing.took(finding(step("rows", "b", 16)))


def test_trouble_ends_a_chain_and_with_rows_everything_of_the_strategy(standing):
    standing.took(finding(step("pilot", "lora", 8, 0.1), trouble="no memory"))
    assert not [one for one in standing.open() if one.strategy == "lora"]
    standing.took(finding(step("rows", "b", 8), trouble="cannot say"))
    assert opened(standing) == [("features", None, 0, 1.0), ("rows", "a", 8, 1.0)]
